"""What becomes of a message that died, and of a batch of which nothing is heard."""

import io
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sendit import logs, sweep
from sendit.adapters.folder_reports import FolderReports
from sendit.adapters.folder_staging import FolderStaging
from sendit.adapters.inline_queue import InlineQueue
from sendit.adapters.sqlite_status import SqliteStatusStore
from sendit.attempts import used_up
from sendit.deid.identity.keys import Keyring
from sendit.errors import Code, Refused, TransientError
from sendit.ids import DocumentIds
from sendit.manifest import Manifest
from sendit.records import Batch, BatchState, Counts, ErrorEntry, Image, ImageState, Lease
from sendit.refs import BatchMessage, BatchName, Entry, Marker
from sendit.settings import LogFormat, LogLevel
from sendit.sweep import Sweeping, follow_dead_letter, requeue_silent

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
IDS = DocumentIds(Keyring(bytes(32)))
NAME = "1_6/ACCESSION-4711"
ID = IDS.batch(BatchName.parse(NAME))
MESSAGE = BatchMessage(ID, NAME, 7)
LEASE = Lease("one", NOON + timedelta(seconds=90))


@dataclass
class World:
    """A store, a queue and a staging folder of this machine, and a clock that stands until it is set."""

    store: SqliteStatusStore
    staging: FolderStaging
    reports: FolderReports
    log: io.StringIO
    queue: InlineQueue = field(default_factory=InlineQueue)
    markers: list[Marker] = field(default_factory=list)
    now: datetime = NOON
    looks: int = 0

    @property
    def sweeping(self) -> Sweeping:
        return Sweeping(
            store=self.store,
            queue=self.queue,
            ids=IDS,
            clock=lambda: self.now,
            max_attempts=3,
            requeue_after=timedelta(seconds=1200),
            staging=self.look,
            markers=lambda: iter(self.markers),
            reports=lambda: self.reports,
        )

    def look(self) -> FolderStaging:
        self.looks += 1
        return self.staging

    def follow(self, message: BatchMessage = MESSAGE) -> None:
        follow_dead_letter(message, self.sweeping)

    def sweep(self) -> None:
        requeue_silent(self.sweeping)

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def register(self, name: str = NAME, *, shown: bool = True) -> str:
        batch_id = IDS.batch(BatchName.parse(name))
        self.store.register(Batch(batch_id, name if shown else None, BatchState.QUEUE, 7, self.now, self.now))
        return batch_id

    def attempts(self, number: int, failure: ErrorEntry | None = None) -> None:
        """So many attempts that come to nothing; the last one's lease is given back."""
        for owner in range(number):
            lease = Lease(str(owner), self.now + timedelta(seconds=90))
            self.store.claim(ID, lease, self.now)
            self.store.release(ID, lease, failure, self.now)

    def batch(self) -> Batch:
        found = self.store.batch(ID)
        assert found is not None
        return found

    def published(self) -> list[BatchMessage]:
        messages: list[BatchMessage] = []
        self.queue.drain(messages.append)
        return messages

    def said(self) -> list[tuple[str, str | None]]:
        """Severity and code of each log line."""
        return [(line["severity"], line.get("code")) for line in self.lines()]

    def report(self, name: str = NAME) -> str | None:
        path = self.reports.path_of(BatchName.parse(name))
        return path.read_text("utf-8") if path.exists() else None

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    log = io.StringIO()
    logs.setup(LogFormat.JSON, LogLevel.INFO, log)
    with closing(SqliteStatusStore(tmp_path / "status.sqlite3")) as store:
        yield World(
            store, FolderStaging(tmp_path, tmp_path / "manifests"), FolderReports(tmp_path / "reports", IDS.batch), log
        )
    assert "4711" not in log.getvalue()


# a message that died


def test_of_a_batch_that_is_not_known_it_is_logged_and_dropped(world: World) -> None:
    world.follow()
    assert (world.published(), world.said()) == ([], [("WARNING", None)])


@pytest.mark.parametrize("state", [BatchState.DONEPROCESSING, BatchState.EMPTY, BatchState.ERROR])
def test_of_a_batch_at_rest_nothing_is_done(world: World, state: BatchState) -> None:
    world.register()
    world.store.claim(ID, LEASE, NOON)
    before = world.store.finish(ID, LEASE, state, (), NOON)
    world.follow()
    assert (world.batch(), world.published(), world.said()) == (before, [], [("INFO", None)])


def test_of_a_batch_that_a_worker_has_nothing_is_done(world: World) -> None:
    world.register()
    world.attempts(5)
    before = world.store.claim(ID, LEASE, NOON)
    world.follow()
    assert (world.batch(), world.published(), world.said()) == (before, [], [("INFO", None)])


