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


def ultrasound_regions(items: Sequence[Item], rows: int, columns: int) -> tuple[Rectangle, ...]:
    """The regions that the items of the sequence describe, to be kept; none if one of them is not inside the frame.

    Without regions nobody knows where names are: the object is to be rejected.
    """
    regions = [_region(item, rows, columns) for item in items]
    found = tuple(one for one in regions if one is not None)
    return found if len(found) == len(regions) <= MOST_RECTANGLES else ()


def _region(item: Item, rows: int, columns: int) -> Rectangle | None:
    """One region, None if it is none."""
    raw = [raw_value(item, tag) for tag in _LOCATION]
    if any(len(value) != 4 for value in raw):
        return None
    left, top, right, bottom = (int.from_bytes(value, "little") for value in raw)
    if not (left <= right < columns and top <= bottom < rows):
        return None
    return Rectangle(left, top, right + 1, bottom + 1)
