"""A second look at a batch at rest: what came since the freeze, what was lost, what a person wants done again."""

import logging
from dataclasses import dataclass
from enum import StrEnum

from sendit.changes import is_overtaken
from sendit.errors import BatchError, Code, UsageError
from sendit.ids import DocumentIds
from sendit.logs import event
from sendit.manifest import Manifest
from sendit.ports import BatchQueue, Clock, OutputStore, Staging, StatusStore
from sendit.records import UNSETTLED, Batch, BatchState, Image, ImageState
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
    lost: frozenset[str]  # recorded as stored and no longer there, or left without an outcome

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


@dataclass(frozen=True, slots=True)
class Asked:
    """What asking for a batch again came to."""

    findings: Findings
    wanted: int
    queued: bool


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
    """Compare a batch at rest with staging and the output store; whether files came since is written to the batch."""
    frozen = {}
    data = staging.read_manifest(batch.id, batch.generation)
    if data is not None:
        try:
            frozen = {entry.name: entry for entry in Manifest.from_bytes(data).entries}
        except BatchError as error:
            event(logging.WARNING, error.sentence, code=error.code, batch_id=batch.id)
    staged = {ids.image(name, entry.name): entry for entry in staging.list(name)}
    arrived = {image_id for image_id, entry in staged.items() if frozen.get(entry.name) != entry}
    failed, rejected, lost = set(), set(), set()
    for image in store.images(batch.id):
        if image.id in staged and is_overtaken(image, staged[image.id].generation):
            arrived.add(image.id)
        if image.state is ImageState.ERROR:
            failed.add(image.id)
        elif image.state is ImageState.REJECTED:
            rejected.add(image.id)
        elif image.state in UNSETTLED or not is_stored(image, output):
            lost.add(image.id)  # unsettled at rest: an earlier request died half-way
    if bool(arrived) != batch.has_new_arrivals:
        store.set_new_arrivals(batch.id, bool(arrived), clock())
    return Findings(frozenset(arrived), frozenset(failed), frozenset(rejected), frozenset(lost))


def is_stored(image: Image, output: OutputStore, *, by_sum: bool = False) -> bool:
    """Whether the output of a stored image is there, with the size and the sum that were recorded.

    A store that knows no sums, as a folder, is believed by the size, unless `by_sum` asks for proof.
    """
    found = output.stat(image.output)
    if found is None or found.size != image.output_bytes:
        return False
    return found.crc32c == image.output_crc32c or (found.crc32c is None and not by_sum)


def ask_again(
    batch: Batch,
    name: BatchName,
    again: Again | None,
    *,
    staging: Staging,
    output: OutputStore,
    store: StatusStore,
    queue: BatchQueue,
    ids: DocumentIds,
    clock: Clock,
) -> Asked:
    """Look again at a batch at rest, and put it back into the queue if there is anything to do once more.

    It is frozen anew; images that are not wanted keep their outcome. A batch that is an ERROR as a whole is
    asked for with its failed images.
    """
    findings = look_again(batch, name, staging=staging, output=output, store=store, ids=ids, clock=clock)
    wanted = findings.wanted(again)
    whole_batch = batch.state is BatchState.ERROR and again in {Again.FAILED, Again.ALL}
    if whole_batch:
        wanted |= findings.arrived
    if wanted or whole_batch:
        requeued = store.requeue(batch.id, wanted, clock())
        queue.publish(BatchMessage(requeued.id, str(name), requeued.generation))
        store.mark_published(requeued.id, clock())
        event(logging.INFO, "The batch is queued again, as asked.", batch_id=batch.id, found=len(wanted))
    return Asked(findings, len(wanted), queued=bool(wanted or whole_batch))


def send_again(batch: Batch, name: BatchName, *, store: StatusStore, queue: BatchQueue, clock: Clock) -> bool:
    """Publish the message of a batch at rest that is not at all of its destinations; whether it is such a batch."""
    if not batch.at_rest or not batch.deliveries or batch.delivered:
        return False
    publish_again(batch, name, store=store, queue=queue, clock=clock)
    return True


def publish_again(batch: Batch, name: BatchName, *, store: StatusStore, queue: BatchQueue, clock: Clock) -> None:
    """Publish the message of a batch once more that is not at rest, or on its way: its last one may be lost.

    Raises `UsageError` (batch_at_work) while a worker has it.
    """
    if batch.is_held(clock()):
        raise UsageError(Code.BATCH_AT_WORK)
    queue.publish(BatchMessage(batch.id, str(name), batch.generation))
    store.mark_published(batch.id, clock())
    event(logging.INFO, "The batch's message is published again, as asked.", batch_id=batch.id)
