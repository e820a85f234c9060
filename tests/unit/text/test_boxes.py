"""Boxes from a map of probabilities, and boxes that become fewer: nothing that was in one is ever outside of all."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sendit.text.boxes import Box, boxes_in, joined

MOST = 8


def covered(boxes: tuple[Box, ...], shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for box in boxes:
        mask[box.top : box.bottom, box.left : box.right] = True
    return mask


@st.composite
def some_boxes(draw: st.DrawFn) -> list[Box]:
    edges = st.integers(0, 63)
    sizes = st.integers(1, 16)
    numbers = st.tuples(edges, edges, sizes, sizes, st.sampled_from((0.3, 0.5, 1.0)))
    return [Box(x, y, x + wide, y + high, score) for x, y, wide, high, score in draw(st.lists(numbers, max_size=40))]


@given(some_boxes())
@settings(deadline=None)
def test_joined_boxes_are_few_apart_and_cover_the_same(boxes: list[Box]) -> None:
    few = joined(boxes, MOST)
    assert len(few) <= MOST
    assert not (covered(tuple(boxes), (80, 80)) & ~covered(few, (80, 80))).any()
    assert sum(int(covered((box,), (80, 80)).sum()) for box in few) == covered(few, (80, 80)).sum()
    assert max((box.score for box in few), default=0) == max((box.score for box in boxes), default=0)
    assert joined(reversed(boxes), MOST) == few or len(joined(boxes, 1000)) > MOST


@given(
    arrays.arrays(
        np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.floats(0, 1, width=32)
    )
)
@settings(deadline=None)
def test_all_that_is_likely_to_be_text_is_in_a_box_of_the_frame(probability: np.ndarray) -> None:
    rows, columns = probability.shape
    boxes = tuple(boxes_in(probability))
    assert all(0 <= box.left < box.right <= columns and 0 <= box.top < box.bottom <= rows for box in boxes)
    assert covered(boxes, (rows, columns))[probability >= 0.31].all()


def test_lines_that_are_apart_stay_apart_as_long_as_there_may_be_so_many() -> None:
    boxes = [Box(20 * x, 20 * y, 20 * x + 5, 20 * y + 5, 0.5) for x in range(20) for y in range(20)]
    assert joined(boxes, 400) == tuple(sorted(boxes))
    assert len(joined(boxes, 399)) < 399
