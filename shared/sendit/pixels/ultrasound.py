"""Sequence of Ultrasound Regions (PS3.3 C.8.5.5): where in a frame the image is, and no banner with names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.dicom.element import element_of, raw_value
from sendit.deid.dicom.limits import DEFAULT_LIMITS, Limits
from sendit.deid.dicom.pixels import COLUMNS, ROWS
from sendit.deid.dicom.read import read_object
from sendit.deid.dicom.stream import BoundedReader
from sendit.pixels.rectangles import MOST_RECTANGLES, Rectangle

if TYPE_CHECKING:
    from typing import BinaryIO

    from sendit.deid.dicom.element import Item

_REGIONS = 0x00186011
_LOCATION = (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)
"""Region Location Min X0, Min Y0, Max X1, Max Y1: the outermost pixels that belong to a region."""


def ultrasound_regions(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> tuple[Rectangle, ...]:
    """The regions of an object's frames, to be kept; none if one of them is no rectangle inside the frame.

    Without regions nobody knows where names are: the object is to be rejected.

    Raises:
        DeidError: the object cannot be read.
    """
    opened = read_object(BoundedReader(source, limits.max_header_bytes), limits)
    sequence = element_of(opened.elements, _REGIONS)
    items = sequence.items if sequence is not None and sequence.items else []
    rows, columns = (int.from_bytes(opened.header.values.get(tag, b""), "little") for tag in (ROWS, COLUMNS))
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
