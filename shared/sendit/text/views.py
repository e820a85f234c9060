"""A frame of stored values as pictures in which text can be found: 8 bits, grey, as bright as it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sendit.pixels.palette import brightness_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from sendit.pixels.image import Image

_PERCENTILES = (1.0, 99.0)
_EIGHT = 8
_EXACT_IN_FLOAT32 = 2
"""Bytes of a value."""


def views_of(frame: bytes, image: Image, values: Mapping[int, bytes]) -> Iterator[NDArray[np.uint8]]:
    """Pictures (rows × columns) of a frame that is little endian, brighter where it shows brighter; none of a flat one.

    The first shows all its values from the least to the greatest. Where more than 8 bits are stored, and the middle
    98 % of them take less than half of that range, a second one shows these. Neither window nor LUT is asked for.

    Raises:
        PixelError: palette_unusable.
    """
    grey = _brightness(frame, image, values)
    low, high = int(grey.min()), int(grey.max())
    if low == high:
        return
    inverted = image.photometric == "MONOCHROME1"
    yield _stretched(grey, low, high, inverted=inverted)
    if image.bits_stored > _EIGHT:
        lower, upper = (int(end) for end in np.percentile(grey, _PERCENTILES, method="nearest"))
        if lower < upper and 2 * (upper - lower) < high - low:
            yield _stretched(grey, lower, upper, inverted=inverted)


def _stretched(grey: NDArray[Any], low: int, high: int, *, inverted: bool) -> NDArray[np.uint8]:
    exact = np.float32 if grey.itemsize <= _EXACT_IN_FLOAT32 else np.float64
    scaled = (np.clip(grey, low, high).astype(exact) - low) * (255 / (high - low))
    picture: NDArray[np.uint8] = np.rint(scaled).astype(np.uint8)
    return 255 - picture if inverted else picture


def _brightness(frame: bytes, image: Image, values: Mapping[int, bytes]) -> NDArray[Any]:
    """How bright each pixel is: of RGB its brightest colour, of YBR its luminance (PS3.3 C.7.6.3.1.2)."""
    rows, columns = image.rows, image.columns
    stored = _stored(frame, image)
    grey: NDArray[Any]
    if image.subsampled:
        return stored.reshape(rows, columns // 2, 4)[:, :, :2].reshape(rows, columns)
    if image.samples == 3:
        shape = (3, rows, columns) if image.planar else (rows, columns, 3)
        colours = np.moveaxis(stored.reshape(shape), 0 if image.planar else 2, 0)
        grey = colours.max(0) if image.photometric == "RGB" else colours[0]
        return grey
    grey = stored.reshape(rows, columns)
    if image.photometric == "PALETTE COLOR":
        mapped, brightness = brightness_of(values, *_lowest_and_highest(image))
        grey = np.array(brightness)[np.clip(grey, mapped.start, mapped.stop - 1).astype(np.int64) - mapped.start]
    return grey


def _lowest_and_highest(image: Image) -> tuple[int, int]:
    half = 1 << image.bits_stored - 1
    return (-half, half - 1) if image.signed else (0, 2 * half - 1)


def _stored(frame: bytes, image: Image) -> NDArray[Any]:
    """The values in the cells, without the bits that are no part of them."""
    cells = np.frombuffer(frame, f"<u{image.cell_bytes}")
    above = image.bits_allocated - image.high_bit - 1
    if image.signed:
        cells = (cells << above).view(f"<i{image.cell_bytes}")
        return cells >> image.bits_allocated - image.bits_stored
    return cells << above >> image.bits_allocated - image.bits_stored
