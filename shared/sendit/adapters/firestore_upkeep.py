"""What keeping house asks of Firestore: short lists by indexed queries, batches that are given up or forgotten."""

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from sendit.adapters.firestore_bookmarks import Bookmarks
from sendit.adapters.firestore_changes import Turn, change, turns
from sendit.adapters.firestore_commits import BatchDocuments, Change, Filter, Overtaken, Unanswered
from sendit.changes import CLEANABLE, abandoned, cleaned
from sendit.errors import Code, TransientError
from sendit.records import CLAIMABLE, IMAGES_A_WRITE, Batch, ErrorEntry

if TYPE_CHECKING:
    from google.cloud import firestore

# a write that changes nothing leaves a document's update time as it was, and binds nothing: each step has its mark
_STEP = "forget_step"
_CLEANABLE = sorted(CLEANABLE)
_CLAIMABLE = sorted(CLAIMABLE)


class FirestoreUpkeep:
    """An `UpkeepStore`, which `FirestoreStatusStore` is, too."""

    def __init__(self, client: "firestore.Client") -> None:
        self._documents = BatchDocuments(client)
        self._bookmarks = Bookmarks(client)

    def silent(self, before: datetime, limit: int) -> list[Batch]:
        """See `UpkeepStore.silent`."""
        return self._found([("status", "in", _CLAIMABLE), ("updated_at", "<", before)], "updated_at", limit)

    def abandon(self, batch_id: str, error: ErrorEntry, now: datetime) -> Batch:
        """See `UpkeepStore.abandon`."""

        def decide(turn: Turn) -> Change | None:
            given_up = abandoned(turn.batch, error, now)
            return None if given_up is None else Change(given_up)

        return change(self._documents, batch_id, decide).batch

    def waiting(self, before: datetime, limit: int) -> list[Batch]:
        """See `UpkeepStore.waiting`."""
        found = self._found([("waits", "==", True), ("updated_at", "<", before)], "updated_at", limit)
        return [batch for batch in found if batch.at_rest]

    def uncleaned(self, before: datetime, limit: int, after: datetime | None = None) -> list[Batch]:
        """See `UpkeepStore.uncleaned`."""
        filters: list[Filter] = [("status", "in", _CLEANABLE), ("cleaned_at", "==", None), ("counts.stored", ">", 0)]
        return self._rested(filters, before, limit, after)

    def mark_cleaned(self, batch_id: str, generation: int, now: datetime) -> None:
        """See `UpkeepStore.mark_cleaned`."""

        def decide(turn: Turn) -> Change | None:
            marked = cleaned(turn.batch, generation, now)
            return None if marked is None else Change(marked)

        change(self._documents, batch_id, decide)

    def expired(self, before: datetime, limit: int, after: datetime | None = None) -> list[Batch]:
        """See `UpkeepStore.expired`."""
        return self._rested([], before, limit, after)  # only what rests has a time at which it came to rest

    def forget(self, batch_id: str, generation: int) -> None:
        """See `UpkeepStore.forget`.

        Images go in parts and the batch last, each commit bound to the batch as it was read: cut off at any step, it
        is still at rest, and forgetting it again completes it.
        """
        for _ in turns():
            known = self._documents.read(batch_id)
            if known is None or not known.batch.at_rest or known.batch.generation != generation:
                return
            try:
                while part := self._documents.some_image_ids(batch_id, IMAGES_A_WRITE):
                    step = Change(known.batch, deleted=part, marks={_STEP: uuid.uuid4().hex})
                    known = self._documents.commit(known, step)
                self._documents.delete(known)
            except (Overtaken, Unanswered):
                continue
            return
        raise TransientError(Code.STATUS_UNAVAILABLE)

    def bookmark(self, name: str) -> str:
        """See `UpkeepStore.bookmark`."""
        return self._bookmarks.read(name)

    def set_bookmark(self, name: str, value: str) -> None:
        """See `UpkeepStore.set_bookmark`."""
        self._bookmarks.write(name, value)

    def _rested(self, filters: list[Filter], before: datetime, limit: int, after: datetime | None) -> list[Batch]:
        filters.append(("finished_at", "<", before))
        if after is not None:
            filters.append(("finished_at", ">", after))
        return self._found(filters, "finished_at", limit)

    def _found(self, filters: list[Filter], order: str, limit: int) -> list[Batch]:
        return [known.batch for known in self._documents.found(filters, order, limit)]
