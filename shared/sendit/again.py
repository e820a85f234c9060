"""A second look at a batch at rest: what came since the freeze, what was lost, what a person wants done again."""

import logging
from dataclasses import dataclass
from enum import StrEnum

from sendit.errors import BatchError
from sendit.ids import DocumentIds
from sendit.logs import event
from sendit.manifest import Manifest
from sendit.ports import BatchQueue, Clock, OutputStore, Staging, StatusStore
from sendit.records import STORED, Batch, BatchState, ImageState
from sendit.refs import BatchMessage, BatchName


class Again(StrEnum):
    """Which images of a batch at rest a person asks for once more."""

    NEW = "new"  # files that came or changed after the freeze
    FAILED = "failed"
    REJECTED = "rejected"
    ALL = "all"  # the three together


@dataclass(frozen=True, slots=True)
class Findings:
    """Ids of images, by why they may be wanted again."""

    arrived: frozenset[str]
    failed: frozenset[str]
    rejected: frozenset[str]
    lost: frozenset[str]  # recorded as stored, and no longer in the output store

    def wanted(self, again: Again | None) -> frozenset[str]:
        """What is to be done again: what was lost in any case, and what was asked for.

        If there is any, then what came or changed is too, for the batch is frozen anew.
        """
        asked = {
            None: frozenset[str](),
            Again.NEW: self.arrived,
            Again.FAILED: self.failed,
            Again.REJECTED: self.rejected,
            Again.ALL: self.arrived | self.failed | self.rejected,
        }
        wanted = self.lost | asked[again]
        return wanted | self.arrived if wanted else wanted


def look_again(
    batch: Batch,
    name: BatchName,
    *,
    staging: Staging,
    output: OutputStore,
    store: StatusStore,
    ids: DocumentIds,
    clock: Clock,
) -> Findings:
    """Compare a batch at rest with staging and the output store; new arrivals are flagged on the batch."""
    frozen = {}
    data = staging.read_manifest(batch.id, batch.generation)
    if data is not None:
        try:
            frozen = {entry.name: entry for entry in Manifest.from_bytes(data).entries}
        except BatchError as error:
            event(logging.WARNING, error.sentence, code=error.code, batch_id=batch.id)
    arrived = {ids.image(name, entry.name) for entry in staging.list(name) if frozen.get(entry.name) != entry}
    if arrived and not batch.has_new_arrivals:
        store.flag_new_arrivals(batch.id, clock())
    failed, rejected, lost = set(), set(), set()
    for image in store.images(batch.id):
        if image.state is ImageState.ERROR:
            failed.add(image.id)
        elif image.state is ImageState.REJECTED:
            rejected.add(image.id)
        elif image.state in STORED and output.stat(image.output) != image.output_bytes:
            lost.add(image.id)
    return Findings(frozenset(arrived), frozenset(failed), frozenset(rejected), frozenset(lost))


def request_again(
    batch: Batch,
    name: BatchName,
    wanted: frozenset[str],
    *,
    store: StatusStore,
    queue: BatchQueue,
    clock: Clock,
) -> None:
    """Put a batch at rest back into the queue for these images. It is frozen anew; the others keep their outcome."""
    requeued = store.requeue(batch.id, wanted, clock())
    queue.publish(BatchMessage(requeued.id, str(name), requeued.generation))
    store.mark_published(requeued.id, clock())
    event(logging.INFO, "The batch is queued again, as asked.", batch_id=batch.id, found=len(wanted))


def at_rest(batch: Batch) -> bool:
    """Whether no worker has or will get this batch by itself."""
    return batch.state in {BatchState.DONEPROCESSING, BatchState.DONE, BatchState.EMPTY, BatchState.ERROR}
