"""The status store of one machine: SQLite in WAL mode, in a folder that only its owner can read.

Batches and images are the documents of `sendit.documents` as JSON, beside the few columns that are searched.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sendit.adapters.sqlite_file import SqliteFile
from sendit.adapters.sqlite_upkeep import SqliteUpkeep
from sendit.changes import (
    arrived,
    claimed,
    finished,
    once_more,
    progressed,
    published,
    released,
    sent_on,
    taken_up,
)
from sendit.deliveries import Delivery
from sendit.documents import batch_to_document, from_json, image_from_document, image_to_document, to_json
from sendit.errors import Code, LeaseLost, Refused
from sendit.ports import Registered
from sendit.records import (
    UNSETTLED,
    Batch,
    BatchState,
    Counts,
    ErrorEntry,
    Image,
    Lease,
    check_transition,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    number   INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS ancestors (
    ancestor TEXT NOT NULL,
    id       TEXT NOT NULL REFERENCES batches (id),
    PRIMARY KEY (ancestor, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS images (
    batch_id TEXT NOT NULL REFERENCES batches (id),
    id       TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (batch_id, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS bookmarks (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
"""


class SqliteStatusStore(SqliteUpkeep):
    """A `StatusStore` and `UpkeepStore` in one file. Safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        super().__init__(SqliteFile(path, _SCHEMA))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def register(self, batch: Batch) -> Registered:
        """See `StatusStore.register`."""
        with self._file.transaction():
            known = self.batch(batch.id)
            if known is not None:
                return Registered(known, created=False)
            around = (self.batch(ancestor) for ancestor in batch.ancestors)
            inside = self._file.rows("SELECT 1 FROM ancestors WHERE ancestor = ? LIMIT 1", batch.id)
            if inside or any(found is not None for found in around):
                raise Refused(Code.OVERLAP)
            row = (batch.id, to_json(batch_to_document(batch)))
            self._file.write("INSERT INTO batches (id, document) VALUES (?, ?)", [row])
            self._file.write(
                "INSERT INTO ancestors (ancestor, id) VALUES (?, ?)",
                [(ancestor, batch.id) for ancestor in batch.ancestors],
            )
            return Registered(batch, created=True)

    def mark_published(self, batch_id: str, now: datetime) -> None:
        """See `StatusStore.mark_published`."""
        with self._file.transaction():
            changed = published(self._get(batch_id), now)
            if changed is not None:
                self._put(changed)

    def images(self, batch_id: str) -> Iterator[Image]:
        """See `StatusStore.images`."""
        rows = self._file.rows("SELECT id, document FROM images WHERE batch_id = ?", batch_id)
        return (image_from_document(image_id, batch_id, from_json(document)) for image_id, document in rows)

    def claim(self, batch_id: str, lease: Lease, now: datetime) -> Batch:
        """See `StatusStore.claim`."""
        with self._file.transaction():
            batch = self.batch(batch_id)
            if batch is None:
                raise Refused(Code.UNKNOWN_BATCH)
            taken = claimed(batch, lease, now)
            if taken is None:
                return batch
            self._put(taken)
            return taken

    def renew(self, batch_id: str, lease: Lease, now: datetime) -> None:
        """See `StatusStore.renew`."""
        with self._file.transaction():
            self._put(replace(self._held(batch_id, lease), lease=lease, updated_at=now))

    def freeze(
        self,
        batch_id: str,
        lease: Lease,
        *,
        found: int,
        size_bytes: int,
        profile_digest: str,
        key_id: str,
        now: datetime,
    ) -> None:
        """See `StatusStore.freeze`."""
        with self._file.transaction():
            batch = self._held(batch_id, lease)
            frozen = replace(
                batch,
                frozen=True,
                counts=replace(batch.counts, found=found),
                size_bytes=size_bytes,
                profile_digest=profile_digest,
                key_id=key_id,
                updated_at=now,
            )
            self._put(frozen)

    def add_images(self, batch_id: str, lease: Lease, images: Sequence[Image], now: datetime) -> None:
        """See `StatusStore.add_images`."""
        with self._file.transaction():
            self._put(replace(self._held(batch_id, lease), updated_at=now))
            self._file.write(
                "INSERT OR IGNORE INTO images (batch_id, id, document) VALUES (?, ?, ?)",
                [(batch_id, image.id, to_json(image_to_document(image))) for image in images],
            )

    def save_outcomes(
        self,
        batch_id: str,
        lease: Lease,
        images: Sequence[Image],
        counts: Counts,
        errors: Sequence[ErrorEntry],
        now: datetime,
    ) -> None:
        """See `StatusStore.save_outcomes`."""
        with self._file.transaction():
            batch = self._held(batch_id, lease)
            for image in images:
                self._put_image(image)
            settled = any(image.state not in UNSETTLED for image in images)
            self._put(progressed(batch, counts, errors, settled=settled, now=now))

    def finish(
        self,
        batch_id: str,
        lease: Lease,
        state: BatchState,
        errors: Sequence[ErrorEntry],
        now: datetime,
        destinations: Collection[str] = (),
    ) -> Batch:
        """See `StatusStore.finish`."""
        with self._file.transaction():
            rested = finished(self._held(batch_id, lease), state, errors, now, destinations)
            self._put(rested)
            return rested

    def take_up(self, batch_id: str, lease: Lease, now: datetime) -> Batch:
        """See `StatusStore.take_up`."""
        with self._file.transaction():
            batch = self._get(batch_id)
            taken = taken_up(batch, lease, now)
            if taken is None:
                return batch
            self._put(taken)
            return taken

    def save_deliveries(self, batch_id: str, lease: Lease, deliveries: Sequence[Delivery], now: datetime) -> None:
        """See `StatusStore.save_deliveries`."""
        with self._file.transaction():
            self._put(sent_on(self._held(batch_id, lease), deliveries, now))

    def release(self, batch_id: str, lease: Lease, failure: ErrorEntry | None, now: datetime) -> None:
        """See `StatusStore.release`."""
        with self._file.transaction():
            self._put(released(self._held(batch_id, lease), failure, now))

    def set_new_arrivals(self, batch_id: str, there: bool, now: datetime, marker: int = 0) -> None:
        """See `StatusStore.set_new_arrivals`."""
        with self._file.transaction():
            self._put(arrived(self._get(batch_id), there, marker, now))

    def requeue(self, batch_id: str, again: Iterable[str], now: datetime) -> Batch:
        """See `StatusStore.requeue`."""
        with self._file.transaction():
            batch = self._get(batch_id)
            back, queued = once_more(batch, self.images(batch_id), frozenset(again), now)
            for image in back:
                self._put_image(image)
            self._put(queued)
            return queued

    def break_leases(self) -> None:
        """End every lease. For whoever knows that no other worker is alive: a run that holds OUT's lock."""
        with self._file.transaction():
            for batch in list(self.batches()):
                if batch.lease is not None:
                    self._put(replace(batch, lease=None))

    def _held(self, batch_id: str, lease: Lease) -> Batch:
        batch = self.batch(batch_id)
        if batch is None or batch.lease is None or batch.lease.owner != lease.owner:
            raise LeaseLost
        return batch

    def _put_image(self, image: Image) -> None:
        query = "SELECT document FROM images WHERE batch_id = ? AND id = ?"
        rows = self._file.rows(query, image.batch_id, image.id)
        if not rows:
            raise Refused(Code.UNKNOWN_BATCH)
        known = image_from_document(image.id, image.batch_id, from_json(rows[0][0]))
        if known == image:
            return  # written before, by a write whose answer was lost
        check_transition(known.state, image.state)
        row = (to_json(image_to_document(image)), image.batch_id, image.id)
        self._file.write("UPDATE images SET document = ? WHERE batch_id = ? AND id = ?", [row])
