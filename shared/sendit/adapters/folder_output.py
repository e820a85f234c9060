"""The output store as a folder: create-only, whole or not at all, verified by crc32c."""

import errno
import os
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from sendit.errors import Code, ImageError, TransientError
from sendit.files import FULL
from sendit.label import LABEL
from sendit.ports import Stat, Stored

TEMPORARY = ".sendit-tmp"

_CHUNK = 64 * 1024
"""The memory of larger pieces is fetched anew from the system for each."""
_TAKEN = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP})
_PART = re.compile(r"[0-9a-f]{32}")
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class FolderOutput:
    """An `OutputStore` below `root`. Objects are written in `root/.sendit-tmp` and linked to their place."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def create(self, name: str, metadata: Mapping[str, str] | None = None) -> Iterator["_Pending"]:
        """See `OutputStore.create`. A folder has no place for metadata."""
        del metadata
        if name.split("/", 1)[0] in {TEMPORARY, LABEL}:
            raise ImageError(Code.RESERVED_NAME)
        with _as_transient():
            pending = _Pending(self._root, name)
        try:
            yield pending
        finally:
            pending.discard()

    def stat(self, name: str) -> Stat | None:
        """See `OutputStore.stat`."""
        try:
            return Stat(os.lstat(self._root / name).st_size)
        except (FileNotFoundError, NotADirectoryError):
            return None

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """See `OutputStore.open`."""
        with (self._root / name).open("rb") as stream:
            yield stream

    def sweep(self, untouched: float = 0.0) -> None:
        """Remove what killed workers left half-written, and nothing else: what nobody has touched for so many seconds.

        None at all is for whoever holds this folder's lock.

        Raises `TransientError` (output_forbidden, output_unavailable).
        """
        folder = self._root / TEMPORARY
        if folder.is_symlink() or not folder.is_dir():
            return
        with _as_transient():
            for part in folder.iterdir():
                if not _PART.fullmatch(part.name) or part.is_symlink() or not part.is_file():
                    continue
                if not untouched or part.stat().st_mtime < time.time() - untouched:
                    part.unlink(missing_ok=True)
        with suppress(OSError):  # not empty: somebody else's
            folder.rmdir()


class _Pending:
    """One object on its way."""

    def __init__(self, root: Path, name: str) -> None:
        self._root = root
        self._name = name
        folder = root / TEMPORARY
        folder.mkdir(exist_ok=True)
        self._part = folder / uuid.uuid4().hex
        # not through tempfile: results are shared, so the umask decides who may read them
        descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        self._stream = os.fdopen(descriptor, "w+b", buffering=0)
        self._crc = google_crc32c.Checksum()
        self._size = 0

    def write(self, data: bytes, /) -> int:
        with _as_transient():
            taken = self._stream.write(data)
            while taken < len(data):
                taken += self._stream.write(data[taken:])
        self._crc.update(data)
        self._size += len(data)
        return len(data)

    def commit(self) -> Stored:
        with _as_transient():
            os.fsync(self._stream.fileno())
            crc = int.from_bytes(self._crc.digest(), "big")
            self._stream.seek(0)
            if _crc32c(self._stream) != (crc, self._size):
                raise TransientError(Code.OUTPUT_NOT_VERIFIED)
        final = self._root / self._name
        with _as_taken(), _as_transient(but=_TAKEN):
            self._make_folders(final.parent)
            created = self._link(final)
        if not created and not self._is_same(final, crc):
            raise ImageError(Code.CONFLICT)
        return Stored(self._name, self._size, crc, created)

    def discard(self) -> None:
        with suppress(OSError):
            self._stream.close()
        with suppress(OSError):
            self._part.unlink()

    def _make_folders(self, folder: Path) -> None:
        """Make the folders down to `folder`; a link among them would lead out of the store."""
        made = self._root
        for part in folder.relative_to(self._root).parts:
            made /= part
            if made.is_symlink():
                raise ImageError(Code.PLACE_TAKEN)
            if not made.is_dir():
                made.mkdir(exist_ok=True)

    def _link(self, final: Path) -> bool:
        """Put the object in its place; False if something is there already."""
        try:
            os.link(self._part, final)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # a file system without links: this run holds the folder's lock, so nobody comes in between
            if os.path.lexists(final):
                return False
            self._part.rename(final)
        return True

    def _is_same(self, final: Path, crc: int) -> bool:
        with _as_transient():
            if not final.is_file() or final.is_symlink():
                return False
            with final.open("rb") as stream:
                return _crc32c(stream) == (crc, self._size)


def _crc32c(stream: BinaryIO) -> tuple[int, int]:
    crc, size = google_crc32c.Checksum(), 0
    while block := stream.read(_CHUNK):
        crc.update(block)
        size += len(block)
    return int.from_bytes(crc.digest(), "big"), size


@contextmanager
def _as_taken() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise ImageError(Code.PLACE_TAKEN) from None


@contextmanager
def _as_transient(but: frozenset[int] = frozenset()) -> Iterator[None]:
    """Turn what the disk says into `TransientError`, except for some errors that speak of one object."""
    try:
        yield
    except OSError as error:
        if error.errno in but:
            raise
        if error.errno in FULL:
            raise TransientError(Code.NO_SPACE) from None
        raise TransientError(Code.OUTPUT_FORBIDDEN if error.errno in _FORBIDDEN else Code.OUTPUT_UNAVAILABLE) from None
