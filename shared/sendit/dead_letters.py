"""What a person does with messages that died: their batches go on, each once."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sendit.again import Again, ask_again, publish_again
from sendit.finalize import Finalized
from sendit.ids import DocumentIds
from sendit.ports import BatchQueue, Clock, OutputStore, Staging, StatusStore
from sendit.records import Batch, BatchState
from sendit.refs import BatchMessage, BatchName, Marker


class Fate(StrEnum):
    """What became of a letter."""

    QUEUED = "queued"  # its batch was an ERROR, and is in the queue again
    PUBLISHED = "published"  # its batch was not at rest, and has another message
    FOLLOWED = "followed"  # its marker was followed
    OVER = "over"  # its batch rests without it: nothing is left to do
    AT_WORK = "at_work"
    UNKNOWN = "unknown"
    OTHER_KEY = "other_key"

    @property
    def is_settled(self) -> bool:
        """Whether the letter need not be kept any longer."""
        return self not in {Fate.AT_WORK, Fate.UNKNOWN, Fate.OTHER_KEY}


@dataclass(frozen=True, slots=True)
class Requeueing:
    """What `requeue` needs beside the letter. The staging area and the output are looked at if a batch is an ERROR."""

    store: StatusStore
    queue: BatchQueue
    ids: DocumentIds
    clock: Clock
    staging: Callable[[], Staging]
    output: Callable[[], OutputStore]
    follow: Callable[[Marker], Finalized]


def requeue(letter: Marker | BatchMessage, world: Requeueing) -> Fate:
    """Let what a letter was about go on. Raises `Refused` (bad_name), `TransientError`: then it must be kept."""
    if isinstance(letter, Marker):
        world.follow(letter)
        return Fate.FOLLOWED
    batch = world.store.batch(letter.batch_id)
    name = BatchName.parse(letter.name)
    if batch is None:
        return Fate.UNKNOWN
    if world.ids.batch(name) != batch.id:
        return Fate.OTHER_KEY
    if batch.state is BatchState.ERROR:
        return _ask_again(batch, name, world)
    if batch.at_rest and not batch.waits:
        return Fate.OVER
    if batch.is_held(world.clock()):
        return Fate.AT_WORK
    publish_again(batch, name, store=world.store, queue=world.queue, clock=world.clock)
    return Fate.PUBLISHED


def _ask_again(batch: Batch, name: BatchName, world: Requeueing) -> Fate:
    ask_again(
        batch,
        name,
        Again.FAILED,
        staging=world.staging(),
        output=world.output(),
        store=world.store,
        queue=world.queue,
        ids=world.ids,
        clock=world.clock,
    )
    return Fate.QUEUED
