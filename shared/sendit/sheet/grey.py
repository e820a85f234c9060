"""Stored values as grey (PS3.3 C.11.1, C.11.2): Modality LUT, then VOI LUT or window, else the range of the pixels."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import Dataset
from pydicom.pixels.processing import apply_rescale, apply_voi, apply_windowing

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

_MOST_IN_A_TABLE = 0x10000
_PERCENTILES = (1.0, 99.0)
_FAR = 1e9
"""Beyond whatever a window reaches."""


class Range(StrEnum):
    """By what stored values became grey."""

    LUT = "VOI LUT"
    WINDOW = "window"
    PIXELS = "range of its pixels"
    COLOUR = "colour"


def grey(stored: Array, header: Dataset) -> tuple[NDArray[np.uint8], Range]:
    """A frame of stored values in 8 bits as it is to be seen, 0 black; and by what.

    A window or LUT that cannot be used counts as none. Without one the first to the 99th percentile of the pixels
    are shown, those left out that Pixel Padding Value and Range Limit (C.7.5.1.1.2) name.
    """
    shown, by = _mapping(stored, header)
    whole = stored.dtype.kind in "iu"
    low, high = (int(stored.min()), int(stored.max())) if whole else (0, _MOST_IN_A_TABLE)
    if high - low < _MOST_IN_A_TABLE:
        # what few values become is worked out once, not for each pixel
        table = _eight_bits(shown(np.arange(low, high + 1)))
        picture = table[stored.astype(np.int64) - low]
    else:
        picture = _eight_bits(shown(stored))
    if header.get("PhotometricInterpretation") == "MONOCHROME1":
        picture = 255 - picture
    return picture, by


def copied(header: Dataset) -> Dataset:
    """The same elements in a data set of its own, to which others may be added."""
    copy = Dataset()
    copy.update(header)
    copy.file_meta = header.file_meta
    copy.set_original_encoding(*header.original_encoding)
    return copy


def _mapping(stored: Array, header: Dataset) -> tuple[Callable[[Array], Array], Range]:
    """What makes of stored values their grey from 0 to 1."""
    for name, by in (("VOILUTSequence", Range.LUT), ("WindowWidth", Range.WINDOW)):
        if not header.get(name):
            continue
        with suppress(Exception):  # what does not follow C.11.2 raises in many ways, or is no range
            ends = _ends(header, by)
            if ends[0] != ends[1]:
                return partial(_through, header=header, by=by, ends=ends), by
    ends = _pixel_range(stored, header)
    return partial(_through, header=header, by=Range.PIXELS, ends=ends), Range.PIXELS


def _through(values: Array, header: Dataset, by: Range, ends: tuple[float, float]) -> Array:
    low, high = ends
    if low == high:
        return np.zeros(values.shape)
    values = _modality(values, header)
    return ((values if by is Range.PIXELS else _voi(values, header, by)) - low) / (high - low)


def _modality(values: Array, header: Dataset) -> Array:
    return apply_rescale(values, header).astype(np.float64)


def _voi(values: Array, header: Dataset, by: Range) -> Array:
    if by is Range.LUT:
        entries, first, _ = header.VOILUTSequence[0].LUTDescriptor
        values = np.clip(np.rint(values), first, first + (entries or 0x10000) - 1).astype(np.int64)
        return apply_voi(values, _with_wide_entries(header)).astype(np.float64)
    with np.errstate(over="ignore"):  # of the exponential far outside of a sigmoid window
        return apply_windowing(values, header).astype(np.float64)


def _with_wide_entries(header: Dataset) -> Dataset:
    """The same LUT said to have entries of 16 bits: of 8, pydicom also counts the entries in 8 bits."""
    said = header.VOILUTSequence[0]
    item, wide = Dataset(), copied(header)
    item.update(said)
    # added anew: to set a value would change the element that both data sets hold
    item.add_new("LUTDescriptor", said["LUTDescriptor"].VR, [*said.LUTDescriptor[:2], 16])
    wide.add_new("VOILUTSequence", "SQ", [item])
    return wide


def _ends(header: Dataset, by: Range) -> tuple[float, float]:
    """What black and white are after the VOI LUT: the range that its entries may have, or that a window spans."""
    if by is Range.LUT:
        _voi(np.zeros(1), header, by)
        return 0.0, 2.0 ** int(header.VOILUTSequence[0].LUTDescriptor[2]) - 1
    low, high = _voi(np.array([-_FAR, _FAR]), header, by)
    return float(low), float(high)


def _pixel_range(stored: Array, header: Dataset) -> tuple[float, float]:
    """The percentiles of what is no padding; all that there is if they are the same."""
    values = stored[np.isfinite(stored) & ~_padding(stored, header)]
    if not values.size:
        return 0.0, 0.0
    for ends in (np.percentile(values, _PERCENTILES, method="nearest"), np.array([values.min(), values.max()])):
        low, high = sorted(_modality(ends.astype(stored.dtype), header).tolist())
        if low < high:
            return low, high
    return 0.0, 0.0


def _padding(stored: Array, header: Dataset) -> NDArray[np.bool_]:
    value = header.get("PixelPaddingValue")
    if not isinstance(value, int):
        return np.zeros(stored.shape, np.bool_)
    limit = header.get("PixelPaddingRangeLimit")
    low, high = sorted((value, limit if isinstance(limit, int) else value))
    return (stored >= low) & (stored <= high)


def _eight_bits(shown: Array) -> NDArray[np.uint8]:
    eight: NDArray[np.uint8] = np.rint(np.clip(np.nan_to_num(shown), 0, 1) * 255).astype(np.uint8)
    return eight
