"""How Firestore is read and written: pages, commits with a precondition, and what becomes of a lost answer.

No transactions: they contend badly. A batch is read, what shall become of it is decided, and one commit writes it
with its images under the precondition that the batch is still as it was read. Whoever comes second reads again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud import firestore

from sendit.adapters.denied import failure
from sendit.adapters.firestore_documents import (
    Known,
    batch_fields,
    changed_fields,
    image_from_snapshot,
    known_from_snapshot,
)
from sendit.documents import Document, image_to_document
from sendit.errors import Code
from sendit.records import Batch, Image

SECONDS_A_CALL = 10.0
SECONDS_OF_PATIENCE = 15.0
_DOCUMENTS_A_PAGE = 1000

# the commit may have been done all the same
_UNANSWERED = (exceptions.ServerError, exceptions.Aborted, exceptions.TooManyRequests, exceptions.Cancelled)
# the batch is not as it was read, an image to be created is there, or the batch is gone
_OVERTAKEN = (exceptions.FailedPrecondition, exceptions.AlreadyExists, exceptions.NotFound)

_AGAIN = Retry(
    predicate=if_exception_type(*_UNANSWERED), initial=0.1, maximum=2.0, multiplier=2.0, timeout=SECONDS_OF_PATIENCE
)
# the client's own retries hide that an answer was lost, and go on for minutes; its streams take no None
ONCE = Retry(predicate=if_exception_type(), timeout=SECONDS_A_CALL)

T = TypeVar("T")

Filter = tuple[str, str, object]
"""A field of a batch's document, an operator of Firestore, and a value."""


class Overtaken(Exception):
    """Another write came between the reading and this commit; nothing of it is written."""


class Unanswered(Exception):
    """No answer came; the commit may be written, may be written later, or never. Caused by what came instead."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit makes of a batch and of some of its images."""

    batch: Batch
    created: Sequence[Image] = ()
    replaced: Sequence[Image] = ()
    added_to: Sequence[Image] = ()  # of which there must be a document, whose fields are all among the new ones
    deleted: Sequence[str] = ()  # by their ids
    marks: Document = field(default_factory=dict)  # fields of the batch's document that are none of its record's


