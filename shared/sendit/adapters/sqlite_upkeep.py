"""Batches in an SQLite file: how one is found and written, and what keeping house asks of them."""

from collections.abc import Callable, Iterator
from datetime import datetime

from sendit.adapters.sqlite_file import SqliteFile
from sendit.changes import CLEANABLE, abandoned, cleaned
from sendit.documents import batch_from_document, batch_to_document, from_json, to_json
from sendit.errors import Code, Refused
from sendit.records import Batch, ErrorEntry


class SqliteUpkeep:
    """An `UpkeepStore`, which `SqliteStatusStore` is, too. One machine's batches are few: they are all looked at."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def batch(self, batch_id: str) -> Batch | None:
        """See `StatusStore.batch`."""
        rows = self._file.rows("SELECT document FROM batches WHERE id = ?", batch_id)
        return batch_from_document(batch_id, from_json(rows[0][0])) if rows else None

    def batches(self) -> Iterator[Batch]:
        """See `StatusStore.batches`."""
        rows = self._file.rows("SELECT id, document FROM batches ORDER BY number")
        return (batch_from_document(batch_id, from_json(document)) for batch_id, document in rows)

    def silent(self, before: datetime, limit: int) -> list[Batch]:
        """See `UpkeepStore.silent`."""
        found = (one for one in self.batches() if not one.at_rest and one.updated_at < before)
        return sorted(found, key=lambda one: one.updated_at)[:limit]

    def abandon(self, batch_id: str, error: ErrorEntry, now: datetime) -> Batch:
        """See `UpkeepStore.abandon`."""
        with self._file.transaction():
            batch = self._get(batch_id)
            given_up = abandoned(batch, error, now)
            if given_up is None:
                return batch
            self._put(given_up)
            return given_up

    def waiting(self, before: datetime, limit: int) -> list[Batch]:
        """See `UpkeepStore.waiting`."""
        found = (one for one in self.batches() if one.at_rest and one.waits and one.updated_at < before)
        return sorted(found, key=lambda one: one.updated_at)[:limit]

    def uncleaned(self, before: datetime, limit: int, after: datetime | None = None) -> list[Batch]:
        """See `UpkeepStore.uncleaned`."""

        def wanted(batch: Batch) -> bool:
            return batch.state in CLEANABLE and batch.counts.stored > 0 and batch.cleaned_at is None

        return self._rested(before, limit, after, wanted)

    def mark_cleaned(self, batch_id: str, generation: int, now: datetime) -> None:
        """See `UpkeepStore.mark_cleaned`."""
        with self._file.transaction():
            marked = cleaned(self._get(batch_id), generation, now)
            if marked is not None:
                self._put(marked)

    def expired(self, before: datetime, limit: int, after: datetime | None = None) -> list[Batch]:
        """See `UpkeepStore.expired`."""
        return self._rested(before, limit, after, lambda batch: batch.at_rest)

    def forget(self, batch_id: str, generation: int) -> None:
        """See `UpkeepStore.forget`."""
        with self._file.transaction():
            batch = self.batch(batch_id)
            if batch is None or not batch.at_rest or batch.generation != generation:
                return
            self._file.write("DELETE FROM images WHERE batch_id = ?", [(batch_id,)])
            self._file.write("DELETE FROM ancestors WHERE id = ?", [(batch_id,)])
            self._file.write("DELETE FROM batches WHERE id = ?", [(batch_id,)])

    def bookmark(self, name: str) -> str:
        """See `UpkeepStore.bookmark`."""
        rows = self._file.rows("SELECT value FROM bookmarks WHERE name = ?", name)
        return rows[0][0].decode("utf-8", "surrogateescape") if rows else ""

    def set_bookmark(self, name: str, value: str) -> None:
        """See `UpkeepStore.set_bookmark`."""
        with self._file.transaction():
            row = (name, value.encode("utf-8", "surrogateescape"))
            self._file.write("INSERT OR REPLACE INTO bookmarks (name, value) VALUES (?, ?)", [row])

    def _rested(
        self, before: datetime, limit: int, after: datetime | None, wanted: Callable[[Batch], bool]
    ) -> list[Batch]:
        """Those that are wanted of the batches that came to rest between, the oldest first."""
        rested = [(one.finished_at, one) for one in self.batches() if one.finished_at is not None and wanted(one)]
        between = (pair for pair in rested if pair[0] < before and (after is None or pair[0] > after))
        found = sorted(between, key=lambda pair: pair[0])
        return [one for _, one in found[:limit]]

    def _get(self, batch_id: str) -> Batch:
        batch = self.batch(batch_id)
        if batch is None:
            raise Refused(Code.UNKNOWN_BATCH)
        return batch

    def _put(self, batch: Batch) -> None:
        row = (to_json(batch_to_document(batch)), batch.id)
        self._file.write("UPDATE batches SET document = ? WHERE id = ?", [row])
