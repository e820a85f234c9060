"""Every verdict on a marker, and what a crash between two steps leaves behind."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sendit.adapters.inline_queue import InlineQueue
from sendit.adapters.sqlite_status import SqliteStatusStore
from sendit.deid.identity.keys import Keyring
from sendit.errors import Code, TransientError
from sendit.finalize import Finalized, Verdict, finalize
from sendit.ids import DocumentIds
from sendit.records import BatchState, Lease
from sendit.refs import BatchMessage, BatchName, Marker

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
IDS = DocumentIds(Keyring(bytes(32)))


class Crash(BaseException):
    """The process dies here."""


class World:
    """A store and a queue, either of which can be made to fail or to die."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStatusStore(folder / "status.sqlite3")
        self.queue = InlineQueue()

    def finalize(self, name: str, generation: int = 7, *, asked: bool = False, show_name: bool = True) -> Finalized:
        return finalize(
            Marker(name, generation),
            store=self.store,
            queue=self.queue,
            ids=IDS,
            clock=lambda: NOON,
            asked=asked,
            show_name=show_name,
        )

    def published(self) -> list[BatchMessage]:
        messages: list[BatchMessage] = []
        self.queue.drain(messages.append)
        return messages

    def state(self, result: Finalized) -> BatchState | None:
        batch = self.store.batch(result.batch_id)
        return batch.state if batch else None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with closing(made.store):
        yield made


def test_a_marker_registers_the_batch_and_publishes_one_message(world: World) -> None:
    result = world.finalize("1_6/ST-000001")
    assert result.verdict is Verdict.PUBLISHED
    assert world.published() == [BatchMessage(result.batch_id, "1_6/ST-000001", 7)]
    assert world.state(result) is BatchState.NEW


def test_the_batchs_id_is_keyed_and_does_not_show_the_name(world: World) -> None:
    other = DocumentIds(Keyring(bytes(range(32))))
    result = world.finalize("ST-000001")
    name = result.batch.name if result.batch else None
    assert name == "ST-000001"
    assert "ST" not in result.batch_id
    assert result.batch_id != world.finalize("ST-000002").batch_id
    assert len({ids.batch(BatchName.parse("ST-000001")) for ids in (IDS, other)}) == 2


def test_a_newer_marker_of_a_known_batch_says_that_something_came(world: World) -> None:
    first = world.finalize("ST-1", 7)
    world.finalize("ST-1", 7)
    batch = world.store.batch(first.batch_id)
    assert batch is not None
    assert not batch.has_new_arrivals
    assert world.finalize("ST-1", 8).verdict is Verdict.NEWER_GENERATION
    batch = world.store.batch(first.batch_id)
    assert batch is not None
    assert batch.has_new_arrivals


def test_an_event_that_comes_again_after_the_batch_was_asked_for_flags_nothing(world: World) -> None:
    batch_id = world.finalize("ST-1", 7).batch_id
    world.finalize("ST-1", 40)
    world.store.claim(batch_id, Lease("one", NOON + timedelta(seconds=90)), NOON)
    world.store.finish(batch_id, Lease("one", NOON + timedelta(seconds=90)), BatchState.ERROR, (), NOON)
    again = world.store.requeue(batch_id, (), NOON)
    world.store.mark_published(batch_id, NOON)
    assert (again.generation, again.has_new_arrivals) == (40, False)
    assert {world.finalize("ST-1", generation).verdict for generation in (7, 40)} == {Verdict.KNOWN}
    batch = world.store.batch(batch_id)
    assert batch is not None
    assert not batch.has_new_arrivals


def test_a_hidden_name_is_not_recorded(world: World) -> None:
    result = world.finalize("ST-000001", show_name=False)
    batch = world.store.batch(result.batch_id)
    assert batch is not None
    assert batch.name is None


def test_the_same_marker_again_changes_nothing(world: World) -> None:
    world.finalize("ST-1")
    world.published()
    result = world.finalize("ST-1")
    assert result.verdict is Verdict.KNOWN
    assert world.published() == []


def test_a_newer_marker_of_a_known_batch_is_not_processed_again(world: World) -> None:
    world.finalize("ST-1", 7)
    world.published()
    assert world.finalize("ST-1", 8).verdict is Verdict.NEWER_GENERATION
    assert world.published() == []


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("test1", Verdict.TEST),
        ("1_6/TEST_x", Verdict.TEST),
        ("ST-1.tmp2343", Verdict.UNFINISHED),
        ("1_6.tmp/ST-1", Verdict.UNFINISHED),
        ("ST-1.err", Verdict.IGNORED),
        ("", Verdict.BAD_NAME),
        ("../up", Verdict.BAD_NAME),
        ("a//b", Verdict.BAD_NAME),
    ],
)
def test_markers_that_are_answered_and_not_followed_leave_no_record(world: World, name: str, verdict: Verdict) -> None:
    assert world.finalize(name).verdict is verdict
    assert world.published() == []
    assert list(world.store.batches()) == []


def test_a_test_batch_that_a_person_names_is_processed_and_an_unfinished_one_is_not(world: World) -> None:
    assert world.finalize("test1", asked=True).verdict is Verdict.PUBLISHED
    assert world.finalize("ST.tmp1", asked=True).verdict is Verdict.UNFINISHED


@pytest.mark.parametrize(("known", "comes"), [("a/b", "a"), ("a", "a/b"), ("a/b/c", "a")])
def test_a_batch_inside_or_around_a_known_one_is_refused(world: World, known: str, comes: str) -> None:
    world.finalize(known)
    world.published()
    assert world.finalize(comes).verdict is Verdict.OVERLAP
    assert world.published() == []
    assert len(list(world.store.batches())) == 1


def test_neighbours_with_a_common_start_do_not_overlap(world: World) -> None:
    world.finalize("a/b")
    assert world.finalize("a/bc").verdict is Verdict.PUBLISHED


def test_killed_after_registering_the_next_event_publishes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(world.queue, "publish", _die)
        with pytest.raises(Crash):
            world.finalize("ST-1")
    assert world.published() == []
    result = world.finalize("ST-1")
    assert result.verdict is Verdict.PUBLISHED_AGAIN
    assert len(world.published()) == 1
    assert world.state(result) is BatchState.NEW


def test_killed_after_publishing_the_next_event_publishes_again_and_the_batch_moves_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "mark_published", _die)
        with pytest.raises(Crash):
            world.finalize("ST-1")
    assert len(world.published()) == 1
    result = world.finalize("ST-1")
    assert len(world.published()) == 1
    assert world.state(result) is BatchState.NEW


def test_a_worker_that_was_faster_than_the_publisher_keeps_the_batch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = world.queue.publish

    def publish_and_claim(message: BatchMessage) -> None:
        publish(message)
        world.store.claim(message.batch_id, Lease("worker", NOON.replace(hour=13)), NOON)

    monkeypatch.setattr(world.queue, "publish", publish_and_claim)
    assert world.state(world.finalize("ST-1")) is BatchState.PROCESSING


def test_a_queue_out_of_reach_is_raised_so_that_the_event_comes_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: BatchMessage) -> None:
        raise TransientError(Code.STATUS_UNAVAILABLE)

    with monkeypatch.context() as patch:
        patch.setattr(world.queue, "publish", fail)
        with pytest.raises(TransientError):
            world.finalize("ST-1")
    assert world.finalize("ST-1").verdict is Verdict.PUBLISHED_AGAIN


def _die(*_: object) -> None:
    raise Crash
