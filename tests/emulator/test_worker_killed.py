"""The worker killed in the middle of a batch, and its message delivered again: every image once, as if undisturbed.

The function is the real one in a process of its own; what kills it, or one of its worker processes, is planted
around its parts' methods and waits for a file that says where.
"""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.emulator.cloud import Cloud
from tests.emulator.functions import FUNCTIONS, Function, function, post, registered
from tests.emulator.test_deliveries import slices
from tests.emulator.undisturbed import results_of

from sendit.emulators.cloud import LocalCloud
from sendit.refs import BatchMessage
from sendit.settings import Settings
from sendit.wiring.cloud import Finalizer

FUNCTION = FUNCTIONS / "worker" / "main.py"
SLICES = 60
TERMS = {"SENDIT_LEASE_TTL": "2", "SENDIT_LEASE_HEARTBEAT": "0.5", "SENDIT_WORKERS": "2"}
KILLING = """
import json, os, signal
from pathlib import Path
from sendit import tally
from sendit.adapters.firestore_status import FirestoreStatusStore
from sendit.adapters.gcs_staging import GcsStaging
from sendit.adapters.process_workers import ProcessWorkers

tally._SECONDS_BETWEEN_WRITES = 0.0  # outcome after outcome is written as it comes
order = Path({order!r})
seen = dict()

def strike(victim, moment, place, step, times=1):
    try:
        wanted = json.loads(order.read_text())
    except FileNotFoundError:
        return
    if wanted[:3] != [moment, place, step]:
        return
    seen[step] = seen.get(step, 0) + times
    if seen[step] >= wanted[3]:
        seen.clear()
        order.unlink()
        os.kill(victim(), signal.SIGKILL)

def around(kind, step):
    inner = getattr(kind, step)

    def killing(*arguments, **named):
        strike(os.getpid, "before", kind.__name__, step)
        result = inner(*arguments, **named)
        strike(os.getpid, "after", kind.__name__, step)
        return result

    setattr(kind, step, killing)

def among(step):
    inner = getattr(ProcessWorkers, step)

    def killing(workers, *arguments):
        def lane():
            (pid,) = workers._lanes[0]._pool._processes
            return pid

        for result in inner(workers, *arguments):
            strike(os.getpid, "among", "worker", step)
            strike(lane, "among", "lane", step)
            yield result

    setattr(ProcessWorkers, step, killing)

for step in ("claim", "freeze", "add_images", "save_outcomes", "finish"):
    around(FirestoreStatusStore, step)
around(GcsStaging, "write_manifest")
among("inspect")
among("store")
exec(compile(open({function!r}).read(), {function!r}, "exec"))
"""


@dataclass(frozen=True)
class Scene:
    """A worker of its own, the file that says where it is killed, and batches that only it is told of."""

    cloud: Cloud
    settings: Settings
    finalizer: Finalizer
    worker: Function
    order: Path

    def register(self, batch: str, files: dict[str, bytes]) -> None:
        registered(self.cloud, self.finalizer.store, batch, files)

    def kill(self, moment: str, place: str, step: str, number: int) -> None:
        """Where, and at which time that it comes by there."""
        part = self.order.with_suffix(".part")
        part.write_text(json.dumps([moment, place, step, number]), "utf-8")
        part.rename(self.order)

    def deliver(self, batch: str) -> int:
        """The answer to the batch's message; 0 if there was none."""
        with suppress(OSError):
            return post(self.worker.address, BatchMessage(self.cloud.id_of(batch), batch, 7).to_json())
        return 0

    def delivered_until_done(self, batch: str) -> list[int]:
        """The message again and again, as Pub/Sub does it; the answers."""
        answers: list[int] = []
        deadline = time.monotonic() + 60
        while not answers or answers[-1] != 200:
            assert time.monotonic() < deadline, answers
            answers.append(self.deliver(batch))
            time.sleep(0.25)
        return answers

    def stored(self, wanted: dict[str, bytes]) -> dict[str, int]:
        """The generations of what the output bucket holds of the patient of these results, by name."""
        prefix = next(iter(wanted)).partition("/")[0] + "/"
        return {blob.name: blob.generation for blob in self.cloud.client.list_blobs(self.cloud.output, prefix=prefix)}

    def check(self, batch: str, wanted: dict[str, bytes], attempt: int) -> None:
        """Every image once, with the bytes of an undisturbed run."""
        document = self.cloud.batch(batch)
        assert document is not None
        counts = {"found": len(wanted), "stored": len(wanted), "rejected": 0, "errored": 0, "duplicates": 0}
        assert document["counts"] == counts
        assert (document["status"], document["attempt"], document["lease"]) == ("DONEPROCESSING", attempt, None)
        assert (document["errors"], document["has_error"], document["has_new_arrivals"]) == ([], False, False)
        images = self.cloud.images(batch)
        assert {image["status"] for image in images.values()} == {"DONEPROCESSING"}
        assert len(images) == len({image["output"] for image in images.values()}) == len(wanted)
        assert self.cloud.outputs(batch) == wanted
        assert self.stored(wanted).keys() == wanted.keys()

    def claims(self, batch: str) -> list[dict[str, Any]]:
        """The log lines that say that an attempt has the batch."""
        batch_id = self.cloud.id_of(batch)
        return [line for line in self.worker.logged() if line.get("batch_id") == batch_id and "attempt" in line]

    def logged(self, code: str) -> list[dict[str, Any]]:
        return [line for line in self.worker.logged() if line.get("code") == code]


