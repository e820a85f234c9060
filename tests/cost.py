"""That work costs in proportion to its size: the small and the large side by side, whatever the machine."""

import time
from collections.abc import Callable
from typing import TypeVar

Prepared = TypeVar("Prepared")

TIMES = 8
"""How many times larger the large work is: what is linear costs about 8 times the small, what is quadratic 64 times."""

MOST = 24

_ATTEMPTS = 4
_LEAST_SECONDS = 0.02


def in_proportion(prepare: Callable[[int], Prepared], work: Callable[[Prepared], object], size: int) -> None:
    """Fails if `work` of `size` costs more than `MOST` times what it costs of an eighth of that, at its best.

    `prepare` is not measured; where what is done twice is remembered, it must give another one each time.
    """
    ratios: list[float] = []
    while not ratios or (min(ratios) > MOST and len(ratios) < _ATTEMPTS):
        small = _seconds(prepare, work, size // TIMES)
        ratios.append(_seconds(prepare, work, size) / small)
    assert min(ratios) <= MOST, ratios


def _seconds(prepare: Callable[[int], Prepared], work: Callable[[Prepared], object], size: int) -> float:
    """Processor seconds of one go, of so many that the clock can tell."""
    taken, goes = 0.0, 0
    while taken < _LEAST_SECONDS:
        prepared = prepare(size)
        start = time.process_time()
        work(prepared)
        taken, goes = taken + time.process_time() - start, goes + 1
    return taken / goes
