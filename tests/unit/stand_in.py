"""What stands in for the pipeline in worker processes: each of them imports this module, so it imports little."""

import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.naming import inspected

from sendit.errors import Code, TransientError
from sendit.outcome import Inspected, Outcome, Planned
from sendit.records import ImageState
from sendit.refs import BatchName, Entry

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
_TEN = threading.Barrier(10)


@dataclass(frozen=True)
class Pipeline:
    """Stands in for the steps of one image; `die…` ends its process, `once…` only the first time; `…full` stops all.

    `hang…` does not come to its end."""

    folder: Path

    def inspect(self, batch: BatchName, entry: Entry) -> Inspected | Outcome:
        if entry.name.startswith("die"):
            os._exit(9)
        if entry.name.startswith("once"):
            try:
                (self.folder / entry.name).touch(exist_ok=False)
            except FileExistsError:
                return inspected(entry, f"{os.getpid()}")
            os._exit(9)
        if entry.name.startswith("full"):
            raise TransientError(Code.NO_SPACE)
        if entry.name.startswith("a full"):
            time.sleep(0.2)  # its neighbour is begun by then
            raise TransientError(Code.NO_SPACE)
        if entry.name.startswith("slow"):
            time.sleep(0.1)
        return inspected(entry, f"{os.getpid()}")

    def store(self, batch: BatchName, planned: Planned) -> Outcome:
        if planned.entry.name.startswith("last"):
            os._exit(9)
        if planned.entry.name.startswith("hang"):
            time.sleep(600)
        if planned.entry.name.startswith("wait"):
            _TEN.wait(10)  # nobody goes on before ten are here
        (self.folder / f"stored {planned.entry.name}").touch()
        place = f"{planned.who.patient} {os.getpid()}"
        return Outcome(planned.entry, ImageState.DONEPROCESSING, NOON, NOON, output=planned.output, place=place)


@dataclass(frozen=True)
class Maker:
    folder: Path
    broken: bool = False

    def __call__(self) -> Pipeline:
        if self.broken:
            raise ValueError("DOE^JOHN")
        return Pipeline(self.folder)
