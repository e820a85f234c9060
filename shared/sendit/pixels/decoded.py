"""Compressed pixel data as native pixel data: decoded frame by frame, blanked, and stored uncompressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from sendit.deid.dicom.fragments import EXTENDED_LENGTHS, EXTENDED_OFFSETS
from sendit.deid.dicom.pixels import PHOTOMETRIC_INTERPRETATION
from sendit.deid.dicom.write import pixel_head
from sendit.pixels.blanking import Blanking
from sendit.pixels.decoding import decoded, decoder_for
from sendit.pixels.errors import PixelError, PixelRefusal
from sendit.pixels.frames import Frames
from sendit.pixels.head import data_set_of, head_of
from sendit.pixels.image import PLANAR_CONFIGURATION, decoded_values, image_of, text_value
from sendit.pixels.layer import Held

if TYPE_CHECKING:
    from typing import BinaryIO

    from pydicom.pixels.decoders.base import Decoder

    from sendit.deid.dicom.limits import Limits
    from sendit.deid.dicom.pixels import PixelPlan
    from sendit.deid.dicom.read import OpenObject
    from sendit.pixels.image import Image
    from sendit.pixels.layer import Part
    from sendit.pixels.rectangles import Cleaning

_LONGEST_VALUE = 0xFFFFFFFE


def decoded_parts(
    source: BinaryIO, opened: OpenObject, plan: PixelPlan, cleaning: Cleaning | None, limits: Limits
) -> list[Part]:
    """An object up to the end of its pixel data, in Explicit VR Little Endian unless its data set is in implicit VR.

    Without a cleaning its samples are what the decoder gives.

    Its first frame is decoded at once: only then it is known what the samples are.

    Raises:
        DeidError: `truncated`.
        PixelError: the frames cannot be decoded.
    """
    values = opened.header.values
    decoder = decoder_for(opened.header.transfer_syntax)
    said = image_of(decoded_values(values))
    frames = Frames(opened, plan, said, limits)
    length = said.frame_bytes * said.frames
    if length > _LONGEST_VALUE:
        raise PixelError(PixelRefusal.DECODED_TOO_LARGE)
    pixels = _DecodedFrames(decoder, frames, said, cleaning, opened)
    changed: dict[int, bytes | None] = {EXTENDED_OFFSETS: None, EXTENDED_LENGTHS: None}
    after = decoded_values(values, pixels.photometric)
    changed |= {tag: after[tag] for tag in (PHOTOMETRIC_INTERPRETATION, PLANAR_CONFIGURATION) if tag in after}
    syntax = ImplicitVRLittleEndian if opened.implicit else ExplicitVRLittleEndian
    vr = "OW" if said.bits_allocated > 8 else "OB"  # PS3.5 A.2
    native = plan._replace(vr=vr, length=length + length % 2, encapsulated=False)
    head = head_of(source, opened.meta, str(syntax)) + data_set_of(opened, changed)
    return [Held(head + pixel_head(native, implicit=opened.implicit)), pixels, Held(bytes(length % 2))]


class _DecodedFrames:
    """The frames one behind the other, of which one is held; a part of a stream."""

    def __init__(
        self, decoder: Decoder, frames: Frames, image: Image, cleaning: Cleaning | None, opened: OpenObject
    ) -> None:
        self._decoder = decoder
        self._frames = frames
        self._image = image
        self._held = -1
        self._said = text_value(opened.header.values, PHOTOMETRIC_INTERPRETATION)
        frame, self.photometric = self._decoded(0)
        values = decoded_values(opened.header.values, self.photometric)
        self._blanking = Blanking(image_of(values), values, cleaning) if cleaning else None
        self._hold(0, frame)
        self.length = image.frame_bytes * image.frames

    def read(self, at: int, size: int) -> memoryview:
        """As `Part` says.

        Raises:
            DeidError: `truncated`.
            PixelError: a frame cannot be decoded, or is of another kind than the first.
        """
        frame, offset = divmod(at, self._image.frame_bytes)
        if frame != self._held:
            self._frame = bytearray()  # two are never held
            data, photometric = self._decoded(frame)
            if photometric != self.photometric:
                raise PixelError(PixelRefusal.FRAME_NOT_AS_DESCRIBED)
            self._hold(frame, data)
        return memoryview(self._frame)[offset : offset + size]

    def _hold(self, frame: int, data: bytearray) -> None:
        if self._blanking is not None:
            self._blanking.apply(data, frame * self._image.frame_bytes)
        self._frame, self._held = data, frame

    def _decoded(self, frame: int) -> tuple[bytearray, str]:
        encapsulated, codestream = self._frames.encapsulated(frame), self._frames.codestream(frame)
        return decoded(self._decoder, encapsulated, codestream, self._image, self._said)
