"""Sequence of Ultrasound Regions (PS3.3 C.8.5.5): where in a frame the image is, and no banner with names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.dicom.element import raw_value
from sendit.pixels.rectangles import MOST_RECTANGLES, Rectangle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sendit.deid.dicom.element import Item

_LOCATION = (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)
"""Region Location Min X0, Min Y0, Max X1, Max Y1: the outermost pixels that belong to a region."""
_SPATIAL_FORMAT, _DATA_TYPE = 0x00186012, 0x00186014
_SHOWING = range(1, 5)
"""Region Spatial Formats (C.8.5.5.1.1): 2D, M-mode, spectral, waveform. Not 0, none, nor 5, graphics."""
_MEASURED = range(1, 19)
"""Region Data Types (C.8.5.5.1.2) from tissue to other traces. Not 0, none."""


def ultrasound_regions(items: Sequence[Item], rows: int, columns: int) -> tuple[Rectangle, ...]:
    """The regions of an image that the items of the sequence describe, to be kept; none if an item is not in the frame.

    What an item calls graphics, or nothing at all, may be the banner, and is not kept. Without regions nobody knows
    where names are: the object is to be rejected.
    """
    regions = [_region(item, rows, columns) for item in items]
    if None in regions or len(regions) > MOST_RECTANGLES:
        return ()
    return tuple(one for one, item in zip(regions, items, strict=True) if one is not None and _is_image(item))


def _is_image(item: Item) -> bool:
    """Whether both elements, which a region has to have, say that something was measured there."""
    kinds = [raw_value(item, tag) for tag in (_SPATIAL_FORMAT, _DATA_TYPE)]
    form, data = (int.from_bytes(value, "little") if len(value) == 2 else 0 for value in kinds)
    return form in _SHOWING and data in _MEASURED


def _region(item: Item, rows: int, columns: int) -> Rectangle | None:
    """One region, None if it is none."""
    raw = [raw_value(item, tag) for tag in _LOCATION]
    if any(len(value) != 4 for value in raw):
        return None
    left, top, right, bottom = (int.from_bytes(value, "little") for value in raw)
    if not (left <= right < columns and top <= bottom < rows):
        return None
    return Rectangle(left, top, right + 1, bottom + 1)
