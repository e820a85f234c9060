"""The stream of an object with rectangles blanked in every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.dicom.limits import DEFAULT_LIMITS, Limits
from sendit.deid.dicom.pixels import plan_pixels
from sendit.deid.dicom.read import read_object
from sendit.deid.dicom.stream import BoundedReader
from sendit.pixels.blanking import Blanking
from sendit.pixels.errors import PixelError, PixelRefusal
from sendit.pixels.head import head_of
from sendit.pixels.image import PIXEL_DATA, image_of
from sendit.pixels.layer import Held, Stretch, stream_of
from sendit.pixels.native import BlankedCells

if TYPE_CHECKING:
    from typing import BinaryIO

    from sendit.pixels.layer import Part
    from sendit.pixels.rectangles import Cleaning


def cleaned(source: BinaryIO, cleaning: Cleaning, limits: Limits = DEFAULT_LIMITS) -> BinaryIO:
    """A seekable, read-only stream of the same object, in which rectangles are black in every frame.

    `source` is a seekable stream that belongs to the result until that is no longer read. All else of native pixel
    data and its header stays byte for byte; a deflated object comes inflated, in Explicit VR Little Endian.

    Raises:
        DeidError: the object cannot be read.
        PixelError: its pixel data cannot be cleaned.
    """
    opened = read_object(BoundedReader(source, limits.max_header_bytes), limits)
    plan = plan_pixels(opened)
    if plan is None:
        raise PixelError(PixelRefusal.NO_PIXELS_TO_CLEAN)
    if plan.tag != PIXEL_DATA:
        raise PixelError(PixelRefusal.PIXEL_FORMAT_UNSUPPORTED)
    blanking = Blanking(image_of(opened.header.values), cleaning)
    inner = opened.stream.source
    behind = plan.start + plan.source_length
    parts: list[Part] = [
        Stretch(inner, 0, plan.start),
        BlankedCells(inner, plan.start, plan.source_length, plan.word, blanking),
        Stretch(inner, behind, opened.stream.size - behind),
    ]
    if inner is not source:
        parts.insert(0, Held(head_of(source, opened.meta, opened.output_transfer_syntax)))
    return stream_of(parts)
