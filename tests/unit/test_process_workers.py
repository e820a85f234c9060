"""Worker processes: spread, deaths told apart, and none that cannot start blamed on an image."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sendit.adapters.process_workers import ProcessWorkers
from sendit.errors import Code, TransientError
from sendit.images import Outcome, Planned
from sendit.records import ImageState
from sendit.refs import BatchName, Entry

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
BATCH = BatchName.parse("ST-1")


@dataclass(frozen=True)
class Pipeline:
    """Stands in for the steps of one image; `die…` ends its process, `once…` only the first time."""

    folder: Path

    def inspect(self, batch: BatchName, entry: Entry) -> Planned | Outcome:
        if entry.name.startswith("die"):
            os._exit(9)
        if entry.name.startswith("once"):
            try:
                (self.folder / entry.name).touch(exist_ok=False)
            except FileExistsError:
                return Planned(entry, "", entry.name)
            os._exit(9)
        if entry.name.startswith("full"):
            raise TransientError(Code.NO_SPACE)
        return Planned(entry, "", entry.name)

    def store(self, batch: BatchName, planned: Planned) -> Outcome:
        return Outcome(planned.entry, ImageState.DONEPROCESSING, NOON, NOON, output=planned.output)


@dataclass(frozen=True)
class Maker:
    folder: Path
    broken: bool = False

    def __call__(self) -> Pipeline:
        if self.broken:
            raise ValueError("DOE^JOHN")
        return Pipeline(self.folder)


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[ProcessWorkers]:
    with ProcessWorkers(2, Maker(tmp_path)) as made:  # type: ignore[arg-type]
        yield made


def entries(*names: str) -> list[Entry]:
    return [Entry(name, 1, 1) for name in names]


def test_every_entry_has_one_result(workers: ProcessWorkers) -> None:
    results = list(workers.inspect(BATCH, entries(*"abcdefgh")))
    assert sorted(result.entry.name for result in results) == list("abcdefgh")
    plans = [result for result in results if isinstance(result, Planned)]
    assert {outcome.output for outcome in workers.store(BATCH, plans)} == set("abcdefgh")


def test_an_image_that_ends_its_process_is_an_error_and_takes_no_other_along(workers: ProcessWorkers) -> None:
    results = {result.entry.name: result for result in workers.inspect(BATCH, entries("a", "die", "b", "c"))}
    assert results.keys() == {"a", "die", "b", "c"}
    died = results["die"]
    assert isinstance(died, Outcome)
    assert (died.state, died.code) == (ImageState.ERROR, Code.WORKER_CRASHED)
    assert all(isinstance(results[name], Planned) for name in "abc")
    assert len(list(workers.inspect(BATCH, entries("d", "e")))) == 2


def test_a_process_that_died_by_chance_costs_no_image(workers: ProcessWorkers) -> None:
    results = list(workers.inspect(BATCH, entries("a", "once", "b")))
    assert len(results) == 3
    assert all(isinstance(result, Planned) for result in results)


def test_what_stops_the_attempt_is_raised(workers: ProcessWorkers) -> None:
    with pytest.raises(TransientError) as error:
        list(workers.inspect(BATCH, entries("a", "full", "b")))
    assert error.value.code is Code.NO_SPACE


def test_processes_that_cannot_start_are_no_images_fault_and_quote_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = ProcessWorkers(2, Maker(tmp_path, broken=True))  # type: ignore[arg-type]
    with broken, pytest.raises(TransientError) as error:
        list(broken.inspect(BATCH, entries("a", "b")))
    assert error.value.code is Code.WORKERS_UNAVAILABLE
    assert "DOE" not in capfd.readouterr().err
