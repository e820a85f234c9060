"""Worker processes: spread, deaths told apart, and none that cannot start blamed on an image."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.naming import NAMING, NOBODY
from tests.unit.stand_in import Maker

from sendit.adapters.process_workers import ProcessWorkers
from sendit.deadline import Deadline
from sendit.errors import Code, TransientError, UsageError
from sendit.outcome import Inspected, Outcome, Planned
from sendit.records import ImageState
from sendit.refs import BatchName, Entry
from sendit.settings import Settings
from sendit.wiring.cloud import output_place
from sendit.wiring.parts import keyring, profile_of, rules_of
from sendit.wiring.worker import CloudPlaces

pytestmark = pytest.mark.thorough

BATCH = BatchName.parse("ST-1")


@pytest.fixture(scope="module", params=[(1, 1), (4, 3)], ids=["one by one", "in slices, over threads"])
def workers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessWorkers]:
    """Their processes serve one test after the other, as they serve one batch after the other, and start slowly."""
    slice_size, threads = request.param
    make = Maker(tmp_path_factory.mktemp("workers"))
    with ProcessWorkers(2, make, slice_size=slice_size, threads=threads) as made:  # type: ignore[arg-type]
        yield made


def entries(*names: str) -> list[Entry]:
    return [Entry(name, 1, 1) for name in names]


def test_every_entry_has_one_result(workers: ProcessWorkers) -> None:
    results = list(workers.inspect(BATCH, entries(*"abcdefgh")))
    assert sorted(result.entry.name for result in results) == list("abcdefgh")
    plans = [NAMING.of_batch(NOBODY)(result) for result in results if isinstance(result, Inspected)]
    stored = workers.store(BATCH, [plan for plan in plans if isinstance(plan, Planned)])
    assert {outcome.entry.name for outcome in stored} == set("abcdefgh")


def test_an_image_that_ends_its_process_is_an_error_and_takes_no_other_along(workers: ProcessWorkers) -> None:
    results = {result.entry.name: result for result in workers.inspect(BATCH, entries("a", "die", "b", "c"))}
    assert results.keys() == {"a", "die", "b", "c"}
    died = results["die"]
    assert isinstance(died, Outcome)
    assert (died.state, died.code) == (ImageState.ERROR, Code.WORKER_CRASHED)
    assert all(isinstance(results[name], Inspected) for name in "abc")
    assert len(list(workers.inspect(BATCH, entries("d", "e")))) == 2


def test_a_process_that_died_by_chance_costs_no_image(workers: ProcessWorkers) -> None:
    results = list(workers.inspect(BATCH, entries("a", "once", "b")))
    assert len(results) == 3
    assert all(isinstance(result, Inspected) for result in results)


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


def planned(workers: ProcessWorkers, *names: str, batch: BatchName = BATCH) -> list[Planned]:
    found = workers.inspect(batch, entries(*names))
    results = [NAMING.of_batch(NOBODY)(image) for image in found if isinstance(image, Inspected)]
    plans = [plan for plan in results if isinstance(plan, Planned)]
    assert sorted(plan.entry.name for plan in plans) == sorted(names)
    return plans


def test_an_image_is_stored_by_the_process_that_inspected_it(workers: ProcessWorkers) -> None:
    plans = planned(workers, *(f"slow {number}" for number in range(20)))
    assert len({plan.who.patient for plan in plans}) == 2
    for half in (plans[::2], plans[1::2]):  # as in waves
        places = [outcome.place.split() for outcome in workers.store(BATCH, half)]
        assert len(places) == 10
        assert all(inspected == stored for inspected, stored in places)


def test_the_processes_stay_the_same_from_batch_to_batch(workers: ProcessWorkers) -> None:
    first = {plan.who.patient for plan in planned(workers, *(f"slow {number}" for number in range(8)))}
    names = [f"slow {number}" for number in range(8)]
    assert {plan.who.patient for plan in planned(workers, *names, batch=BatchName.parse("ST-2"))} == first


def test_few_images_are_spread_over_all_processes(workers: ProcessWorkers) -> None:
    assert len({plan.who.patient for plan in planned(workers, "slow 1", "slow 2")}) == 2


def test_what_waits_overlaps(tmp_path: Path) -> None:
    with ProcessWorkers(1, Maker(tmp_path), slice_size=20, threads=10) as workers:  # type: ignore[arg-type]
        plans = planned(workers, *(f"wait {number}" for number in range(20)))
        assert {outcome.state for outcome in workers.store(BATCH, plans)} == {ImageState.DONEPROCESSING}


def test_an_image_that_ends_its_process_as_it_is_stored_takes_no_other_along(workers: ProcessWorkers) -> None:
    plans = planned(workers, *"abcdefgh", "last")
    outcomes = {outcome.entry.name: outcome for outcome in workers.store(BATCH, plans)}
    assert outcomes.pop("last").code is Code.WORKER_CRASHED
    assert outcomes.keys() == set("abcdefgh")
    assert {outcome.code for outcome in outcomes.values()} == {None}
    assert len(planned(workers, *"ijkl")) == 4


def test_two_batches_at_once_get_each_their_own_whatever_dies(workers: ProcessWorkers) -> None:
    before = threading.active_count()  # what other modules started in this process is none of it

    def run(number: int) -> Counter[Code | None]:
        batch = BatchName.parse(f"ST-{number}")
        codes: Counter[Code | None] = Counter()
        for round_ in range(2):
            names = [f"{name} {number} {round_}" for name in (*"abcdefg", "last")]
            plans = planned(workers, *names, batch=batch)
            codes.update(outcome.code for outcome in workers.store(batch, plans))
        return codes

    with ThreadPoolExecutor(2) as threads:
        for codes in threads.map(run, range(2)):
            assert codes == {None: 14, Code.WORKER_CRASHED: 2}
    assert threading.active_count() < before + 50


def test_what_was_done_beside_the_image_that_stopped_the_attempt_is_told_first(tmp_path: Path) -> None:
    with ProcessWorkers(1, Maker(tmp_path), slice_size=8, threads=2) as workers:  # type: ignore[arg-type]
        results = workers.inspect(BATCH, entries("a full", "slow", "b", "c"))  # in slices of two
        told: list[str] = []
        with pytest.raises(TransientError):
            for result in results:
                told.append(result.entry.name)  # noqa: PERF401  what came before the error counts
        # the other slice may be done by then, or not
        assert sorted(told) in (["slow"], ["b", "c", "slow"])


def test_a_caller_that_stops_listening_leaves_the_processes_fit_for_the_next(workers: ProcessWorkers) -> None:
    results = workers.inspect(BATCH, entries(*(f"slow {number}" for number in range(40))))
    next(results)
    del results
    assert len(planned(workers, *"abc")) == 3


def test_what_is_not_done_when_the_time_is_up_is_unfinished_and_nobody_works_on_it_any_more(
    workers: ProcessWorkers,
) -> None:
    plans = planned(workers, "hang", *(f"slow {number}" for number in range(8)))
    before = {plan.who.patient for plan in plans}
    outcomes = {outcome.entry.name: outcome for outcome in workers.store(BATCH, plans, Deadline.after(3.0))}
    assert outcomes["hang"].state is ImageState.PROCESSING
    assert ImageState.DONEPROCESSING in {outcome.state for outcome in outcomes.values()}
    assert {outcome.state for outcome in outcomes.values()} <= {ImageState.PROCESSING, ImageState.DONEPROCESSING}
    after = {plan.who.patient for plan in planned(workers, *(f"slow {number}" for number in range(20)))}
    assert len(after) == 2
    assert after != before, "the process that hung was replaced"


def test_near_the_end_nothing_further_is_begun(workers: ProcessWorkers) -> None:
    plans = planned(workers, *"abcdefgh")
    late = Deadline(100.0, time.monotonic() - 95.0)
    assert list(workers.store(BATCH, plans, late)) == []
    assert list(workers.inspect(BATCH, entries("i"), late)) == []
    assert len(list(workers.store(BATCH, plans))) == 8


def test_a_worker_process_of_the_cloud_does_not_go_on_under_another_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "a-project")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")  # nobody may be asked
    key_file = tmp_path / "key"
    key_file.write_text("01" * 32, "ascii")
    settings = Settings(key_file=key_file, staging="gs://staging", output="gs://output")
    places = CloudPlaces(settings, keyring(settings).key_id, profile_of(settings), rules_of(settings), kept_bytes=1)
    with pytest.raises(TransientError):  # as far as the bucket, under its key
        places.pipeline()
    key_file.write_text("02" * 32, "ascii")
    with pytest.raises(UsageError) as error:
        places.pipeline()
    assert error.value.code is Code.BAD_KEY


@pytest.mark.parametrize(
    ("staging", "output"),
    [
        ("gs://bucket", "gs://bucket"),
        ("gs://bucket", "gs://bucket/results"),
        ("gs://bucket/a", "gs://bucket/a/"),
        ("gs://bucket/a", "gs://bucket/a/b"),
        ("gs://bucket/a/b", "gs://bucket/a"),
        ("gs://bucket/a", "gs://bucket"),
    ],
)
def test_an_output_inside_staging_or_around_it_is_refused(staging: str, output: str) -> None:
    with pytest.raises(UsageError) as error:
        output_place(Settings(staging=staging, output=output))
    assert error.value.code is Code.FOLDERS_OVERLAP
    assert {"SENDIT_STAGING", "SENDIT_OUTPUT"} <= set(re.findall(r"SENDIT_[A-Z]+", error.value.hint))


@pytest.mark.parametrize("output", ["gs://bucket/ab", "gs://bucket/b/a", "gs://another/a"])
def test_an_output_beside_staging_is_none_of_it(output: str) -> None:
    assert str(output_place(Settings(staging="gs://bucket/a", output=output))) == output
