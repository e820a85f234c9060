"""Keeping house: what nobody asks for and everybody expects. A bounded piece of each task, again and again.

Markers whose event was lost are followed, what lies unnoticed in the staging area is told, sources of what is stored
are deleted when their time has come, and so is what is kept of batches that are long done, or said of what is gone.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sendit.cleanup import Cleaning, clean
from sendit.deadline import ENDLESS, Deadline
from sendit.errors import BatchError, Code, Refused
from sendit.ids import DocumentIds
from sendit.logs import event
from sendit.names import name_of
from sendit.ports import BatchQueue, Clock, OutputStore, Staging
from sendit.records import Batch
from sendit.refs import BatchName
from sendit.report_walk import drop_reports
from sendit.setbacks import Setbacks
from sendit.staging_area import Reports, StagingArea
from sendit.staging_walk import Walked, register_markers, walk_staged
from sendit.sweep import SweptStore
from sendit.walking import Walking

BATCHES_A_RUN = 50


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept after a batch came to rest; None: for ever. And when a folder without marker is told."""

    sources: timedelta | None
    manifests: timedelta | None
    status: timedelta | None
    report_after: timedelta


@dataclass(frozen=True, slots=True)
class Kept:
    """Batches registered, folders reported, batches flagged, cleaned, expired, forgotten; reports dropped."""

    registered: int = 0
    reported: int = 0
    flagged: int = 0
    cleaned: int = 0
    expired: int = 0
    forgotten: int = 0
    dropped: int = 0


def keep_house(
    *,
    staging: Staging,
    area: StagingArea,
    output: OutputStore,
    reports: Reports,
    store: SweptStore,
    queue: BatchQueue,
    ids: DocumentIds,
    clock: Clock,
    retention: Retention,
    show_name: bool,
    deadline: Deadline = ENDLESS,
) -> Kept:
    """Do a piece of everything there is to do. Idempotent.

    What one task is stopped by, or how long it takes, does not keep the next from its turn; the first `SenditError` is
    raised at the end, a `TransientError` if a service is out of reach. What was done stays done.
    """
    walking = Walking(staging, area, reports, store, queue, ids, clock, show_name, retention.report_after, deadline)
    house = _House(Cleaning(staging, area, output, store, store, ids, clock), store, reports, retention, deadline)
    setbacks, registered, walked, dropped, done = Setbacks(), 0, Walked(), 0, Counter[_Done]()
    with setbacks.kept():
        registered = register_markers(replace(walking, deadline=deadline.part(5)))
    with setbacks.kept():
        walked = walk_staged(replace(walking, deadline=deadline.part(4)))
    with setbacks.kept():
        dropped = drop_reports(replace(walking, deadline=deadline.part(3)))
    with setbacks.kept():
        done += replace(house, deadline=deadline.part(2)).let_expire()
    with setbacks.kept():
        done += house.clean_due()  # what takes longest has the rest
    setbacks.raise_first()
    return Kept(
        registered,
        walked.reported,
        walked.flagged,
        done[_Done.CLEANED],
        done[_Done.EXPIRED],
        done[_Done.FORGOTTEN],
        dropped,
    )


class _Done(StrEnum):
    NOTHING = "nothing"
    CLEANED = "cleaned"
    EXPIRED = "expired"
    FORGOTTEN = "forgotten"


_Act = Callable[[Batch, BatchName | None], _Done]
_Page = Callable[[datetime | None], list[Batch]]


