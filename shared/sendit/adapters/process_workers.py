"""Image workers as processes of their own: de-identifying is bound by the processor, not by the disk."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from multiprocessing.connection import wait
from typing import TypeVar

from sendit.errors import SENTENCES, Code, TransientError
from sendit.images import ImagePipeline, Outcome, Planned
from sendit.logs import event, place_of
from sendit.records import ImageState
from sendit.refs import BatchName, Entry

Item = TypeVar("Item", Entry, Planned)
Result = TypeVar("Result", Outcome, "Planned | Outcome")

_pipeline: ImagePipeline | None = None  # of this worker process


class ProcessWorkers:
    """`ImageWorkers` in `count` spawned processes, each with a pipeline that `make_pipeline` builds there.

    A process that dies takes no image along: those that were in work are tried again one by one, and only
    an image that ends its process when it is alone becomes an error (worker_crashed).
    """

    def __init__(self, count: int, make_pipeline: Callable[[], ImagePipeline]) -> None:
        self._count = count
        self._make_pipeline = make_pipeline
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "ProcessWorkers":
        """Processes start when there is work."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes; what they are at is finished first, what waits is dropped."""
        self._shut()

    def inspect(self, batch: BatchName, entries: Iterable[Entry]) -> Iterator[Planned | Outcome]:
        """See `ImageWorkers.inspect`."""
        return self._spread(_inspect, batch, entries)

    def store(self, batch: BatchName, planned: Iterable[Planned]) -> Iterator[Outcome]:
        """See `ImageWorkers.store`."""
        return self._spread(_store, batch, planned)

    def _spread(
        self, work: Callable[[BatchName, Item], Result], batch: BatchName, items: Iterable[Item]
    ) -> "Iterator[Result | Outcome]":
        futures: dict[Future[Result], Item] = {}
        suspects: list[Item] = []
        for item in items:
            try:
                futures[self._running().submit(work, batch, item)] = item
            except BrokenProcessPool:
                suspects.append(item)
        try:
            for future in as_completed(futures):
                try:
                    yield future.result()
                except BrokenProcessPool:
                    suspects.append(futures[future])
        finally:
            for future in futures:
                future.cancel()
        if suspects:
            event(logging.WARNING, "A worker process died; its images are tried again one by one.")
            self._shut()
        for item in suspects:
            yield self._alone(work, batch, item)

    def _alone(self, work: Callable[[BatchName, Item], Result], batch: BatchName, item: Item) -> "Result | Outcome":
        try:
            self._running().submit(_ready).result()
        except BrokenProcessPool:
            self._shut()
            raise TransientError(Code.WORKERS_UNAVAILABLE) from None
        try:
            return self._running().submit(work, batch, item).result()
        except BrokenProcessPool:
            self._shut()
            now = datetime.now(UTC)
            code = Code.WORKER_CRASHED
            return Outcome(_entry_of(item), ImageState.ERROR, now, now, code=code, sentence=SENTENCES[code])

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._count,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start,
                initargs=(self._make_pipeline,),
            )
            # processes start at the first submit and inherit what is blocked: Ctrl-C is for the parent alone
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                self._pool.submit(_ready)
            except OSError:
                raise TransientError(Code.WORKERS_UNAVAILABLE) from None
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return self._pool

    def _shut(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def _entry_of(item: Entry | Planned) -> Entry:
    return item.entry if isinstance(item, Planned) else item


def _start(make_pipeline: Callable[[], ImagePipeline]) -> None:
    """Make a fresh process a worker: deaf to Ctrl-C, which its parent hears, and gone when its parent is."""
    global _pipeline
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()
    try:
        _pipeline = make_pipeline()
    except Exception as error:  # noqa: BLE001  the pool would print it, with its text
        event(logging.ERROR, "A worker process could not start.", place=place_of(error))
        os._exit(1)


def _follow(parent: int) -> None:
    wait([parent])
    os._exit(1)


def _ready() -> None:
    """Does nothing, in a process that could start."""


def _inspect(batch: BatchName, entry: Entry) -> Planned | Outcome:
    return _the_pipeline().inspect(batch, entry)


def _store(batch: BatchName, planned: Planned) -> Outcome:
    return _the_pipeline().store(batch, planned)


def _the_pipeline() -> ImagePipeline:
    if _pipeline is None:
        raise RuntimeError("this process was not started as a worker")
    return _pipeline
