"""The use case behind the one message of a batch: import it, de-identify it, account for every image.

claim → freeze the manifest → per image: read, screen, de-identify, gate, store, verify → counts → rest. The
manifest and the images' states are the checkpoint: whichever step was the last of an attempt, the next one
does only what has no outcome yet. When the time of an attempt is up, its message is published once more.
"""

import logging
from dataclasses import replace

from sendit.attempt import Attempt, Observer
from sendit.attempts import used_up
from sendit.deadline import Deadline
from sendit.errors import BatchError, Code, Refused
from sendit.lease import Hold, new_lease
from sendit.logs import event
from sendit.processing import Processing
from sendit.records import Batch, BatchState, Counts
from sendit.refs import BatchMessage, BatchName
from sendit.report import report_on
from sendit.writes import Writes


def _unobserved(_: Counts) -> None:
    """Nobody watches."""


def process(message: BatchMessage, world: Processing, observe: Observer = _unobserved) -> Batch:
    """Do what the batch still needs and return its record: at rest, or as it is when the time of the attempt is up.

    Idempotent: a batch at rest is returned as it is. Raises `Refused` for a message that names no batch or two,
    `LeaseHeld` while another worker has it, `TransientError` if the attempt must be repeated; then everything
    that has an outcome keeps it, and the batch stays PROCESSING.
    """
    name = BatchName.parse(message.name)
    _check(message, name, world)
    deadline = Deadline.after(world.budget)
    lease = new_lease(world.lease_terms, world.clock)
    batch = world.store.claim(message.batch_id, lease, world.clock())
    if batch.state is not BatchState.PROCESSING:
        event(logging.INFO, "The batch is at rest; nothing to do.", batch_id=batch.id, state=batch.state)
        report(batch, name, world)  # the attempt that let it rest may have died before
        return batch
    event(logging.INFO, "The batch is claimed.", batch_id=batch.id, attempt=batch.attempt)
    hold = Hold(world.store, batch.id, lease, world.lease_terms, world.clock)
    with hold.beating(), Writes() as writes:
        attempt = Attempt(world, hold, writes, batch, name, observe)
        try:
            rested = _rested(attempt, batch, world, deadline)
        except BaseException as error:
            attempt.give_up(error)
            raise
    if rested is None:
        return _go_on_later(message, batch, hold, attempt, world)
    _tell(logging.ERROR if rested.state is BatchState.ERROR else logging.INFO, "The batch rests.", rested)
    report(rested, name, world)
    return rested


def _check(message: BatchMessage, name: BatchName, world: Processing) -> None:
    """Raise `Refused` if the batch is known to have another name than the message says: it is no batch's message.

    Where the name is the batch's own, or hidden, the key is another one than whoever registered it had. That ends the
    batch as an ERROR that says so.
    """
    if world.ids.batch(name) == message.batch_id:
        return
    known = world.store.batch(message.batch_id)
    if known is not None and known.name not in {None, message.name}:
        raise Refused(Code.MALFORMED_MESSAGE)


def _rested(attempt: Attempt, batch: Batch, world: Processing, deadline: Deadline) -> Batch | None:
    try:
        if batch.failures > world.max_attempts:
            before = replace(batch, attempt=batch.attempt - 1, failures=batch.failures - 1)  # this one does not begin
            return attempt.abandon(used_up(before, world.clock()))
        return attempt.run(deadline)
    except BatchError as error:
        return attempt.fail(error)
    except Refused:
        return attempt.fail(BatchError(Code.RECORD_LOST))


def _go_on_later(message: BatchMessage, batch: Batch, hold: Hold, attempt: Attempt, world: Processing) -> Batch:
    """Hand the batch over to its next attempt. Cut short between the two steps, the message at hand comes again."""
    hold.release(attempt.in_vain)
    world.queue.publish(message)
    paused = replace(batch, counts=attempt.counts, lease=None)
    _tell(logging.INFO, "The time of this attempt is up; the next goes on.", paused)
    return paused


def report(batch: Batch, name: BatchName, world: Processing) -> None:
    """Write or remove the report of a batch at rest; see `sendit.report.report_on`."""
    if world.ids.batch(name) != batch.id:  # never under the name of another batch
        return
    report_on(batch, name, reports=world.reports, store=world.store, staging=world.staging, ids=world.ids)


def _tell(severity: int, sentence: str, batch: Batch) -> None:
    counts = batch.counts
    event(
        severity,
        sentence,
        batch_id=batch.id,
        state=batch.state,
        found=counts.found,
        stored=counts.stored,
        rejected=counts.rejected,
        errored=counts.errored,
        duplicates=counts.duplicates,
    )
