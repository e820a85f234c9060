"""Boxes around text: taken from a map of probabilities, moved, and joined until few are left."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sendit.pixels import Rectangle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

CELL = 4
"""Pixels on each side of what is looked at as one."""
_LEAST_OF_A_CELL, _LEAST_OF_A_BOX = 0.2, 0.3
_MARGIN = 2
_AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


class Box(NamedTuple):
    """Pixels of a frame, half-open, in which there is text, and the highest probability among them."""

    left: int
    top: int
    right: int
    bottom: int
    score: float

    def rectangle(self) -> Rectangle:
        """The pixels alone."""
        return Rectangle(self.left, self.top, self.right, self.bottom)

    def within(self, columns: int, rows: int) -> Box:
        """The part of it that lies in a frame."""
        left, top = max(0, self.left), max(0, self.top)
        return Box(left, top, min(columns, self.right), min(rows, self.bottom), self.score)

    def joined(self, other: Box) -> Box:
        """The smallest box around both."""
        left, top = min(self.left, other.left), min(self.top, other.top)
        right, bottom = max(self.right, other.right), max(self.bottom, other.bottom)
        return Box(left, top, right, bottom, max(self.score, other.score))

    def is_near(self, other: Box, gap: int) -> bool:
        """Whether fewer than `gap` pixels lie between them, or they overlap."""
        return (
            self.left < other.right + gap
            and other.left < self.right + gap
            and self.top < other.bottom + gap
            and other.top < self.bottom + gap
        )


def boxes_in(probability: NDArray[np.float32]) -> Iterator[Box]:
    """Boxes around what a map (rows × columns) says is text.

    The model marks the middle of a line, so that a box is larger by about the line's height (DBNet's unclipping).
    """
    rows, columns = probability.shape
    padded = np.pad(probability, ((0, -rows % CELL), (0, -columns % CELL)))
    cells = padded.reshape(padded.shape[0] // CELL, CELL, -1, CELL).max((1, 3))
    for left, top, right, bottom in _connected(cells > _LEAST_OF_A_CELL):
        score = float(cells[top:bottom, left:right].max())
        if score < _LEAST_OF_A_BOX:
            continue
        wide, high = (right - left) * CELL, (bottom - top) * CELL
        more = _MARGIN + wide * high // (wide + high)
        box = Box(left * CELL - more, top * CELL - more, right * CELL + more, bottom * CELL + more, round(score, 2))
        yield box.within(columns, rows)


def _connected(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int, int, int]]:
    """Left, top, right and bottom of each set of cells that touch, be it at a corner, from top to bottom."""
    found = [(row, column) for row, column in np.argwhere(mask).tolist()]
    left_over = set(found)
    for first in found:
        if first not in left_over:
            continue
        left_over.remove(first)
        grown = [first]
        for row, column in grown:  # grows while it is walked through
            near = {(row + down, column + along) for down, along in _AROUND} & left_over
            left_over -= near
            grown.extend(near)
        rows, columns = zip(*grown, strict=True)
        yield min(columns), min(rows), max(columns) + 1, max(rows) + 1


def joined(boxes: Iterable[Box], most: int) -> tuple[Box, ...]:
    """Boxes that cover the same pixels and do not overlap; if more than `most` were left, near ones become one."""
    left, gap = sorted(boxes), 0
    while True:
        left = _joined(left, gap)
        if len(left) <= most:
            return tuple(left)
        gap = 2 * gap or CELL


def _joined(boxes: list[Box], gap: int) -> list[Box]:
    done: list[Box] = []
    for box in boxes:
        while near := [one for one in done if one.is_near(box, gap)]:
            done = [one for one in done if not one.is_near(box, gap)]
            for one in near:
                box = box.joined(one)
        done.append(box)
    return sorted(done)
