"""Which fragments of encapsulated pixel data (PS3.5 A.4) are those of which frame."""

from __future__ import annotations

from array import array
from struct import iter_unpack, unpack
from typing import TYPE_CHECKING

from sendit.deid.dicom.elements import ITEM
from sendit.deid.dicom.fragments import EXTENDED_OFFSETS
from sendit.pixels.errors import PixelError, PixelRefusal
from sendit.pixels.layer import exactly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sendit.deid.dicom.limits import Limits
    from sendit.deid.dicom.pixels import PixelPlan
    from sendit.deid.dicom.read import OpenObject
    from sendit.pixels.image import Image

MAX_FRAME_BYTES = 256 * 1024 * 1024
"""Of a frame, decoded."""
_LEAST_COMPRESSED = 1024 * 1024
"""So much, and twice the decoded frame, a compressed one may take."""
_HEAD = 8
_EMPTY_TABLE = b"\xfe\xff\x00\xe0\0\0\0\0"
_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
_END_OF_IMAGE = b"\xff\xd9"
"""Of JPEG, JPEG-LS and JPEG 2000."""


class Frames:
    """The frames of encapsulated pixel data that the engine's checks have passed.

    `basic_table` says whether there is a Basic Offset Table.

    Raises:
        PixelError: `frames_unclear` if nothing tells which fragments make a frame, or some make none;
            `frame_too_large`.
    """

    def __init__(self, opened: OpenObject, plan: PixelPlan, image: Image, limits: Limits) -> None:
        stream, frames = opened.stream, image.frames
        if image.frame_bytes > MAX_FRAME_BYTES:
            raise PixelError(PixelRefusal.FRAME_TOO_LARGE)
        self._longest = 2 * image.frame_bytes + _LEAST_COMPRESSED
        self._source = stream.source
        self._starts = array("Q")
        stream.seek(plan.start)
        table_length = unpack("<4xL", stream.chunk(_HEAD))[0]
        table = stream.chunk(table_length)
        self.basic_table = bool(table_length)
        while True:
            position = stream.position
            group, element, length = unpack("<HHL", stream.chunk(_HEAD))
            self._starts.append(position)
            if group << 16 | element != ITEM:
                break
            if len(self._starts) > limits.max_elements:
                raise PixelError(PixelRefusal.FRAMES_UNCLEAR)
            stream.skip(length)
        extended = opened.header.values.get(EXTENDED_OFFSETS, b"")
        if extended or table:
            self._firsts = self._by_table(
                offset for (offset,) in iter_unpack("<Q" if extended else "<L", extended or table)
            )
        else:
            self._firsts = self._without_table(frames)
        if len(self._firsts) != frames or self._firsts[0]:
            raise PixelError(PixelRefusal.FRAMES_UNCLEAR)
        self._firsts.append(len(self._starts) - 1)

    def __len__(self) -> int:
        return len(self._firsts) - 1

    def encapsulated(self, frame: int) -> bytes:
        """A frame's fragments as the value of the pixel data of a single frame.

        Raises:
            DeidError: `truncated` if the source has become shorter.
            PixelError: `frame_too_large`.
        """
        start = self._starts[self._firsts[frame]]
        items = exactly(self._source, start, self._checked(self._starts[self._firsts[frame + 1]] - start))
        return b"".join((_EMPTY_TABLE, items, _DELIMITER))

    def codestream(self, frame: int) -> bytes:
        """The fragments of a frame put together.

        Raises:
            DeidError: `truncated` if the source has become shorter.
            PixelError: `frame_too_large`.
        """
        fragments = range(self._firsts[frame], self._firsts[frame + 1])
        self._checked(sum(self._length(at) for at in fragments))
        return b"".join(exactly(self._source, self._starts[at] + _HEAD, self._length(at)) for at in fragments)

    def _checked(self, length: int) -> int:
        if length > self._longest:
            raise PixelError(PixelRefusal.FRAME_TOO_LARGE)
        return length

    def _length(self, fragment: int) -> int:
        return self._starts[fragment + 1] - self._starts[fragment] - _HEAD

    def _by_table(self, offsets: Iterator[int]) -> array[int]:
        """The first fragments of the frames, of which the engine knows that there is one at each offset, in order."""
        firsts, at = array("Q"), 0
        for offset in offsets:
            while at < len(self._starts) and self._starts[at] - self._starts[0] < offset:
                at += 1
            firsts.append(at)
        return firsts

    def _without_table(self, frames: int) -> array[int]:
        """The same where a frame has one fragment, or ends with the end of an image."""
        number = len(self._starts) - 1
        if frames == 1:
            return array("Q", [0])
        filled = array("Q", (at for at in range(number) if self._length(at)))
        if len(filled) == frames:
            filled[0] = 0
            return filled
        ends = [at for at in filled if self._ends_image(at)]
        if not ends or ends[-1] != filled[-1]:
            raise PixelError(PixelRefusal.FRAMES_UNCLEAR)
        return array("Q", [0, *(at + 1 for at in ends[:-1])])

    def _ends_image(self, fragment: int) -> bool:
        """Whether a fragment ends as an image does, be it padded."""
        length = min(self._length(fragment), 3)
        tail = exactly(self._source, self._starts[fragment + 1] - length, length)
        return tail.endswith(_END_OF_IMAGE) or (tail.endswith(b"\0") and tail[:-1].endswith(_END_OF_IMAGE))
