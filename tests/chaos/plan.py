"""What goes wrong between a function and the cloud, and when: decided by a random source, so that a seed repeats it."""

import random
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum


class Fault(StrEnum):
    """What can happen to a piece of traffic."""

    RESET = "reset"  # before it gets through
    RESET_WITHIN = "reset within"  # half of it gets through
    STALLED = "stalled"
    CUT_OFF = "cut off"  # every connection is reset, and none accepted for a while
    # to a request of HTTP/1.1 alone:
    ANSWER_LOST = "answer lost"  # the request is carried out
    TOO_MANY = "429"
    UNAVAILABLE = "503"
    TRUNCATED = "truncated"  # the answer ends before its Content-Length
    SHORTENED = "shortened"  # so does it, and its Content-Length agrees


OF_CONNECTIONS = (Fault.RESET, Fault.RESET_WITHIN, Fault.STALLED, Fault.CUT_OFF)
OF_REQUESTS = tuple(Fault)


class Plan:
    """The faults of one proxy: `most` of these kinds, about `every` so many pieces one, each of about `seconds`.

    Each kind happens before one happens again, and the first cut-off lasts for `outage` seconds at least.
    """

    def __init__(
        self,
        chance: random.Random,
        kinds: Sequence[Fault],
        *,
        every: int,
        most: int,
        seconds: float,
        outage: float = 0.0,
    ) -> None:
        self._chance = chance
        self._kinds = kinds
        self._first = chance.sample(kinds, len(kinds))
        self._outage = outage
        self._every = every
        self._left = most
        self._seconds = seconds
        self._pieces = self._until_the_next()
        self.happened: Counter[str] = Counter()
        self.longest = 0.0
        """Seconds of the longest cut-off that has ended."""

    def next(self) -> Fault | None:
        """What happens to the piece at hand, if anything."""
        self._pieces -= 1
        if self._pieces > 0 or self._left == 0:
            return None
        self._pieces = self._until_the_next()
        self._left -= 1
        fault = self._first.pop() if self._first else self._chance.choice(self._kinds)
        self.happened[fault] += 1
        return fault

    def seconds(self) -> float:
        """How long it is stalled."""
        return self._seconds * self._chance.uniform(0.5, 1.5)

    def cut_off(self) -> float:
        """How long it is cut off."""
        outage, self._outage = self._outage, 0.0
        return outage + self.seconds()

    def stop(self) -> None:
        """Let nothing more happen."""
        self._left = 0

    def _until_the_next(self) -> int:
        return self._chance.randint(1, 2 * self._every)
