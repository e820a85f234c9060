"""What this process knows of the batches that it holds, so that it need not be read before each write.

Whoever has a batch's lease is the only one who writes its images, and every write of theirs goes with the batch's
document. As long as that is as this process wrote it last, which each commit makes sure of, so are the images.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sendit.adapters.firestore_changes import Decide, Turn, change
from sendit.adapters.firestore_commits import BatchDocuments, Change
from sendit.adapters.firestore_documents import Known
from sendit.records import Batch, Image, ImageState, Lease, may_follow


@dataclass(slots=True)
class _Held:
    """A batch as it was written last under a lease, and the states of the images that were written under it."""

    last: Known | None = None
    states: dict[str, ImageState] = field(default_factory=dict)


class HeldBatches:
    """The batches of this process, by the owner of the lease. One thread at a time writes under a lease."""

    def __init__(self, documents: BatchDocuments) -> None:
        self._documents = documents
        self._held: dict[str, _Held] = {}

    def begin(self, known: Known, lease: Lease) -> None:
        """Remember a batch from its claim on."""
        if known.batch.lease == lease:
            self._held[lease.owner] = _Held(known)

    def change(self, batch_id: str, lease: Lease, decide: Decide) -> None:
        """See `firestore_changes.change`; nothing is remembered of a batch of which a write failed."""
        held = self._held.pop(lease.owner, _Held())
        written: dict[str, ImageState] = {}

        def noting(turn: Turn) -> Change | None:
            wanted = decide(turn)
            for image in (*wanted.created, *wanted.replaced, *wanted.added_to) if wanted else ():
                written[image.id] = image.state
            return wanted

        held.last = change(self._documents, batch_id, noting, lease, held.last)
        held.states |= written
        self._held[lease.owner] = held

    def end(self, batch_id: str, lease: Lease, decide: Decide) -> Batch:
        """The last write under a lease."""
        held = self._held.pop(lease.owner, _Held())
        return change(self._documents, batch_id, decide, lease, held.last).batch

    def may_follow(self, lease: Lease, images: Sequence[Image]) -> bool:
        """Whether it is known without reading that each of these may follow what is written of it."""
        held = self._held.get(lease.owner)
        return held is not None and all(
            image.id in held.states and may_follow(held.states[image.id], image.state) for image in images
        )
