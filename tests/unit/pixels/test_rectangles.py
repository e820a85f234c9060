"""Rectangles are worked out to spans of rows as a naive mask says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.pixel_objects import masked
from tests.unit.pixels.test_native import cleanings

from sendit.pixels import Cleaning, Rectangle, blanked_by

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


def painted(blanked: tuple[int, ...], rows: int, columns: int) -> np.ndarray:
    """How often each pixel is blanked."""
    mask = np.zeros((rows, columns), int)
    for left, top, right, bottom in zip(*(iter(blanked),) * 4, strict=True):
        assert 0 <= left < right <= columns
        assert 0 <= top < bottom <= rows
        mask[top:bottom, left:right] += 1
    return mask


@settings(deadline=None)
@given(st.lists(cleanings(), max_size=4), st.integers(1, 15), st.integers(1, 15))
def test_what_several_cleanings_blank_is_said_once_and_wholly(several: list[Cleaning], rows: int, columns: int) -> None:
    expected = np.zeros((rows, columns), bool)
    for cleaning in several:
        expected |= masked(rows, columns, cleaning)
    assert (painted(blanked_by(several, rows, columns), rows, columns) == expected).all()


@pytest.mark.parametrize("along", [0, 1])
def test_so_many_rectangles_that_they_are_merged_still_hold_all_that_is_blanked(along: int) -> None:
    edges = [(2 * n, 0, 2 * n + 1, 1) if along == 0 else (0, 2 * n, 1, 2 * n + 1) for n in range(600)]
    several = [Cleaning(blank=tuple(Rectangle(*one) for one in edges[start : start + 200])) for start in (0, 200, 400)]
    rows, columns = (1, 1200) if along == 0 else (1200, 1)
    said = blanked_by(several, rows, columns)
    assert len(said) <= 4 * 256
    assert painted(said, rows, columns).reshape(-1)[:1199:2].all()
