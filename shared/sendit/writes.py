"""Writes to the status store in their order, in a thread of their own: images do not wait for them."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

_WAITING = 2  # writes that may be behind the work; one more makes the work wait


class Writes:
    """The writes of one attempt. The first that fails ends them: none behind it is begun, and every call raises it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="status-writes")
        self._waiting: deque[Future[None]] = deque()
        self._failure: BaseException | None = None

    def __enter__(self) -> "Writes":
        """The thread starts with the first write."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the write that is begun end; what waits is dropped."""
        self._thread.shutdown(cancel_futures=True)

    def begin(self, write: Callable[[], object], *, at_once: bool = False) -> None:
        """Write behind those that came before; waits while there are too many of them, unless `at_once`.

        Raises what one of them failed with.
        """
        self._wait(len(self._waiting) if at_once else _WAITING)
        self._waiting.append(self._thread.submit(self._unless_failed, write))

    def finish(self) -> None:
        """Return when everything is written. Raises what a write failed with."""
        self._wait(0)

    def _wait(self, most: int) -> None:
        while len(self._waiting) > most:
            self._waiting.popleft().result()
        if self._failure is not None:
            raise self._failure

    def _unless_failed(self, write: Callable[[], object]) -> None:
        if self._failure is None:
            try:
                write()
            except BaseException as error:
                self._failure = error
                raise
