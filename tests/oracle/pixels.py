"""Pixel data: checked against what the header says of it, and taken as it is."""

from __future__ import annotations

from dataclasses import dataclass
from struct import calcsize, unpack, unpack_from
from typing import TYPE_CHECKING

from pydicom.uid import UID
from tests.oracle.elements import ITEM, SEQUENCE_DELIMITER, UNDEFINED
from tests.oracle.model import DataSet, value_of

from sendit.deid.dicom.uids import is_image_storage
from sendit.deid.dicom.vrs import concrete_vr, swap_words
from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from tests.oracle.read import Opened
    from tests.oracle.stream import Stream

ROWS, COLUMNS, SAMPLES, BITS_ALLOCATED = 0x00280010, 0x00280011, 0x00280002, 0x00280100
NUMBER_OF_FRAMES, PHOTOMETRIC_INTERPRETATION = 0x00280008, 0x00280004
EXTENDED_OFFSETS, EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002
_CELL_BITS = {0x7FE00008: 32, 0x7FE00009: 64}
_SWAPPED_BITS = frozenset({1, 8, 16, 32, 64})
_RLE = "1.2.840.10008.1.2.5"
_FRAMES_SHARE_FRAGMENTS = (
    "1.2.840.10008.1.2.4.10",  # MPEG-2, MPEG-4, HEVC: a stream of frames
    "1.2.840.10008.1.2.4.92",  # JPEG 2000 Part 2, lossless and not: frames as components
    "1.2.840.10008.1.2.4.93",
)


@dataclass(frozen=True, slots=True)
class Pixels:
    """The pixel data as it is written, padding included; `source_length` is how long it was."""

    tag: int
    vr: str
    value: bytes
    source_length: int
    encapsulated: bool


def pixels_of(opened: Opened) -> Pixels | None:
    """Checks the extent of the pixel data and moves the stream behind it; None if there is none to have.

    Raises:
        DeidError: `no_pixel_data`, `pixel_data_too_short`, `pixel_data_too_long`, `truncated` or `malformed`.
    """
    dataset, head, stream = opened.dataset, opened.pixels, opened.stream
    if head is None:
        described = value_of(dataset, ROWS) and value_of(dataset, BITS_ALLOCATED)
        if described or is_image_storage(opened.sop_class_uid):
            raise DeidError(Refusal.NO_PIXEL_DATA)
        return None
    encapsulated = head.length == UNDEFINED
    if encapsulated != UID(opened.transfer_syntax).is_encapsulated:
        raise DeidError(Refusal.MALFORMED)
    _check_not_empty(dataset)
    vr = concrete_vr(head.vr, signed=False)
    if encapsulated:
        _check_fragments(stream, dataset, opened.transfer_syntax)
        value = stream.data[head.start : stream.position]
        return Pixels(head.tag, "OB", value, len(value), True)
    extended = value_of(dataset, EXTENDED_OFFSETS) or value_of(dataset, EXTENDED_LENGTHS)
    if vr not in {"OB", "OW", "OF", "OD"} or extended:
        raise DeidError(Refusal.MALFORMED)
    _check_native_length(dataset, head.tag, head.length)
    value = stream.chunk(head.length)
    word = _word(vr, dataset) if opened.big_endian else 1
    if head.length % word:
        raise DeidError(Refusal.MALFORMED)
    value = swap_words(value, word) + bytes(head.length % 2)
    return Pixels(head.tag, vr, value, head.length, False)


def check_result(pixels: Pixels, result: DataSet) -> None:
    """Checks that the de-identified header still describes the pixel data.

    Raises:
        DeidError: `no_pixel_data`, `pixel_data_too_short`, `pixel_data_too_long` or `malformed`.
    """
    _check_not_empty(result)
    if not pixels.encapsulated:
        _check_native_length(result, pixels.tag, pixels.source_length)


def _check_not_empty(dataset: DataSet) -> None:
    if not (_number(dataset, ROWS) and _number(dataset, COLUMNS) and _frames(dataset)):
        raise DeidError(Refusal.NO_PIXEL_DATA)


