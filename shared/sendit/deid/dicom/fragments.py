"""Encapsulated pixel data (PS3.5 A.4): what surrounds its frames may say nothing but where they are."""

from __future__ import annotations

from struct import Struct, calcsize, unpack
from typing import TYPE_CHECKING

from sendit.deid.dicom.elements import ITEM, SEQUENCE_DELIMITER, UNDEFINED
from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sendit.deid.dicom.stream import BoundedReader

EXTENDED_OFFSETS, EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002
_RLE = "1.2.840.10008.1.2.5"
_FRAMES_SHARE_FRAGMENTS = (
    "1.2.840.10008.1.2.4.10",  # MPEG-2, MPEG-4, HEVC: a stream of frames
    "1.2.840.10008.1.2.4.92",  # JPEG 2000 Part 2, lossless and not: frames as components
    "1.2.840.10008.1.2.4.93",
)


def has_extended_offsets(values: Mapping[int, bytes]) -> bool:
    """Whether there is an Extended Offset Table, which only encapsulated pixel data may have."""
    return bool(values.get(EXTENDED_OFFSETS, b"") or values.get(EXTENDED_LENGTHS, b""))


class _Table:
    """The numbers of an offset table, taken from its bytes one by one: there may be millions."""

    def __init__(self, value: bytes, number: str) -> None:
        self._value = value
        self._number = Struct(number)

    def number(self, at: int) -> int:
        """The number of a frame."""
        return int(self._number.unpack_from(self._value, at * self._number.size)[0])


class FrameIndex:
    """What a header and the offset tables say of the frames, checked while the fragments pass by.

    Raises:
        DeidError: `malformed` if a table is not one offset per frame, each of them of a fragment, in order.
    """

    def __init__(self, values: Mapping[int, bytes], frames: int, transfer_syntax: str) -> None:
        self._frames = frames
        self._shared = transfer_syntax.startswith(_FRAMES_SHARE_FRAGMENTS)
        self._one_each = transfer_syntax == _RLE
        self._offsets = self._table(values.get(EXTENDED_OFFSETS, b""), "<Q")
        self._lengths = self._table(values.get(EXTENDED_LENGTHS, b""), "<Q")
        if bool(self._offsets) != bool(self._lengths):
            raise DeidError(Refusal.MALFORMED)
        self._reached = 0
        self._filled = 0

    def take_basic_table(self, table: bytes) -> None:
        """Takes the value of the first item."""
        if table and self._offsets:
            raise DeidError(Refusal.MALFORMED)  # PS3.5 A.4: one table or the other
        if not (self._shared and table == bytes(4)):
            self._offsets = self._offsets or self._table(table, "<L")

    def take_fragment(self, offset: int, length: int) -> None:
        """Takes a fragment by the offset of its item from the first fragment's."""
        self._filled += length > 0
        if not self._offsets or self._reached == self._frames:
            return
        if self._offsets.number(self._reached) == offset:
            exact = self._lengths.number(self._reached) if self._lengths else length
            if exact + exact % 2 != length + length % 2:
                raise DeidError(Refusal.MALFORMED)
            self._reached += 1

    def check_complete(self) -> None:
        """Checks that every offset was that of a fragment, and that there is something of every frame.

        Raises:
            DeidError: `malformed`, `no_pixel_data` or `pixel_data_too_short`.
        """
        if self._filled == 0:
            raise DeidError(Refusal.NO_PIXEL_DATA)
        if self._filled < self._frames and not self._shared:
            raise DeidError(Refusal.PIXEL_DATA_TOO_SHORT)
        one_each = self._one_each or self._lengths
        if (self._offsets and self._reached != self._frames) or (one_each and self._filled != self._frames):
            raise DeidError(Refusal.MALFORMED)

    def _table(self, value: bytes, number: str) -> _Table | None:
        if value and len(value) != calcsize(number) * self._frames:
            raise DeidError(Refusal.MALFORMED)
        return _Table(value, number) if value else None


def encapsulated_length(stream: BoundedReader, frames: FrameIndex) -> int:
    """The length from the offset table's item to the delimiter, all of it really there.

    Raises:
        DeidError: `truncated`, or what `FrameIndex` says.
    """
    start = stream.position
    first = None
    while True:
        position = stream.position
        group, element, length = unpack("<HHL", stream.chunk(8))
        tag = group << 16 | element
        if tag == SEQUENCE_DELIMITER and length == 0:
            break
        if tag != ITEM or length == UNDEFINED:
            raise DeidError(Refusal.MALFORMED)
        if position == start:
            frames.take_basic_table(stream.take(length))
            first = stream.position
        else:
            frames.take_fragment(position - (first or 0), length)
            stream.skip(length)
    frames.check_complete()
    return stream.position - start
