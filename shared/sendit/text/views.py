"""A frame of stored values as a picture in which text can be found: red, green and blue of 8 bits, stretched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sendit.pixels.palette import colours_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sendit.pixels.image import Image

_PERCENTILES = ((0.1, 99.9), (1.0, 99.0))
_EIGHT = 8
_EXACT_IN_FLOAT32 = 2
"""Bytes of a value."""


def view_of(frame: bytes, image: Image, values: Mapping[int, bytes]) -> NDArray[np.uint8] | None:
    """A picture (rows × columns × 3) of a little-endian frame, brighter where it shows brighter; None of a flat one.

    It shows all values from the least to the greatest. Of a grey frame that stores more than 8 bits only its red does;
    its green and blue show the middle 99.8 % and 98 % of the values between these two: text is found in any of the
    three. Neither window nor LUT is asked for.

    Raises:
        PixelError: palette_unusable.
    """
    colours = _colours(frame, image, values)
    low, high = int(colours.min()), int(colours.max())
    if low == high:
        return None
    planes = [_stretched(colours, low, high)]
    if image.bits_stored > _EIGHT and colours.shape[2] == 1:
        # borders and padding have the least or the greatest value
        between = colours[(colours > low) & (colours < high)]
        for percentiles in _PERCENTILES if between.size else ():
            lower, upper = (int(end) for end in np.percentile(between, percentiles, method="nearest"))
            planes.append(_stretched(colours, lower, upper) if lower < upper else planes[0])
    picture = np.concatenate(planes, 2) if len(planes) > 1 else planes[0]
    shown = 255 - picture if image.photometric == "MONOCHROME1" else picture
    return np.broadcast_to(shown, (*shown.shape[:2], 3))


def _stretched(colours: NDArray[Any], low: int, high: int) -> NDArray[np.uint8]:
    exact = np.float32 if colours.itemsize <= _EXACT_IN_FLOAT32 else np.float64
    scaled = (np.clip(colours, low, high).astype(exact) - low) * (255 / (high - low))
    picture: NDArray[np.uint8] = np.rint(scaled).astype(np.uint8)
    return picture


def _colours(frame: bytes, image: Image, values: Mapping[int, bytes]) -> NDArray[Any]:
    """Red, green and blue of each pixel (rows × columns × 3), or its grey alone (rows × columns × 1)."""
    rows, columns = image.rows, image.columns
    stored = _stored(frame, image)
    if image.subsampled:
        pairs = stored.reshape(rows, columns // 2, 4)
        luminance, chrominance = pairs[:, :, :2].reshape(rows, columns, 1), np.repeat(pairs[:, :, 2:], 2, 1)
        return _of_ybr(np.concatenate((luminance, chrominance), 2), image.bits_stored)
    if image.samples == 3:
        shape = (3, rows, columns) if image.planar else (rows, columns, 3)
        colours = np.moveaxis(stored.reshape(shape), 0, 2) if image.planar else stored.reshape(shape)
        return colours if image.photometric == "RGB" else _of_ybr(colours, image.bits_stored)
    grey = stored.reshape(rows, columns)
    if image.photometric == "PALETTE COLOR":
        mapped, shown = colours_of(values, *_lowest_and_highest(image))
        entries = np.clip(grey, mapped.start, mapped.stop - 1).astype(np.int64) - mapped.start
        return np.asarray(np.array(shown, np.uint16)[entries])
    return grey[:, :, None]


def _of_ybr(ybr: NDArray[Any], bits: int) -> NDArray[Any]:
    """Red, green and blue of luminance and two chrominances (PS3.3 C.7.6.3.1.2)."""
    luminance, blueness, redness = np.moveaxis(ybr.astype(np.float32), 2, 0)
    blueness, redness = blueness - (1 << bits - 1), redness - (1 << bits - 1)
    green = luminance - 0.344136 * blueness - 0.714136 * redness
    colours = np.stack((luminance + 1.402 * redness, green, luminance + 1.772 * blueness), 2)
    clipped: NDArray[Any] = np.clip(np.rint(colours), 0, (1 << bits) - 1).astype(np.int32)
    return clipped


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
