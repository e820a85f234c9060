"""Which pixels of a frame are blanked, said in rectangles and found out row by row."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_RECTANGLES = 256
"""What is blanked is worked out in a time that grows with the square of their number."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Pixels of a frame, half-open: from `left` up to before `right`, from `top` up to before `bottom`.

    Raises:
        ValueError: it is inverted or empty, or begins outside any frame.
    """

    left: int
    top: int
    right: int
    bottom: int

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right and 0 <= self.top < self.bottom):
            raise ValueError("a rectangle is 0 <= left < right and 0 <= top < bottom")


class Band(NamedTuple):
    """Rows from `top` up to before `bottom`, in each of which the same spans of columns are blanked."""

    top: int
    bottom: int
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What is blanked in every frame of an object: the `blank` rectangles, and all that lies outside the `keep` ones.

    Without `keep` nothing is blanked beside `blank`. Of a rectangle to keep, `margin` pixels are blanked on each of its
    sides: what is drawn along the border of a region reaches into it. Rectangles are clipped to the frame.

    Raises:
        ValueError: there is nothing to do, there are too many rectangles, or the margin is negative.
    """

    blank: tuple[Rectangle, ...] = ()
    keep: tuple[Rectangle, ...] = ()
    margin: int = 0

    def __post_init__(self) -> None:
        if not 0 < len(self.blank) + len(self.keep) <= MOST_RECTANGLES:
            raise ValueError(f"a cleaning has 1 to {MOST_RECTANGLES} rectangles")
        if self.margin < 0:
            raise ValueError("a margin is not negative")

    def bands(self, rows: int, columns: int) -> tuple[Band, ...]:
        """The bands that are blanked in a frame, from top to bottom, and their spans from left to right."""
        edges = {0, rows}
        for one in self.blank:
            edges |= {min(one.top, rows), min(one.bottom, rows)}
        for one in self.keep:
            edges |= {min(one.top + self.margin, rows), max(0, min(one.bottom - self.margin, rows))}
        ordered = sorted(edges)
        found = (Band(top, bottom, tuple(self._spans(top, columns))) for top, bottom in pairwise(ordered))
        return tuple(band for band in found if band.spans)

    def _spans(self, row: int, columns: int) -> list[tuple[int, int]]:
        """The columns that are blanked in a row."""
        spans = [(one.left, min(one.right, columns)) for one in self.blank if one.top <= row < one.bottom]
        if self.keep:
            margin = self.margin
            kept = [
                (one.left + margin, min(one.right - margin, columns))
                for one in self.keep
                if one.top + margin <= row < one.bottom - margin
            ]
            reached = 0
            for left, right in _merged(kept):
                spans.append((reached, left))
                reached = right
            spans.append((reached, columns))
        return _merged(spans)


def blanked_by(cleanings: Iterable[Cleaning], rows: int, columns: int) -> tuple[int, ...]:
    """What several cleanings blank of a frame together: left, top, right, bottom of rectangles that do not overlap.

    Half-open as a `Rectangle`, from top to bottom and from left to right, at most `MOST_RECTANGLES` of them. Where
    there would be more, neighbours are said as one, with what lies between them.
    """
    bands = [band for cleaning in cleanings for band in cleaning.bands(rows, columns)]
    begins: dict[int, list[Band]] = {}
    for band in bands:
        begins.setdefault(band.top, []).append(band)
    open_bands: list[Band] = []
    together: list[Band] = []
    for top, bottom in pairwise(sorted({edge for band in bands for edge in (band.top, band.bottom)})):
        open_bands = [band for band in open_bands if band.bottom > top] + begins.get(top, [])
        together.append(Band(top, bottom, tuple(_merged([span for band in open_bands for span in band.spans]))))
    while len(together) > 1 and _number(together) > MOST_RECTANGLES:
        together = [_united(together[place : place + 2]) for place in range(0, len(together), 2)]
    if _number(together) > MOST_RECTANGLES:
        (band,) = together
        together = [band._replace(spans=((band.spans[0][0], band.spans[-1][1]),))]
    return tuple(
        edge for band in together for left, right in band.spans for edge in (left, band.top, right, band.bottom)
    )


def _number(bands: list[Band]) -> int:
    return sum(len(band.spans) for band in bands)


def _united(bands: list[Band]) -> Band:
    """One band over the rows of neighbours, which blanks what any of them does."""
    spans = tuple(_merged([span for band in bands for span in band.spans]))
    return Band(bands[0].top, bands[-1].bottom, spans)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same columns as spans that neither overlap nor touch, in order and none of them empty."""
    merged: list[tuple[int, int]] = []
    for left, right in sorted(span for span in spans if span[0] < span[1]):
        if merged and left <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(right, merged[-1][1])
        else:
            merged.append((left, right))
    return merged
