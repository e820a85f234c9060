"""What hides beside the samples of pixel data: found, and taken out without touching a sample."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from struct import pack
from typing import TYPE_CHECKING

from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes, RLELossless

from sendit.deid.dicom.fragments import EXTENDED_LENGTHS, EXTENDED_OFFSETS
from sendit.deid.dicom.limits import DEFAULT_LIMITS, Limits
from sendit.deid.dicom.pixels import PHOTOMETRIC_INTERPRETATION, plan_pixels
from sendit.deid.dicom.read import read_object
from sendit.deid.dicom.stream import BoundedReader
from sendit.deid.dicom.vrs import swap_words
from sendit.deid.dicom.write import item_bytes, pixel_head
from sendit.pixels.bare_jpeg import bare_jpeg
from sendit.pixels.bare_jpeg2000 import bare_jpeg2000
from sendit.pixels.bare_rle import bare_rle
from sendit.pixels.bits import UnusedBits
from sendit.pixels.decoded import decoded_parts
from sendit.pixels.errors import PixelError, PixelRefusal
from sendit.pixels.frames import Frames
from sendit.pixels.head import data_set_of, head_of
from sendit.pixels.image import PIXEL_DATA, decoded_values, image_of, text_value
from sendit.pixels.kinds import Bare, Hidden
from sendit.pixels.layer import PIECE, Held, Stretch, exactly, stream_of
from sendit.pixels.native import ChangedCells
from sendit.pixels.surplus import SurplusBits

if TYPE_CHECKING:
    from typing import BinaryIO

    from sendit.deid.dicom.pixels import PixelPlan
    from sendit.deid.dicom.read import OpenObject
    from sendit.pixels.image import Image
    from sendit.pixels.layer import Part

_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
_LONGEST_OFFSET = 0xFFFFFFFF


def hidden_in(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> frozenset[Hidden]:
    """What is found beside the samples of an object's pixel data.

    Frames are decoded only where a sample may have more bits than the header says are stored.

    Raises:
        DeidError: the object cannot be read.
        PixelError: nothing here can tell.
    """
    return _looked_at(source, limits)[0]


def without_hidden(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> BinaryIO:
    """The same object with nothing beside the samples of its pixel data, all of which stay as they are.

    Where nothing is found this is the source itself, at its beginning. Else frames have one fragment each, and the
    offset tables say where; if unused bits are found in them, they come decoded. A deflated object comes inflated.

    Raises:
        DeidError: the object cannot be read.
        PixelError: nothing here can tell, or what was found cannot be taken out safely.
    """
    found, parts = _looked_at(source, limits)
    if found:
        return stream_of(parts)
    source.seek(0)
    return source


def _looked_at(source: BinaryIO, limits: Limits) -> tuple[frozenset[Hidden], list[Part]]:
    """What is found in an object, and the parts of one without it."""
    opened = read_object(BoundedReader(source, limits.max_header_bytes), limits)
    plan = plan_pixels(opened)
    if plan is None or plan.tag != PIXEL_DATA:
        return frozenset(), []
    inner, behind = opened.stream.source, opened.stream.position
    rest = Stretch(inner, behind, opened.stream.size - behind)
    if plan.encapsulated:
        frames = _BareFrames(opened, plan, limits)
        if Hidden.UNUSED_BITS in frames.found:
            native = stream_of([*decoded_parts(source, opened, plan, None, limits), rest])
            return frames.found, _looked_at(native, limits)[1]
        return frames.found, [*_before(source, opened, plan, frames), frames, Held(_DELIMITER), rest]
    image = image_of(opened.header.values)
    bits = UnusedBits(image)
    head = [] if inner is source else [Held(head_of(source, opened.meta, opened.output_transfer_syntax))]
    pixels = ChangedCells(inner, plan, image.cell_bytes, bits)
    return _found_in_cells(inner, plan, image, bits), [*head, Stretch(inner, 0, plan.start), pixels, rest]


def _found_in_cells(source: BinaryIO, plan: PixelPlan, image: Image, bits: UnusedBits) -> frozenset[Hidden]:
    """What is found in native pixel data, read in pieces up to the first find of each kind."""
    found: set[Hidden] = set()
    length = image.frame_bytes * image.frames
    unit = max(plan.word, image.cell_bytes)
    last = length - length % unit if plan.source_length > length else length
    for at in () if bits.none_unused else range(0, length, PIECE):
        data = exactly(source, plan.start + at, min(PIECE, plan.source_length - at))
        cells = swap_words(data, plan.word)
        if bits.any_in(cells if len(cells) <= length - at else cells[: length - at]):
            found.add(Hidden.UNUSED_BITS)
            break
    if plan.source_length > length:
        tail = exactly(source, plan.start + last, plan.source_length - last)
        if any(swap_words(tail, plan.word)[length - last :]):
            found.add(Hidden.PADDING)
    return frozenset(found)


class _BareFrames:
    """The frames of encapsulated pixel data, each of them bare and in one item; a part of a stream.

    All are looked at when this is made, and made again when they are read: one is held at a time.
    """

    def __init__(self, opened: OpenObject, plan: PixelPlan, limits: Limits) -> None:
        self._transfer_syntax = opened.header.transfer_syntax
        if not _is_known(self._transfer_syntax):
            raise PixelError(PixelRefusal.CODEC_UNSUPPORTED)
        self._image = image_of(decoded_values(opened.header.values))
        self._frames = Frames(opened, plan, self._image, limits)
        self.basic_table = self._frames.basic_table
        self.lengths, self._ends = array("Q"), array("Q")
        self._held = -1
        self.length = 0
        found: set[Hidden] = set()
        said = text_value(opened.header.values, PHOTOMETRIC_INTERPRETATION)
        surplus = SurplusBits(self._frames, self._image, self._transfer_syntax, said)
        for frame in range(len(self._frames)):
            bare = self._bare(frame)
            found |= bare.found
            if Hidden.UNUSED_BITS not in found and surplus.any_in(frame, bare.data):
                found.add(Hidden.UNUSED_BITS)
            self.lengths.append(len(bare.data))
            self.length += 8 + len(bare.data) + len(bare.data) % 2
            self._ends.append(self.length)
        self.found = frozenset(found)

    @property
    def offsets(self) -> list[int]:
        """Where the items of the frames begin."""
        return [0, *self._ends[:-1]]

    def read(self, at: int, size: int) -> memoryview:
        """As `Part` says.

        Raises:
            DeidError: `truncated` if the source has become shorter.
            PixelError: it has changed.
        """
        frame = bisect_right(self._ends, at)
        start = self._ends[frame - 1] if frame else 0
        if frame != self._held:
            data = self._bare(frame).data
            if len(data) != self.lengths[frame]:
                raise PixelError(PixelRefusal.CODESTREAM_MALFORMED)
            self._item = memoryview(item_bytes(data + bytes(len(data) % 2)))
            self._held = frame
        return self._item[at - start : at - start + size]

    def _bare(self, frame: int) -> Bare:
        data, image = self._frames.codestream(frame), self._image
        if self._transfer_syntax == RLELossless:
            return bare_rle(data, image.samples * image.cell_bytes, image.rows * image.columns)
        if self._transfer_syntax in JPEG2000TransferSyntaxes:
            return bare_jpeg2000(data)
        return bare_jpeg(data)


def _before(source: BinaryIO, opened: OpenObject, plan: PixelPlan, frames: _BareFrames) -> list[Part]:
    """What stands before the first frame: the header, with its offset tables as the frames now are."""
    offsets = frames.offsets
    table = b""
    if frames.basic_table and offsets[-1] <= _LONGEST_OFFSET:
        table = pack(f"<{len(offsets)}L", *offsets)
    if not opened.header.values.get(EXTENDED_OFFSETS):
        return [Stretch(source, 0, plan.start), Held(item_bytes(table))]
    tables: dict[int, bytes | None] = {
        EXTENDED_OFFSETS: pack(f"<{len(offsets)}Q", *offsets),
        EXTENDED_LENGTHS: pack(f"<{len(offsets)}Q", *frames.lengths),
    }
    head = data_set_of(opened, tables) + pixel_head(plan, implicit=opened.implicit) + item_bytes(table)
    return [Stretch(source, 0, opened.start), Held(head)]


def _is_known(transfer_syntax: str) -> bool:
    known = (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes, *JPEG2000TransferSyntaxes, RLELossless)
    return transfer_syntax in known
