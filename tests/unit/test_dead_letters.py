"""What becomes of the batch of a message that died when a person asks for it."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sendit.adapters.folder_output import FolderOutput
from sendit.adapters.folder_staging import FolderStaging
from sendit.adapters.inline_queue import InlineQueue
from sendit.adapters.sqlite_status import SqliteStatusStore
from sendit.attempts import used_up
from sendit.dead_letters import Fate, Requeueing, requeue
from sendit.deid.identity.keys import Keyring
from sendit.errors import Refused
from sendit.finalize import Finalized, Verdict
from sendit.ids import DocumentIds
from sendit.records import Batch, BatchState, Lease
from sendit.refs import BatchMessage, BatchName, Marker

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
IDS = DocumentIds(Keyring(bytes(32)))
NAME = "1_6/ST-1"
ID = IDS.batch(BatchName.parse(NAME))
MESSAGE = BatchMessage(ID, NAME, 7)
LEASE = Lease("one", NOON + timedelta(seconds=90))


@dataclass
class World:
    """A store, a queue, a staging area and an output of this machine."""

    folder: Path
    store: SqliteStatusStore
    queue: InlineQueue = field(default_factory=InlineQueue)
    followed: list[Marker] = field(default_factory=list)
    now: datetime = NOON

    def requeue(self, letter: Marker | BatchMessage = MESSAGE) -> Fate:
        world = Requeueing(
            store=self.store,
            queue=self.queue,
            ids=IDS,
            clock=lambda: self.now,
            staging=lambda: FolderStaging(self.folder, self.folder / "manifests"),
            output=lambda: FolderOutput(self.folder),
            follow=self.follow,
        )
        return requeue(letter, world)

    def follow(self, marker: Marker) -> Finalized:
        self.followed.append(marker)
        return Finalized(Verdict.PUBLISHED)

    def register(self) -> Batch:
        return self.store.register(Batch(ID, NAME, BatchState.QUEUE, 7, NOON, NOON)).batch

    def state(self) -> BatchState | None:
        batch = self.store.batch(ID)
        return batch.state if batch else None

    def published(self) -> list[BatchMessage]:
        messages: list[BatchMessage] = []
        self.queue.drain(messages.append)
        return messages


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(SqliteStatusStore(tmp_path / "status.sqlite3")) as store:
        yield World(tmp_path, store)


def test_one_that_was_given_up_is_queued_again(world: World) -> None:
    world.store.abandon(ID, used_up(world.register(), NOON), NOON)
    assert world.requeue() is Fate.QUEUED
    assert (world.state(), world.published()) == (BatchState.NEW, [replace(MESSAGE, generation=8)])


@pytest.mark.parametrize("begun", [False, True])
def test_one_that_is_not_at_rest_gets_another_message(world: World, begun: bool) -> None:
    world.register()
    if begun:
        world.store.claim(ID, LEASE, NOON)
        world.now += timedelta(seconds=90)
    assert world.requeue() is Fate.PUBLISHED
    assert world.published() == [MESSAGE]


@pytest.mark.parametrize("state", [BatchState.DONEPROCESSING, BatchState.EMPTY])
def test_of_one_that_rests_without_it_nothing_is_left_to_do(world: World, state: BatchState) -> None:
    world.register()
    world.store.claim(ID, LEASE, NOON)
    world.store.finish(ID, LEASE, state, (), NOON)
    assert world.requeue() is Fate.OVER
    assert (world.state(), world.published()) == (state, [])


def test_one_that_a_worker_has_is_left_to_it(world: World) -> None:
    world.register()
    world.store.claim(ID, LEASE, NOON)
    assert world.requeue() is Fate.AT_WORK
    assert world.published() == []


def test_one_that_is_not_known_stays_unknown(world: World) -> None:
    assert world.requeue() is Fate.UNKNOWN
    assert (world.state(), world.published()) == (None, [])


def test_one_whose_name_has_another_id_under_this_key_is_left_alone(world: World) -> None:
    world.register()
    assert world.requeue(replace(MESSAGE, name="another")) is Fate.OTHER_KEY
    with pytest.raises(Refused):
        world.requeue(replace(MESSAGE, name=".."))
    assert (world.state(), world.published()) == (BatchState.QUEUE, [])


def test_a_marker_is_followed(world: World) -> None:
    assert world.requeue(Marker(NAME, 7)) is Fate.FOLLOWED
    assert world.followed == [Marker(NAME, 7)]


def test_a_letter_is_let_go_only_when_its_batch_goes_on() -> None:
    assert {fate for fate in Fate if not fate.is_settled} == {Fate.AT_WORK, Fate.UNKNOWN, Fate.OTHER_KEY}
