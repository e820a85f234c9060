"""A batch of Firestore back into the queue, with any number of its images.

Images go back to NEW in several commits and the batch goes with the last of them. Each commit is bound to the one
before, so that of two who ask at once one has to begin anew; after a crash in between the batch is at rest with
some images NEW already, and asking once more completes it.
"""

import uuid
from dataclasses import replace
from datetime import datetime

from google.cloud.firestore import DELETE_FIELD

from sendit.adapters.firestore_changes import moved_to, parts_of, standing, turns, with_errors
from sendit.adapters.firestore_commits import BatchDocuments, Change, Overtaken, Unanswered
from sendit.errors import Code, Refused
from sendit.records import Batch, BatchState, Counts, ErrorEntry, Image, ImageState, check_transition
from sendit.tally import counted

# a write that changes nothing leaves a document's update time as it was, and binds nothing: each step has its mark
_STEP = "requeue_step"


def requeue(documents: BatchDocuments, batch_id: str, again: frozenset[str], now: datetime) -> Batch:
    """See `StatusStore.requeue`."""
    unanswered: Batch | None = None
    for _ in turns():
        known = documents.read(batch_id)
        if known is None:
            raise Refused(Code.UNKNOWN_BATCH)
        if unanswered is not None and standing(known.batch) == standing(unanswered):
            return known.batch  # the commit whose answer was lost is written
        check_transition(known.batch.state, BatchState.QUEUE)
        images, queued = _once_more(documents, known.batch, again, now)
        *parts, last = parts_of(images)
        try:
            for part in parts:
                touched = replace(known.batch, updated_at=now)
                step = Change(touched, replaced=part, marks={_STEP: uuid.uuid4().hex})
                known = documents.commit(known, step)
            unanswered = queued
            documents.commit(known, Change(queued, replaced=last, marks={_STEP: DELETE_FIELD}))
        except (Overtaken, Unanswered):
            continue
        return queued
    raise AssertionError("turns end by raising")


def _once_more(
    documents: BatchDocuments, batch: Batch, again: frozenset[str], now: datetime
) -> tuple[list[Image], Batch]:
    """The images that go back to NEW, and the batch as it is queued with the outcomes of the others."""
    images: list[Image] = []
    kept: list[ErrorEntry] = []
    counts = Counts(found=batch.counts.found)
    for image in documents.images(batch.id):
        if image.id not in again:
            counts = counted(counts, image.state, duplicate=image.duplicate)
            if image.code is not None:
                kept.append(ErrorEntry(image.code, image.sentence, image.times[-1][1], image.id))
        elif image.state is not ImageState.NEW:
            check_transition(image.state, ImageState.NEW)
            images.append(Image(image.id, batch.id, ImageState.NEW, ((ImageState.NEW, now),), image.size_bytes))
    queued = replace(
        batch,
        generation=batch.generation + 1,
        counts=counts,
        errors=(),
        error_count=0,
        finished_at=None,
        frozen=False,
        has_new_arrivals=False,
    )
    return images, with_errors(moved_to(queued, BatchState.QUEUE, now), kept)
