"""How much of burned-in text is found, and what is taken for text where there is none."""

from itertools import product

import numpy as np
import pytest
from tests.data.burned_in import fan, in_colours, with_text

from sendit.text.boxes import Box, joined
from sendit.text.detector import detector

SIZES, GREYS, MOST = (9, 12, 16, 24), (150, 200, 255), 256


def boxes_of(picture: np.ndarray) -> tuple[Box, ...]:
    return joined(detector().boxes(in_colours(picture)), MOST)


def covered(boxes: tuple[Box, ...], shape: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for box in boxes:
        mask[box.top : box.bottom, box.left : box.right] = True
    return mask


def measured(seeds: range) -> tuple[float, float]:
    """The share of all glyphs' pixels that boxes cover, and of other pixels that they take along."""
    glyph_area = found = other = taken = 0
    for size, grey, inside in product(SIZES, GREYS, (False, True)):
        area = here = 0
        for seed in seeds:
            picture, glyphs = with_text(1000 * seed + 10 * size + grey, size, grey, inside=inside)
            mask = covered(boxes_of(picture), glyphs.shape)
            area, here = area + glyphs.sum(), here + (glyphs & mask).sum()
            other, taken = other + (~glyphs).sum(), taken + (mask & ~glyphs).sum()
        print(f"{size} px, grey {grey}, {'inside' if inside else 'outside'}: {here / area:.3f}")  # noqa: T201
        glyph_area, found = glyph_area + area, found + here
    print(f"all: {found / glyph_area:.4f}, of other pixels {taken / other:.4f}")  # noqa: T201
    return found / glyph_area, taken / other


@pytest.mark.thorough
def test_at_least_95_percent_of_the_glyphs_are_covered_and_little_else() -> None:
    share, taken = measured(range(1))
    assert share >= 0.95
    assert taken <= 0.06


@pytest.mark.thorough
def test_so_it_is_of_other_pictures(request: pytest.FixtureRequest) -> None:
    many = bool(request.config.getoption("--long"))
    assert measured(range(1, 4 if many else 2))[0] >= 0.95


@pytest.mark.thorough
def test_few_boxes_are_where_there_is_no_text() -> None:
    found = [len(boxes_of(fan(seed)[0])) for seed in range(50, 58)]
    print("false boxes:", found)  # noqa: T201
    assert sum(found) <= 16


@pytest.mark.thorough
def test_a_box_is_where_it_was_found_in_a_picture_of_many_tiles() -> None:
    picture, glyphs = with_text(7, 16, 255, inside=False, lines=2)
    large = np.zeros((2500, 3000), np.uint8)
    large[1500 : 1500 + picture.shape[0], 1700 : 1700 + picture.shape[1]] = picture
    mask = covered(boxes_of(large), large.shape)[1500 : 1500 + picture.shape[0], 1700 : 1700 + picture.shape[1]]
    assert (mask & glyphs).sum() >= 0.95 * glyphs.sum()
