"""The status store of the cloud: Firestore, as its console shows it.

A batch is a document of the collection `batches`, its images are the documents of its subcollection `images`.
Every write goes with a precondition on the batch's document, so that a worker whose lease was taken over writes
nothing, neither on the batch nor on any image.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from sendit.adapters.firestore_changes import Turn, change, parts_of
from sendit.adapters.firestore_commits import Change
from sendit.adapters.firestore_held import HeldBatches
from sendit.adapters.firestore_overlap import register
from sendit.adapters.firestore_requeue import requeue
from sendit.adapters.firestore_upkeep import FirestoreUpkeep
from sendit.changes import arrived, claimed, finished, progressed, published, released, sent_on, taken_up
from sendit.deliveries import Delivery
from sendit.errors import Code, Refused
from sendit.ports import Registered
from sendit.records import UNSETTLED, Batch, BatchState, Counts, ErrorEntry, Image, Lease, check_transition

if TYPE_CHECKING:
    from google.cloud import firestore


class FirestoreStatusStore(FirestoreUpkeep):
    """A `StatusStore` and `UpkeepStore` in Firestore. Safe to use from several threads, processes and machines."""

    def __init__(self, client: "firestore.Client") -> None:
        super().__init__(client)
        self._held = HeldBatches(self._documents)

    def register(self, batch: Batch) -> Registered:
        """See `StatusStore.register`."""
        return register(self._documents, batch)

    def mark_published(self, batch_id: str, now: datetime) -> None:
        """See `StatusStore.mark_published`."""

        def decide(turn: Turn) -> Change | None:
            changed = published(turn.batch, now)
            return None if changed is None else Change(changed)

        change(self._documents, batch_id, decide)

    def batch(self, batch_id: str) -> Batch | None:
        """See `StatusStore.batch`."""
        known = self._documents.read(batch_id)
        return None if known is None else known.batch

    def batches(self) -> Iterator[Batch]:
        """See `StatusStore.batches`."""
        for _, at_once in groupby(self._documents.by_age(), key=lambda known: known.batch.created_at):
            for known in sorted(at_once, key=lambda known: known.create_time):
                yield known.batch

    def images(self, batch_id: str) -> Iterator[Image]:
        """See `StatusStore.images`."""
        return self._documents.images(batch_id)

    def claim(self, batch_id: str, lease: Lease, now: datetime) -> Batch:
        """See `StatusStore.claim`."""

        def decide(turn: Turn) -> Change | None:
            taken = claimed(turn.batch, lease, now)
            return None if taken is None else Change(taken)

        known = change(self._documents, batch_id, decide)
        self._held.begin(known, lease)
        return known.batch

    def renew(self, batch_id: str, lease: Lease, now: datetime) -> None:
        """See `StatusStore.renew`."""
        self._held.change(batch_id, lease, lambda turn: Change(replace(turn.batch, lease=lease, updated_at=now)))

    def freeze(
        self,
        batch_id: str,
        lease: Lease,
        *,
        found: int,
        size_bytes: int,
        profile_digest: str,
        key_id: str,
        now: datetime,
    ) -> None:
        """See `StatusStore.freeze`."""

        def decide(turn: Turn) -> Change:
            frozen = replace(
                turn.batch,
                frozen=True,
                counts=replace(turn.batch.counts, found=found),
                size_bytes=size_bytes,
                profile_digest=profile_digest,
                key_id=key_id,
                updated_at=now,
            )
            return Change(frozen)

        self._held.change(batch_id, lease, decide)

    def add_images(self, batch_id: str, lease: Lease, images: Sequence[Image], now: datetime) -> None:
        """See `StatusStore.add_images`."""
        for part in parts_of(images):

            def decide(turn: Turn, part: Sequence[Image] = part) -> Change:
                # one image that is there fails the commit whole: only then is it worth a read to know which
                known = {} if turn.first else self._documents.read_images(batch_id, [image.id for image in part])
                fresh = [image for image in part if image.id not in known]
                return Change(replace(turn.batch, updated_at=now), created=fresh)

            self._held.change(batch_id, lease, decide)

    def save_outcomes(
        self,
        batch_id: str,
        lease: Lease,
        images: Sequence[Image],
        counts: Counts,
        errors: Sequence[ErrorEntry],
        now: datetime,
    ) -> None:
        """See `StatusStore.save_outcomes`. Of an image that is written already, the errors are too."""
        for part, told in _shared_out(images, errors):
            follows = self._held.may_follow(lease, part)

            def decide(
                turn: Turn,
                part: Sequence[Image] = part,
                told: Sequence[ErrorEntry] = told,
                follows: bool = follows,
            ) -> Change:
                settled = any(image.state not in UNSETTLED for image in part)
                if turn.remembered and follows:
                    batch = progressed(turn.batch, counts, told, settled=settled, now=now)
                    return Change(batch, added_to=part)
                fresh = self._unwritten(batch_id, part)
                written = {image.id for image in part} - {image.id for image in fresh}
                new = [entry for entry in told if entry.image_id not in written]
                if turn.unanswered is not None and turn.unanswered.error_count == turn.batch.error_count:
                    new = []  # under this lease nobody else counts errors: they came with the lost answer
                return Change(progressed(turn.batch, counts, new, settled=settled, now=now), replaced=fresh)

            self._held.change(batch_id, lease, decide)

    def finish(
        self,
        batch_id: str,
        lease: Lease,
        state: BatchState,
        errors: Sequence[ErrorEntry],
        now: datetime,
        destinations: Collection[str] = (),
    ) -> Batch:
        """See `StatusStore.finish`."""

        def decide(turn: Turn) -> Change:
            return Change(finished(turn.batch, state, errors, now, destinations))

        return self._held.end(batch_id, lease, decide)

    def take_up(self, batch_id: str, lease: Lease, now: datetime) -> Batch:
        """See `StatusStore.take_up`."""

        def decide(turn: Turn) -> Change | None:
            taken = taken_up(turn.batch, lease, now)
            return None if taken is None else Change(taken)

        known = change(self._documents, batch_id, decide)
        self._held.begin(known, lease)
        return known.batch

    def save_deliveries(self, batch_id: str, lease: Lease, deliveries: Sequence[Delivery], now: datetime) -> None:
        """See `StatusStore.save_deliveries`."""
        self._held.change(batch_id, lease, lambda turn: Change(sent_on(turn.batch, deliveries, now)))

    def release(self, batch_id: str, lease: Lease, failure: ErrorEntry | None, now: datetime) -> None:
        """See `StatusStore.release`."""
        self._held.end(batch_id, lease, lambda turn: Change(released(turn.batch, failure, now)))

    def set_new_arrivals(self, batch_id: str, there: bool, now: datetime, marker: int = 0) -> None:
        """See `StatusStore.set_new_arrivals`."""
        change(self._documents, batch_id, lambda turn: Change(arrived(turn.batch, there, marker, now)))

    def requeue(self, batch_id: str, again: Iterable[str], now: datetime) -> Batch:
        """See `StatusStore.requeue`."""
        return requeue(self._documents, batch_id, frozenset(again), now)

    def _unwritten(self, batch_id: str, images: Sequence[Image]) -> list[Image]:
        """Those of the images that are not yet in the store as they are; all may follow what is there."""
        ids = {image.id for image in images}
        known = self._documents.read_images(batch_id, sorted(ids))
        if len(known) < len(ids):
            raise Refused(Code.UNKNOWN_BATCH)
        fresh = [image for image in images if known[image.id] != image]
        for image in fresh:
            check_transition(known[image.id].state, image.state)
        return fresh


def _shared_out(
    images: Sequence[Image], errors: Sequence[ErrorEntry]
) -> Iterator[tuple[Sequence[Image], list[ErrorEntry]]]:
    """The images in parts of one commit each, every part with its images' errors; the first with the batch's own."""
    ids = {image.id for image in images}
    theirs = [entry for entry in errors if entry.image_id not in ids]
    for part in parts_of(images):
        inside = {image.id for image in part}
        yield part, [*theirs, *(entry for entry in errors if entry.image_id in inside)]
        theirs = []
