"""What lies in the staging area unnoticed: markers whose event was lost, folders without one, files that came late.

Two walks in the order of names, a piece of each at a time; where they go on is kept beside the names, in the staging
area. What is told is told once: a report that is there, or a flag that is set, is the memory of it.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby, islice

from sendit.errors import BatchError, Refused
from sendit.finalize import Verdict, follow, tell
from sendit.ids import DocumentIds
from sendit.logs import event
from sendit.manifest import Manifest
from sendit.ports import BatchQueue, Clock, Staging, StatusStore
from sendit.records import Batch
from sendit.refs import BatchName, Marker
from sendit.report import overlapping, unmarked
from sendit.staging_area import Reports, Staged, StagingArea

MARKERS_A_RUN = 500
PLACES_A_RUN = 200
OBJECTS_A_RUN = 20_000

_MARKERS, _STAGED = "markers", "staged"


@dataclass(frozen=True, slots=True)
class Walking:
    """What the walks need. A folder without a marker is reported when nothing came to it for `report_after`."""

    staging: Staging
    area: StagingArea
    reports: Reports
    store: StatusStore
    queue: BatchQueue
    ids: DocumentIds
    clock: Clock
    show_name: bool
    report_after: timedelta


def register_markers(world: Walking) -> int:
    """Follow markers of which no batch is known, and say how many batches were registered."""
    start = world.area.bookmark(_MARKERS)
    looked_at = list(islice(world.area.markers(start), MARKERS_A_RUN))
    registered = sum(_registered(marker, world) for marker in looked_at)
    _go_on(_MARKERS, start, looked_at[-1].name if len(looked_at) == MARKERS_A_RUN else "", world)
    return registered


def _registered(marker: Marker, world: Walking) -> bool:
    try:
        name = BatchName.parse(marker.name)
    except Refused:
        return False  # whoever followed it has said so
    if name.unfinished or name.test or world.store.batch(world.ids.batch(name)) is not None:
        return False
    followed = follow(
        marker, store=world.store, queue=world.queue, ids=world.ids, clock=world.clock, show_name=world.show_name
    )
    if followed.verdict is not Verdict.OVERLAP or world.reports.write_once(name, overlapping(name)):
        tell(followed, marker)
    return followed.verdict in {Verdict.PUBLISHED, Verdict.PUBLISHED_AGAIN}


@dataclass(frozen=True, slots=True)
class Walked:
    """How many folders were reported, and batches flagged."""

    reported: int = 0
    flagged: int = 0


def walk_staged(world: Walking) -> Walked:
    """Look at what is staged: report old folders without a marker, flag batches at rest to which something came.

    A folder is what holds objects directly; a loose object is its own.
    """
    start = world.area.bookmark(_STAGED)
    walk = _Walk(world)
    _go_on(_STAGED, start, walk.from_(start), world)
    return Walked(walk.reported, walk.flagged)


class _Walk:
    """One piece of the walk over what is staged."""

    def __init__(self, world: Walking) -> None:
        self._world = world
        self._places, self._objects = PLACES_A_RUN, OBJECTS_A_RUN
        self._last = ""
        self._known: dict[str, Batch | None] = {}
        self.reported = self.flagged = 0

    def from_(self, start: str) -> str:
        """Walk on, and say where to go on the next time; empty at the end."""
        while self._places and self._objects:
            for (place, batch), inside in groupby(self._counted(self._world.area.staged(start)), self._place):
                self._places -= 1
                if batch is None:
                    self._look_at_folder(place, inside)
                else:
                    self._look_at_batch(batch, place, inside)
                    start = f"{place}0"  # behind everything that begins with `place/`
                    break
                if not self._places:
                    return self._last
            else:
                return self._last if not self._objects else ""
        return start if self._objects else self._last

    def _counted(self, listing: Iterator[Staged]) -> Iterator[Staged]:
        for one in listing:
            self._last = one.path
            self._objects -= 1
            yield one
            if not self._objects:
                return

    def _place(self, one: Staged) -> tuple[str, Batch | None]:
        """The batch that covers an object and its folder, or the object's own folder."""
        folder = one.path.rpartition("/")[0] or one.path
        for name in _names_around(folder):
            batch = self._batch(name)
            if batch is not None:
                return str(name), batch
        return folder, None

    def _batch(self, name: BatchName) -> Batch | None:
        """The batch of a name; the store is asked once each."""
        key = str(name)
        if key not in self._known:
            self._known[key] = self._world.store.batch(self._world.ids.batch(name))
        return self._known[key]

    def _look_at_batch(self, batch: Batch, place: str, inside: Iterator[Staged]) -> None:
        """Flag a batch at rest if something is staged that its manifest does not hold in this generation."""
        if not batch.at_rest or batch.has_new_arrivals:
            return
        data = self._world.staging.read_manifest(batch.id, batch.generation)
        if data is None:
            return  # it was never frozen
        try:
            frozen = {(entry.name, entry.generation) for entry in Manifest.from_bytes(data).entries}
        except BatchError as error:
            event(logging.WARNING, error.sentence, code=error.code, batch_id=batch.id)
            return
        if any((one.path[len(place) + 1 :], one.generation) not in frozen for one in inside):
            self._world.store.set_new_arrivals(batch.id, True, self._world.clock())
            event(logging.WARNING, "Files came or changed after the freeze.", batch_id=batch.id)
            self.flagged += 1

    def _look_at_folder(self, folder: str, inside: Iterator[Staged]) -> None:
        """Report a folder that no batch covers and no marker names, if nothing came to it for long."""
        times = [one.created_at for one in inside]
        names = list(_names_around(folder))
        old = max(times) < self._world.clock() - self._world.report_after
        if not old or not names or any(self._world.area.marker(name) for name in names):
            return
        name = names[-1]  # the folder's own; of one that no batch may be called, the nearest around it
        if self._world.reports.write_once(name, unmarked(name, len(times), max(times))):
            event(
                logging.WARNING,
                "A folder was uploaded and has no marker; failed/ in the staging area says which.",
                batch_id=self._world.ids.batch(name),
                found=len(times),
            )
            self.reported += 1


def _names_around(folder: str) -> Iterator[BatchName]:
    """The names that a batch around a folder may have, outermost first, and the folder's own."""
    parts = folder.split("/")
    for end in range(1, len(parts) + 1):
        try:
            yield BatchName.parse("/".join(parts[:end]))
        except Refused:
            return


def _go_on(walk: str, before: str, start: str, world: Walking) -> None:
    if start != before:
        world.area.set_bookmark(walk, start)