@pytest.fixture(scope="module")
def scene(local_cloud: LocalCloud, cloud_lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    cloud = Cloud(local_cloud.environment, cloud_lines)
    folder = tmp_path_factory.mktemp("killed")
    order = folder / "order"
    source = folder / "main.py"
    source.write_text(KILLING.format(order=str(order), function=str(FUNCTION)), "utf-8")
    settings = Settings.load(dict(cloud.environment))
    with pytest.MonkeyPatch.context() as patch, function(cloud, "worker", folder, source, **TERMS) as worker:
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        yield Scene(cloud, settings, Finalizer.of(settings), worker, order)


@pytest.mark.parametrize(
    ("moment", "place", "step", "number"),
    [
        ("after", "FirestoreStatusStore", "claim", 1),
        ("after", "GcsStaging", "write_manifest", 1),
        ("after", "FirestoreStatusStore", "add_images", 1),
        ("among", "worker", "inspect", 20),
        ("among", "worker", "store", 20),
        ("before", "FirestoreStatusStore", "save_outcomes", 10),
        ("after", "FirestoreStatusStore", "save_outcomes", 30),
        ("before", "FirestoreStatusStore", "finish", 1),
    ],
)
def test_a_worker_that_is_killed_is_followed_by_one_that_does_what_is_left(
    scene: Scene, tmp_path: Path, moment: str, place: str, step: str, number: int
) -> None:
    batch = f"worker-killed/{moment}-{place}-{step}"
    files = slices(SLICES, batch)
    wanted = results_of(files, scene.settings, tmp_path)
    scene.register(batch, files)
    scene.kill(moment, place, step, number)
    assert scene.deliver(batch) == 0
    assert not scene.order.exists()
    killed = scene.cloud.batch(batch)
    assert killed is not None
    assert (killed["status"], killed["attempt"]) == ("PROCESSING", 1)
    before = scene.stored(wanted)
    answers = scene.delivered_until_done(batch)
    assert set(answers) <= {503, 200}
    # while the dead one's lease lasts, nobody takes the batch
    (taken,) = [line["time"] for line in scene.claims(batch) if line["attempt"] == 2]
    assert datetime.fromisoformat(taken) >= datetime.fromisoformat(killed["lease"]["expires_at"])
    scene.check(batch, wanted, attempt=2)
    assert before.items() <= scene.stored(wanted).items(), "what was stored is written once"
    assert scene.deliver(batch) == 200
    assert scene.logged("worker_crashed") == []


@pytest.mark.parametrize(("step", "number"), [("inspect", 1), ("inspect", 20), ("store", 1), ("store", 40)])
def test_a_worker_process_that_is_killed_costs_no_image_and_no_attempt(
    scene: Scene, tmp_path: Path, step: str, number: int
) -> None:
    batch = f"lane-killed/{step}-{number}"
    files = slices(SLICES, batch)
    wanted = results_of(files, scene.settings, tmp_path)
    scene.register(batch, files)
    scene.kill("among", "lane", step, number)
    assert scene.deliver(batch) == 200
    assert not scene.order.exists()
    scene.check(batch, wanted, attempt=1)
    assert scene.logged("worker_crashed") == []
