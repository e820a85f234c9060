"""A lane: one spawned process that works on images, a slice after the other; and what goes on inside it."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import wait
from typing import TypeVar

from sendit.deadline import ENDLESS, Deadline
from sendit.errors import Code, TransientError
from sendit.images import ImagePipeline
from sendit.logs import event, place_of
from sendit.outcome import Inspected, Outcome, Planned
from sendit.records import ImageState
from sendit.refs import BatchName, Entry

Item = TypeVar("Item", Entry, Planned)
Result = Inspected | Outcome
Step = Callable[[BatchName, Item], Result]


class Lane:
    """One process, started when there is work and again when it died. Threads of the parent may share it."""

    def __init__(self, make_pipeline: Callable[[], ImagePipeline], threads: int = 1) -> None:
        self._make_pipeline = make_pipeline
        self._threads = threads
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._pid: Future[int] | None = None

    def submit(
        self, step: Step[Item], batch: BatchName, items: Sequence[Item], deadline: Deadline
    ) -> "Future[Sequence[Result | TransientError]]":
        """Hand over a slice; this or its future raises `BrokenProcessPool` if the process dies before it is done.

        An image that stops the attempt has its `TransientError` among the results. When the deadline is up, those that
        are not done are `unfinished`, and the process must be killed: it is still at them.
        Raises `TransientError` (workers_unavailable) if no process can be had.
        """
        with self._lock:
            if self._pool is not None:
                try:
                    return self._pool.submit(_work, step, batch, items, deadline)
                except BrokenProcessPool:  # since the last slice
                    self._pool.shutdown()
            self._pool = self._started()
            return self._pool.submit(_work, step, batch, items, deadline)

    def try_to_start(self) -> None:
        """Raise `TransientError` (workers_unavailable) unless a fresh process comes as far as being ready."""
        try:
            self.submit(inspect, BatchName(()), (), ENDLESS).result()
        except BrokenProcessPool:
            raise TransientError(Code.WORKERS_UNAVAILABLE) from None

    def shut(self) -> None:
        """End the process; the slice it is at is finished first, what waits is dropped."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)
                self._pool = None

    def kill(self) -> bool:
        """End the process at once, whatever it is at. One that is starting is at nothing and stays: then False."""
        with self._lock:
            if self._pool is None or self._pid is None or not self._pid.done():
                return False
            if self._pid.exception() is None:
                with suppress(ProcessLookupError):
                    os.kill(self._pid.result(), signal.SIGKILL)
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
            return True

    def _started(self) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(
            1,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(self._make_pipeline, self._threads),
        )
        # the process starts at the first submit and inherits what is blocked: Ctrl-C is for the parent alone
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._pid = pool.submit(os.getpid)
        except OSError:
            raise TransientError(Code.WORKERS_UNAVAILABLE) from None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pool


@dataclass(frozen=True, slots=True)
class _Inside:
    """What a worker process consists of."""

    pipeline: ImagePipeline
    threads: ThreadPoolExecutor | None


_inside: _Inside | None = None  # of this worker process


def inspect(batch: BatchName, entry: Entry) -> Result:
    """`ImagePipeline.inspect`, in a worker process."""
    return _the_inside().pipeline.inspect(batch, entry)


def store(batch: BatchName, planned: Planned) -> Result:
    """`ImagePipeline.store`, in a worker process."""
    return _the_inside().pipeline.store(batch, planned)


def _start(make_pipeline: Callable[[], ImagePipeline], threads: int) -> None:
    """Make a fresh process a worker: deaf to Ctrl-C, which its parent hears, and gone when its parent is."""
    global _inside
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()
    try:
        _inside = _Inside(make_pipeline(), ThreadPoolExecutor(threads) if threads > 1 else None)
    except TransientError as error:
        event(logging.WARNING, error.sentence, code=error.code)
        os._exit(1)
    except Exception as error:  # noqa: BLE001  the pool would print it, with its text
        event(logging.ERROR, "A worker process could not start.", place=place_of(error))
        os._exit(1)


def _follow(parent: int) -> None:
    wait([parent])
    os._exit(1)


def _work(
    step: Step[Item], batch: BatchName, items: Sequence[Item], deadline: Deadline
) -> Sequence[Result | TransientError]:
    """A whole slice. After one image that stops the attempt, or when the deadline is near, no further one is begun."""
    stopped: list[TransientError] = []
    since: dict[int, datetime] = {}

    def one(position: int) -> Result | TransientError | None:
        if stopped or deadline.near:
            return None
        since[position] = datetime.now(UTC)
        try:
            return step(batch, items[position])
        except TransientError as error:
            stopped.append(error)
            return error

    threads = _the_inside().threads
    if threads is None:
        return [result for result in map(one, range(len(items))) if result is not None]
    futures = [threads.submit(one, position) for position in range(len(items))]
    wait_for(futures, deadline.left())
    results: list[Result | TransientError | None] = []
    for position, future in enumerate(futures):
        if future.done():
            results.append(future.result())
        elif not future.cancel():
            results.append(unfinished(items[position], since.get(position) or datetime.now(UTC)))
    return [result for result in results if result is not None]


def unfinished(item: Entry | Planned, since: datetime) -> Outcome:
    """What became of an image that was begun and not done in time."""
    return Outcome(entry_of(item), ImageState.PROCESSING, since, datetime.now(UTC))


def entry_of(item: Entry | Planned) -> Entry:
    """Which object an item of a slice is about."""
    return item.entry if isinstance(item, Planned) else item


def _the_inside() -> _Inside:
    if _inside is None:
        raise RuntimeError("this process was not started as a worker")
    return _inside
