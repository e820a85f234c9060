"""SENDIT_HOME: the project key, one folder of state for each OUT, the crosswalk and its key. 0700, its files 0600."""

import fcntl
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sendit.errors import Code, UsageError
from sendit.files import create_private, make_private, read_or_none, sweep_private

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Home:
    """The private folder of this machine's user."""

    path: Path

    def prepare(self, *, with_key: bool = True) -> None:
        """Make the folder, and the key on first use unless it lies elsewhere.

        Raises `UsageError`: home_unusable, home_not_private, or bad_key if there is state and no key: a new
        one would give every patient a second pseudonym.
        """
        try:
            make_private(self.path)
            mode = self.path.stat().st_mode
        except OSError as error:
            raise self._unusable(error) from None
        if not stat.S_ISDIR(mode) or stat.S_IMODE(mode) & 0o077:
            raise UsageError(Code.HOME_NOT_PRIVATE, f"Run: chmod 700 {self.path}")
        with self.usable(), self._alone():
            sweep_private(self.path)
            if with_key:
                _make_key(self.key_path, self.path / "runs", Code.BAD_KEY)

    def prepare_crosswalk(self) -> None:
        """Make the crosswalk's key on first use; for a folder that is prepared.

        Raises `UsageError` (bad_crosswalk_key) if there is a crosswalk and no key, which would never be read again.
        """
        with self.usable(), self._alone():
            _make_key(self.crosswalk_key_path, self.crosswalk_path, Code.BAD_CROSSWALK_KEY)

    def key(self) -> bytes:
        """The project key. Raises `UsageError` (bad_key) for one that is missing, damaged or open."""
        return _private_key(self.key_path, Code.BAD_KEY)

    def crosswalk_key(self) -> bytes:
        """The crosswalk's key. Raises `UsageError` (bad_crosswalk_key) for one that is missing, damaged or open."""
        return _private_key(self.crosswalk_key_path, Code.BAD_CROSSWALK_KEY)

    @contextmanager
    def usable(self) -> Iterator[None]:
        """Turn what the disk says against this folder into `UsageError` (home_unusable)."""
        try:
            yield
        except OSError as error:
            raise self._unusable(error) from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from making a key at the same time."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _unusable(self, error: OSError) -> UsageError:
        return UsageError(Code.HOME_UNUSABLE, f"SENDIT_HOME={self.path}: {error.strerror}.")

    @property
    def key_path(self) -> Path:
        """Where the project key lies."""
        return self.path / "key"

    @property
    def crosswalk_key_path(self) -> Path:
        """Where the crosswalk's key lies."""
        return self.path / "crosswalk.key"

    @property
    def crosswalk_path(self) -> Path:
        """Where the crosswalk of this machine lies, one for all OUTs."""
        return self.path / "crosswalk.sqlite3"

    def state_of(self, out: Path, key_id: str, profile_digest: str) -> Path:
        """The folder of state for one OUT under one key and profile."""
        identity = "\0".join((os.path.realpath(out), key_id, profile_digest))
        digest = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()
        return self.path / "runs" / digest[:16]

    def remember(self, state: Path, out: Path) -> None:
        """Make the folder of state, swept, and write in it which OUT it is about. For whoever holds that OUT."""
        make_private(state)
        for folder in (state, *(state / "manifests").glob("*/"), *(state / "reports").glob("**/")):
            sweep_private(folder)
        create_private(state / "run.json", json.dumps({"out": os.path.realpath(out)}).encode("ascii"))

    def runs(self) -> dict[Path, str]:
        """The folders of state there are, with the OUT of each."""
        found: dict[Path, str] = {}
        for about in sorted(self.path.glob("runs/*/run.json")):
            data = read_or_none(about)
            if data is not None:
                found[about.parent] = json.loads(data)["out"]
        return found


def read_key(path: Path, code: Code = Code.BAD_KEY) -> bytes:
    """A key. Raises `UsageError` with this code for one that is missing or damaged; none is ever made."""
    try:
        key = key_of(path.read_bytes())
    except (ValueError, OSError):
        hint = f"{path} is not {2 * _KEY_BYTES} hex digits: restore it from a backup."
        raise UsageError(code, hint) from None
    return key


def key_of(content: bytes) -> bytes:
    """The key that a file's content spells, in hex digits. Raises ValueError, with nothing of it."""
    try:
        key = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ValueError("no key")
    return key


def _private_key(path: Path, code: Code) -> bytes:
    with suppress(OSError):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise UsageError(code, f"Others can read it. Run: chmod 600 {path}")
    return read_key(path, code)


def _make_key(path: Path, written_with_it: Path, code: Code) -> None:
    """Make a key unless it is there. Raises `UsageError` with this code if what was written with it is."""
    if path.exists():
        return
    if written_with_it.exists():
        raise UsageError(code, f"{path} is gone: restore it from a backup, or begin anew with another SENDIT_HOME.")
    create_private(path, f"{secrets.token_hex(_KEY_BYTES)}\n".encode("ascii"))
