"""Use cases that stop before every call of the status store, so that a test decides who is next, and who dies there."""

from collections.abc import Callable, Iterator
from enum import Enum, auto
from threading import Semaphore, Thread
from typing import TYPE_CHECKING, Any

from sendit.errors import Code, TransientError

if TYPE_CHECKING:
    from sendit.records import Lease

SECONDS_TO_A_GATE = 60.0


class Died(BaseException):
    """The process is gone, in the middle of whatever it was at."""


class Verdict(Enum):
    """What becomes of the call that a task waits with."""

    DONE = auto()
    DIES_BEFORE = auto()
    DIES_AFTER = auto()
    FAILS_BEFORE = auto()
    FAILS_AFTER = auto()  # it is written, and the answer is lost


class Task:
    """A use case in a thread of its own, which goes on by one step at a time and only when it is told to."""

    def __init__(self, run: Callable[["Task"], object]) -> None:
        self.lease: Lease | None = None
        self.error: BaseException | None = None
        self._run = run
        self._verdict = Verdict.DONE
        self._dead = False
        self._go, self._stopped = Semaphore(0), Semaphore(0)
        self.ended = False
        Thread(target=self._work, daemon=True).start()
        self._wait()

    def step(self, verdict: Verdict = Verdict.DONE) -> None:
        """Let the call at which it waits happen like this, and return when it waits with the next one or has ended."""
        self._verdict = verdict
        self._go.release()
        self._wait()

    def finish(self) -> None:
        """Let everything happen that is left."""
        while not self.ended:
            self.step()

    def die(self) -> None:
        """End it here."""
        if not self.ended:
            self.step(Verdict.DIES_BEFORE)

    def call(self, method: Callable[[], Any]) -> Any:
        """In the task's thread: wait to be told, then make this call, or do not."""
        if self._dead:  # whatever a dead process would do to tidy up
            raise Died
        self._stopped.release()
        self._go.acquire()
        verdict = self._verdict
        if verdict is Verdict.DIES_BEFORE:
            self._dead = True
            raise Died
        if verdict is Verdict.FAILS_BEFORE:
            raise TransientError(Code.STATUS_UNAVAILABLE)
        result = method()
        if verdict is Verdict.DIES_AFTER:
            self._dead = True
            raise Died
        if verdict is Verdict.FAILS_AFTER:
            raise TransientError(Code.STATUS_UNAVAILABLE)
        return result

    def _work(self) -> None:
        try:
            self._run(self)
        except BaseException as error:  # noqa: BLE001  the machine judges it
            self.error = error
        self.ended = True
        self._stopped.release()

    def _wait(self) -> None:
        if not self._stopped.acquire(timeout=SECONDS_TO_A_GATE):
            raise AssertionError("a task neither waits nor ends")


Judging = Callable[[Task, str, tuple[Any, ...], Callable[[], Any]], Any]
"""Makes a call of a task, by the method's name and what it is given, and looks at what it did."""


class Stepped:
    """A status store, queue or the like for one task: each of its calls is a step, seen by whoever judges it."""

    def __init__(self, inner: object, task: Task, judge: Judging) -> None:
        self._inner, self._task, self._judge = inner, task, judge

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._inner, name)

        def step(*given: Any, **named: Any) -> Any:
            def call() -> Any:
                answer = method(*given, **named)
                return list(answer) if isinstance(answer, Iterator) else answer

            answer = self._task.call(lambda: self._judge(self._task, name, given, call))
            return iter(answer) if isinstance(answer, list) and name in {"images", "batches"} else answer

        return step
