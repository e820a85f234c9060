"""A batch of Firestore back into the queue, with any number of its images.

Images go back to NEW in several commits and the batch goes with the last of them. Each commit is bound to the one
before, so that of two who ask at once one has to begin anew; after a crash in between the batch is at rest with
some images NEW already, and asking once more completes it.
"""

import uuid
from dataclasses import replace
from datetime import datetime

from google.cloud.firestore import DELETE_FIELD

from sendit.adapters.firestore_changes import parts_of, standing, turns
from sendit.adapters.firestore_commits import BatchDocuments, Change, Overtaken, Unanswered
from sendit.changes import once_more
from sendit.errors import Code, Refused, TransientError
from sendit.records import Batch, BatchState, check_transition

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
        images, queued = once_more(known.batch, documents.images(batch_id), again, now)
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
    raise TransientError(Code.STATUS_UNAVAILABLE)
