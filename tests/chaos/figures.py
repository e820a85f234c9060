"""What a test counted and measured, for the summary: counts, seconds, and the peak of a process tree's memory."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from tests.chaos.processes import resident_bytes, tree

_SECONDS_BETWEEN_LOOKS = 0.2
_MIB = 1024 * 1024
MOST_MEMORY = 700 * _MIB
"""A function with two worker processes had 443 to 465 MiB at its peak, what they share counted in each."""
SEVERE = frozenset({"ERROR", "CRITICAL"})


def complaints(lines: Iterable[Mapping[str, Any]], severities: Collection[str] = SEVERE) -> set[tuple[str, str, str]]:
    """What log lines of these severities say: message, code, and the place in the code."""
    return {
        (line["message"], line.get("code", ""), line.get("place", ""))
        for line in lines
        if line["severity"] in severities
    }


class Figures:
    """Counts by name, in the order in which they came; seconds and the peak are added at the end."""

    def __init__(self) -> None:
        self.told: dict[str, int | float | str] = {}
        self.peak_bytes = 0
        self._root: Callable[[], int] = lambda: 0
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._watch.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._watch.join()

    def watch(self, root: Callable[[], int]) -> None:
        """Whose tree's memory is looked at from here on: the process that `root` says at each look."""
        self._root = root

    def check_memory(self) -> None:
        """Fail if the tree that was looked at was ever larger than it may be, or was never seen."""
        assert 0 < self.peak_bytes < MOST_MEMORY, f"{self.peak_bytes // _MIB} MiB"

    def count(self, name: str, more: int = 1) -> int:
        """Count one more; how many there are."""
        name = str(name)  # a code is told by its plain text, which travels between the processes of the tests
        self.told[name] = now = int(self.told.get(name, 0)) + more
        return now

    def conclude(self) -> None:
        """Add what is known at the end."""
        self.told["seconds"] = round(time.monotonic() - self._began, 1)
        if self.peak_bytes:
            self.told["peak MiB"] = self.peak_bytes // _MIB

    def _look(self) -> None:
        while not self._ended.wait(_SECONDS_BETWEEN_LOOKS):
            root = self._root()
            if root:
                self.peak_bytes = max(self.peak_bytes, sum(map(resident_bytes, tree(root))))
