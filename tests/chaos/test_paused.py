"""What stands still for longer than lease and ack deadline while a batch is at work, and then goes on.

Emulators, and a worker whose batch another one has taken over meanwhile.
"""

import os
import random
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from threading import Event

import pytest
from tests.chaos.conftest import IMPATIENT
from tests.chaos.figures import Figures, complaints
from tests.chaos.planted import Uploads
from tests.chaos.processes import tree
from tests.chaos.restarting import Restarting
from tests.chaos.test_disturbed import pushed_to
from tests.emulator.cloud import Cloud
from tests.emulator.functions import Function, function, registered
from tests.emulator.killing import TERMS, check, cleaned, delivered, stored, wired
from tests.emulator.test_deliveries import slices
from tests.emulator.undisturbed import results_of

from sendit.emulators.cloud import LocalCloud
from sendit.settings import Settings

SLICES = 120
LONGER = IMPATIENT.ack_deadline + 1.0
LONGER_THAN_PATIENCE = 17.0
"""Longer than anything waits for an answer of Firestore or Pub/Sub: the attempt ends, and another goes on."""
PARTS = ("Cloud Storage", "Firestore", "Pub/Sub")
SECONDS_AN_UPLOAD = 0.5
"""By two processes of four threads: sixteen results a second, so that half a batch takes longer than a budget."""
BUDGET = {"SENDIT_BUDGET": "4"}
"""Shorter than half a batch takes: before its end a message has to be published that goes on with it."""


@pytest.mark.usefixtures("ticks")
def test_a_part_of_the_cloud_that_stands_still_costs_time_and_nothing_else(
    cloud: Cloud, local_cloud: LocalCloud, chance: random.Random, long: bool, figures: Figures, tmp_path: Path
) -> None:
    settings = Settings.load(dict(cloud.environment))
    rounds: list[tuple[str, ...]] = [*[(part,) for part in PARTS], PARTS] if long else [(chance.choice(PARTS),)]
    repeated = 0
    for number, paused in enumerate(rounds):
        batch = f"paused/{number}"
        files = slices(SLICES, batch)
        folder = made(tmp_path / f"{number}")
        wanted = results_of(files, settings, folder)
        slow = _slow(folder) | (BUDGET if paused == ("Pub/Sub",) else {})
        with Restarting("worker", cloud, folder, **slow) as worker, pushed_to(cloud, "batches", worker.host):
            figures.watch(partial(_group, worker))
            cloud.put(batch, files)
            cloud.mark(batch)
            cloud.until(partial(_are_stored, cloud, wanted, chance.randint(1, SLICES // 2)))
            written = stored(cloud, wanted)
            _check_at_work(cloud, batch, before=len(written), of=SLICES)
            seconds = chance.uniform(0.0, 10.0) + LONGER_THAN_PATIENCE if long else chance.uniform(0.0, 1.0) + LONGER
            with standing_still(*(local_cloud.pids[part] for part in paused)):
                Event().wait(seconds)
            document = cloud.batch(batch)
            assert document is not None
            assert document["status"] == "PROCESSING", "the batch was at work all the while"
            cleaned(cloud, batch)
            lines = worker.logged()
        for part in paused:
            figures.count(f"pauses of {part}")
        attempts = check(cloud, batch, wanted)["attempt"]
        assert written.items() <= stored(cloud, wanted).items(), "what was stored is written once"
        continued = [line for line in lines if line["message"] == "The time of this attempt is up; the next goes on."]
        repeated += attempts - 1 - len(continued)
        figures.count("attempts", attempts)
        figures.count("continuations", len(continued))
        figures.count("batches")
        figures.count("images", len(wanted))
        assert complaints(lines) == set()
    figures.told["attempts repeated"] = repeated
    assert repeated > 0 or not long, "a pause ends an attempt, and another goes on"
    figures.check_memory()
    figures.conclude()


def test_a_worker_that_stands_still_while_another_takes_over_writes_nothing_when_it_goes_on(
    cloud: Cloud, chance: random.Random, long: bool, figures: Figures, tmp_path: Path
) -> None:
    with (
        wired(cloud) as (settings, finalizer),
        function(cloud, "worker", made(tmp_path / "first"), None, **_slow(tmp_path)) as first,
        function(cloud, "worker", made(tmp_path / "second"), None, **TERMS) as second,
        ThreadPoolExecutor(1) as thread,
    ):
        figures.watch(lambda: first.group)
        for number in range(5 if long else 1):
            batch = f"stopped/{number}"
            files = slices(SLICES // 2, batch)
            wanted = results_of(files, settings, made(tmp_path / f"{number}"))
            registered(cloud, finalizer.store, batch, files)
            delivery = thread.submit(delivered, first.address, cloud, batch)
            cloud.until(partial(_are_stored, cloud, wanted, chance.randint(1, SLICES // 4)))
            _check_at_work(cloud, batch, before=len(stored(cloud, wanted)), of=len(wanted))
            with standing_still(*tree(first.group), kill=os.kill):
                cloud.until(partial(_is_done_by, second, cloud, batch))
                document, images, there = check(cloud, batch, wanted), cloud.images(batch), stored(cloud, wanted)
                assert not delivery.done()
            assert document["attempt"] == 2
            assert delivery.result() == HTTPStatus.SERVICE_UNAVAILABLE
            assert cloud.batch(batch) == document, "it writes no status"
            assert cloud.images(batch) == images
            assert stored(cloud, wanted) == there, "and doubles nothing"
            assert _is_done_by(first, cloud, batch)
            assert cloud.batch(batch) == document
            figures.count("taken over")
            figures.count("images", len(wanted))
        assert complaints(first.logged()) | complaints(second.logged()) == set()
    figures.check_memory()
    figures.conclude()


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _slow(folder: Path) -> dict[str, str]:
    """The settings of a worker that takes its time."""
    return TERMS | {"SENDIT_THREADS": "4"} | Uploads.planted(folder, SECONDS_AN_UPLOAD).environment


def _group(worker: Restarting) -> int:
    return worker.function.group


def _are_stored(cloud: Cloud, wanted: dict[str, bytes], count: int) -> bool:
    return len(stored(cloud, wanted)) >= count


def _check_at_work(cloud: Cloud, batch: str, before: int, of: int) -> None:
    document = cloud.batch(batch)
    assert document is not None
    assert document["status"] == "PROCESSING"
    assert 0 < before < of, "images are being stored"


def _is_done_by(worker: Function, cloud: Cloud, batch: str) -> bool:
    return delivered(worker.address, cloud, batch) == HTTPStatus.OK


@contextmanager
def standing_still(*ids: int, kill: Callable[[int, int], None] = os.killpg) -> Iterator[None]:
    """Meanwhile these process groups do nothing; or these processes, where `kill` is that of processes."""
    try:
        for one in ids:
            kill(one, signal.SIGSTOP)
        yield
    finally:
        for one in ids:
            kill(one, signal.SIGCONT)
