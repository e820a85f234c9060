"""The sources of what is stored are deleted, one generation each, after a look at what was stored.

Killed anywhere, the next time goes on with what is still there. What was uploaded again meanwhile is another
generation, and stays; so does the source of every image that failed or was rejected.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice

from sendit.again import is_stored
from sendit.changes import CLEANABLE
from sendit.deadline import ENDLESS, Deadline
from sendit.errors import SENTENCES, BatchError, Code, SenditError, TransientError
from sendit.ids import DocumentIds
from sendit.logs import event
from sendit.ports import Clock, OutputStore, Staging, StatusStore, UpkeepStore
from sendit.records import STORED, Batch, Image, ImageState
from sendit.refs import BatchName, Entry
from sendit.staging_area import Deleted, StagingArea

_THREADS = 8  # that look at outputs at one time
_IMAGES_A_STEP = 256
_BATCHES_A_PAGE = 100

_NOT_DELETED = "Not all that should go of the batch may be deleted: a hold or a retention policy, or a role is missing."


class Stays(StrEnum):
    """Why a staged object is not deleted."""

    CHANGED = "came or changed"
    FAILED = "failed"
    REJECTED = "rejected"
    UNSETTLED = "not done"
    OUTPUT_MISSING = "output missing"
    NOT_DELETED = "may not be deleted"  # a hold, a retention policy, or a role that is missing
    LATER = "not reached"  # when the time was up


TO_BE_DELETED = frozenset({Stays.OUTPUT_MISSING, Stays.NOT_DELETED, Stays.LATER})
"""Why an object stays that should go; as long as one does, the batch is not cleaned."""


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What cleaning up needs. `store` and `upkeep` are two ports of one status store."""

    staging: Staging
    area: StagingArea
    output: OutputStore
    store: StatusStore
    upkeep: UpkeepStore
    ids: DocumentIds
    clock: Clock


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What went of a batch, or would go: objects and their bytes, the marker; and how much stays, by why.

    `complete` is whether nothing is left to be deleted.
    """

    objects: int = 0
    size_bytes: int = 0
    stays: Mapping[Stays, int] = field(default_factory=dict)
    marker: bool = False
    complete: bool = False


def clean(
    batch: Batch, name: BatchName, world: Cleaning, deadline: Deadline = ENDLESS, *, dry_run: bool = False
) -> Cleaned:
    """Delete the sources of a batch at rest whose outputs are still what was recorded, and say so in its record.

    With `dry_run` nothing is deleted or written. Raises `BatchError` (batch_of_another_key), `TransientError`.
    """
    if batch.state not in CLEANABLE:
        return Cleaned()
    if world.ids.batch(name) != batch.id:
        raise BatchError(Code.BATCH_OF_ANOTHER_KEY)
    staged = {world.ids.image(name, entry.name): entry for entry in world.staging.list(name)}
    stays, objects, size_bytes = Counter[Stays](), 0, 0
    for step in _steps(_deletable(world.store.images(batch.id), staged, stays)):
        if deadline.near:
            stays[Stays.LATER] += len(step)
            continue
        going = _verified(step, world.output, stays)
        deleted = Deleted(len(going)) if dry_run else world.area.delete(name, going)
        objects += deleted.gone
        size_bytes += sum(entry.size for entry in going) - sum(entry.size for entry in deleted.refused)
        stays[Stays.NOT_DELETED] += len(deleted.refused)
    stays[Stays.CHANGED] += len(staged)  # what no record is about
    stays = +stays
    complete = not stays.keys() & TO_BE_DELETED
    try:
        marker = complete and not stays and _all_stored(batch) and _unmark(batch, name, world, dry_run=dry_run)
    except TransientError as error:
        if error.code is not Code.STAGING_FORBIDDEN:
            raise
        marker, complete, stays = False, False, Counter({Stays.NOT_DELETED: 1})
    if not dry_run:
        _conclude(batch, world, objects, stays, complete=complete)
    return Cleaned(objects, size_bytes, dict(stays), marker, complete)


def clean_at_once(batch: Batch, name: BatchName, world: Cleaning, deadline: Deadline) -> None:
    """Clean a batch that has just come to rest, as far as the time goes; what is in the way is left to the sweep."""
    if batch.cleaned_at is not None:
        return
    try:
        clean(batch, name, world, deadline)
    except SenditError as error:
        event(logging.WARNING, "Cleaning up is left to the sweep.", code=error.code, batch_id=batch.id)


def due(upkeep: UpkeepStore, before: datetime) -> Iterator[Batch]:
    """Every batch that came to rest before, with images stored, and is not cleaned; the oldest first."""
    after: datetime | None = None
    while batches := upkeep.uncleaned(before, _BATCHES_A_PAGE, after):
        yield from batches
        after = batches[-1].finished_at


def _deletable(
    images: Iterable[Image], staged: dict[str, Entry], stays: Counter[Stays]
) -> Iterator[tuple[Image, Entry]]:
    """The stored images whose sources are there as they were read; each image's object is taken out of `staged`."""
    for image in images:
        entry = staged.pop(image.id, None)
        if entry is None:
            continue
        if image.generation != entry.generation:
            stays[Stays.CHANGED] += 1
        elif image.state in STORED:
            yield image, entry
        else:
            why = {ImageState.ERROR: Stays.FAILED, ImageState.REJECTED: Stays.REJECTED}
            stays[why.get(image.state, Stays.UNSETTLED)] += 1


def _steps(deletable: Iterator[tuple[Image, Entry]]) -> Iterator[list[tuple[Image, Entry]]]:
    while step := list(islice(deletable, _IMAGES_A_STEP)):
        yield step


def _verified(step: list[tuple[Image, Entry]], output: OutputStore, stays: Counter[Stays]) -> list[Entry]:
    """The sources of those images whose outputs are still what was recorded."""
    with ThreadPoolExecutor(_THREADS) as threads:
        stored = list(threads.map(lambda pair: is_stored(pair[0], output, by_sum=True), step))
    stays[Stays.OUTPUT_MISSING] += stored.count(False)
    return [entry for (_, entry), there in zip(step, stored, strict=True) if there]


def _all_stored(batch: Batch) -> bool:
    return batch.counts.stored == batch.counts.found


def _unmark(batch: Batch, name: BatchName, world: Cleaning, *, dry_run: bool) -> bool:
    """Whether the marker went. One that was written again since stays; so does one of a folder that holds something."""
    marker = world.area.marker(name)
    if marker is None or marker.generation > batch.marked:
        return False
    if dry_run:
        return True
    return not any(True for _ in world.staging.list(name)) and world.area.delete_marker(marker)


def _conclude(batch: Batch, world: Cleaning, objects: int, stays: Mapping[Stays, int], *, complete: bool) -> None:
    if missing := stays.get(Stays.OUTPUT_MISSING, 0):
        code = Code.OUTPUT_MISSING
        event(logging.ERROR, SENTENCES[code], code=code, batch_id=batch.id, found=missing)
    if kept := stays.get(Stays.NOT_DELETED, 0):
        code = Code.STAGING_FORBIDDEN
        event(logging.WARNING, _NOT_DELETED, code=code, batch_id=batch.id, found=kept)
    if objects:
        event(logging.INFO, "Sources of what is stored are deleted.", batch_id=batch.id, stored=objects)
    if complete:
        world.upkeep.mark_cleaned(batch.id, batch.generation, world.clock())
