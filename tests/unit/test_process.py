"""The use case of the worker over real adapters: claim, freeze, images, counts, rest; and what interrupts it."""

import itertools
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, _GeneratorContextManager, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import pytest
from tests.data import objects
from tests.naming import NOBODY, AsCalled

from sendit import attempt, deid
from sendit.adapters.folder_output import FolderOutput
from sendit.adapters.folder_reports import FolderReports
from sendit.adapters.folder_staging import FolderStaging
from sendit.adapters.inline_queue import InlineQueue
from sendit.adapters.keyed_identifiers import KeyedIdentifiers
from sendit.adapters.sqlite_status import SqliteStatusStore
from sendit.again import Again, Asked, ask_again, look_again, publish_again
from sendit.deadline import ENDLESS, Deadline
from sendit.errors import BatchError, Code, LeaseHeld, LeaseLost, Refused, TransientError, UsageError
from sendit.ids import DocumentIds
from sendit.images import ImagePipeline, InlineWorkers
from sendit.label import LABEL as LABEL_NAME
from sendit.label import OutLabel, claim_output
from sendit.lease import LeaseTerms
from sendit.manifest import Manifest
from sendit.naming import Naming
from sendit.outcome import Inspected, Outcome, Planned
from sendit.ports import OutputStore, PendingOutput, Stat
from sendit.process import process
from sendit.processing import Processing
from sendit.records import Batch, BatchState, Counts, Image, ImageState, Lease
from sendit.refs import BatchMessage, BatchName, Entry
from sendit.screen import Screen, default_rules, read_rules

NAME = BatchName.parse("ST-1")
KEYS = deid.Keyring(bytes(32))
PROFILE = deid.profile_named("research")
LABEL = OutLabel(KEYS.key_id, PROFILE.name, PROFILE.digest)


class Crash(BaseException):
    """The process dies here."""


