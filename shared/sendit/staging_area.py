"""What keeping house asks of the staging area, and where reports of what went wrong lie, as protocols.

Beside `sendit.ports`: names of folders and files may lie here, and in the status store they may not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sendit.refs import BatchName, Entry, Marker


class Reports(Protocol):
    """Readable accounts of what went wrong, one a batch: under its name, or its id where the name would be too long.

    All raise `TransientError` (staging_unavailable, no_space).
    """

    def write(self, batch: BatchName, text: str) -> None:
        """Put a batch's report in the place of the last one."""

    def write_once(self, batch: BatchName, text: str) -> bool:
        """Write it if there is none yet, and say whether there was none."""

    def remove(self, batch: BatchName) -> None:
        """Remove the batch's report and those of folders inside it; none is no error."""


@dataclass(frozen=True, slots=True)
class Staged:
    """An object below `incoming/`: its path there, its size in bytes, and when this generation of it came."""

    path: str
    generation: int
    size: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """A report: its path below `failed/`, and which writing of it."""

    name: str
    generation: int


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many objects went, and which may not be deleted: of a hold, a retention policy, or for want of a role."""

    gone: int
    refused: Sequence[Entry] = ()


class StagingArea(Protocol):
    """The staging area as a whole. Lists are in the order of names, from `start` on, and read as they are asked for.

    All raise `TransientError` (staging_unavailable).
    """

    def markers(self, start: str = "") -> Iterator[Marker]:
        """The finalize markers; what ends in `.err` is none."""

    def marker(self, batch: BatchName) -> Marker | None:
        """The marker of a batch as it is now."""

    def delete_marker(self, marker: Marker) -> bool:
        """Delete exactly this generation of a marker; False if it is gone or newer."""

    def reports(self, start: str = "") -> Iterator[Report]:
        """The reports that `Reports` has written."""

    def delete_report(self, report: Report) -> bool:
        """Delete exactly this writing of a report; False if it is gone or newer."""

    def staged(self, start: str = "") -> Iterator[Staged]:
        """Everything below `incoming/`, but for the empty objects that consoles show as folders."""

    def delete(self, batch: BatchName, entries: Sequence[Entry]) -> Deleted:
        """Delete exactly these generations; one that is gone is no error, a newer one stays.

        One that may not be deleted does not keep the others from it.
        """

    def remove_manifests(self, batch_id: str) -> int:
        """Remove all that is kept of a batch, its manifests and answers of an identifier service; how many went."""

    def bookmark(self, walk: str) -> str:
        """Where a long walk over names goes on; empty at its beginning."""

    def set_bookmark(self, walk: str, start: str) -> None:
        """Remember where a walk goes on."""
