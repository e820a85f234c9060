"""The file of variables that a shell sources to work with the local cloud. There when all is ready, gone at the end."""

import os
import shlex
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sendit.emulators.guard import Guard, remove_file
from sendit.errors import Code, UsageError

_HEADING = "# Written by sendit emulate; removed when it ends."


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One such file. `mark` is a word that no other local cloud's file holds."""

    path: Path
    mark: str

    @classmethod
    def check(cls, path: Path) -> None:
        """Raise `UsageError` (bad_setting) unless the file can be written and is nobody else's."""
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise UsageError(Code.BAD_SETTING, f"--env-file {path}: its folder is not there, or cannot be written.")
        if not path.exists() and not path.is_symlink():
            return
        try:
            # a device or a pipe would have us wait for what it says
            ours = path.is_file() and path.read_bytes().startswith(_HEADING.encode("ascii"))
        except OSError:
            ours = False
        if not ours:
            raise UsageError(Code.BAD_SETTING, f"--env-file {path}: there is something else that sendit did not write.")

    def clear(self) -> None:
        """Remove what an earlier local cloud may have left, so that nobody takes it for this one's."""
        with suppress(FileNotFoundError):
            self.path.unlink()

    def write(self, variables: Mapping[str, str], guard: Guard) -> None:
        """Write it, whole or not at all, mode 0600. Raises `UsageError` (bad_setting)."""
        lines = [_HEADING, f"# {self.mark}"]
        lines += [f"export {name}={_quoted(value)}" for name, value in variables.items()]
        part = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}.part")
        for path in (part, self.path):
            guard.file(path, self.mark)
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as stream:
                stream.write("\n".join([*lines, ""]))
            part.rename(self.path)
        except OSError as error:
            raise UsageError(Code.BAD_SETTING, f"--env-file {self.path}: {error.strerror}.") from None
        finally:
            part.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove it, unless another local cloud wrote its own in its place."""
        remove_file(self.path, self.mark)


def _quoted(value: str) -> str:
    # always in quotes, so that every line looks the same
    return f"'{value}'" if "'" not in value else shlex.quote(value)
