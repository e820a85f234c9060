"""The use case behind the finalize marker: register the batch, publish one message, say so.

Register as QUEUE → publish → NEW. Each step may be the last before a crash: a repeated event on QUEUE publishes
again, on anything later it changes nothing.
"""

import logging
from dataclasses import dataclass
from enum import StrEnum

from sendit.errors import Code, Refused
from sendit.ids import DocumentIds
from sendit.logs import event
from sendit.ports import BatchQueue, Clock, StatusStore
from sendit.records import Batch, BatchState
from sendit.refs import BatchMessage, BatchName, Marker


class Verdict(StrEnum):
    """What became of a marker."""

    PUBLISHED = "published"
    PUBLISHED_AGAIN = "published_again"  # an earlier attempt died between registering and publishing
    KNOWN = "known"
    NEWER_GENERATION = "newer_generation"  # known, and finalized again: not processed again unless asked
    TEST = "test"
    UNFINISHED = "unfinished"
    OVERLAP = "overlap"
    BAD_NAME = "bad_name"
    IGNORED = "ignored"  # an .err report beside the markers


@dataclass(frozen=True, slots=True)
class Finalized:
    """The verdict on a marker, and the batch's id and record where there are any."""

    verdict: Verdict
    batch_id: str = ""
    batch: Batch | None = None


_SENTENCES = {
    Verdict.PUBLISHED: "The batch is registered and published.",
    Verdict.PUBLISHED_AGAIN: "The batch was registered but not published; it is now.",
    Verdict.KNOWN: "The batch is known; nothing to do.",
    Verdict.NEWER_GENERATION: "The batch is known and was finalized again; it is not processed again.",
    Verdict.TEST: "The batch's name starts with test; it is not processed.",
    Verdict.UNFINISHED: "The batch's path says that it is still being copied; it is not processed.",
    Verdict.OVERLAP: "The batch lies inside a known batch or around one; it is not processed.",
    Verdict.BAD_NAME: "The marker's name is no batch's name; it is not processed.",
    Verdict.IGNORED: "An error report is no marker; nothing to do.",
}
_ALARMING = {Verdict.OVERLAP, Verdict.BAD_NAME, Verdict.NEWER_GENERATION}


def finalize(
    marker: Marker,
    *,
    store: StatusStore,
    queue: BatchQueue,
    ids: DocumentIds,
    clock: Clock,
    show_name: bool = True,
    asked: bool = False,
) -> Finalized:
    """Follow one marker and log its verdict.

    `asked` means that a person named this very folder: then a name that starts with `test` is no reason
    to leave it. Raises `TransientError` if the store or the queue cannot be reached: deliver the event again.
    """
    result = follow(marker, store=store, queue=queue, ids=ids, clock=clock, show_name=show_name, asked=asked)
    tell(result, marker)
    return result


def tell(result: Finalized, marker: Marker) -> None:
    """Log the verdict on a marker."""
    event(
        logging.WARNING if result.verdict in _ALARMING else logging.INFO,
        _SENTENCES[result.verdict],
        verdict=result.verdict,
        generation=marker.generation,
        **({"batch_id": result.batch_id} if result.batch_id else {}),
    )


def follow(
    marker: Marker,
    *,
    store: StatusStore,
    queue: BatchQueue,
    ids: DocumentIds,
    clock: Clock,
    show_name: bool,
    asked: bool = False,
) -> Finalized:
    """The same as `finalize`, for whoever decides by the verdict whether it is told."""
    try:
        name = BatchName.parse(marker.name)
    except Refused:
        return Finalized(Verdict.BAD_NAME)
    batch_id = ids.batch(name)
    if name.parts[-1].endswith(".err"):
        return Finalized(Verdict.IGNORED, batch_id)
    if name.unfinished:
        return Finalized(Verdict.UNFINISHED, batch_id)
    if name.test and not asked:
        return Finalized(Verdict.TEST, batch_id)
    now = clock()
    proposed = Batch(
        id=batch_id,
        name=str(name) if show_name else None,
        state=BatchState.QUEUE,
        generation=marker.generation,
        created_at=now,
        updated_at=now,
        ancestors=ids.ancestors(name),
    )
    try:
        registered = store.register(proposed)
    except Refused as refusal:
        if refusal.code is not Code.OVERLAP:
            raise
        return Finalized(Verdict.OVERLAP, batch_id)
    known = registered.batch
    if known.state is not BatchState.QUEUE:
        newer = marker.generation > known.marked
        if newer:
            # somebody says once more that the batch is ready: something came, which is shown and not read unasked
            store.set_new_arrivals(batch_id, True, clock(), marker.generation)
        return Finalized(Verdict.NEWER_GENERATION if newer else Verdict.KNOWN, batch_id, known)
    queue.publish(BatchMessage(batch_id, str(name), known.generation))
    store.mark_published(batch_id, clock())
    verdict = Verdict.PUBLISHED if registered.created else Verdict.PUBLISHED_AGAIN
    return Finalized(verdict, batch_id, known)
