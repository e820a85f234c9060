"""From an object and the number of a frame to a small picture in 8 bits."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array

from sendit.errors import Code, ImageError
from sendit.sheet.grey import Range, copied, grey

if TYPE_CHECKING:
    from typing import BinaryIO

    from numpy.typing import NDArray
    from pydicom import Dataset

WIDEST = 256
"""A picture is at most as wide and as high as this."""

_MOST_SAMPLES = 2**28
_QUALITY = 90
_GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
_COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_OF_A_FRAME = ("PixelValueTransformationSequence", "FrameVOILUTSequence", "PixelMeasuresSequence")
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture as JPEG, and by what its stored values became what is seen."""

    data: bytes
    width: int
    height: int
    by: Range


class Pictures:
    """The pictures of one object, of which one frame is held at a time."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        try:
            source.seek(0)
            self._header = dcmread(source, stop_before_pixels=True)
            samples = self._header.Rows * self._header.Columns * self._header.get("SamplesPerPixel", 1)
        except Exception:  # noqa: BLE001  what pydicom raises may quote a value
            raise ImageError(Code.MALFORMED) from None
        if samples > _MOST_SAMPLES:
            raise ImageError(Code.FRAME_TOO_LARGE)

    def of_frame(self, frame: int) -> Picture:
        """The picture of a frame, counted from 0.

        Raises:
            ImageError: codec_unsupported, decoder_missing, frame_not_decodable, pixel_format_unsupported.
        """
        header = header_of_frame(self._header, frame)
        stored = self._stored(frame)
        try:
            full, by = shown(stored, header)
            width, height = size_of(header, full.shape[1], full.shape[0])
            small = Image.fromarray(full).resize((width, height), Image.Resampling.LANCZOS)
        except Exception:  # noqa: BLE001  a header that contradicts itself does so in many ways
            raise ImageError(Code.PIXEL_FORMAT_UNSUPPORTED) from None
        file = io.BytesIO()
        small.save(file, "JPEG", quality=_QUALITY, subsampling=0)
        return Picture(file.getvalue(), width, height, by)

    def _stored(self, frame: int) -> NDArray[Any]:
        try:
            decoder = get_decoder(self._header.file_meta.TransferSyntaxUID)
        except NotImplementedError:
            raise ImageError(Code.CODEC_UNSUPPORTED) from None
        if not decoder.is_available:
            raise ImageError(Code.DECODER_MISSING)
        try:
            return pixel_array(self._source, index=frame)
        except Exception:  # noqa: BLE001  nothing is known of what a frame does to a decoder
            raise ImageError(Code.FRAME_NOT_DECODABLE) from None


def header_of_frame(header: Dataset, frame: int) -> Dataset:
    """The header with what the functional groups (PS3.3 C.7.6.16) say of all frames and of this one on top."""
    merged = copied(header)
    for name, place in zip(_GROUPS, (0, frame), strict=True):
        groups = header.get(name) or ()
        if place < len(groups):
            for macro in _OF_A_FRAME:
                for item in groups[place].get(macro) or ():
                    merged.update(item)
    return merged


def shown(stored: NDArray[Any], header: Dataset) -> tuple[NDArray[np.uint8], Range]:
    """A frame as it is to be seen, in 8 bits grey or RGB. YBR has become RGB when it was decoded.

    Raises:
        ImageError: pixel_format_unsupported.
    """
    photometric = header.PhotometricInterpretation
    if photometric in _GREY and stored.ndim == 2:
        return grey(stored, header)
    if photometric == "PALETTE COLOR" and stored.ndim == 2:
        entries, first, _ = header.RedPaletteColorLookupTableDescriptor
        mapped = np.clip(stored.astype(np.int64), first, first + (entries or 0x10000) - 1)
        colours = apply_color_lut(mapped, header)[..., :3]
        bits = int(header.RedPaletteColorLookupTableDescriptor[2])
        return _eight_bits(colours, bits), Range.COLOUR
    if photometric in _COLOUR and stored.ndim == 3:
        return _eight_bits(stored, int(header.BitsStored)), Range.COLOUR
    raise ImageError(Code.PIXEL_FORMAT_UNSUPPORTED)


def size_of(header: Dataset, columns: int, rows: int) -> tuple[int, int]:
    """Width and height of the picture: pixels as high as they are (C.7.6.3.1.7, 10.7.1.3), never larger than stored."""
    tall = _height_of_a_pixel(header)
    wide, high = (columns, rows * tall) if tall >= 1 else (columns / tall, float(rows))
    scale = min(1.0, WIDEST / wide, WIDEST / high)
    return max(1, round(wide * scale)), max(1, round(high * scale))


def _height_of_a_pixel(header: Dataset) -> float:
    """The height of a pixel over its width; 1 where nothing usable is said."""
    for name in ("PixelAspectRatio", *_SPACINGS):
        try:
            vertical, horizontal = (float(part) for part in header.get(name) or ())
            if vertical > 0 and horizontal > 0:
                return vertical / horizontal
        except (TypeError, ValueError):
            continue
    return 1.0


def _eight_bits(samples: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Unsigned samples of so many bits in eight."""
    if bits == 8:
        return samples.astype(np.uint8)
    eight: NDArray[np.uint8] = np.rint(np.clip(samples / (2**bits - 1), 0, 1) * 255).astype(np.uint8)
    return eight