@dataclass(frozen=True, slots=True)
class _House:
    """Batches at rest whose time has come."""

    world: Cleaning
    store: SweptStore
    reports: Reports
    retention: Retention
    deadline: Deadline

    def clean_due(self) -> Counter[_Done]:
        """Delete the sources of what is stored."""
        keep = self.retention.sources
        if keep is None:
            return Counter()
        before = self.world.clock() - keep
        return self._each("uncleaned", lambda after: self.store.uncleaned(before, BATCHES_A_RUN, after), self._clean)

    def let_expire(self) -> Counter[_Done]:
        """Remove manifests, reports and status documents of batches of which nothing is staged any more."""
        keeps = [keep for keep in (self.retention.manifests, self.retention.status) if keep is not None]
        if not keeps:
            return Counter()
        before = self.world.clock() - min(keeps)
        return self._each("expired", lambda after: self.store.expired(before, BATCHES_A_RUN, after), self._let_expire)

    def _each(self, walk: str, page: _Page, act: _Act) -> Counter[_Done]:
        """Do something to a piece of the batches that came to rest, and remember when the last of them did.

        What one batch is stopped by does not keep the others from their turn, and is raised after it.
        """
        begun = reached = self.store.bookmark(walk)
        batches = page(datetime.fromisoformat(begun) if begun else None)
        setbacks, done = Setbacks(), Counter[_Done]()
        try:
            for batch in batches:
                if self.deadline.near or setbacks.too_many:
                    break
                reached = batch.finished_at.isoformat() if batch.finished_at else reached
                with setbacks.kept():
                    done[self._done_to(batch, act)] += 1
            else:
                reached = reached if len(batches) == BATCHES_A_RUN else ""
        finally:
            if reached != begun:
                self.store.set_bookmark(walk, reached)
        setbacks.raise_first()
        return done

    def _done_to(self, batch: Batch, act: _Act) -> _Done:
        try:
            name = name_of(batch, lambda: self.world.staging)
            if name is not None and self.world.ids.batch(name) != batch.id:
                raise BatchError(Code.BATCH_OF_ANOTHER_KEY)
            return act(batch, name)
        except (BatchError, Refused) as error:
            event(logging.WARNING, error.sentence, code=error.code, batch_id=batch.id)
            return _Done.NOTHING

    def _clean(self, batch: Batch, name: BatchName | None) -> _Done:
        if name is None:
            raise BatchError(Code.BAD_MANIFEST)
        return _Done.CLEANED if clean(batch, name, self.world, self.deadline).complete else _Done.NOTHING

    def _let_expire(self, batch: Batch, name: BatchName | None) -> _Done:
        """A batch whose name nothing tells any more has lost its manifests before, and nothing was staged then.

        If it never had any, or they cannot be read, nobody knows what is staged of it, and it is kept; so is one that
        has yet to come to a destination.
        """
        if batch.waits:
            return _Done.NOTHING
        if name is None:
            gone = batch.frozen and not any(True for _ in self.world.staging.manifests(batch.id))
        else:
            gone = self._is_gone_from_staging(batch, name)
        if not gone:
            return _Done.NOTHING
        if self._is_over(batch, self.retention.status):
            self._remove_names(batch, name)
            self.store.forget(batch.id, batch.generation)
            event(logging.INFO, "The batch is long done; nothing is kept of it.", batch_id=batch.id)
            return _Done.FORGOTTEN
        if self._is_over(batch, self.retention.manifests) and self._remove_names(batch, name):
            event(logging.INFO, "The batch is long done; its manifests are removed.", batch_id=batch.id)
            return _Done.EXPIRED
        return _Done.NOTHING

    def _is_gone_from_staging(self, batch: Batch, name: BatchName) -> bool:
        """Whether nothing of the batch is staged any more; then its marker goes, too, unless it is newer."""
        if any(True for _ in self.world.staging.list(name)):
            return False
        marker = self.world.area.marker(name)
        return marker is None or (marker.generation <= batch.marked and self.world.area.delete_marker(marker))

    def _remove_names(self, batch: Batch, name: BatchName | None) -> bool:
        """Remove what holds names; whether there was a manifest."""
        if name is not None:
            self.reports.remove(name)
        return self.world.area.remove_manifests(batch.id) > 0

    def _is_over(self, batch: Batch, keep: timedelta | None) -> bool:
        return keep is not None and batch.finished_at is not None and batch.finished_at < self.world.clock() - keep
