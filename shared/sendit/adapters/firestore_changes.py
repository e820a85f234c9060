"""One change of a batch in Firestore: read, decide, commit, and again while another's write comes in between."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from google.api_core.retry import exponential_sleep_generator

from sendit.adapters.denied import failure
from sendit.adapters.firestore_commits import SECONDS_OF_PATIENCE, BatchDocuments, Change, Overtaken, Unanswered
from sendit.adapters.firestore_documents import Known
from sendit.errors import Code, LeaseLost, Refused
from sendit.records import IMAGES_A_WRITE, Batch, Image, Lease


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn at a change: the batch as it is now, and what it became if a commit whose answer was lost is written.

    `remembered` is whether it is what this process wrote last and was not read: the commit is refused if it changed.
    """

    batch: Batch
    first: bool
    unanswered: Batch | None
    remembered: bool


Decide = Callable[[Turn], Change | None]


def change(
    documents: BatchDocuments, batch_id: str, decide: Decide, lease: Lease | None = None, last: Known | None = None
) -> Known:
    """Make of a batch what `decide` says, which may be asked several times; None leaves the batch as it is.

    With `last`, what was written last under this very lease, the first turn reads nothing.

    Raises `LeaseLost`, nothing written, if there is a lease to go by and the batch is no longer under it;
    `Refused` (unknown_batch); `TransientError` when patience ends.
    """
    unanswered: Batch | None = None
    moved = False
    why: BaseException | None = None
    for number in turns():
        remembered = number == 0 and last is not None
        known = last if remembered else documents.read(batch_id)
        if known is not None and unanswered is not None and moved and standing(known.batch) == standing(unanswered):
            return known  # the commit whose answer was lost is written
        if lease is not None and (known is None or known.batch.lease is None or known.batch.lease.owner != lease.owner):
            raise LeaseLost
        if known is None:
            raise Refused(Code.UNKNOWN_BATCH)
        wanted = decide(Turn(known.batch, number == 0, unanswered, remembered))
        if wanted is None:
            return known
        try:
            return documents.commit(known, wanted)
        except Overtaken:
            continue
        except Unanswered as error:
            why = error.__cause__
            unanswered, moved = wanted.batch, standing(wanted.batch) != standing(known.batch)
    raise failure(Code.STATUS_UNAVAILABLE, why)


def turns() -> Iterator[int]:
    """Turns at a commit, ever further apart, until patience ends."""
    until = time.monotonic() + SECONDS_OF_PATIENCE
    for turn, pause in enumerate(exponential_sleep_generator(initial=0.02, maximum=2.0)):
        yield turn
        if time.monotonic() + pause > until:
            return
        time.sleep(pause)


def standing(batch: Batch) -> tuple[object, ...]:
    """What tells that a batch was claimed, released, finished or queued by one write and no other."""
    return batch.state, batch.generation, batch.attempt, batch.lease, batch.finished_at


def parts_of(images: Sequence[Image]) -> Iterator[Sequence[Image]]:
    """The images in parts of one commit each; no images are one part."""
    for start in range(0, max(len(images), 1), IMAGES_A_WRITE):
        yield images[start : start + IMAGES_A_WRITE]
