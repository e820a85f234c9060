"""Bits of compressed frames that the header gives to no sample (PS3.5 8.1.1): frames that may have some are decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import RLELossless

from sendit.pixels import rle
from sendit.pixels.bits import UnusedBits
from sendit.pixels.decoding import check_described, decoded, decoder_for

if TYPE_CHECKING:
    from sendit.pixels.frames import Frames
    from sendit.pixels.image import Image


class SurplusBits:
    """What the frames of an image hold beside the bits that are stored of its samples.

    `image` is what the frames become once they are decoded, `photometric` what the header says of them before.
    """

    def __init__(self, frames: Frames, image: Image, transfer_syntax: str, photometric: str) -> None:
        self._frames = frames
        self._image = image
        self._transfer_syntax = transfer_syntax
        self._photometric = photometric
        self._bits = UnusedBits(image)

    def any_in(self, frame: int, codestream: bytes) -> bool:
        """Whether an unused bit is set in a frame, of which the codestream was found to be bare.

        Raises:
            DeidError: `truncated` if the source has become shorter.
            PixelError: it would have to be decoded and cannot be.
        """
        image = self._image
        if self._transfer_syntax == RLELossless:
            return not self._bits.none_unused and any(map(self._bits.any_in, rle.cells(codestream, image.cell_bytes)))
        if check_described(codestream, self._transfer_syntax, image) <= image.bits_stored == image.high_bit + 1:
            return False
        decoder = decoder_for(self._transfer_syntax)
        native, _ = decoded(decoder, self._frames.encapsulated(frame), codestream, image, self._photometric, whole=True)
        return self._bits.any_in(bytes(native))