class World:
    """One batch, and everything that its processing needs."""

    def __init__(self, folder: Path) -> None:
        self.source, self.out = folder / "src" / "ST-1", folder / "out"
        self.source.mkdir(parents=True)
        self.out.mkdir()
        self.store = SqliteStatusStore(folder / "status.sqlite3")
        self.staging = FolderStaging(self.source.parent, folder / "manifests")
        self.output = FolderOutput(self.out)
        self.ids = DocumentIds(KEYS)
        self.queue = InlineQueue()
        self.reports = FolderReports(folder / "reports", self.ids.batch)
        self.now = datetime(2026, 1, 2, 12, tzinfo=UTC)
        self.message = BatchMessage(self.ids.batch(NAME), str(NAME), 7)
        self.seen: list[Counts] = []
        self.register()

    def clock(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def register(self) -> None:
        now = self.clock()
        self.store.register(Batch(self.message.batch_id, str(NAME), BatchState.QUEUE, 7, now, now))

    @property
    def pipeline(self) -> ImagePipeline:
        return ImagePipeline(
            staging=self.staging,
            output=self.output,
            keys=KEYS,
            profile=PROFILE,
            screen=Screen(default_rules(), PROFILE.options),
            limits=deid.DEFAULT_LIMITS,
            clock=self.clock,
        )

    @property
    def naming(self) -> Naming:
        return Naming(KeyedIdentifiers(KEYS), KEYS.uid, self.clock)

    @property
    def processing(self) -> Processing:
        return Processing(
            staging=self.staging,
            store=self.store,
            queue=self.queue,
            reports=self.reports,
            workers=InlineWorkers(self.pipeline),
            naming=self.naming,
            ids=self.ids,
            clock=self.clock,
            lease_terms=LeaseTerms(ttl=90, heartbeat=20),
            in_flight_bytes=64 * 1024,
            label=LABEL,
            version="1",
            max_attempts=20,
        )

    def planned(self, entry: Entry) -> Planned | Outcome:
        inspected = self.pipeline.inspect(NAME, entry)
        return self.naming.of_batch(NOBODY)(inspected) if isinstance(inspected, Inspected) else inspected

    def put(self, *names: str) -> None:
        for name in names:
            number = sum(1 for _ in self.source.iterdir()) + 1
            (self.source / name).write_bytes(objects.to_bytes(objects.ct(number)))

    def process(self, **changes: object) -> Batch:
        return process(self.message, replace(self.processing, **changes), self.seen.append)  # type: ignore[arg-type]

    @property
    def batch(self) -> Batch:
        batch = self.store.batch(self.message.batch_id)
        assert batch is not None
        return batch

    @property
    def images(self) -> dict[str, Image]:
        found = {image.id: image for image in self.store.images(self.message.batch_id)}
        names = [path.name for path in self.source.iterdir()]
        return {name: found[self.ids.image(NAME, name)] for name in names if self.ids.image(NAME, name) in found}

    @property
    def outputs(self) -> list[Path]:
        return sorted(self.out.rglob("*.dcm"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with closing(made.store):
        yield made


def test_a_batch_with_an_error_has_a_report_until_it_rests_without_one(world: World) -> None:
    world.put("a")
    (world.source / "text").write_bytes(b"")
    world.process()
    report = world.reports.path_of(NAME)
    assert "    text\n" in report.read_text("utf-8")
    report.unlink()
    assert world.process().at_rest  # the message comes again: the attempt may have died before it wrote the report
    assert report.exists()
    (world.source / "text").write_bytes(objects.to_bytes(objects.ct(9)))
    asked(world, Again.NEW)
    assert world.process().counts == Counts(found=2, stored=2)
    assert not report.exists()


def test_a_batch_is_stored_counted_and_rests(world: World) -> None:
    world.put("a", "b", "c")
    (world.source / "text").write_bytes(b"nothing to see")
    (world.source / "us").write_bytes(objects.to_bytes(objects.us()))
    batch = world.process()
    assert batch == world.batch
    assert (batch.state, batch.lease, batch.attempt) == (BatchState.DONEPROCESSING, None, 1)
    assert batch.counts == Counts(found=5, stored=3, rejected=1, errored=1)
    assert [entry.code for entry in batch.errors] == [Code.NOT_DICOM]
    assert len(world.outputs) == 3
    assert (batch.profile_digest, batch.key_id, batch.frozen) == (PROFILE.digest, KEYS.key_id, True)
    assert batch.size_bytes == sum(path.stat().st_size for path in world.source.iterdir())
    assert batch.created_at < (batch.started_at or batch.created_at) < (batch.finished_at or batch.created_at)
    assert world.seen[-1] == batch.counts


def test_an_images_record_tells_its_whole_story_in_de_identified_words(world: World) -> None:
    world.put("a")
    (world.source / "us").write_bytes(objects.to_bytes(objects.us()))
    world.process()
    stored, rejected = world.images["a"], world.images["us"]
    assert [state for state, _ in stored.times] == [ImageState.NEW, ImageState.PROCESSING, ImageState.DONEPROCESSING]
    (output,) = world.outputs
    assert world.out / stored.output == output
    assert stored.output_bytes == output.stat().st_size
    assert (rejected.state, rejected.rule, rejected.output) == (ImageState.REJECTED, "ultrasound", "")
    assert rejected.sentence


def test_a_message_that_comes_twice_changes_nothing(world: World) -> None:
    world.put("a", "b")
    first = world.process()
    images, outputs = world.images, world.outputs
    assert world.process() == first
    assert (world.batch, world.images, world.outputs) == (first, images, outputs)


@pytest.mark.parametrize("worked", [False, True])
def test_a_message_with_the_name_of_another_batch_is_refused_and_touches_neither(world: World, worked: bool) -> None:
    world.put("a")
    if worked:
        world.process()
    before = world.batch
    world.reports.write(BatchName.parse("another"), "what went wrong there")
    with pytest.raises(Refused) as refusal:
        process(BatchMessage(world.message.batch_id, "another", 7), world.processing)
    assert refusal.value.code is Code.MALFORMED_MESSAGE
    assert world.batch == before
    assert not world.reports.write_once(BatchName.parse("another"), "again"), "it was removed"
    assert world.process().counts == Counts(found=1, stored=1)


def test_a_batch_that_another_key_registered_is_an_error_that_says_so(world: World) -> None:
    now = world.clock()
    world.store.register(Batch("of-another-key", "ST-2", BatchState.QUEUE, 7, now, now))
    batch = process(BatchMessage("of-another-key", "ST-2", 7), world.processing)
    assert (batch.state, [entry.code for entry in batch.errors]) == (BatchState.ERROR, [Code.BATCH_OF_ANOTHER_KEY])


def test_a_message_of_an_unknown_batch_is_refused(world: World) -> None:
    with pytest.raises(Refused) as refusal:
        process(BatchMessage("nobody", "ST-1", 7), world.processing)
    assert refusal.value.code is Code.UNKNOWN_BATCH


def test_a_batch_of_which_nothing_passes_is_empty_and_no_error(world: World) -> None:
    (world.source / "us").write_bytes(objects.to_bytes(objects.us()))
    batch = world.process()
    assert (batch.state, batch.has_error) == (BatchState.EMPTY, False)


def test_a_batch_without_files_is_an_error_of_the_batch(world: World) -> None:
    world.source.rmdir()
    batch = world.process()
    assert (batch.state, [entry.code for entry in batch.errors]) == (BatchState.ERROR, [Code.NO_FILES])
    assert batch.lease is None


def test_while_one_worker_has_the_batch_another_leaves_it_alone(world: World) -> None:
    world.put("a")
    world.store.claim(world.message.batch_id, Lease("other", world.now + timedelta(seconds=90)), world.now)
    before = world.batch
    with pytest.raises(LeaseHeld):
        world.process()
    assert world.batch == before
    assert world.outputs == []


def test_after_the_lease_ran_out_another_attempt_goes_on(world: World) -> None:
    world.put("a")
    world.store.claim(world.message.batch_id, Lease("dead", world.now + timedelta(seconds=90)), world.now)
    world.now += timedelta(seconds=91)
    assert world.process().attempt == 2


class Interrupted:
    """Workers that stop an attempt after some results, as an error or a death would."""

    def __init__(self, inner: InlineWorkers, after: int, error: BaseException) -> None:
        self.inner, self.left, self.error = inner, after, error

    def inspect(
        self, batch: BatchName, entries: Iterable[Entry], deadline: Deadline = ENDLESS
    ) -> Iterator[Inspected | Outcome]:
        return self.inner.inspect(batch, entries, deadline)

    def store(self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS) -> Iterator[Outcome]:
        for outcome in self.inner.store(batch, planned, deadline):
            if self.left == 0:
                raise self.error
            self.left -= 1
            yield outcome


@pytest.mark.parametrize("error", [TransientError(Code.NO_SPACE), KeyboardInterrupt(), Crash()])
def test_an_attempt_that_stops_keeps_what_has_an_outcome_and_the_next_goes_on(
    world: World, error: BaseException
) -> None:
    world.put("a", "b", "c", "d")
    with pytest.raises(type(error)):
        world.process(workers=Interrupted(InlineWorkers(world.pipeline), 2, error))
    stopped = world.batch
    assert (stopped.state, stopped.lease) == (BatchState.PROCESSING, None)
    assert stopped.counts == Counts(found=4, stored=2)
    assert stopped.errors == ()
    batch = world.process()
    assert (batch.state, batch.attempt) == (BatchState.DONEPROCESSING, 2)
    assert batch.counts == Counts(found=4, stored=4)
    assert len(world.outputs) == 4


@pytest.mark.parametrize("step", ["freeze", "add_images", "save_outcomes", "finish"])
def test_killed_before_any_write_of_the_status_the_next_attempt_completes_the_batch(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    world.put("a", "b")

    def die(*_: object, **__: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(world.store, step, die)
        patch.setattr(world.store, "release", die)
        with pytest.raises(Crash):
            world.process()
    world.now += timedelta(seconds=91)
    batch = world.process()
    assert batch.counts == Counts(found=2, stored=2)
    assert len(world.outputs) == 2


class UntilTimeIsUp(Interrupted):
    """Workers that do some images, and then nothing further until the time of the attempt is nearly up."""

    def store(self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS) -> Iterator[Outcome]:
        for outcome in self.inner.store(batch, planned, deadline):
            yield outcome
            self.left -= 1
            while self.left == 0 and not deadline.near:
                time.sleep(0.01)


def test_when_its_time_is_nearly_up_an_attempt_publishes_one_message_and_the_next_goes_on(world: World) -> None:
    world.put("a", "b", "c", "d", "e")
    workers = UntilTimeIsUp(InlineWorkers(world.pipeline), 2, Crash())
    paused = world.process(workers=workers, budget=0.5)
    assert drained(world.queue) == [world.message]
    assert (paused.state, paused.counts) == (BatchState.PROCESSING, Counts(found=5, stored=2))
    assert (world.batch.counts, world.batch.lease, world.batch.failures) == (paused.counts, None, 0)
    written = {path: path.stat().st_mtime_ns for path in world.outputs}
    assert len(written) == 2
    again = Counting(InlineWorkers(world.pipeline))
    batch = world.process(workers=again)
    assert (batch.state, batch.counts) == (BatchState.DONEPROCESSING, Counts(found=5, stored=5))
    assert len(again.stored) == 3
    assert written.items() <= {path: path.stat().st_mtime_ns for path in world.outputs}.items()
    assert drained(world.queue) == []


class Counting(Interrupted):
    """Workers that remember what they were asked for."""

    def __init__(self, inner: InlineWorkers) -> None:
        super().__init__(inner, 0, Crash())
        self.stored: list[str] = []

    def store(self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS) -> Iterator[Outcome]:
        plans = list(planned)
        self.stored += [plan.entry.name for plan in plans]
        return self.inner.store(batch, plans, deadline)


def test_an_attempt_that_has_no_time_begins_no_image(world: World) -> None:
    world.put("a", "b")
    assert world.process(budget=1e-9).counts == Counts(found=2)
    assert (world.outputs, drained(world.queue)) == ([], [world.message])
    assert world.batch.last_failure is not None
    assert (world.batch.last_failure.code, world.batch.failures) == (Code.OUT_OF_TIME, 1)
    assert world.process().counts == Counts(found=2, stored=2)


def test_what_is_settled_when_the_time_is_up_rests_without_a_further_message(world: World) -> None:
    world.put("a", "b")
    workers = UntilTimeIsUp(InlineWorkers(world.pipeline), 2, Crash())
    assert world.process(workers=workers, budget=0.5).state is BatchState.DONEPROCESSING
    assert drained(world.queue) == []


class Endless(Counting):
    """Workers of which some images take longer than any attempt may."""

    def __init__(self, inner: InlineWorkers, *names: str) -> None:
        super().__init__(inner)
        self.names = names

    def store(self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS) -> Iterator[Outcome]:
        plans = list(planned)
        yield from super().store(batch, [plan for plan in plans if plan.entry.name not in self.names], deadline)
        for plan in plans:
            if plan.entry.name in self.names:
                since, left = datetime(2026, 1, 2, 13, tzinfo=UTC), deadline.left() or 0.0
                time.sleep(left)
                yield Outcome(plan.entry, ImageState.PROCESSING, since, since + timedelta(seconds=left))


@pytest.mark.thorough
def test_an_image_that_takes_longer_than_a_whole_attempt_is_an_error_that_says_so(world: World) -> None:
    world.put("a", "b", "c")
    slow = Endless(InlineWorkers(world.pipeline), "b")
    paused = world.process(workers=slow, budget=0.5)
    assert paused.counts == Counts(found=3, stored=2)
    assert world.images["b"].state is ImageState.PROCESSING
    slow.stored.clear()
    batch = world.process(workers=slow, budget=0.5)
    if batch.state is BatchState.PROCESSING:  # the time was up before the batch could rest
        batch = world.process()
    assert (batch.state, batch.counts) == (BatchState.DONEPROCESSING, Counts(found=3, stored=2, errored=1))
    assert [entry.code for entry in batch.errors] == [Code.OVER_BUDGET]
    assert slow.stored == []


@pytest.mark.thorough
def test_a_source_that_alone_does_not_answer_is_that_images_error(world: World) -> None:
    world.put("a", "b", "c")
    slow = Endless(InlineWorkers(world.pipeline), "b")
    assert world.process(workers=slow, budget=0.5).counts == Counts(found=3, stored=2)

    class Stuck(FolderStaging):
        def open(self, batch: BatchName, entry: Entry) -> _GeneratorContextManager[BinaryIO]:
            assert entry.name != "b"
            return super().open(batch, entry)

    staging = Stuck(world.source.parent, world.out.parent / "manifests")
    world.process(workers=slow, staging=staging, budget=0.5)
    assert world.process(staging=staging).counts == Counts(found=3, stored=2, errored=1)
    assert world.images["b"].code is Code.OVER_BUDGET


@pytest.mark.thorough
@pytest.mark.parametrize("stands_still", ["staging", "output"])
def test_an_image_is_not_to_blame_for_an_attempt_in_which_a_service_stood_still(
    world: World, monkeypatch: pytest.MonkeyPatch, stands_still: str
) -> None:
    monkeypatch.setattr(attempt, "_SECONDS_TO_ANSWER", 0.1)
    world.put("a", "b")
    slow = Endless(InlineWorkers(world.pipeline), "b")
    assert world.process(workers=slow, budget=0.5).counts == Counts(found=2, stored=1)
    recovered, claims = threading.Event(), itertools.count()

    class Stuck(FolderStaging):
        def open(self, batch: BatchName, entry: Entry) -> _GeneratorContextManager[BinaryIO]:
            if stands_still == "staging":
                recovered.wait()
            return super().open(batch, entry)

    def claim() -> None:
        if stands_still == "output" and next(claims) % 2:  # it was there when the attempt began
            raise TransientError(Code.OUTPUT_UNAVAILABLE)

    staging = Stuck(world.source.parent, world.out.parent / "manifests")
    for failures in (1, 2):
        batch = world.process(workers=slow, staging=staging, claim_output=claim, budget=0.5)
        assert (batch.state, batch.counts) == (BatchState.PROCESSING, Counts(found=2, stored=1))
        assert world.batch.last_failure is not None
        assert (world.batch.last_failure.code, world.batch.failures) == (Code.OUT_OF_TIME, failures)
    recovered.set()
    assert world.process().counts == Counts(found=2, stored=2)


def test_what_was_not_done_in_time_is_tried_alone_before_all_others(world: World) -> None:
    world.put("a", "b", "c", "d")
    world.process(workers=Endless(InlineWorkers(world.pipeline), "b"), budget=0.5, in_flight_bytes=1024 * 1024)
    world.put("e")  # is no part of the batch
    alone: list[list[str]] = []

    class Watched(Counting):
        def store(
            self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS
        ) -> Iterator[Outcome]:
            plans = list(planned)
            alone.append([plan.entry.name for plan in plans])
            return self.inner.store(batch, plans, deadline)

    batch = world.process(workers=Watched(InlineWorkers(world.pipeline)))
    assert alone == [["b"]]
    assert batch.counts == Counts(found=4, stored=4)
    states = [state for state, _ in world.images["b"].times]
    assert states == [ImageState.NEW, ImageState.PROCESSING, ImageState.DONEPROCESSING]


def test_when_the_next_message_cannot_be_published_the_one_at_hand_must_come_again(world: World) -> None:
    world.put("a")

    class Closed(InlineQueue):
        def publish(self, message: BatchMessage) -> None:
            raise TransientError(Code.STATUS_UNAVAILABLE)

    with pytest.raises(TransientError):
        world.process(queue=Closed(), budget=1e-9)
    assert (world.batch.state, world.batch.lease) == (BatchState.PROCESSING, None)


def test_after_so_many_attempts_in_vain_a_batch_is_given_up_and_says_why(world: World) -> None:
    world.put("a")
    for _ in range(3):
        with pytest.raises(TransientError):
            world.process(
                workers=Interrupted(InlineWorkers(world.pipeline), 0, TransientError(Code.NO_SPACE)), max_attempts=3
            )
    assert world.batch.failures == 3
    batch = world.process(max_attempts=3)
    (entry,) = batch.errors
    assert (batch.state, entry.code) == (BatchState.ERROR, Code.ATTEMPTS_USED_UP)
    assert "3 attempts" in entry.sentence
    assert "No space is left" in entry.sentence
    assert asked(world, Again.FAILED).queued
    assert world.process(max_attempts=3).counts == Counts(found=1, stored=1)


def test_files_that_come_after_the_freeze_are_not_part_of_the_batch(world: World) -> None:
    world.put("a", "b")
    with pytest.raises(Crash):
        world.process(workers=Interrupted(InlineWorkers(world.pipeline), 0, Crash()))
    world.put("late")
    assert world.process().counts == Counts(found=2, stored=2)


def test_a_file_that_changes_after_the_freeze_is_never_read_in_its_place(world: World) -> None:
    world.put("a", "b")
    with pytest.raises(Crash):
        world.process(workers=Interrupted(InlineWorkers(world.pipeline), 0, Crash()))
    for path in world.outputs:
        path.unlink()
    (world.source / "b").write_bytes(objects.to_bytes(objects.ct(99, rows=32)))
    batch = world.process()
    assert batch.counts == Counts(found=2, stored=1, errored=1)
    assert [entry.code for entry in batch.errors] == [Code.CHANGED_DURING_PROCESSING]


def test_duplicates_are_counted_and_a_conflict_is_an_error_of_the_later_name(world: World) -> None:
    image = objects.ct(1)
    (world.source / "a").write_bytes(objects.to_bytes(image))
    (world.source / "b").write_bytes(objects.to_bytes(image))
    image.KVP = "99"
    (world.source / "c").write_bytes(objects.to_bytes(image))
    batch = world.process()
    assert batch.counts == Counts(found=3, stored=2, errored=1, duplicates=1)
    assert {name: image.code for name, image in world.images.items()} == {"a": None, "b": None, "c": Code.CONFLICT}
    assert [world.images[name].duplicate for name in ("a", "b")] == [False, True]
    assert len(world.outputs) == 1


def test_if_the_first_of_two_with_one_uid_fails_the_second_is_stored(world: World) -> None:
    image = objects.to_bytes(objects.ct(1))
    (world.source / "a").write_bytes(image[:-10])
    (world.source / "b").write_bytes(image)
    assert world.process().counts == Counts(found=2, stored=1, errored=1)


def test_a_worker_that_lost_its_lease_writes_nothing_more(world: World) -> None:
    world.put("a", "b")

    class Robbed(Interrupted):
        def store(
            self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS
        ) -> Iterator[Outcome]:
            for outcome in self.inner.store(batch, planned, deadline):
                later = world.now + timedelta(seconds=91)
                world.store.claim(world.message.batch_id, Lease("robber", later + timedelta(seconds=90)), later)
                yield outcome

    with pytest.raises((LeaseLost, LeaseHeld)):
        world.process(workers=Robbed(InlineWorkers(world.pipeline), 0, Crash()), in_flight_bytes=1)
    assert world.batch.lease is not None
    assert world.batch.lease.owner == "robber"
    assert world.batch.counts.stored == 0
    world.now += timedelta(seconds=200)
    assert world.process().counts == Counts(found=2, stored=2)


def test_a_batch_that_was_frozen_under_another_key_is_an_error(world: World) -> None:
    world.put("a")
    with pytest.raises(Crash):
        world.process(workers=Interrupted(InlineWorkers(world.pipeline), 0, Crash()))
    batch = world.process(label=replace(LABEL, key_id="another"))
    assert (batch.state, batch.errors[-1].code) == (BatchState.ERROR, Code.MANIFEST_OF_ANOTHER_KEY)


def test_a_defect_while_one_image_is_worked_on_is_that_images_error(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.put("a", "b")
    honest, calls = KEYS.identifiers, []

    def broken(entity: deid.Entity) -> deid.Identifiers:
        calls.append(entity)
        if len(calls) == 1:
            raise ValueError(f"the patient is {entity.patient_id}")
        return honest(entity)

    batch = world.process(naming=replace(world.naming, identifiers=AsCalled(broken)))
    assert batch.counts == Counts(found=2, stored=1, errored=1)
    assert [entry.code for entry in batch.errors] == [Code.INTERNAL_ERROR]
    assert calls[0].patient_id
    assert calls[0].patient_id not in caplog.text + repr(world.batch) + repr(world.images)


def test_bytes_in_flight_are_bounded(world: World) -> None:
    world.put(*"abcdefgh")
    sizes = {path.name: path.stat().st_size for path in world.source.iterdir()}
    bound = 2 * max(sizes.values()) + 1
    waves: list[int] = []

    class Weighed(Interrupted):
        def inspect(
            self, batch: BatchName, entries: Iterable[Entry], deadline: Deadline = ENDLESS
        ) -> Iterator[Inspected | Outcome]:
            entries = list(entries)
            waves.append(sum(entry.size for entry in entries))
            return self.inner.inspect(batch, entries, deadline)

    world.process(workers=Weighed(InlineWorkers(world.pipeline), -1, Crash()), in_flight_bytes=bound)
    assert len(waves) >= 4
    assert max(waves) <= bound
    assert sum(waves) == sum(sizes.values())


def test_what_is_written_is_read_back_and_a_difference_stops_the_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("a")
    with world.output.create("x") as pending:
        kind = type(pending)
    write: Callable[..., int] = kind.write

    def corrupted(self: object, data: bytes) -> int:
        taken = write(self, data)
        self._stream.seek(0)  # type: ignore[attr-defined]
        self._stream.write(b"X")  # type: ignore[attr-defined]
        self._stream.seek(0, 2)  # type: ignore[attr-defined]
        return taken

    monkeypatch.setattr(kind, "write", corrupted)
    with pytest.raises(TransientError) as error:
        world.process()
    assert error.value.code is Code.OUTPUT_NOT_VERIFIED
    assert world.outputs == []


def test_files_that_come_or_change_after_the_freeze_are_flagged_on_the_batch(world: World) -> None:
    world.put("a", "b")
    with pytest.raises(Crash):
        world.process(workers=Interrupted(InlineWorkers(world.pipeline), 0, Crash()))
    world.put("late")
    assert world.process().has_new_arrivals
    assert world.batch.has_new_arrivals


def test_a_batch_to_which_nothing_comes_has_no_new_arrivals(world: World) -> None:
    world.put("a")
    assert not world.process().has_new_arrivals


def test_an_output_store_of_another_key_or_profile_makes_the_batch_an_error_and_gets_nothing(world: World) -> None:
    class PlainFolder:
        """One that keeps no name for itself, as a bucket does."""

        def __init__(self, inner: OutputStore) -> None:
            self.inner = inner

        def create(self, name: str, metadata: Mapping[str, str] | None = None) -> AbstractContextManager[PendingOutput]:
            return self.inner.create(name.replace(LABEL_NAME, "label"), metadata)

        def stat(self, name: str) -> Stat | None:
            return self.inner.stat(name)

        def open(self, name: str) -> AbstractContextManager[BinaryIO]:
            return self.inner.open(name.replace(LABEL_NAME, "label"))

    output = PlainFolder(world.output)
    world.put("a")
    claim_output(output, LABEL)
    claim_output(output, LABEL)
    for other, code in (
        (replace(LABEL, key_id="other"), Code.OUT_OF_ANOTHER_KEY),
        (replace(LABEL, profile_digest="other"), Code.OUT_OF_ANOTHER_PROFILE),
        (replace(LABEL, text=True), Code.OUT_OF_ANOTHER_TEXT),
    ):
        with pytest.raises(BatchError) as error:
            claim_output(output, other)
        assert error.value.code is code
    batch = world.process(claim_output=lambda: claim_output(output, replace(LABEL, key_id="other")))
    assert (batch.state, [entry.code for entry in batch.errors]) == (BatchState.ERROR, [Code.OUT_OF_ANOTHER_KEY])
    assert world.outputs == []


def test_without_a_profile_images_are_screened_and_stored_as_they_are_under_pseudonymous_names(world: World) -> None:
    world.put("a", "b")
    (world.source / "us").write_bytes(objects.to_bytes(objects.us()))
    batch = world.process(workers=InlineWorkers(replace(world.pipeline, profile=None)))
    assert batch.counts == Counts(found=3, stored=2, rejected=1)
    originals = {(world.source / name).read_bytes() for name in ("a", "b")}
    assert {path.read_bytes() for path in world.outputs} == originals
    assert {str(path.relative_to(world.out)) for path in world.outputs} == deidentified_names(world)


def test_without_a_profile_an_image_that_would_be_cleaned_is_rejected(world: World) -> None:
    rules = b"""
    [rule.corner]
    clean = "A name stands in the corner."
    blank = [[0, 0, 8, 8]]
    when = { attribute = "Modality", equals = "CT" }
    """
    world.put("a")
    pipeline = replace(world.pipeline, profile=None, screen=Screen(read_rules(rules)))
    batch = world.process(workers=InlineWorkers(pipeline))
    (image,) = world.images.values()
    assert (image.state, image.rule) == (ImageState.REJECTED, "corner")
    assert (batch.state, world.outputs) == (BatchState.EMPTY, [])


@pytest.mark.parametrize("profile", [PROFILE, None])
@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_an_image_without_its_uids_gets_no_name(world: World, profile: deid.Profile | None, keyword: str) -> None:
    dataset = objects.ct()
    del dataset[keyword]
    (world.source / "a").write_bytes(objects.to_bytes(dataset, file_meta=False, preamble=False))
    pipeline = replace(world.pipeline, profile=profile)
    batch = world.process(workers=InlineWorkers(pipeline))
    (image,) = world.images.values()
    assert (image.state, image.code) == (ImageState.ERROR, Code.MISSING_UID)
    assert (batch.counts.errored, world.outputs) == (1, [])
    (entry,) = world.staging.list(NAME)
    assert isinstance(pipeline.inspect(NAME, entry), Outcome)


def test_an_image_that_became_another_one_between_two_looks_is_not_stored(world: World) -> None:
    world.put("a", "b")
    first, second = world.staging.list(NAME)
    planned = world.planned(first)
    assert isinstance(planned, Planned)

    class Swapped(FolderStaging):
        def open(self, batch: BatchName, entry: Entry) -> _GeneratorContextManager[BinaryIO]:
            return super().open(batch, second)

    staging = Swapped(world.source.parent, world.out.parent / "manifests")
    outcome = replace(world.pipeline, staging=staging).store(NAME, planned)
    assert (outcome.state, outcome.code) == (ImageState.ERROR, Code.CHANGED_DURING_PROCESSING)
    assert world.outputs == []


def test_an_image_for_which_memory_does_not_suffice_is_told_from_a_defect(world: World) -> None:
    class Exhausted(FolderStaging):
        def open(self, batch: BatchName, entry: Entry) -> _GeneratorContextManager[BinaryIO]:
            raise MemoryError

    world.put("a")
    staging = Exhausted(world.source.parent, world.out.parent / "manifests")
    batch = world.process(workers=InlineWorkers(replace(world.pipeline, staging=staging)))
    (image,) = world.images.values()
    assert (image.state, image.code) == (ImageState.ERROR, Code.WORKER_CRASHED)
    assert batch.counts.errored == 1


def test_a_number_of_frames_that_is_none_is_malformed(world: World) -> None:
    dataset = objects.ct()
    dataset.NumberOfFrames = "22"
    data = objects.to_bytes(dataset)
    assert b"IS\x02\x0022" in data
    (world.source / "a").write_bytes(data.replace(b"IS\x02\x0022", b"IS\x02\x00ab"))
    world.process()
    (image,) = world.images.values()
    assert (image.state, image.code) == (ImageState.ERROR, Code.MALFORMED)


def deidentified_names(world: World) -> set[str]:
    entries = [entry for entry in world.staging.list(NAME) if entry.name != "us"]
    plans = [world.planned(entry) for entry in entries]
    return {plan.output for plan in plans if isinstance(plan, Planned)}


def test_a_batch_of_which_an_image_came_to_nothing_does_not_rest_as_done(world: World) -> None:
    world.put("a", "b")

    class Losing(Interrupted):
        def store(
            self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS
        ) -> Iterator[Outcome]:
            return self.inner.store(batch, list(planned)[1:], deadline)

    batch = world.process(workers=Losing(InlineWorkers(world.pipeline), -1, Crash()))
    assert (batch.state, [entry.code for entry in batch.errors]) == (BatchState.ERROR, [Code.CONSERVATION])


def test_the_lease_is_renewed_while_images_are_worked_on(world: World) -> None:
    world.put("a")
    renewals: list[Lease] = []

    class Slow(Interrupted):
        def store(
            self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS
        ) -> Iterator[Outcome]:
            first, until = world.batch.lease, time.monotonic() + 5
            while (lease := world.batch.lease) == first and time.monotonic() < until:
                time.sleep(0.01)
            assert first is not None
            assert lease is not None
            renewals.extend((first, lease))
            return self.inner.store(batch, planned, deadline)

    terms = LeaseTerms(ttl=90, heartbeat=0.02)
    world.process(workers=Slow(InlineWorkers(world.pipeline), -1, Crash()), lease_terms=terms)
    first, renewed = renewals
    assert (first.owner, first.expires_at < renewed.expires_at) == (renewed.owner, True)


# a batch that is asked for again


def drained(queue: InlineQueue) -> list[BatchMessage]:
    messages: list[BatchMessage] = []
    queue.drain(messages.append)
    return messages


def asked(world: World, again: Again | None, output: OutputStore | None = None) -> Asked:
    queue = InlineQueue()
    result = ask_again(
        world.batch, NAME, again,
        staging=world.staging, output=output or world.output, store=world.store, queue=queue, ids=world.ids,
        clock=world.clock,
    )  # fmt: skip
    published = [] if not result.queued else [BatchMessage(world.message.batch_id, str(NAME), world.batch.generation)]
    assert drained(queue) == published
    return result


def test_a_file_that_was_overwritten_between_a_retry_and_the_new_freeze_is_shown_and_read_when_asked_for(
    world: World,
) -> None:
    world.put("a", "b", "c")
    (world.source / "bad").write_bytes(b"no DICOM")
    assert world.process().counts == Counts(found=4, stored=3, errored=1)
    first = world.images["a"]
    assert asked(world, Again.FAILED).wanted == 1
    (world.source / "a").write_bytes(objects.to_bytes(objects.ct(99)))
    batch = world.process()
    # frozen anew with the newer file, which nobody asked for: what is stored is about the older one
    assert (batch.counts, batch.has_new_arrivals) == (Counts(found=4, stored=3, errored=1), True)
    assert world.images["a"] == first
    assert len(world.outputs) == 3
    looked = asked(world, None)
    assert (looked.findings.arrived, looked.queued) == (frozenset({first.id}), False)
    assert world.batch.has_new_arrivals
    assert asked(world, Again.NEW).wanted == 1
    batch = world.process()
    assert (batch.counts, batch.has_new_arrivals) == (Counts(found=4, stored=3, errored=1), False)
    assert world.images["a"].generation == (world.source / "a").stat().st_mtime_ns != first.generation
    assert world.images["a"].output != first.output
    assert len(world.outputs) == 4
    assert asked(world, None).findings.arrived == frozenset()


def test_every_image_records_the_generation_that_its_state_is_about(world: World) -> None:
    world.put("a")
    (world.source / "bad").write_bytes(b"no DICOM")
    (world.source / "us").write_bytes(objects.to_bytes(objects.us()))
    on_disk = {path.name: path.stat().st_mtime_ns for path in world.source.iterdir()}
    with pytest.raises(Crash):
        world.process(workers=Interrupted(InlineWorkers(world.pipeline), 0, Crash()))
    assert world.images["a"].state is ImageState.NEW
    assert {name: image.generation for name, image in world.images.items()} == on_disk
    world.process()
    assert {name: image.generation for name, image in world.images.items()} == on_disk


class Summing(FolderOutput):
    """A folder that knows the sums of its objects, as a bucket does."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def stat(self, name: str) -> Stat | None:
        path = self.folder / name
        return Stat(path.stat().st_size, google_crc32c.value(path.read_bytes())) if path.exists() else None


def test_a_stored_object_with_other_bytes_of_the_same_size_is_lost_where_the_store_knows_its_sum(world: World) -> None:
    world.put("a", "b")
    world.process()
    output = Summing(world.out)
    assert asked(world, None, output).findings.lost == frozenset()
    path = world.out / world.images["a"].output
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    findings = look_again(
        world.batch, NAME,
        staging=world.staging, output=output, store=world.store, ids=world.ids, clock=world.clock,
    )  # fmt: skip
    assert findings.lost == {world.images["a"].id}
    path.unlink()
    assert asked(world, None, output).wanted == 1
    assert world.process().counts == Counts(found=2, stored=2)
    assert path.read_bytes() == data


def test_the_message_of_a_batch_that_a_worker_has_is_not_published_again(world: World) -> None:
    world.put("a")
    world.store.claim(world.message.batch_id, Lease("other", world.now + timedelta(seconds=90)), world.now)
    queue, before = InlineQueue(), world.batch
    with pytest.raises(UsageError) as error:
        publish_again(world.batch, NAME, store=world.store, queue=queue, clock=world.clock)
    assert error.value.code is Code.BATCH_AT_WORK
    assert (drained(queue), world.batch) == ([], before)
    world.now += timedelta(seconds=91)  # it died
    publish_again(world.batch, NAME, store=world.store, queue=queue, clock=world.clock)
    assert drained(queue) == [world.message]
    assert world.process().counts == Counts(found=1, stored=1)


# what ends a batch


def test_a_batch_whose_id_is_of_another_key_is_an_error_before_anything_is_frozen(world: World) -> None:
    world.put("a")
    batch = world.process(ids=DocumentIds(deid.Keyring(bytes([1] * 32))))
    assert (batch.state, [entry.code for entry in batch.errors]) == (BatchState.ERROR, [Code.BATCH_OF_ANOTHER_KEY])
    assert (batch.lease, batch.frozen, world.outputs) == (None, False, [])
    assert list(world.staging.manifests(batch.id)) == []
    assert list(world.store.images(batch.id)) == []


@pytest.mark.parametrize("gone", ["a", "c"])
def test_a_record_that_is_removed_during_the_work_ends_the_batch_as_an_error_and_not_as_a_message_that_comes_again(
    world: World, tmp_path: Path, gone: str
) -> None:
    world.put("a", "b", "c")

    class Removing(Interrupted):
        def store(
            self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS
        ) -> Iterator[Outcome]:
            for outcome in self.inner.store(batch, planned, deadline):
                if outcome.entry.name == "b":
                    with closing(sqlite3.connect(tmp_path / "status.sqlite3")) as other, other:
                        other.execute("DELETE FROM images WHERE id = ?", (world.ids.image(NAME, gone),))
                yield outcome

    batch = world.process(workers=Removing(InlineWorkers(world.pipeline), -1, Crash()))
    assert (batch.state, batch.errors[-1].code, batch.lease) == (BatchState.ERROR, Code.RECORD_LOST, None)
    assert batch == world.batch
    assert asked(world, Again.FAILED).queued
    batch = world.process()
    assert (batch.state, batch.counts) == (BatchState.DONEPROCESSING, Counts(found=3, stored=3))


class Rival(FolderStaging):
    """Staging into which another worker writes its manifest just before ours."""

    manifest: bytes | None = None
    forgets = False

    def write_manifest(self, batch_id: str, generation: int, data: bytes) -> None:
        if self.manifest is not None:
            super().write_manifest(batch_id, generation, self.manifest)
        if not self.forgets:
            super().write_manifest(batch_id, generation, data)


def test_the_manifest_that_was_kept_is_the_one_that_is_processed_also_if_a_rival_wrote_it_first(
    world: World, tmp_path: Path
) -> None:
    world.put("a", "b")
    staging = Rival(world.source.parent, tmp_path / "manifests")
    only_a = [entry for entry in world.staging.list(NAME) if entry.name == "a"]
    staging.manifest = Manifest.freeze(
        only_a, batch=str(NAME), profile_digest=LABEL.profile_digest, key_id=LABEL.key_id, version="rival"
    ).to_bytes()
    batch = world.process(staging=staging)
    assert (batch.counts, batch.has_new_arrivals) == (Counts(found=1, stored=1), True)
    assert world.images.keys() == {"a"}
    assert world.staging.read_manifest(batch.id, batch.generation) == staging.manifest


def test_a_manifest_that_is_not_there_after_its_writing_stops_the_attempt(world: World, tmp_path: Path) -> None:
    world.put("a")
    staging = Rival(world.source.parent, tmp_path / "manifests")
    staging.forgets = True
    with pytest.raises(TransientError):
        world.process(staging=staging)
    assert (world.batch.state, world.batch.lease, world.outputs) == (BatchState.PROCESSING, None, [])


def test_a_file_that_is_too_large_is_an_error_of_its_own_and_is_not_read(world: World) -> None:
    world.put("a", "b")
    size = (world.source / "a").stat().st_size
    (world.source / "large").write_bytes((world.source / "a").read_bytes() + bytes(1))
    opened: list[str] = []

    class Watched(FolderStaging):
        @contextmanager
        def open(self, batch: BatchName, entry: Entry) -> Iterator[BinaryIO]:
            opened.append(entry.name)
            with super().open(batch, entry) as stream:
                yield stream

    staging = Watched(world.source.parent, world.source.parent.parent / "manifests")
    pipeline = replace(world.pipeline, staging=staging, max_image_bytes=size)
    batch = world.process(workers=InlineWorkers(pipeline))
    assert batch.counts == Counts(found=3, stored=2, errored=1)
    assert [entry.code for entry in batch.errors] == [Code.TOO_LARGE]
    assert set(opened) == {"a", "b"}
