"""Cleans up after a local cloud that was killed: ends its process groups, removes its folder and its file.

The guard is a process of its own that reads from a pipe what there will be to clean up. When the other end of the pipe
goes without having said that all is done, it does it. It imports nothing of the rest: it is started as a script.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_DONE = "done"
_GROUP = "group"
_FOLDER = "folder"
_FILE = "file"
_ROUNDS = 20
_ROUND_SECONDS = 0.1


class Guard:
    """The pipe to a guard of its own process. Whatever is told it once is cleaned up, also after a `kill -9`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  our own words
            [sys.executable, "-I", "-S", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        """Whether it still stands guard."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def group(self, group: int) -> None:
        """There is a process group to end."""
        self._tell(_GROUP, str(group))

    def folder(self, folder: Path) -> None:
        """There is a folder to remove."""
        self._tell(_FOLDER, str(folder))

    def file(self, path: Path, mark: str) -> None:
        """There is a file to remove if it holds `mark`, which says that it is ours."""
        self._tell(_FILE, str(path), mark)

    def dismiss(self) -> None:
        """All is cleaned up: the guard has nothing to do any more."""
        self._tell(_DONE)
        with suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(_ROUNDS * _ROUND_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell(self, *words: str) -> None:
        # a guard that died is noticed elsewhere
        with suppress(OSError):
            if self._process.stdin:
                self._process.stdin.write(json.dumps(words).encode("ascii") + b"\n")
                self._process.stdin.flush()


def remove_file(path: Path, mark: str) -> None:
    """Remove a file if it holds `mark`; a file of somebody else, or none, is left alone."""
    with suppress(OSError):
        if os.fsencode(mark) in path.read_bytes():
            path.unlink()


def remove_folder(folder: Path) -> None:
    """Remove a folder and all in it, also while something still writes there for a moment."""
    for _ in range(_ROUNDS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_ROUND_SECONDS)


def _end(group: int) -> bool:
    """Kill a process group; whether there was one."""
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        return False
    return True


def main() -> None:
    """Hear until the pipe ends, then clean up."""
    groups: list[int] = []
    folders: list[Path] = []
    files: list[tuple[Path, str]] = []
    for line in sys.stdin.buffer:
        match json.loads(line):
            case ["done"]:
                return
            case ["group", group]:
                groups.append(int(group))
            case ["folder", folder]:
                folders.append(Path(folder))
            case ["file", path, mark]:
                files.append((Path(path), mark))
    for path, mark in files:
        remove_file(path, mark)
    for _ in range(_ROUNDS):
        if not [group for group in groups if _end(group)]:
            break
        time.sleep(_ROUND_SECONDS)
    for folder in folders:
        remove_folder(folder)


if __name__ == "__main__":
    main()