def _check_native_length(dataset: DataSet, tag: int, length: int) -> None:
    """Compares the length with rows × columns × samples × bits × frames (PS3.3 C.7.6.3.1)."""
    rows, columns = _number(dataset, ROWS), _number(dataset, COLUMNS)
    bits = _CELL_BITS.get(tag) or _number(dataset, BITS_ALLOCATED)
    cells = rows * columns * _number(dataset, SAMPLES, absent=1) * _frames(dataset)
    if value_of(dataset, PHOTOMETRIC_INTERPRETATION).strip(b" \0") == b"YBR_FULL_422":
        cells = cells * 2 // 3
    expected = (cells * bits + 7) // 8
    if length < expected:
        raise DeidError(Refusal.PIXEL_DATA_TOO_SHORT)
    if length > expected + expected % 2:
        raise DeidError(Refusal.PIXEL_DATA_TOO_LONG)


def _number(dataset: DataSet, tag: int, absent: int | None = None) -> int:
    value = value_of(dataset, tag)
    if not value and absent is not None:
        return absent
    if len(value) != 2:
        raise DeidError(Refusal.MALFORMED)
    return int.from_bytes(value, "little")


def _frames(dataset: DataSet) -> int:
    value = value_of(dataset, NUMBER_OF_FRAMES).strip(b" \0")
    if not value:
        return 1
    if not value.isdigit() or len(value) > 12:
        raise DeidError(Refusal.MALFORMED)
    return int(value)


def _word(vr: str, dataset: DataSet) -> int:
    """The bytes that change places with the byte order: a pixel cell of 32 or 64 bits turns as a whole."""
    if vr in {"OB", "OW"}:
        bits = _number(dataset, BITS_ALLOCATED)
        if bits not in _SWAPPED_BITS or (vr == "OB" and bits > 8):
            raise DeidError(Refusal.MALFORMED)
        return 1 if vr == "OB" else max(2, bits // 8)
    return {"OF": 4, "OD": 8}[vr]


def _check_fragments(stream: Stream, dataset: DataSet, transfer_syntax: str) -> None:
    """Walks encapsulated fragments (PS3.5 A.4): what surrounds the frames may say nothing but where they are."""
    frames = _frames(dataset)
    shared, one_each = transfer_syntax.startswith(_FRAMES_SHARE_FRAGMENTS), transfer_syntax == _RLE
    offsets = _table(value_of(dataset, EXTENDED_OFFSETS), "<Q", frames)
    lengths = _table(value_of(dataset, EXTENDED_LENGTHS), "<Q", frames)
    if bool(offsets) != bool(lengths):
        raise DeidError(Refusal.MALFORMED)
    reached = filled = 0
    first: int | None = None
    while True:
        position = stream.position
        group, element, length = unpack("<HHL", stream.chunk(8))
        tag = group << 16 | element
        if tag == SEQUENCE_DELIMITER and length == 0:
            break
        if tag != ITEM or length == UNDEFINED:
            raise DeidError(Refusal.MALFORMED)
        if first is None:
            table = stream.take(length)
            if table and offsets:
                raise DeidError(Refusal.MALFORMED)
            if not (shared and table == bytes(4)):
                offsets = offsets or _table(table, "<L", frames)
            first = stream.position
            continue
        filled += length > 0
        if reached < len(offsets) and offsets[reached] == position - first:
            exact = lengths[reached] if lengths else length
            if exact + exact % 2 != length + length % 2:
                raise DeidError(Refusal.MALFORMED)
            reached += 1
        stream.skip(length)
    if filled == 0:
        raise DeidError(Refusal.NO_PIXEL_DATA)
    if filled < frames and not shared:
        raise DeidError(Refusal.PIXEL_DATA_TOO_SHORT)
    if (offsets and reached != frames) or ((one_each or lengths) and filled != frames):
        raise DeidError(Refusal.MALFORMED)


def _table(value: bytes, number: str, frames: int) -> tuple[int, ...]:
    if value and len(value) != calcsize(number) * frames:
        raise DeidError(Refusal.MALFORMED)
    return unpack_from(f"<{len(value) // calcsize(number)}{number[1]}", value) if value else ()
