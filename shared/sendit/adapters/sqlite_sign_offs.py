"""The sign-offs of one OUT: an SQLite file that refuses to change or remove what it holds."""

from datetime import datetime
from pathlib import Path

from sendit.adapters.sqlite_file import SqliteFile
from sendit.sheet.sign_off import SignOff

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sign_offs (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    name      TEXT NOT NULL,
    at        TEXT NOT NULL,
    digest    TEXT NOT NULL,
    files     INTEGER NOT NULL,
    not_shown INTEGER NOT NULL,
    every     INTEGER NOT NULL,
    version   TEXT NOT NULL,
    note      TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS none_is_changed BEFORE UPDATE ON sign_offs
BEGIN SELECT RAISE(ABORT, 'a sign-off is never changed'); END;
CREATE TRIGGER IF NOT EXISTS none_is_removed BEFORE DELETE ON sign_offs
BEGIN SELECT RAISE(ABORT, 'a sign-off is never removed'); END;
"""
_COLUMNS = "name, at, digest, files, not_shown, every, version, note"


class SqliteSignOffs:
    """`SignOffs` in one file."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def add(self, sign_off: SignOff) -> None:
        """See `SignOffs.add`."""
        one = sign_off
        row = (one.name, one.at.isoformat(), one.digest, one.files, one.not_shown, one.every, one.version, one.note)
        with self._file.transaction():
            self._file.write(f"INSERT INTO sign_offs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [row])  # noqa: S608

    def all(self) -> list[SignOff]:
        """See `SignOffs.all`."""
        rows = self._file.rows(f"SELECT {_COLUMNS} FROM sign_offs ORDER BY number")  # noqa: S608
        return [
            SignOff(name, datetime.fromisoformat(at), digest, files, not_shown, bool(every), version, note)
            for name, at, digest, files, not_shown, every, version, note in rows
        ]
