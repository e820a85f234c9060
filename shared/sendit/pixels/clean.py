"""The stream of an object with rectangles blanked in every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.dicom.limits import DEFAULT_LIMITS, Limits
from sendit.deid.dicom.pixels import plan_pixels
from sendit.deid.dicom.read import read_object
from sendit.deid.dicom.stream import BoundedReader
from sendit.pixels.blanking import Blanking
from sendit.pixels.decoded import decoded_parts
from sendit.pixels.errors import PixelError, PixelRefusal
from sendit.pixels.head import head_of
from sendit.pixels.image import PIXEL_DATA, image_of
from sendit.pixels.layer import Held, Stretch, stream_of
from sendit.pixels.native import ChangedCells

if TYPE_CHECKING:
    from typing import BinaryIO

    from sendit.pixels.layer import Part
    from sendit.pixels.rectangles import Cleaning


def cleaned(source: BinaryIO, cleaning: Cleaning, limits: Limits = DEFAULT_LIMITS) -> BinaryIO:
    """A seekable, read-only stream of the same object, in which rectangles are black in every frame.

    `source` is a seekable stream that belongs to the result until that is no longer read. All else of native pixel
    data and its header stays byte for byte; a deflated object comes inflated. Compressed pixel data comes decoded, in
    Explicit VR Little Endian, and outside the rectangles as the decoder gives it.

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
    inner, behind = opened.stream.source, opened.stream.position
    rest = Stretch(inner, behind, opened.stream.size - behind)
    parts: list[Part]
    if plan.encapsulated:
        return stream_of([*decoded_parts(source, opened, plan, cleaning, limits), rest])
    image = image_of(opened.header.values)
    pixels = ChangedCells(inner, plan, image.cell_bytes, Blanking(image, opened.header.values, cleaning))
    parts = [Stretch(inner, 0, plan.start), pixels, rest]
    if inner is not source:
        parts.insert(0, Held(head_of(source, opened.meta, opened.output_transfer_syntax)))
    return stream_of(parts)
