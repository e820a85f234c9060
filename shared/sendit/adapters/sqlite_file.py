"""One SQLite file in WAL mode: its transactions, and what it says when it cannot be reached."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sendit.errors import Code, TransientError

_BUSY_SECONDS = 30.0


class SqliteFile:
    """A connection for several threads; other processes may have theirs.

    Every method raises `TransientError` for what SQLite raises: no_space, else what `unavailable` says.
    """

    def __init__(self, path: Path, schema: str, unavailable: Code = Code.STATUS_UNAVAILABLE) -> None:
        path.touch(mode=0o600)
        self._lock = threading.RLock()
        self._unavailable = unavailable
        with self._reachable():
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.executescript(schema)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The answer to a query."""
        with self._lock, self._reachable():
            return self._connection.execute(query, values).fetchall()

    def write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Execute a statement for each row; inside a transaction."""
        with self._lock, self._reachable():
            self._connection.executemany(statement, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block is written, or nothing of it; no other writer comes in between."""
        with self._lock, self._reachable():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._connection.in_transaction:  # a full disk has rolled it back already
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            raise TransientError(Code.NO_SPACE if full else self._unavailable) from None