class BatchDocuments:
    """The collection `batches`, each with its subcollection `images`.

    Every method raises `TransientError` if Firestore cannot be reached (status_unavailable), does not let us in
    (status_forbidden), or a quota is used up (quota_exceeded).
    """

    def __init__(self, client: firestore.Client) -> None:
        self._client = client
        self._batches = client.collection("batches")

    def read(self, batch_id: str) -> Known | None:
        """One batch."""
        return next(self.read_all([batch_id]), None)

    def read_all(self, batch_ids: Sequence[str]) -> Iterator[Known]:
        """Those of these batches that there are."""
        found = self._get([self._batches.document(batch_id) for batch_id in batch_ids])
        return (known for known in map(known_from_snapshot, found) if known is not None)

    def read_images(self, batch_id: str, image_ids: Sequence[str]) -> dict[str, Image]:
        """Those of these images that there are, by id."""
        images = self._images(batch_id)
        found = self._get([images.document(image_id) for image_id in image_ids])
        known = (image_from_snapshot(snapshot, batch_id) for snapshot in found)
        return {image.id: image for image in known if image is not None}

    def by_age(self) -> Iterator[Known]:
        """All batches by `created_at`, in pages."""
        return self._known(self._batches.order_by("created_at"))

    def below(self, batch_id: str) -> Iterator[Known]:
        """All batches with this one among their ancestors, in pages."""
        return self._known(self._below(batch_id))

    def has_below(self, batch_id: str) -> bool:
        """Whether there is a batch with this one among its ancestors."""
        return bool(self._page(self._below(batch_id).limit(1)))

    def images(self, batch_id: str) -> Iterator[Image]:
        """All images of a batch, in pages."""
        for snapshot in self._pages(self._images(batch_id).order_by("__name__")):
            image = image_from_snapshot(snapshot, batch_id)
            if image is not None:
                yield image

    def some_image_ids(self, batch_id: str, limit: int) -> list[str]:
        """Up to that many of a batch's images."""
        return [snapshot.id for snapshot in self._page(self._images(batch_id).select([]).limit(limit))]

    def found(self, filters: Sequence[Filter], order: str, limit: int) -> list[Known]:
        """Up to that many batches for which all of the filters hold, by a field."""
        query = self._batches.order_by(order).limit(limit)
        for field_path, operator, value in filters:
            query = query.where(filter=firestore.FieldFilter(field_path, operator, value))
        return [known for known in map(known_from_snapshot, self._page(query)) if known is not None]

    def create(self, batch: Batch) -> Known:
        """Write a new batch. Raises `Overtaken` if there is one, `Unanswered`."""
        writes = self._client.batch()
        writes.create(self._batches.document(batch.id), batch_fields(batch))
        created_at = self._commit(writes)
        return Known(batch, created_at, created_at)

    def commit(self, known: Known, change: Change) -> Known:
        """Write a change if the batch is as it was read. Raises `Overtaken`, `Unanswered`; both read again."""
        writes = self._client.batch()
        writes.update(
            self._batches.document(known.batch.id),
            changed_fields(known.batch, change.batch) | change.marks,
            option=self._client.write_option(last_update_time=known.update_time),
        )
        images = self._images(known.batch.id)
        for image in change.created:
            writes.create(images.document(image.id), image_to_document(image))
        for image in change.replaced:
            writes.set(images.document(image.id), image_to_document(image))
        for image in change.added_to:
            writes.update(images.document(image.id), image_to_document(image))
        for image_id in change.deleted:
            writes.delete(images.document(image_id))
        return replace(known, batch=change.batch, update_time=self._commit(writes))

    def delete(self, known: Known) -> None:
        """Take a batch away if it is as it was read. Raises `Overtaken`, `Unanswered`."""
        writes = self._client.batch()
        unchanged = self._client.write_option(last_update_time=known.update_time)
        writes.delete(self._batches.document(known.batch.id), option=unchanged)
        self._commit(writes)

    def _images(self, batch_id: str) -> "firestore.CollectionReference":
        images: firestore.CollectionReference = self._batches.document(batch_id).collection("images")
        return images

    def _below(self, batch_id: str) -> "firestore.Query":
        return self._batches.where(filter=firestore.FieldFilter("ancestors", "array_contains", batch_id))

    def _known(self, query: "firestore.Query") -> Iterator[Known]:
        return (known for known in map(known_from_snapshot, self._pages(query)) if known is not None)

    def _pages(self, query: "firestore.Query") -> Iterator["firestore.DocumentSnapshot[Any]"]:
        rest = query.limit(_DOCUMENTS_A_PAGE)
        while True:
            page = self._page(rest)
            yield from page
            if len(page) < _DOCUMENTS_A_PAGE:
                return
            rest = rest.start_after(page[-1])

    def _page(self, query: "firestore.Query") -> list["firestore.DocumentSnapshot[Any]"]:
        return answer(lambda: list(query.stream(retry=ONCE, timeout=SECONDS_A_CALL)))

    def _get(self, references: list["firestore.DocumentReference"]) -> list["firestore.DocumentSnapshot[Any]"]:
        if not references:
            return []
        return answer(lambda: list(self._client.get_all(references, retry=ONCE, timeout=SECONDS_A_CALL)))

    def _commit(self, writes: firestore.WriteBatch) -> datetime:
        """Commit once; when the first of the written documents was changed."""
        with _reachable():
            try:
                results = writes.commit(retry=None, timeout=SECONDS_A_CALL)
            except _OVERTAKEN:
                raise Overtaken from None
            except _UNANSWERED as error:
                raise Unanswered from error
        changed_at: datetime = results[0].update_time
        return changed_at


def answer(call: Callable[[], T]) -> T:
    """The answer to a reading call, repeated while that may help."""
    with _reachable():
        return _AGAIN(call)()


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except (exceptions.GoogleAPIError, GoogleAuthError) as error:
        raise failure(Code.STATUS_UNAVAILABLE, error) from None
