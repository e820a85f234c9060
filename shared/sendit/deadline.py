"""How long an attempt may take, on the monotonic clock, which all processes of a machine share."""

import time
from dataclasses import dataclass
from math import inf, isinf
from typing import Self

_TO_BEGIN = 0.75  # of a budget: until then images are begun; those in hand have the rest


@dataclass(frozen=True, slots=True)
class Deadline:
    """A budget in seconds, and when it began. When it nears, nothing is begun; when it is up, nothing awaited."""

    budget: float
    began: float

    @classmethod
    def after(cls, budget: float | None) -> Self:
        """A budget that begins now; None never ends."""
        return cls(inf if budget is None else budget, time.monotonic())

    @property
    def near(self) -> bool:
        """Whether it is too late to begin anything."""
        return time.monotonic() >= self.began + self.budget * _TO_BEGIN

    def part(self, tasks: int) -> "Deadline":
        """What the next of so many tasks may take, for each of them to have its turn: an equal part of what is left."""
        now = time.monotonic()
        to_begin = self.began + self.budget * _TO_BEGIN - now
        return Deadline(to_begin / tasks / _TO_BEGIN, now)

    def left(self, more: float = 0.0) -> float | None:
        """Seconds until it is up, and `more` of them; None if it never is. As a timeout."""
        if isinf(self.budget):
            return None
        return max(0.0, self.began + self.budget + more - time.monotonic())


ENDLESS = Deadline(inf, 0.0)
