"""A worker that is killed where a test says, and batches that only it is told of.

The function is the real one in a process of its own; what kills it, or one of its worker processes, is planted
around its parts' methods and waits for a file that says where.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from tests.emulator.cloud import PATIENCE_SECONDS, Cloud, Document
from tests.emulator.functions import FUNCTIONS, Function, function, made_topic, post, registered

from sendit.refs import BatchMessage
from sendit.settings import Settings
from sendit.wiring.cloud import Finalizer

FUNCTION = FUNCTIONS / "worker" / "main.py"
TERMS = {
    "SENDIT_LEASE_TTL": "2", "SENDIT_LEASE_HEARTBEAT": "0.5", "SENDIT_WORKERS": "2", "SENDIT_MAX_ATTEMPTS": "1000",
}  # fmt: skip
TOPIC = "batches-that-nobody-hears-of"
"""Where a worker's continuation goes whose messages a test delivers itself."""
KILLING = """
import json, os, signal
from pathlib import Path
from sendit import tally
from sendit.adapters.firestore_status import FirestoreStatusStore
from sendit.adapters.gcs_area import GcsStagingArea
from sendit.adapters.gcs_staging import GcsStaging
from sendit.adapters.process_workers import ProcessWorkers
from sendit.adapters.pubsub_queue import PubSubQueue
from sendit.deadline import Deadline

tally._SECONDS_BETWEEN_WRITES = 0.0  # outcome after outcome is written as it comes
order = Path({order!r})
seen = dict()
after = Deadline.after
Deadline.after = lambda budget: after(0.0 if order.with_name("hurry").exists() else budget)

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

for step in ("claim", "freeze", "add_images", "save_outcomes", "finish", "release", "mark_cleaned"):
    around(FirestoreStatusStore, step)
around(GcsStaging, "write_manifest")
around(GcsStagingArea, "delete")
around(PubSubQueue, "publish")
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

    @contextmanager
    def hurry(self, there: bool = True) -> Iterator[None]:
        """Meanwhile the time of an attempt is up as soon as it begins."""
        hurry = self.order.with_name("hurry")
        if there:
            hurry.touch()
        yield
        hurry.unlink(missing_ok=True)

    def deliver(self, batch: str) -> int:
        """The answer to the batch's message; 0 if there was none."""
        return delivered(self.worker.address, self.cloud, batch)

    def delivered_until_done(self, batch: str) -> list[int]:
        """The message again and again, as Pub/Sub does it; the answers."""
        return self.delivered_until(batch, lambda answer: answer == 200)

    def delivered_until(self, batch: str, found: Callable[[int], bool]) -> list[int]:
        """The message again and again until this answer is found; the answers."""
        answers = [self.deliver(batch)]
        deadline = time.monotonic() + 60
        while not found(answers[-1]):
            assert time.monotonic() < deadline, answers
            time.sleep(0.1)
            answers.append(self.deliver(batch))
        return answers

    def stored(self, wanted: dict[str, bytes]) -> dict[str, int]:
        """The generations of what the output bucket holds of the patients of these results, by name."""
        return stored(self.cloud, wanted)

    def check(self, batch: str, wanted: dict[str, bytes], attempt: int) -> None:
        """Every image once, with the bytes of an undisturbed run."""
        assert check(self.cloud, batch, wanted)["attempt"] == attempt

    def claims(self, batch: str) -> list[dict[str, Any]]:
        """The log lines that say that an attempt has the batch."""
        batch_id = self.cloud.id_of(batch)
        return [line for line in self.worker.logged() if line.get("batch_id") == batch_id and "attempt" in line]

    def logged(self, code: str) -> list[dict[str, Any]]:
        return [line for line in self.worker.logged() if line.get("code") == code]


@contextmanager
def killable(cloud: Cloud, folder: Path) -> Iterator[Scene]:
    """The scene, with the variables of the local cloud set in this process too."""
    order = folder / "order"
    made_topic(cloud, TOPIC)
    source = folder / "main.py"
    source.write_text(KILLING.format(order=str(order), function=str(FUNCTION)), "utf-8")
    with (
        function(cloud, "worker", folder, source, **TERMS, SENDIT_BATCHES_TOPIC=TOPIC) as worker,
        wired(cloud) as (settings, finalizer),
    ):
        yield Scene(cloud, settings, finalizer, worker, order)


@contextmanager
def wired(cloud: Cloud) -> Iterator[tuple[Settings, Finalizer]]:
    """What registers batches in the local cloud from this process."""
    settings = Settings.load(dict(cloud.environment))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        yield settings, Finalizer.of(settings)


def delivered(address: str, cloud: Cloud, batch: str) -> int:
    """The answer to a batch's message, pushed to a worker; 0 if there was none."""
    with suppress(OSError, HTTPException):
        return post(address, BatchMessage(cloud.id_of(batch), batch, 7).to_json())
    return 0


def stored(cloud: Cloud, wanted: Mapping[str, bytes]) -> dict[str, int]:
    """The generations of what the output bucket holds of the patients of these results, by name."""
    return {
        blob.name: blob.generation
        for patient in {name.partition("/")[0] for name in wanted}
        for blob in cloud.client.list_blobs(cloud.output, prefix=f"{patient}/")
    }


def staged(cloud: Cloud, batch: str) -> dict[str, int]:
    """The generations of what is staged of a batch, by name."""
    folder = f"incoming/{batch}/"
    return {
        blob.name.removeprefix(folder): blob.generation
        for blob in cloud.client.list_blobs(cloud.staging, prefix=folder)
    }


def cleaned(cloud: Cloud, batch: str, seconds: float = PATIENCE_SECONDS) -> Document:
    """The batch's document as soon as the batch rests and is cleaned up."""
    cloud.rested(batch, seconds=seconds)
    document: Document = cloud.until(lambda: (found := cloud.batch(batch)) and found["cleaned_at"] and found)
    return document


def check(cloud: Cloud, batch: str, wanted: Mapping[str, bytes]) -> Document:
    """Every image once, with the bytes of an undisturbed run, and no source left; the batch's document."""
    document = cloud.batch(batch)
    assert document is not None
    assert document["cleaned_at"] is not None
    assert staged(cloud, batch) == {}
    counts = {"found": len(wanted), "stored": len(wanted), "rejected": 0, "errored": 0, "duplicates": 0}
    assert document["counts"] == counts
    assert (document["status"], document["lease"]) == ("DONEPROCESSING", None)
    assert (document["errors"], document["has_error"], document["has_new_arrivals"]) == ([], False, False)
    images = cloud.images(batch)
    assert {image["status"] for image in images.values()} == {"DONEPROCESSING"}
    assert len(images) == len({image["output"] for image in images.values()}) == len(wanted)
    assert cloud.outputs(batch) == wanted
    assert stored(cloud, wanted).keys() == wanted.keys()
    return document
