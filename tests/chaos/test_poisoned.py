"""A batch that kills the worker each time: an ERROR with its reason, files kept, and complete once the cause is gone.

A local cloud of its own, whose worker is the real one with a strike planted around its claim; Pub/Sub delivers five
times, which is its least, and the sweep is as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.chaos.figures import Figures
from tests.emulator.cloud import SENDIT, Cloud
from tests.emulator.functions import FUNCTIONS
from tests.emulator.local import fresh_key
from tests.emulator.test_dead_letters import of
from tests.emulator.test_deliveries import slices
from tests.emulator.undisturbed import results_of

from sendit.emulators.cloud import CloudOptions, LocalCloud
from sendit.emulators.resources import Delivery
from sendit.settings import Settings

BATCH = "poisoned/one"
STRIKING = """
import os, signal
from pathlib import Path
from sendit.adapters.firestore_status import FirestoreStatusStore

poison, claim = Path({poison!r}), FirestoreStatusStore.claim

def striking(store, batch_id, lease, now):
    batch = claim(store, batch_id, lease, now)
    if batch.lease == lease and poison.exists() and poison.read_text() == batch_id:
        os.kill(os.getpid(), signal.SIGKILL)
    return batch

FirestoreStatusStore.claim = striking
exec(compile(open({function!r}).read(), {function!r}, "exec"))
"""


@dataclass(frozen=True)
class Scene:
    """The cloud, and the file that says which batch is poison."""

    cloud: Cloud
    poison: Path

    def staged(self) -> set[tuple[str, int]]:
        """What is staged of the batch, by name and generation."""
        blobs = self.cloud.client.list_blobs(self.cloud.staging, prefix=f"incoming/{BATCH}/")
        return {(blob.name, blob.generation) for blob in blobs}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    lines: list[str] = []
    functions, poison = tmp_path / "functions", tmp_path / "poison"
    (functions / "worker").mkdir(parents=True)
    for name in ("finalize", "sweep"):
        (functions / name).symlink_to(FUNCTIONS / name)
    planted = STRIKING.format(poison=str(poison), function=str(FUNCTIONS / "worker" / "main.py"))
    (functions / "worker" / "main.py").write_text(planted, "utf-8")
    options = CloudOptions(
        functions=functions,
        function_environment={
            "SENDIT_LEASE_TTL": "2", "SENDIT_LEASE_HEARTBEAT": "0.5", "SENDIT_WORKERS": "1", "SENDIT_MAX_ATTEMPTS": "3",
        },
        delivery=Delivery(minimum_backoff=1.0, maximum_backoff=2.0, attempts=5),
        seconds_between_ticks=86_400.0,
        hear=lambda name, line: lines.append(f"{name}: {line}"),
    )  # fmt: skip
    with LocalCloud(fresh_key(tmp_path), options) as local:
        yield Scene(Cloud(local.environment, lines), poison)


def test_a_batch_that_kills_the_worker_each_time_ends_in_dead_letters_and_completes_when_the_cause_is_gone(
    scene: Scene, tmp_path: Path, figures: Figures
) -> None:
    cloud, files = scene.cloud, slices(5, "POISONED")
    cloud.put(BATCH, files)
    staged = scene.staged()
    scene.poison.write_text(cloud.id_of(BATCH), "ascii")
    cloud.mark(BATCH)

    document = cloud.rested(BATCH)
    assert (document["status"], document["lease"]) == ("ERROR", None)
    assert document["attempt"] >= 3
    figures.count("workers killed", document["attempt"])
    ((code, sentence),) = [(error["code"], error["sentence"]) for error in document["errors"]]
    assert code == "attempts_used_up"
    assert f"after {document['attempt']} attempts" in sentence
    assert "No worker said why" in sentence
    assert scene.staged() == staged
    report = cloud.until(lambda: cloud.staging.get_blob(f"failed/{BATCH}.err"))
    assert sentence in report.download_as_text()
    shown = cloud.run(SENDIT, "errors", BATCH)
    assert sentence in shown.stdout, shown.stderr
    *_, kept = of(cloud, BATCH)  # more than one if deliveries met a worker that was only starting
    assert (kept["topic"], kept["state"], kept["why"]) == ("batches", "ERROR", sentence)

    scene.poison.unlink()
    asked = cloud.run(SENDIT, "dead-letters", "requeue", BATCH)
    assert (asked.returncode, "queued again" in asked.stdout) == (0, True), asked.stderr
    document = cloud.rested(BATCH, ["DONEPROCESSING"])
    assert document["counts"] == {"found": 5, "stored": 5, "rejected": 0, "errored": 0, "duplicates": 0}
    assert (document["errors"], document["has_error"]) == ([], False)
    (tmp_path / "undisturbed").mkdir()
    wanted = results_of(files, Settings.load(dict(cloud.environment)), tmp_path / "undisturbed")
    assert cloud.outputs(BATCH) == wanted
    figures.count("images stored once", len(wanted))
    stored = {blob.name for blob in cloud.client.list_blobs(cloud.output) if blob.name.endswith(".dcm")}
    assert stored == wanted.keys()
    assert of(cloud, BATCH) == []
    cloud.until(lambda: cloud.staging.get_blob(f"failed/{BATCH}.err") is None)
    cloud.until(lambda: not scene.staged() and cloud.staging.get_blob(f"finalize/{BATCH}") is None)
    document = cloud.until(lambda: (found := cloud.batch(BATCH)) and found["cleaned_at"] and found)
    assert (document["status"], cloud.outputs(BATCH)) == ("DONEPROCESSING", wanted)
    figures.conclude()
