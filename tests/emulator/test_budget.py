"""The budget of an attempt: a batch that takes longer goes on over messages, and no image is done twice."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.emulator.cloud import Cloud
from tests.emulator.conftest import BRISK
from tests.emulator.functions import Function, function, made_topic, registered
from tests.emulator.planted import Uploads
from tests.emulator.test_deliveries import slices
from tests.emulator.undisturbed import results_of

from sendit.emulators import resources
from sendit.emulators.cloud import LocalCloud
from sendit.refs import BatchMessage
from sendit.settings import Settings
from sendit.wiring.cloud import Finalizer

TOPIC = "batches-of-its-own"
SECONDS_AN_UPLOAD = 0.1
BUDGET = 3.0
IMAGES = 600


@dataclass(frozen=True)
class Scene:
    """A worker with a topic of its own, which is pushed to it."""

    cloud: Cloud
    settings: Settings
    finalizer: Finalizer
    worker: Function
    uploads: Uploads

    def begin(self, batch: str, files: dict[str, bytes]) -> None:
        registered(self.cloud, self.finalizer.store, batch, files)
        self.finalizer.queue.publish(BatchMessage(self.cloud.id_of(batch), batch, 7))

    def said(self, sentence: str, batch: str) -> int:
        batch_id = self.cloud.id_of(batch)
        return len([one for one in self.worker.logged() if one["message"] == sentence and one["batch_id"] == batch_id])


@contextmanager
def scene_of(local_cloud: LocalCloud, lines: list[str], folder: Path, topic: str, **settings: str) -> Iterator[Scene]:
    cloud = Cloud({**local_cloud.environment, "SENDIT_BATCHES_TOPIC": topic}, lines)
    pubsub = cloud.environment["PUBSUB_EMULATOR_HOST"]
    made_topic(cloud, topic)
    uploads = Uploads.planted(folder, SECONDS_AN_UPLOAD)
    variables = {"SENDIT_WORKERS": "2", **uploads.environment, **settings}
    with pytest.MonkeyPatch.context() as patch, function(cloud, "worker", folder, None, **variables) as worker:
        port = int(re.findall(r":(\d+)", worker.address)[0])
        resources.push(pubsub, topic, port, BRISK)
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        known = Settings.load(dict(cloud.environment))
        yield Scene(cloud, known, Finalizer.of(known), worker, uploads)


@pytest.fixture(scope="module")
def scene(local_cloud: LocalCloud, cloud_lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("budget")
    with scene_of(local_cloud, cloud_lines, folder, TOPIC, SENDIT_BUDGET=str(BUDGET)) as made:
        yield made


def test_a_batch_that_takes_longer_than_a_budget_is_completed_over_several_messages_and_no_image_is_done_twice(
    scene: Scene, tmp_path: Path
) -> None:
    files = slices(IMAGES, "budget")
    wanted = results_of(files, scene.settings, tmp_path)
    before = scene.uploads.counted()
    scene.begin("budget/long", files)
    document = scene.cloud.rested("budget/long")
    counts = {"found": IMAGES, "stored": IMAGES, "rejected": 0, "errored": 0, "duplicates": 0}
    assert (document["status"], document["counts"], document["errors"]) == ("DONEPROCESSING", counts, [])
    attempts = document["attempt"]
    assert attempts >= 3
    assert scene.said("The time of this attempt is up; the next goes on.", "budget/long") == attempts - 1
    assert scene.cloud.outputs("budget/long") == wanted
    uploaded = scene.uploads.counted() - before
    assert len(uploaded) == IMAGES
    assert set(uploaded.values()) == {1}
    print(f"budget {BUDGET:g} s: {IMAGES} images over {attempts} attempts, each uploaded once")  # noqa: T201


def test_an_image_that_takes_longer_than_a_whole_budget_is_an_error_and_the_others_are_stored(
    scene: Scene, tmp_path: Path
) -> None:
    files = slices(40, "endless")
    wanted = results_of(files, scene.settings, tmp_path)
    hanging = sorted(wanted)[17]
    scene.uploads.never_end(hanging.rpartition("/")[2])
    scene.begin("budget/endless", files)
    document = scene.cloud.rested("budget/endless")
    counts = {"found": 40, "stored": 39, "rejected": 0, "errored": 1, "duplicates": 0}
    assert (document["status"], document["counts"]) == ("DONEPROCESSING", counts)
    assert [entry["code"] for entry in document["errors"]] == ["over_budget"]
    del wanted[hanging]
    assert scene.cloud.outputs("budget/endless") == wanted
