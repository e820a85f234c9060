"""What a header says of its pixel data (PS3.3 C.7.6.3), and what black is among it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sendit.deid.dicom.pixels import (
    BITS_ALLOCATED,
    COLUMNS,
    NUMBER_OF_FRAMES,
    PHOTOMETRIC_INTERPRETATION,
    ROWS,
    SAMPLES,
)
from sendit.deid.errors import DeidError, Refusal
from sendit.pixels.errors import PixelError, PixelRefusal
from sendit.pixels.palette import darkest_entry

if TYPE_CHECKING:
    from collections.abc import Mapping

PLANAR_CONFIGURATION, BITS_STORED, HIGH_BIT = 0x00280006, 0x00280101, 0x00280102
PIXEL_REPRESENTATION, PIXEL_DATA = 0x00280103, 0x7FE00010
_SAMPLES = {"MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1, "RGB": 3, "YBR_FULL": 3, "YBR_FULL_422": 3}
_CELLS = frozenset({8, 16, 32})
_LONGEST_NUMBER = 12


class Image(NamedTuple):
    """The frames of an object whose pixel data is native, or will be."""

    rows: int
    columns: int
    frames: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: int

    @property
    def frame_bytes(self) -> int:
        """The length of a frame."""
        cells = self.rows * self.columns * self.samples
        return (cells * 2 // 3 if self.subsampled else cells) * self.cell_bytes

    @property
    def subsampled(self) -> bool:
        """Whether two pixels share their chrominance (C.7.6.3.1.2)."""
        return self.photometric == "YBR_FULL_422"

    @property
    def cell_bytes(self) -> int:
        """The length of a sample."""
        return self.bits_allocated // 8


def image_of(values: Mapping[int, bytes]) -> Image:
    """The image that top-level values describe.

    Raises:
        DeidError: `malformed` if Number of Frames is no number.
        PixelError: `pixel_format_unsupported`.
    """
    rows, columns, allocated, stored, high_bit, representation = (
        _number(values, tag) for tag in (ROWS, COLUMNS, BITS_ALLOCATED, BITS_STORED, HIGH_BIT, PIXEL_REPRESENTATION)
    )
    samples = _number(values, SAMPLES, absent=1)
    photometric = text_value(values, PHOTOMETRIC_INTERPRETATION)
    planar = _number(values, PLANAR_CONFIGURATION) if samples > 1 else 0
    subsampled = photometric == "YBR_FULL_422"
    sound = (
        rows > 0
        and columns > 0
        and allocated in _CELLS
        and stored <= high_bit + 1 <= allocated
        and stored > 0
        and representation in {0, 1}
        and planar in {0, 1}
        and _SAMPLES.get(photometric) == samples
        and not (samples == 3 and representation)
        and not (subsampled and (columns % 2 or planar))
    )
    if not sound:
        raise PixelError(PixelRefusal.PIXEL_FORMAT_UNSUPPORTED)
    number = text_value(values, NUMBER_OF_FRAMES) or "1"
    if not (number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER):
        raise DeidError(Refusal.MALFORMED)
    frames = int(number)
    signed = representation == 1
    return Image(rows, columns, frames, samples, photometric, allocated, stored, high_bit, signed, planar)


_UNCOMPRESSED = {"YBR_ICT": "RGB", "YBR_RCT": "RGB", "YBR_FULL_422": "YBR_FULL"}
"""What decoding makes of interpretations that are about compression (C.7.6.3.1.2)."""


def decoded_values(values: Mapping[int, bytes], photometric: str | None = None) -> dict[int, bytes]:
    """Top-level values once the frames are decoded, by what a decoder says of them or, before that, by the header."""
    photometric = photometric or text_value(values, PHOTOMETRIC_INTERPRETATION)
    changed = dict(values)
    changed[PHOTOMETRIC_INTERPRETATION] = _UNCOMPRESSED.get(photometric, photometric).encode("latin-1")
    if _number(values, SAMPLES, absent=1) > 1:
        changed[PLANAR_CONFIGURATION] = bytes(2)
    return changed


def black_of(image: Image, values: Mapping[int, bytes]) -> tuple[int, ...]:
    """The cells of a pixel that a viewer shows as black, as numbers without a sign.

    A rescale slope below zero, or a LUT that turns values round, is not looked at.

    Raises:
        PixelError: `palette_unusable`.
    """
    stored = image.bits_stored
    lowest, highest = (-(1 << stored - 1), (1 << stored - 1) - 1) if image.signed else (0, (1 << stored) - 1)
    black: tuple[int, ...]
    if image.photometric == "MONOCHROME1":
        black = (highest,)
    elif image.photometric == "MONOCHROME2":
        black = (lowest,)
    elif image.photometric == "PALETTE COLOR":
        black = (darkest_entry(values, lowest, highest),)
    elif image.photometric == "RGB":
        black = 0, 0, 0
    else:
        black = 0, 1 << stored - 1, 1 << stored - 1
    shift = image.high_bit + 1 - stored
    return tuple(value << shift & (1 << image.bits_allocated) - 1 for value in black)


def _number(values: Mapping[int, bytes], tag: int, absent: int | None = None) -> int:
    """The value of a US element."""
    value = values.get(tag, b"")
    if not value and absent is not None:
        return absent
    if len(value) != 2:
        raise PixelError(PixelRefusal.PIXEL_FORMAT_UNSUPPORTED)
    return int.from_bytes(value, "little")


def text_value(values: Mapping[int, bytes], tag: int) -> str:
    """The value of a CS or IS element; what is not ASCII is no defined term."""
    return values.get(tag, b"").decode("latin-1").strip(" \0")
