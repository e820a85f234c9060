"""Staging as a folder of this machine: read, never changed; links are never followed."""

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sendit.errors import Code, ImageError, TransientError
from sendit.files import FULL, create_private, read_or_none
from sendit.refs import BatchName, Entry, is_unfinished

_SYSTEMIC = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOTCONN}
)

_SEALED = ".sealed"


class FolderStaging:
    """A `Staging` whose batches are folders below `root`.

    A generation is the time of the last modification in nanoseconds; together with the size it says
    whether a file is the one that was frozen. Manifests lie in a private folder of their own.
    """

    def __init__(self, root: Path, manifests: Path) -> None:
        self._root = root
        self._manifests = manifests

    def list(self, batch: BatchName) -> Iterator[Entry]:
        """See `Staging.list`. Hidden and system files are listed too: every file is accounted for."""
        self._check_root()
        folder = self._root.joinpath(*batch.parts)
        if folder.is_symlink():
            yield Entry(".", 0, 0, problem=Code.LINK)
        elif folder.exists():
            yield from self._walk(folder, "")

    @contextmanager
    def open(self, batch: BatchName, entry: Entry) -> Iterator[BinaryIO]:
        """See `Staging.open`."""
        if entry.problem is not None:
            raise ImageError(entry.problem)
        try:
            # a link that took the file's place is refused, a pipe is not waited for
            descriptor = os.open(
                self._root.joinpath(*batch.parts, entry.name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            )
        except OSError as error:
            raise self._image_error(error) from None
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            _check_unchanged(stream, entry)
            yield stream
            _check_unchanged(stream, entry)

    def write_manifest(self, batch_id: str, generation: int, data: bytes) -> None:
        """See `Staging.write_manifest`."""
        _write(self._manifest(batch_id, generation), data)

    def read_manifest(self, batch_id: str, generation: int) -> bytes | None:
        """See `Staging.read_manifest`."""
        return _read(self._manifest(batch_id, generation))

    def manifests(self, batch_id: str) -> Iterator[bytes]:
        """See `Staging.manifests`."""
        numbers = sorted(int(path.name.partition(".")[0]) for path in (self._manifests / batch_id).glob("*.jsonl.gz"))
        for number in numbers:
            data = self.read_manifest(batch_id, number)
            if data is not None:
                yield data

    def add_answers(self, batch_id: str, data: bytes) -> None:
        """See `Staging.add_answers`."""
        _write(self._manifests / batch_id / f"{uuid.uuid4().hex}{_SEALED}", data)

    def answers(self, batch_id: str) -> Iterator[bytes]:
        """See `Staging.answers`."""
        for path in sorted((self._manifests / batch_id).glob(f"*{_SEALED}")):
            data = _read(path)
            if data is not None:
                yield data

    def _manifest(self, batch_id: str, generation: int) -> Path:
        return self._manifests / batch_id / f"{generation}.jsonl.gz"

    def _walk(self, folder: Path, prefix: str) -> Iterator[Entry]:
        # a stack of our own, for folders may be nested deeper than Python may recurse
        waiting = [(os.fspath(folder), prefix)]
        while waiting:
            path, prefix = waiting.pop()
            try:
                with os.scandir(path) as found:
                    items = sorted(found, key=lambda item: item.name)
            except OSError as error:
                if error.errno in _SYSTEMIC:
                    raise TransientError(Code.STAGING_UNAVAILABLE) from None
                yield Entry(prefix.rstrip("/") or ".", 0, 0, problem=Code.UNREADABLE_FOLDER)
                continue
            for item in items:
                name = prefix + item.name
                if item.is_dir(follow_symlinks=False):
                    waiting.append((item.path, f"{name}/"))
                else:
                    yield _entry(item, name)

    def _image_error(self, error: OSError) -> ImageError | TransientError:
        if error.errno in _SYSTEMIC:
            return TransientError(Code.STAGING_UNAVAILABLE)
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            self._check_root()
            return ImageError(Code.CHANGED_DURING_PROCESSING)
        return ImageError(Code.UNREADABLE)

    def _check_root(self) -> None:
        """A root that is gone is an unmounted disk, not a thousand missing images."""
        if not self._root.is_dir():
            raise TransientError(Code.STAGING_UNAVAILABLE)


def _write(path: Path, data: bytes) -> None:
    try:
        create_private(path, data)
    except OSError as error:
        raise TransientError(Code.NO_SPACE if error.errno in FULL else Code.STAGING_UNAVAILABLE) from None


def _read(path: Path) -> bytes | None:
    try:
        return read_or_none(path)
    except OSError:
        raise TransientError(Code.STAGING_UNAVAILABLE) from None


def _entry(item: os.DirEntry[str], name: str) -> Entry:
    try:
        status = item.stat(follow_symlinks=False)
    except OSError:
        return Entry(name, 0, 0, problem=Code.UNREADABLE)
    problem = None
    if stat.S_ISLNK(status.st_mode):
        problem = Code.LINK
    elif not stat.S_ISREG(status.st_mode):
        problem = Code.SPECIAL_FILE
    elif any(is_unfinished(part) for part in name.split("/")):
        problem = Code.UNFINISHED_FILE
    return Entry(name, status.st_mtime_ns, status.st_size, problem=problem)


def _check_unchanged(stream: BinaryIO, entry: Entry) -> None:
    status = os.fstat(stream.fileno())
    same = stat.S_ISREG(status.st_mode) and (status.st_mtime_ns, status.st_size) == (
        entry.generation,
        entry.size,
    )
    if not same:
        raise ImageError(Code.CHANGED_DURING_PROCESSING)
