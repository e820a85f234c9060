"""The crosswalk of one machine: an SQLite file that takes sealed entries and look-ups, and refuses to change any."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sendit.adapters.sqlite_file import SqliteFile
from sendit.crosswalk import Asked, LookUp, Sealed
from sendit.errors import Code

_SCHEMA = """
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS entries (
    id         TEXT PRIMARY KEY,
    key_id     TEXT NOT NULL,
    expires_at REAL,
    content    BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lookups (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    at      TEXT NOT NULL,
    user    TEXT NOT NULL,
    reason  TEXT NOT NULL,
    asked   TEXT NOT NULL,
    subject TEXT NOT NULL,
    found   INTEGER NOT NULL
);
CREATE TRIGGER IF NOT EXISTS no_entry_is_changed BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;
CREATE TRIGGER IF NOT EXISTS no_lookup_is_changed BEFORE UPDATE ON lookups
BEGIN SELECT RAISE(ABORT, 'a look-up is never changed'); END;
CREATE TRIGGER IF NOT EXISTS no_lookup_is_removed BEFORE DELETE ON lookups
BEGIN SELECT RAISE(ABORT, 'a look-up is never removed'); END;
"""


class SqliteCrosswalk:
    """A `CrosswalkStore` in one file, for several processes at one time. What has expired is deleted on opening."""

    def __init__(self, path: Path, now: datetime) -> None:
        self._file = SqliteFile(path, _SCHEMA, Code.CROSSWALK_UNAVAILABLE)
        with self._file.transaction():
            self._file.write("DELETE FROM entries WHERE expires_at <= ?", [(now.timestamp(),)])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def keep(self, sealed: Sequence[Sealed]) -> None:
        """See `CrosswalkStore.keep`."""
        rows = [(one.id, one.key_id, one.expires_at and one.expires_at.timestamp(), one.content) for one in sealed]
        with self._file.transaction():
            self._file.write(
                "INSERT OR IGNORE INTO entries (id, key_id, expires_at, content) VALUES (?, ?, ?, ?)", rows
            )

    def find(self, subject: str) -> list[Sealed]:
        """See `CrosswalkStore.find`."""
        rows = self._file.rows(
            "SELECT id, key_id, expires_at, content FROM entries WHERE id > ? AND id < ? ORDER BY id",
            f"{subject}-",
            f"{subject}.",  # the character after the hyphen
        )
        return [
            Sealed(name, key_id, None if until is None else datetime.fromtimestamp(until, UTC), content)
            for name, key_id, until, content in rows
        ]

    def record(self, lookup: LookUp) -> None:
        """See `CrosswalkStore.record`."""
        one = lookup
        row = (one.at.isoformat(), one.user, one.reason, one.asked, one.subject, one.found)
        with self._file.transaction():
            self._file.write(
                "INSERT INTO lookups (at, user, reason, asked, subject, found) VALUES (?, ?, ?, ?, ?, ?)", [row]
            )

    def lookups(self) -> list[LookUp]:
        """See `CrosswalkStore.lookups`."""
        rows = self._file.rows("SELECT at, user, reason, asked, subject, found FROM lookups ORDER BY number")
        return [
            LookUp(datetime.fromisoformat(at), user, reason, Asked(asked), subject, bool(found))
            for at, user, reason, asked, subject, found in rows
        ]
