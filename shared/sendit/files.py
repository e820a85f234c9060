"""Private files of this machine: whole or not at all, readable by their owner only."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What a disk says when no space is left, or none for this user or file."""

_PART = ".part"


def make_private(folder: Path) -> None:
    """Make a folder and the missing ones around it, each with mode 0700."""
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def create_private(path: Path, data: bytes) -> bool:
    """Create a file with mode 0600 and exactly this content; False if one is there already, which stays as it is."""
    with _written_beside(path, data) as part:
        try:
            os.link(part, path)
        except FileExistsError:
            return False
        return True


def replace_private(path: Path, data: bytes) -> None:
    """Put a file with mode 0600 and exactly this content in the place of one that may be there."""
    with _written_beside(path, data) as part:
        part.replace(path)


@contextmanager
def _written_beside(path: Path, data: bytes) -> Iterator[Path]:
    make_private(path.parent)
    part = path.with_name(f".{uuid.uuid4().hex}{_PART}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        yield part
    finally:
        part.unlink(missing_ok=True)


def sweep_private(folder: Path) -> None:
    """Remove the half-written files directly in a folder. For whoever knows that nobody else writes there."""
    for part in folder.glob(f".*{_PART}"):
        part.unlink(missing_ok=True)


def read_or_none(path: Path) -> bytes | None:
    """A file's content, or None if there is no such file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
