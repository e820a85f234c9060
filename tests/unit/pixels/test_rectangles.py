"""Rectangles are worked out to spans of rows as a naive mask says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.pixel_objects import masked
from tests.unit.pixels.test_native import cleanings

from sendit.pixels import Cleaning, Rectangle

WHOLE = Rectangle(0, 0, 9, 9)


@settings(deadline=None)
@given(cleanings(), st.integers(1, 15), st.integers(1, 15))
def test_bands_cover_exactly_what_is_blanked(cleaning: Cleaning, rows: int, columns: int) -> None:
    mask = np.zeros((rows, columns), int)
    for band in cleaning.bands(rows, columns):
        for left, right in band.spans:
            mask[band.top : band.bottom, left:right] += 1
    assert (mask == masked(rows, columns, cleaning)).all()


def test_a_margin_that_leaves_nothing_of_what_is_kept_blanks_all() -> None:
    (band,) = Cleaning(keep=(Rectangle(0, 0, 4, 4),), margin=2).bands(4, 4)[:1]
    assert band.spans == ((0, 4),)


@pytest.mark.parametrize(
    "edges", [(0, 0, 0, 1), (0, 0, 1, 0), (2, 0, 1, 1), (0, 2, 1, 1), (-1, 0, 1, 1), (0, -1, 1, 1)]
)
def test_what_is_no_rectangle_cannot_be_made(edges: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="rectangle"):
        Rectangle(*edges)


def test_a_cleaning_that_does_nothing_or_too_much_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="rectangles"):
        Cleaning()
    with pytest.raises(ValueError, match="rectangles"):
        Cleaning(blank=(WHOLE,) * 257)
    with pytest.raises(ValueError, match="margin"):
        Cleaning(keep=(WHOLE,), margin=-1)
