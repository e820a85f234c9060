"""What nobody else looks after: messages that died, and batches of which nothing is heard any more.

A message dies when it was delivered as often as its subscription allows. Its batch is not lost by that: if it came
further meanwhile, or never had its turn, its message is published again; if its attempts were in vain, it is an ERROR
that says so, its files kept.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from sendit.attempts import used_up
from sendit.errors import SENTENCES, Code
from sendit.ids import DocumentIds
from sendit.logs import event
from sendit.names import name_of, named_by
from sendit.ports import BatchQueue, Clock, Staging, StatusStore, UpkeepStore
from sendit.records import Batch, BatchState
from sendit.refs import BatchMessage, BatchName, Marker
from sendit.report import report_on
from sendit.staging_area import Reports

BATCHES_A_RUN = 200

_CAME_FURTHER = "A message died whose batch came further; it is published again."
_NOT_BEGUN = (
    "A message died that no worker had begun with; it is published again. Workers are too few, or do not start."
)


class SweptStore(StatusStore, UpkeepStore, Protocol):
    """Both ports of the status store."""


@dataclass(frozen=True, slots=True)
class Sweeping:
    """What a sweep needs. What looks into the staging area is made when it is needed: most sweeps do not."""

    store: SweptStore
    queue: BatchQueue
    ids: DocumentIds
    clock: Clock
    max_attempts: int
    requeue_after: timedelta
    staging: Callable[[], Staging]
    markers: Callable[[], Iterable[Marker]]
    reports: Callable[[], Reports]


def follow_dead_letter(message: BatchMessage, world: Sweeping) -> None:
    """Do what the death of a batch's message asks for, which is nothing if the batch gets on without it.

    Idempotent. Raises `TransientError` if the store or the queue cannot be reached: deliver it again.
    """
    batch = world.store.batch(message.batch_id)
    name = BatchName.parse(message.name)
    now = world.clock()
    if batch is None:
        # what it calls an id may be any text
        event(logging.WARNING, "A message died whose batch is not known; it was dropped.")
    elif batch.at_rest:
        event(logging.INFO, "A message of a batch at rest died; nothing to do.", batch_id=batch.id, state=batch.state)
        if batch.state is BatchState.ERROR:
            _report(batch, name, world)  # whoever gave it up may have died before
    elif message.generation < batch.generation:
        event(logging.INFO, "A message died that was older than its batch; nothing to do.", batch_id=batch.id)
    elif batch.is_held(now):
        event(logging.INFO, "A message died while a worker has its batch; nothing to do.", batch_id=batch.id)
    elif batch.failures < world.max_attempts:
        if world.ids.batch(name) != batch.id:  # its own name is found when nothing was heard of it for long
            code = Code.BATCH_OF_ANOTHER_KEY
            event(logging.ERROR, SENTENCES[code], code=code, batch_id=batch.id)
            return
        _publish(batch, name, world)
        event(logging.WARNING, _CAME_FURTHER if batch.attempt else _NOT_BEGUN, batch_id=batch.id, attempt=batch.attempt)
    else:
        _give_up(batch, name, world)


def requeue_silent(world: Sweeping) -> None:
    """Publish the message of each batch again that should be at work, or on its way to a destination, and is silent.

    No more than `BATCHES_A_RUN` at a time. Raises `TransientError`; what was published stays published.
    """
    now = world.clock()
    before = now - world.requeue_after
    found = [*world.store.silent(before, BATCHES_A_RUN), *world.store.waiting(before, BATCHES_A_RUN)]
    silent = {batch.id: batch for batch in found if not batch.is_held(now)}
    names = {batch.id: name for batch in silent.values() if (name := name_of(batch, world.staging)) is not None}
    if nameless := silent.keys() - names.keys():
        names |= named_by(world.markers(), world.ids, nameless)
    for batch in silent.values():
        if batch.id in names:
            _publish(batch, names[batch.id], world)
            event(
                logging.WARNING,
                "Nothing was heard of the batch; its message is published again.",
                batch_id=batch.id,
                state=batch.state,
            )
        else:
            event(
                logging.WARNING,
                "Nothing was heard of the batch, and nothing staged says its hidden name; write its marker again.",
                batch_id=batch.id,
                state=batch.state,
            )


def _give_up(batch: Batch, name: BatchName, world: Sweeping) -> None:
    error = used_up(batch, world.clock())
    rested = world.store.abandon(batch.id, error, world.clock())
    if error in rested.errors:
        event(logging.ERROR, "The batch is given up; its files are kept.", code=error.code, batch_id=batch.id)
        _report(rested, name, world)
    else:
        event(logging.INFO, "A message died, and its batch got on meanwhile; nothing to do.", batch_id=batch.id)


def _report(batch: Batch, name: BatchName, world: Sweeping) -> None:
    if world.ids.batch(name) == batch.id:  # or it would stand under another batch's name
        report_on(batch, name, reports=world.reports(), store=world.store, staging=world.staging(), ids=world.ids)


def _publish(batch: Batch, name: BatchName, world: Sweeping) -> None:
    world.queue.publish(BatchMessage(batch.id, str(name), batch.generation))
    world.store.mark_published(batch.id, world.clock())