def test_of_a_batch_that_was_asked_for_again_since_nothing_is_done(world: World) -> None:
    world.register()
    world.store.claim(ID, LEASE, NOON)
    world.store.finish(ID, LEASE, BatchState.ERROR, (), NOON)
    before = world.store.requeue(ID, (), NOON)
    world.follow()
    assert (world.batch(), world.published(), world.said()) == (before, [], [("INFO", None)])


@pytest.mark.parametrize("published", [False, True])
def test_a_batch_that_never_had_its_turn_is_published_again(world: World, published: bool) -> None:
    world.register()
    if published:
        world.store.mark_published(ID, NOON)
    world.follow()
    assert (world.batch().state, world.batch().errors) == (BatchState.NEW, ())
    assert (world.published(), world.said()) == ([MESSAGE], [("WARNING", None)])


def test_a_batch_whose_attempts_settled_no_image_is_given_up_with_what_was_said_last(world: World) -> None:
    world.register()
    world.attempts(3, ErrorEntry(Code.NO_SPACE, "No space is left.", NOON))
    world.follow()
    (error,) = world.batch().errors
    assert (world.batch().state, error.code) == (BatchState.ERROR, Code.ATTEMPTS_USED_UP)
    assert "after 3 attempts" in error.sentence
    assert error.sentence.endswith("No space is left.")
    assert (world.published(), world.said()) == ([], [("ERROR", "attempts_used_up")])
    assert error.sentence in str(world.report())


def test_a_report_that_was_not_written_when_the_batch_was_given_up_is_written_the_next_time(world: World) -> None:
    error = used_up(world.store.register(Batch(ID, NAME, BatchState.QUEUE, 7, NOON, NOON)).batch, NOON)
    world.store.abandon(ID, error, NOON)
    world.follow()
    assert error.sentence in str(world.report())


def test_no_report_is_written_under_the_name_of_another_batch(world: World) -> None:
    world.register()
    world.attempts(3)
    world.follow(replace(MESSAGE, name="another"))
    assert world.batch().state is BatchState.ERROR
    assert (world.report(), world.report("another")) == (None, None)


def test_of_one_batch_under_the_name_of_another_it_is_not_published_again(world: World) -> None:
    before = world.register() and world.batch()
    world.follow(replace(MESSAGE, name="another"))
    assert (world.batch(), world.published()) == (before, [])
    assert world.said() == [("ERROR", "batch_of_another_key")]


def test_a_batch_whose_worker_died_without_a_word_is_given_up_when_its_lease_is_over(world: World) -> None:
    world.register()
    world.attempts(2)
    world.store.claim(ID, LEASE, NOON)
    world.later(90)
    world.follow()
    assert world.batch().state is BatchState.ERROR
    assert world.batch().lease is None


def test_a_batch_that_came_further_gets_another_message(world: World) -> None:
    world.register()
    world.attempts(2)
    world.store.claim(ID, LEASE, NOON)
    image = Image("i1", ID, ImageState.NEW, ((ImageState.NEW, NOON),))
    world.store.add_images(ID, LEASE, [image], NOON)
    done = replace(image, state=ImageState.DONEPROCESSING)
    world.store.save_outcomes(ID, LEASE, [done], Counts(found=2, stored=1), (), NOON)
    world.store.release(ID, LEASE, None, NOON)
    world.later(10)
    world.follow()
    assert (world.batch().state, world.batch().updated_at) == (BatchState.PROCESSING, world.now)
    assert (world.published(), world.said()) == ([MESSAGE], [("WARNING", None)])


def test_the_same_death_told_twice_is_followed_once(world: World) -> None:
    world.register()
    world.attempts(3)
    for _ in range(2):
        world.follow()
    assert world.batch().error_count == 1
    assert world.said() == [("ERROR", "attempts_used_up"), ("INFO", None)]


def test_a_worker_that_takes_the_batch_in_the_last_moment_keeps_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.register()
    world.attempts(3)

    def at_the_last_moment(batch: Batch, now: datetime) -> ErrorEntry:
        world.store.claim(batch.id, LEASE, now)
        return used_up(batch, now)

    monkeypatch.setattr(sweep, "used_up", at_the_last_moment)
    world.follow()
    assert (world.batch().lease, world.batch().errors) == (LEASE, ())
    assert world.said() == [("INFO", None)]


def test_a_message_whose_name_is_none_is_refused(world: World) -> None:
    world.register()
    world.attempts(1)
    with pytest.raises(Refused):
        world.follow(replace(MESSAGE, name="a//b"))
    assert world.published() == []


# a batch of which nothing is heard


