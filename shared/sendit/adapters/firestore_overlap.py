"""Registering a batch in Firestore, such that no two batches ever lie inside each other.

There is no lock around several documents. A batch is written first and looked at again afterwards: of two that
overlap, the one that was created later takes itself away, whichever of them looks first.
"""

from datetime import datetime
from itertools import chain

from sendit.adapters.firestore_changes import turns
from sendit.adapters.firestore_commits import BatchDocuments, Overtaken, Unanswered
from sendit.adapters.firestore_documents import Known
from sendit.errors import Code, Refused, TransientError
from sendit.ports import Registered
from sendit.records import Batch, BatchState


def register(documents: BatchDocuments, batch: Batch) -> Registered:
    """See `StatusStore.register`."""
    unanswered = False
    for _ in turns():
        found = {known.batch.id: known for known in documents.read_all([batch.id, *batch.ancestors])}
        known = found.get(batch.id)
        try:
            if known is None:
                if found or documents.has_below(batch.id):
                    if documents.read(batch.id) is not None:
                        continue  # registered meanwhile by another delivery of its marker: who was earlier decides
                    raise Refused(Code.OVERLAP)
                created = documents.create(batch)
                _stand_back(documents, created)
                return Registered(batch, created=True)
            if known.batch.state is BatchState.QUEUE:
                # whoever created it may have died before looking again
                _stand_back(documents, known)
        except Overtaken:
            continue
        except Unanswered:
            unanswered = True
            continue
        return Registered(known.batch, created=unanswered and known.batch == batch)
    raise TransientError(Code.STATUS_UNAVAILABLE)


def _stand_back(documents: BatchDocuments, ours: Known) -> None:
    """Raise `Refused` (overlap), our batch taken away, if one that overlaps it was there earlier."""
    others = chain(documents.read_all(ours.batch.ancestors), documents.below(ours.batch.id))
    if any(_rank(other) < _rank(ours) for other in others):
        documents.delete(ours)
        raise Refused(Code.OVERLAP)


def _rank(known: Known) -> tuple[datetime, str]:
    return known.create_time, known.batch.id
