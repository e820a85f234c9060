"""The worker killed with -9 inside each of its steps and at random moments: every image once, as if undisturbed."""

import random
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from itertools import groupby
from pathlib import Path

import pytest
from tests.chaos.figures import Figures, complaints
from tests.chaos.restarting import Restarting
from tests.emulator.cloud import Cloud
from tests.emulator.functions import registered
from tests.emulator.killing import TERMS, Scene, check, delivered, killable, stored, wired
from tests.emulator.test_deliveries import slices
from tests.emulator.undisturbed import results_of

SLICES = 60
MANY_SLICES = 150
SECONDS_TO_WORK = 3.0  # from the claim to the first images that are stored, about
STEPS = [
    # the step, and where it is cut: before or after a method, or among what it yields, the so-and-so-many-th time
    ("claim", ("after", "FirestoreStatusStore", "claim", 1)),
    ("freeze", ("before", "GcsStaging", "write_manifest", 1)),
    ("freeze", ("after", "GcsStaging", "write_manifest", 1)),
    ("status", ("after", "FirestoreStatusStore", "freeze", 1)),
    ("status", ("after", "FirestoreStatusStore", "add_images", 1)),
    ("read", ("among", "worker", "inspect", 20)),
    ("write", ("among", "worker", "store", 20)),
    ("continuation", ("before", "FirestoreStatusStore", "release", 1)),
    ("continuation", ("before", "PubSubQueue", "publish", 1)),
    ("continuation", ("after", "PubSubQueue", "publish", 1)),
    ("status", ("before", "FirestoreStatusStore", "save_outcomes", 10)),
    ("status", ("after", "FirestoreStatusStore", "save_outcomes", 10)),
    ("finish", ("before", "FirestoreStatusStore", "finish", 1)),
    ("cleanup", ("after", "FirestoreStatusStore", "finish", 1)),
    ("cleanup", ("before", "GcsStagingArea", "delete", 1)),
    ("cleanup", ("after", "GcsStagingArea", "delete", 1)),
    ("cleanup", ("before", "FirestoreStatusStore", "mark_cleaned", 1)),
]
"""In the order in which a batch goes through them, so that one batch can be killed at each. Of rows of one step that
follow each other the quick form takes any."""


@pytest.fixture(scope="module")
def scene(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with killable(cloud, tmp_path_factory.mktemp("killed")) as scene:
        yield scene


def test_a_worker_that_is_killed_inside_each_step_is_followed_by_one_that_does_what_is_left(
    scene: Scene, chance: random.Random, long: bool, figures: Figures, tmp_path: Path
) -> None:
    steps = STEPS if long else [chance.choice(list(rows)) for _, rows in groupby(STEPS, key=lambda row: row[0])]
    figures.watch(lambda: scene.worker.group)
    batch = "killed/at-each-step"
    files = slices(SLICES, batch)
    wanted = results_of(files, scene.settings, tmp_path)
    scene.register(batch, files)
    written: dict[str, int] = {}
    ends: dict[int, datetime] = {}
    attempts = sum(step != "cleanup" for step, _ in steps) + 1
    for number_of_kill, (step, (moment, place, method, number)) in enumerate(steps, 1):
        attempt = min(number_of_kill, attempts)
        scene.kill(moment, place, method, number)
        with scene.hurry(step == "continuation"):
            assert set(scene.delivered_until(batch, lambda answer: answer == 0)) <= {503, 0}, step
        assert not scene.order.exists(), step
        figures.count(f"killed in {step}")
        killed = scene.cloud.batch(batch)
        assert killed is not None
        status = "PROCESSING" if attempt < attempts else "DONEPROCESSING"
        assert (killed["status"], killed["attempt"]) == (status, attempt), step
        if killed["lease"] is not None:
            ends[attempt] = datetime.fromisoformat(killed["lease"]["expires_at"])
        now = scene.stored(wanted)
        assert written.items() <= now.items(), f"what was stored is written once: {step}"
        written = now
    assert set(scene.delivered_until_done(batch)) <= {503, 200}
    scene.check(batch, wanted, attempt=attempts)
    assert written.items() <= scene.stored(wanted).items()
    assert scene.deliver(batch) == 200
    assert scene.logged("worker_crashed") == []
    claimed = {line["attempt"]: datetime.fromisoformat(line["time"]) for line in scene.claims(batch)}
    early = {attempt for attempt, end in ends.items() if claimed[attempt + 1] < end}
    assert not early, "while the dead one's lease lasts, nobody takes the batch"
    figures.check_memory()
    figures.conclude()


def test_a_worker_that_is_killed_at_random_moments_loses_and_doubles_nothing(
    cloud: Cloud, chance: random.Random, long: bool, figures: Figures, tmp_path: Path
) -> None:
    kills = 50 if long else 4
    struck = done = 0
    with (
        wired(cloud) as (settings, finalizer),
        Restarting("worker", cloud, tmp_path, **TERMS) as worker,
        ThreadPoolExecutor(1) as thread,
    ):
        figures.watch(lambda: worker.function.group)
        while struck < kills:
            done += 1
            batch = f"killed/at-random-{done}"
            files = slices(MANY_SLICES, batch)
            folder = tmp_path / f"{done}"
            folder.mkdir()
            wanted = results_of(files, settings, folder)
            registered(cloud, finalizer.store, batch, files)
            written: dict[str, int] = {}
            answer = 0
            while answer != 200:
                attempt = _attempt(cloud, batch)
                delivery = thread.submit(delivered, worker.function.address, cloud, batch)
                _wait_for_a_moment(cloud, batch, wanted, delivery, attempt, chance)
                if not delivery.done() and struck < kills:
                    struck += 1
                    kill = chance.choice([worker.kill_serving, worker.kill_serving, worker.kill_whole])
                    kill()
                    now = stored(cloud, wanted)
                    assert written.items() <= now.items(), "what was stored is written once"
                    figures.count(kill.__name__)
                    figures.count("kills with nothing stored since the last", now.keys() == written.keys())
                    written = now
                answer = delivery.result()
            attempts = check(cloud, batch, wanted)["attempt"]
            assert written.items() <= stored(cloud, wanted).items()
            figures.count("batches")
            figures.count("images", len(wanted))
            figures.count("attempts", attempts)
        assert complaints(worker.logged()) == set()
    figures.check_memory()
    figures.conclude()


def _wait_for_a_moment(
    cloud: Cloud, batch: str, wanted: dict[str, bytes], delivery: Future[int], attempt: int, chance: random.Random
) -> None:
    """Return somewhere in the attempt after this one, by time or by what is stored, or when the delivery has ended."""
    cloud.until(lambda: delivery.done() or _attempt(cloud, batch) > attempt)
    if chance.random() < 1 / 3:
        wait([delivery], timeout=chance.uniform(0.0, SECONDS_TO_WORK))
        return
    goal = len(stored(cloud, wanted)) + chance.randint(1, len(wanted) // 5)
    cloud.until(lambda: delivery.done() or len(stored(cloud, wanted)) >= goal)


def _attempt(cloud: Cloud, batch: str) -> int:
    document = cloud.batch(batch)
    assert document is not None
    return int(document["attempt"])
