"""Reports as private files of this machine."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sendit.errors import Code, TransientError
from sendit.files import FULL, create_private, replace_private
from sendit.refs import BatchName

_MAX_PART_BYTES = 255  # of a file's name, on every file system that we know


class FolderReports:
    """`Reports` in a private folder, `<batch>.err` each; `id_of` names those of names too long for that."""

    def __init__(self, folder: Path, id_of: Callable[[BatchName], str]) -> None:
        self._folder = folder
        self._id_of = id_of

    def write(self, batch: BatchName, text: str) -> None:
        """See `Reports.write`."""
        with _as_transient():
            replace_private(self.path_of(batch), text.encode("utf-8"))

    def write_once(self, batch: BatchName, text: str) -> bool:
        """See `Reports.write_once`."""
        with _as_transient():
            return create_private(self.path_of(batch), text.encode("utf-8"))

    def remove(self, batch: BatchName) -> None:
        """See `Reports.remove`."""
        inside = self._folder.joinpath(*batch.parts)
        with _as_transient():
            self.path_of(batch).unlink(missing_ok=True)
            if inside.is_dir():
                shutil.rmtree(inside)

    def path_of(self, batch: BatchName) -> Path:
        """Where the report of a batch lies, if it has one."""
        name = f"{batch.parts[-1]}.err"
        if len(os.fsencode(name)) > _MAX_PART_BYTES:
            return self._folder / f"{self._id_of(batch)}.err"
        return self._folder.joinpath(*batch.parts[:-1], name)


@contextmanager
def _as_transient() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TransientError(Code.NO_SPACE if error.errno in FULL else Code.STAGING_UNAVAILABLE) from None
