"""Emulators that stand still for longer than lease and ack deadline while a batch is at work, and then go on."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from tests.chaos.conftest import IMPATIENT
from tests.chaos.figures import Figures, complaints
from tests.emulator.cloud import Cloud
from tests.emulator.killing import check, cleaned, stored
from tests.emulator.test_deliveries import slices
from tests.emulator.undisturbed import results_of

from sendit.emulators.cloud import LocalCloud
from sendit.settings import Settings

SLICES = 200
LONGER = IMPATIENT.ack_deadline + 1.0
PARTS = ("Cloud Storage", "Firestore", "Pub/Sub")


@pytest.mark.usefixtures("ticks")
def test_a_part_of_the_cloud_that_stands_still_costs_time_and_nothing_else(
    cloud: Cloud, local_cloud: LocalCloud, chance: random.Random, long: bool, figures: Figures, tmp_path: Path
) -> None:
    figures.watch(lambda: local_cloud.pids["worker"])
    settings = Settings.load(dict(cloud.environment))
    before = len(cloud.logged())
    rounds: list[tuple[str, ...]] = [*[(part,) for part in PARTS], PARTS] if long else [(chance.choice(PARTS),)]
    for number, paused in enumerate(rounds):
        batch = f"paused/{number}"
        files = slices(SLICES, batch)
        folder = tmp_path / f"{number}"
        folder.mkdir()
        wanted = results_of(files, settings, folder)
        cloud.put(batch, files)
        cloud.mark(batch)
        cloud.until(partial(_are_stored, cloud, wanted, chance.randint(1, SLICES // 2)))
        written = stored(cloud, wanted)
        seconds = LONGER + chance.uniform(0.0, 15.0 if long else 1.0)
        with standing_still(*(local_cloud.pids[part] for part in paused)):
            Event().wait(seconds)
        for part in paused:
            figures.count(f"pauses of {part}")
        cleaned(cloud, batch)
        figures.count("attempts", check(cloud, batch, wanted)["attempt"])
        figures.count("images", len(wanted))
        assert written.items() <= stored(cloud, wanted).items(), "what was stored is written once"
    assert complaints(cloud.logged()[before:]) == set()
    figures.conclude()


def _are_stored(cloud: Cloud, wanted: dict[str, bytes], count: int) -> bool:
    return len(stored(cloud, wanted)) >= count


@contextmanager
def standing_still(*groups: int) -> Iterator[None]:
    try:
        for group in groups:
            os.killpg(group, signal.SIGSTOP)
        yield
    finally:
        for group in groups:
            os.killpg(group, signal.SIGCONT)
