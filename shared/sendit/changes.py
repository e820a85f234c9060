"""Changes of a batch's record that every status store makes alike. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sendit.deliveries import Delivery, awaited, merged
from sendit.errors import Code, LeaseHeld, UsageError
from sendit.records import (
    MAX_ERRORS_KEPT,
    SENDABLE,
    UNSETTLED,
    Batch,
    BatchState,
    Counts,
    ErrorEntry,
    Image,
    ImageState,
    Lease,
    check_transition,
)
from sendit.tally import counted

CLEANABLE = SENDABLE
"""In which a batch's sources may be deleted: an ERROR and what was rejected keep theirs."""


def is_overtaken(image: Image, generation: int) -> bool:
    """Whether an image's outcome is about another generation than this one of its object."""
    return image.state not in UNSETTLED and image.generation not in {0, generation}


def moved_to(batch: Batch, state: BatchState, now: datetime) -> Batch:
    """The batch in a state that may follow its own. Raises `SenditError` (illegal_transition)."""
    check_transition(batch.state, state)
    return replace(batch, state=state, updated_at=now)


def with_errors(batch: Batch, errors: Sequence[ErrorEntry]) -> Batch:
    """The batch with more errors; all are counted, and the first are kept: the batch's own, then those of images."""
    by_kind = sorted((*batch.errors, *errors), key=lambda entry: entry.image_id is not None)
    return replace(
        batch,
        errors=tuple(by_kind[:MAX_ERRORS_KEPT]),
        error_count=batch.error_count + len(errors),
    )


def claimed(batch: Batch, lease: Lease, now: datetime) -> Batch | None:
    """The batch under this lease; None if it is at rest. Raises `LeaseHeld` while another's lease has not expired."""
    if batch.at_rest:
        return None
    if batch.is_held(now):
        raise LeaseHeld
    taken = replace(
        batch,
        lease=lease,
        attempt=batch.attempt + 1,
        failures=batch.failures + 1,
        started_at=batch.started_at or now,
    )
    return moved_to(taken, BatchState.PROCESSING, now)


def taken_up(batch: Batch, lease: Lease, now: datetime) -> Batch | None:
    """The batch under this lease to be sent on, its state as it is; None if nothing of it can be sent.

    Raises `LeaseHeld` while another's lease has not expired.
    """
    if batch.state not in SENDABLE or not batch.counts.stored:
        return None
    if batch.is_held(now):
        raise LeaseHeld
    return replace(batch, lease=lease, updated_at=now)


def sent_on(batch: Batch, deliveries: Iterable[Delivery], now: datetime) -> Batch:
    """The batch with what has become of some of its deliveries."""
    return replace(batch, deliveries=merged(batch.deliveries, deliveries), updated_at=now)


def published(batch: Batch, now: datetime) -> Batch | None:
    """The batch after its message was published: QUEUE is NEW now. None while a worker has it, or none is needed."""
    if batch.is_held(now) or (batch.at_rest and not batch.waits):
        return None
    if batch.state is BatchState.QUEUE:
        return moved_to(batch, BatchState.NEW, now)
    return replace(batch, updated_at=now)


def progressed(batch: Batch, counts: Counts, errors: Sequence[ErrorEntry], *, settled: bool, now: datetime) -> Batch:
    """The batch with what an attempt came to so far; an image that is `settled` makes it no failure."""
    failures = 0 if settled else batch.failures
    return with_errors(replace(batch, counts=counts, failures=failures, updated_at=now), errors)


def released(batch: Batch, failure: ErrorEntry | None, now: datetime) -> Batch:
    """The batch without its lease, its work unfinished."""
    return replace(batch, lease=None, last_failure=failure, updated_at=now)


def finished(
    batch: Batch, state: BatchState, errors: Sequence[ErrorEntry], now: datetime, destinations: Collection[str] = ()
) -> Batch:
    """The batch at rest; if anything is stored, it waits for these destinations.

    Raises `SenditError` (illegal_transition).
    """
    rested = replace(batch, lease=None, finished_at=now, failures=0, last_failure=None)
    if state in SENDABLE and batch.counts.stored:
        rested = replace(rested, deliveries=awaited(batch.deliveries, destinations, now))
    return moved_to(with_errors(rested, errors), state, now)


def abandoned(batch: Batch, error: ErrorEntry, now: datetime) -> Batch | None:
    """The batch as an ERROR that no worker has recorded; None if it is at rest or a worker has it."""
    if batch.at_rest or batch.is_held(now):
        return None
    return finished(batch, BatchState.ERROR, (error,), now)


def arrived(batch: Batch, there: bool, marker: int, now: datetime) -> Batch:
    """The batch with what is known of files that came after the freeze, and of the marker that says so, if one does."""
    return replace(batch, has_new_arrivals=there, finalized=max(batch.finalized, marker), updated_at=now)


def cleaned(batch: Batch, generation: int, now: datetime) -> Batch | None:
    """The batch without the sources of what is stored; None if it was asked for again meanwhile, or is cleaned."""
    if batch.state not in CLEANABLE or batch.generation != generation or batch.cleaned_at is not None:
        return None
    return replace(batch, cleaned_at=now, updated_at=now)


def _anew(image: Image, now: datetime) -> Image:
    """The image before anything was done; what was stored of it may stay in the output, and is not forgotten."""
    earlier = tuple(dict.fromkeys((*image.earlier, *([image.output] if image.output else []))))
    times = ((ImageState.NEW, now),)
    return Image(image.id, image.batch_id, ImageState.NEW, times, image.generation, image.size_bytes, earlier=earlier)


def once_more(
    batch: Batch, images: Iterable[Image], again: Collection[str], now: datetime
) -> tuple[list[Image], Batch]:
    """The images that go back to NEW, and the batch as it is queued with the outcomes of the others.

    An image that is NEW already stays as it is. Raises `SenditError` (illegal_transition), `UsageError` (batch_at_work)
    while somebody sends it on.
    """
    if batch.at_rest and batch.is_held(now):
        raise UsageError(Code.BATCH_AT_WORK)
    back: list[Image] = []
    kept: list[ErrorEntry] = []
    counts = Counts(found=batch.counts.found)
    for image in images:
        if image.id not in again:
            counts = counted(counts, image.state, duplicate=image.duplicate)
            if image.code is not None:
                kept.append(ErrorEntry(image.code, image.sentence, image.times[-1][1], image.id))
        elif image.state is not ImageState.NEW:
            check_transition(image.state, ImageState.NEW)
            back.append(_anew(image, now))
    queued = replace(
        batch,
        generation=max(batch.generation + 1, batch.finalized),
        counts=counts,
        errors=(),
        error_count=0,
        finished_at=None,
        frozen=False,
        has_new_arrivals=False,
        failures=0,
        last_failure=None,
        cleaned_at=None,
    )
    return back, with_errors(moved_to(queued, BatchState.QUEUE, now), kept)
