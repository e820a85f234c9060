"""Image workers as processes of their own: de-identifying is bound by the processor, not by the disk."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from itertools import islice
from typing import Generic, cast

from sendit.adapters.lane import Item, Lane, Result, Step, entry_of, inspect, store, unfinished
from sendit.deadline import ENDLESS, Deadline
from sendit.errors import SENTENCES, Code, TransientError
from sendit.images import ImagePipeline
from sendit.logs import event
from sendit.outcome import Inspected, Outcome, Planned
from sendit.records import ImageState
from sendit.refs import BatchName, Entry

_BATCHES_REMEMBERED = 16
_ANSWER_SECONDS = 1.0  # after a deadline, for a process to say what it has done
_SLICES_A_LANE = 2  # one at work, one waiting, so that no process has to wait for the parent

Slice = tuple[int, Sequence[Item], datetime]
"""A lane, what was handed over to it, and when."""


class ProcessWorkers:
    """`ImageWorkers` in `count` spawned processes, each with a pipeline that `make_pipeline` builds there.

    Images travel in slices of up to `slice_size`; a process works on `threads` of a slice at a time, which
    overlaps what they wait for. An image is stored by the process that inspected it, which may have kept its
    bytes. Processes live until the end, and several threads may ask at once.

    A process that dies takes no image along: those that were in its hands are tried again, each alone in a
    process of its own, and only an image that ends it there becomes an error (worker_crashed).
    """

    def __init__(
        self, count: int, make_pipeline: Callable[[], ImagePipeline], *, slice_size: int = 1, threads: int = 1
    ) -> None:
        self._lanes = [Lane(make_pipeline, threads) for _ in range(count)]
        self._make_pipeline = make_pipeline
        self._slice_size = slice_size
        self._lock = threading.Lock()
        self._on_trial = threading.Lock()
        self._inspected_by: dict[BatchName, dict[str, int]] = {}

    def __enter__(self) -> "ProcessWorkers":
        """Processes start when there is work."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes; what they are at is finished first, what waits is dropped."""
        for lane in self._lanes:
            lane.shut()

    def inspect(
        self, batch: BatchName, entries: Iterable[Entry], deadline: Deadline = ENDLESS
    ) -> Iterator[Inspected | Outcome]:
        """See `ImageWorkers.inspect`."""
        entries = list(entries)
        by: dict[str, int] = {}
        with self._lock:
            self._inspected_by.pop(batch, None)
            self._inspected_by[batch] = by
            if len(self._inspected_by) > _BATCHES_REMEMBERED:
                del self._inspected_by[next(iter(self._inspected_by))]

        def remember(entry: Entry, lane: int) -> None:
            by[entry.name] = lane

        # few images are spread as well as many
        slice_size = min(self._slice_size, -(-len(entries) // (len(self._lanes) * _SLICES_A_LANE)))
        return self._spread(inspect, batch, _FromOne(entries, slice_size), remember, deadline)

    def store(self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS) -> Iterator[Outcome]:
        """See `ImageWorkers.store`."""
        with self._lock:
            by = self._inspected_by.get(batch, {})
        piles: list[list[Planned]] = [[] for _ in self._lanes]
        for position, plan in enumerate(planned):
            piles[by.get(plan.entry.name, position % len(piles))].append(plan)
        results = self._spread(store, batch, _FromEach(piles, self._slice_size), lambda _, __: None, deadline)
        return cast("Iterator[Outcome]", results)

    def _spread(
        self,
        step: Step[Item],
        batch: BatchName,
        source: "_Source[Item]",
        seen: Callable[[Item, int], None],
        deadline: Deadline,
    ) -> Iterator[Result]:
        """Work until the source is empty, in rounds: each ends with its lanes idle, and then come the trials."""
        while True:
            suspects = yield from self._round(step, batch, source, seen, deadline)
            if not suspects or deadline.near:
                return
            event(logging.WARNING, "A worker process died; its images are tried again one by one.")
            yield from self._try_alone(step, batch, suspects, deadline)

    def _round(
        self,
        step: Step[Item],
        batch: BatchName,
        source: "_Source[Item]",
        seen: Callable[[Item, int], None],
        deadline: Deadline,
    ) -> Generator[Result, None, list[Item]]:
        """Keep all lanes busy; returns the images of those that died, which get no more work in this round."""
        busy: dict[Future[Sequence[Result | TransientError]], Slice[Item]] = {}
        load = dict.fromkeys(range(len(self._lanes)), 0)
        suspects: list[Item] = []
        try:
            while True:
                for depth in range(_SLICES_A_LANE):
                    for lane in [lane for lane, slices in load.items() if slices <= depth]:
                        if deadline.near or not (items := source.take(lane)):
                            continue
                        try:
                            busy[self._lanes[lane].submit(step, batch, items, deadline)] = (
                                lane,
                                items,
                                datetime.now(UTC),
                            )
                            load[lane] += 1
                        except BrokenProcessPool:
                            suspects.extend(items)
                            del load[lane]
                if not busy:
                    return suspects
                done = wait(busy, deadline.left(_ANSWER_SECONDS), return_when=FIRST_COMPLETED).done
                if not done:  # what holds a process up does not even let it answer
                    yield from self._cut_short(busy)
                    return suspects
                for future in done:
                    lane, items, _ = busy.pop(future)
                    try:
                        results = future.result()
                    except BrokenProcessPool:
                        suspects.extend(items)
                        load.pop(lane, None)
                        continue
                    if lane in load:
                        load[lane] -= 1
                    for item in items:
                        seen(item, lane)
                    if any(_is_unfinished(result) for result in results):
                        self._lanes[lane].kill()
                    yield from _sound(results)
        finally:
            for future in busy:
                future.cancel()

    def _cut_short(self, busy: Mapping[Future[Sequence[Result | TransientError]], Slice[Item]]) -> Iterator[Result]:
        """Kill what does not come to its end; whatever it may have begun is unfinished."""
        killed = {lane for lane, _, _ in busy.values() if self._lanes[lane].kill()}
        for lane, items, since in busy.values():
            if lane in killed:
                yield from (unfinished(item, since) for item in items)

    def _try_alone(
        self, step: Step[Item], batch: BatchName, suspects: Sequence[Item], deadline: Deadline
    ) -> Iterator[Result]:
        """Try image after image in a fresh process. Raises `TransientError` (workers_unavailable) if none starts."""
        trial = Lane(self._make_pipeline)
        try:
            for item in suspects:
                if deadline.near:
                    return
                with self._on_trial:
                    trial.try_to_start()
                    since = datetime.now(UTC)
                    try:
                        results = trial.submit(step, batch, [item], deadline).result(deadline.left(_ANSWER_SECONDS))
                    except BrokenProcessPool:
                        results = [_crashed(item)]
                    except TimeoutError:
                        trial.kill()
                        results = [unfinished(item, since)]
                yield from _sound(results)
        finally:
            trial.shut()


class _Source(Generic[Item]):
    """Where lanes take their slices from."""

    def take(self, lane: int) -> Sequence[Item]:
        """The next slice for a lane; empty if there is none."""
        raise NotImplementedError


class _FromOne(_Source[Item]):
    """Any slice for any lane."""

    def __init__(self, items: Iterable[Item], slice_size: int) -> None:
        self._items: Iterator[Item] = iter(items)
        self._slice_size = slice_size

    def take(self, lane: int) -> Sequence[Item]:
        del lane
        return list(islice(self._items, self._slice_size))


class _FromEach(_Source[Item]):
    """To each lane its own."""

    def __init__(self, piles: Iterable[Iterable[Item]], slice_size: int) -> None:
        self._piles: list[deque[Item]] = [deque(pile) for pile in piles]
        self._slice_size = slice_size

    def take(self, lane: int) -> Sequence[Item]:
        pile = self._piles[lane]
        return [pile.popleft() for _ in range(min(self._slice_size, len(pile)))]


def _sound(results: Iterable[Result | TransientError]) -> Iterator[Result]:
    """The results; then what stops the attempt, if anything does."""
    stopped = None
    for result in results:
        if isinstance(result, TransientError):
            stopped = result
        else:
            yield result
    if stopped is not None:
        raise stopped


def _crashed(item: Entry | Planned) -> Outcome:
    at = datetime.now(UTC)
    code = Code.WORKER_CRASHED
    return Outcome(entry_of(item), ImageState.ERROR, at, at, code=code, sentence=SENTENCES[code])


def _is_unfinished(result: Result | TransientError) -> bool:
    return isinstance(result, Outcome) and result.state is ImageState.PROCESSING
