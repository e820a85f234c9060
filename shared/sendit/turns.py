"""Turns at the work of one process, so that what is in flight is bounded however much is pushed to it at one time."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from sendit.errors import Busy

SECONDS_OF_PATIENCE = 20.0


class Turns:
    """`at_once` turns at one time; whoever comes then waits a little for one of them to end. For threads to share."""

    def __init__(self, at_once: int, patience: float = SECONDS_OF_PATIENCE) -> None:
        self._free = BoundedSemaphore(at_once)
        self._patience = patience

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have a turn until the block is left. Raises `Busy` if there is none within so many seconds."""
        if not self._free.acquire(timeout=self._patience):
            raise Busy
        try:
            yield
        finally:
            self._free.release()