def test_its_message_is_published_again_once_and_not_at_the_next_tick(world: World) -> None:
    world.register()
    world.sweep()
    assert world.published() == []
    world.later(1201)
    for _ in range(2):
        world.sweep()
    assert world.published() == [MESSAGE]
    assert world.batch().state is BatchState.NEW
    assert world.said() == [("WARNING", None)]
    world.later(1201)
    world.sweep()
    assert world.published() == [MESSAGE]
    assert world.looks == 0


def test_one_that_a_worker_has_is_left_to_it(world: World) -> None:
    world.register()
    world.store.claim(ID, Lease("one", NOON + timedelta(seconds=9999)), NOON)
    world.later(1201)
    world.sweep()
    assert (world.published(), world.said()) == ([], [])


def test_one_whose_worker_died_is_worked_on_again(world: World) -> None:
    world.register()
    world.store.claim(ID, LEASE, NOON)
    world.later(1201)
    world.sweep()
    assert world.published() == [MESSAGE]


@pytest.mark.parametrize("state", [BatchState.DONEPROCESSING, BatchState.EMPTY, BatchState.ERROR])
def test_one_at_rest_is_left_alone(world: World, state: BatchState) -> None:
    world.register()
    world.store.claim(ID, LEASE, NOON)
    world.store.finish(ID, LEASE, state, (), NOON)
    world.later(9999)
    world.sweep()
    assert (world.published(), world.said()) == ([], [])


def test_no_more_than_so_many_are_published_in_a_run_the_longest_silent_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BATCHES_A_RUN", 2)
    expected = []
    for number in range(5):
        expected.append(world.register(f"ST-{number}"))
        world.later(1)
    world.later(1201)
    runs = []
    for _ in range(3):
        world.sweep()
        runs.append([message.batch_id for message in world.published()])
    assert runs == [expected[:2], expected[2:4], expected[4:]]


def test_a_hidden_name_is_found_in_the_manifest(world: World) -> None:
    world.register(shown=False)
    entries = [Entry("1.dcm", 7, 10, 0)]
    manifest = Manifest.freeze(entries, batch=NAME, profile_digest="p", key_id=IDS.key_id, version="1")
    world.staging.write_manifest(ID, 6, b"damaged")
    world.staging.write_manifest(ID, 7, manifest.to_bytes())
    world.later(1201)
    world.sweep()
    assert world.published() == [MESSAGE]
    assert ("WARNING", "bad_manifest") in world.said()


def test_a_hidden_name_of_a_batch_that_was_never_frozen_is_found_among_the_markers(world: World) -> None:
    world.register(shown=False)
    world.markers = [Marker("a//b", 1), Marker("other", 2), Marker(NAME, 3), Marker("after", 4)]
    world.later(1201)
    world.sweep()
    assert world.published() == [MESSAGE]


def test_a_batch_whose_name_nothing_tells_is_logged_and_left(world: World) -> None:
    world.register(shown=False)
    shown = world.register("ST-1")
    world.later(1201)
    world.sweep()
    assert [message.batch_id for message in world.published()] == [shown]
    assert world.said() == [("WARNING", None)] * 2
    assert world.batch().state is BatchState.QUEUE


def test_a_queue_that_fails_leaves_the_rest_for_the_next_tick(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        world.register(f"ST-{number}")
    world.later(1201)
    publish, sent = world.queue.publish, list[BatchMessage]()

    def fail_after_one(message: BatchMessage) -> None:
        if sent:
            raise TransientError(Code.STATUS_UNAVAILABLE)
        sent.append(message)
        publish(message)

    with monkeypatch.context() as patch:
        patch.setattr(world.queue, "publish", fail_after_one)
        with pytest.raises(TransientError):
            world.sweep()
    world.sweep()
    assert len(world.published()) == 3


def test_a_batch_that_waits_for_a_destination_and_is_silent_is_published_again(world: World) -> None:
    world.register()
    world.store.claim(ID, LEASE, NOON)
    image = Image("i1", ID, ImageState.NEW, ((ImageState.NEW, NOON),))
    world.store.add_images(ID, LEASE, [image], NOON)
    done = replace(image, state=ImageState.DONEPROCESSING)
    world.store.save_outcomes(ID, LEASE, [done], Counts(found=1, stored=1), (), NOON)
    world.store.finish(ID, LEASE, BatchState.DONEPROCESSING, (), NOON, ("gs://there",))
    world.later(1199)
    world.sweep()
    assert world.published() == []
    world.later(2)
    world.sweep()
    world.sweep()
    assert world.published() == [MESSAGE]
    assert (world.batch().state, world.batch().waits) == (BatchState.DONEPROCESSING, True)
    world.follow()  # its message died: the sweep goes on all the same
    assert world.published() == []
