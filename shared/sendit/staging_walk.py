"""What lies in the staging area unnoticed: markers whose event was lost, folders without one, files that came late.

Two walks, a piece of each at a time. What is told is told once: a report that is there, or a flag that is set, is the
memory of it.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sendit.errors import BatchError, Code, Refused
from sendit.finalize import Verdict, follow, tell
from sendit.logs import event
from sendit.manifest import Manifest
from sendit.records import Batch
from sendit.refs import BatchName, Marker
from sendit.report import overlapping, unmarked
from sendit.setbacks import Setbacks
from sendit.staging_area import Staged
from sendit.walking import Walking, go_on_at, walk

MARKERS_A_RUN = 500
PLACES_A_RUN = 200
OBJECTS_A_RUN = 20_000

_MARKERS, _STAGED = "markers", "staged"


def register_markers(world: Walking) -> int:
    """Follow markers of which no batch is known, and say how many batches were registered."""
    return walk(_MARKERS, world, world.area.markers, MARKERS_A_RUN, lambda marker: _registered(marker, world))


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

    A folder is what holds objects directly; a loose object is its own. Raises the first `SenditError` that one of
    them was stopped by, after the others had their turn.
    """
    begun = world.area.bookmark(_STAGED)
    piece = _Piece(world, begun)
    try:
        piece.walk()
    finally:
        go_on_at(_STAGED, begun, piece.reached, world)
    piece.setbacks.raise_first()
    return Walked(piece.reported, piece.flagged)


@dataclass(frozen=True, slots=True)
class _Place:
    """A batch's folder, or one that no batch covers; `unclear` if the status store did not say which."""

    path: str
    batch: Batch | None = None
    unclear: bool = False


class _Piece:
    """A piece of the walk over what is staged. `reached` is the first object that was not looked at; empty at the end.

    The status store is asked once about a batch, and the staging area about a marker, however many folders they are of.
    """

    def __init__(self, world: Walking, begun: str) -> None:
        self._world = world
        self._places, self._objects = PLACES_A_RUN, OBJECTS_A_RUN
        self._cut = False
        self._folder, self._place = "", _Place("")  # of the last object
        self._known: dict[str, Batch | None] = {}
        self._marked: dict[str, bool] = {}
        self.reached = begun
        self.reported = self.flagged = 0
        self.setbacks = Setbacks()

    @property
    def _over(self) -> bool:
        return not self._objects or self._world.deadline.near or self.setbacks.too_many

    def walk(self) -> None:
        """Walk on as far as one piece goes."""
        while not self._over:
            for place, inside in groupby(self._counted(self._world.area.staged(self.reached)), self._place_of):
                if not self._places:
                    return
                self._places -= 1
                if place.batch is not None:
                    with self.setbacks.kept():
                        self._look_at_batch(place.batch, place.path, inside)
                    if self._cut:
                        return
                    self.reached = f"{place.path}0"  # behind everything that begins with `path/`
                    break
                times = [one.created_at for one in inside]
                if not place.unclear:
                    with self.setbacks.kept():
                        self._look_at_folder(place.path, times)
            else:
                if not self._cut:
                    self.reached = ""
                return

    def _counted(self, listing: Iterator[Staged]) -> Iterator[Staged]:
        for one in listing:
            self.reached = one.path
            if self._over:
                self._cut = True
                return
            self._objects -= 1
            yield one

    def _place_of(self, one: Staged) -> _Place:
        """Where an object lies. A loose one lies in no batch: a batch is what lies below its name and a slash."""
        folder, _, _ = one.path.rpartition("/")
        if not folder:
            return _Place(one.path)
        if folder != self._folder:
            self._folder, self._place = folder, _Place(folder, unclear=True)
            with self.setbacks.kept():
                self._place = self._covering(folder)
        return self._place

    def _covering(self, folder: str) -> _Place:
        """The batch that covers a folder, or the folder."""
        for name in _names_around(folder):
            batch = self._batch(name)
            if batch is not None:
                return _Place(str(name), batch)
        return _Place(folder)

    def _batch(self, name: BatchName) -> Batch | None:
        key = str(name)
        if key not in self._known:
            self._known[key] = self._world.store.batch(self._world.ids.batch(name))
        return self._known[key]

    def _look_at_batch(self, batch: Batch, place: str, inside: Iterator[Staged]) -> None:
        """Flag a batch at rest if something is staged that no manifest of it holds in this generation.

        Of one that was given up before anything was frozen, what was there when it came to rest is no arrival.
        """
        if not batch.at_rest or batch.has_new_arrivals:
            return
        try:
            frozen = self._frozen(batch)
        except BatchError as error:
            event(logging.WARNING, error.sentence, code=error.code, batch_id=batch.id)
            return
        begun = batch.frozen or frozen or any(error.code is Code.NO_FILES for error in batch.errors)
        since = None if begun else batch.finished_at
        unknown = (one for one in inside if (one.path[len(place) + 1 :], one.generation) not in frozen)
        if any(since is None or one.created_at > since for one in unknown):
            self._world.store.set_new_arrivals(batch.id, True, self._world.clock())
            event(logging.WARNING, "Files came or changed after the freeze.", batch_id=batch.id)
            self.flagged += 1

    def _frozen(self, batch: Batch) -> set[tuple[str, int]]:
        """Names and generations that were frozen when the batch was asked for last or, if none were then, ever before.

        Nothing, if the manifests are gone: then nothing was staged any more.
        """
        last = self._world.staging.read_manifest(batch.id, batch.generation)
        every = self._world.staging.manifests(batch.id) if last is None else [last]
        return {(entry.name, entry.generation) for data in every for entry in Manifest.from_bytes(data).entries}

    def _is_marked(self, name: BatchName) -> bool:
        key = str(name)
        if key not in self._marked:
            self._marked[key] = self._world.area.marker(name) is not None
        return self._marked[key]

    def _look_at_folder(self, folder: str, times: Sequence[datetime]) -> None:
        """Report a folder that no batch covers and no marker names, if nothing came to it for long.

        A loose object under the name of a batch or a marker is not told: its report would be that of the batch.
        """
        names = list(_names_around(folder))
        old = max(times) < self._world.clock() - self._world.report_after
        if not old or not names or any(self._batch(name) or self._is_marked(name) for name in names):
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
