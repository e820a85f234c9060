"""The frames of an object, decoded, for whoever looks at what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.dicom.limits import DEFAULT_LIMITS, Limits
from sendit.deid.dicom.pixels import PHOTOMETRIC_INTERPRETATION, plan_pixels
from sendit.deid.dicom.read import read_object
from sendit.deid.dicom.stream import BoundedReader
from sendit.deid.dicom.vrs import swap_words
from sendit.pixels.decoding import decoded, decoder_for
from sendit.pixels.errors import PixelError, PixelRefusal
from sendit.pixels.frames import MAX_FRAME_BYTES, Frames
from sendit.pixels.image import PIXEL_DATA, Image, decoded_values, image_of, text_value
from sendit.pixels.layer import exactly

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from sendit.deid.dicom.pixels import PixelPlan
    from sendit.deid.dicom.read import OpenObject

Frame = tuple[bytes, Image, "Mapping[int, bytes]"]


def decoded_frames(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> Iterator[Frame]:
    """Every frame, little endian, with what it is made of and the top-level values that go with it.

    Nothing comes of an object without pixel data. One frame is held at a time.

    Raises:
        DeidError: the object cannot be read.
        PixelError: its frames cannot be decoded, or are described in a way that is not known.
    """
    opened = read_object(BoundedReader(source, limits.max_header_bytes), limits)
    plan = plan_pixels(opened)
    if plan is None:
        return iter(())
    if plan.tag != PIXEL_DATA:
        raise PixelError(PixelRefusal.PIXEL_FORMAT_UNSUPPORTED)
    return _compressed(opened, plan, limits) if plan.encapsulated else _native(opened, plan)


def _native(opened: OpenObject, plan: PixelPlan) -> Iterator[Frame]:
    values, word = opened.header.values, plan.word
    image = image_of(values)
    size = image.frame_bytes
    if size > MAX_FRAME_BYTES:
        raise PixelError(PixelRefusal.FRAME_TOO_LARGE)
    for at in range(0, size * image.frames, size):
        first = at - at % word
        end = min(at + size + -(at + size) % word, plan.source_length)
        data = exactly(opened.stream.source, plan.start + first, end - first)
        yield swap_words(data, word)[at - first : at - first + size], image, values


def _compressed(opened: OpenObject, plan: PixelPlan, limits: Limits) -> Iterator[Frame]:
    values = opened.header.values
    decoder = decoder_for(opened.header.transfer_syntax)
    said = image_of(decoded_values(values))
    frames = Frames(opened, plan, said, limits)
    photometric = text_value(values, PHOTOMETRIC_INTERPRETATION)
    for number in range(len(frames)):
        data, shown = decoded(decoder, frames.encapsulated(number), frames.codestream(number), said, photometric)
        after = decoded_values(values, shown)
        yield bytes(data), image_of(after), after
