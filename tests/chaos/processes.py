"""Processes of a function as Linux shows them: who is whose child, and how much memory each holds."""

import os
from collections.abc import Iterator
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def children(pid: int) -> list[int]:
    """The processes that a process started and that are still there."""
    found: list[int] = []
    for task in _listed(Path(f"/proc/{pid}/task")):
        try:
            found.extend(int(child) for child in (task / "children").read_text("ascii").split())
        except OSError:
            continue  # it ended meanwhile
    return found


def tree(pid: int) -> Iterator[int]:
    """A process and everything below it."""
    yield pid
    for child in children(pid):
        yield from tree(child)


def resident_bytes(pid: int) -> int:
    """Memory of a process, what it shares with others included; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
