"""The budget of an attempt: a batch that takes longer goes on over messages, and no image is done twice."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.chaos.figures import Figures
from tests.chaos.planted import Uploads
from tests.emulator.cloud import Cloud
from tests.emulator.conftest import BRISK
from tests.emulator.functions import Function, function, made_topic, registered
from tests.emulator.test_deliveries import slices
from tests.emulator.undisturbed import results_of

from sendit.emulators import resources
from sendit.emulators.cloud import LocalCloud
from sendit.refs import BatchMessage
from sendit.settings import Settings
from sendit.wiring.cloud import Finalizer

TOPIC = "batches-of-its-own"
SECONDS_OF_PATIENCE = 600.0


@dataclass(frozen=True)
class Form:
    """A budget, how long each upload of a result takes, and images enough to need several budgets."""

    budget: float
    seconds_an_upload: float
    images: int
    threads: int
    least_attempts: int


QUICK = Form(budget=4.0, seconds_an_upload=0.25, images=300, threads=8, least_attempts=2)
LONG = Form(budget=5.0, seconds_an_upload=0.5, images=960, threads=4, least_attempts=10)  # a minute for 2 × 4 threads


@dataclass(frozen=True)
class Scene:
    """A worker with a topic of its own, which is pushed to it."""

    form: Form
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


@pytest.fixture(scope="module")
def scene(
    request: pytest.FixtureRequest,
    local_cloud: LocalCloud,
    cloud_lines: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scene]:
    form = LONG if request.config.getoption("--long") else QUICK
    folder = tmp_path_factory.mktemp("budget")
    cloud = Cloud({**local_cloud.environment, "SENDIT_BATCHES_TOPIC": TOPIC}, cloud_lines)
    made_topic(cloud, TOPIC)
    uploads = Uploads.planted(folder, form.seconds_an_upload)
    variables = {
        "SENDIT_WORKERS": "2",
        "SENDIT_THREADS": str(form.threads),
        "SENDIT_BUDGET": str(form.budget),
        **uploads.environment,
    }
    with pytest.MonkeyPatch.context() as patch, function(cloud, "worker", folder, None, **variables) as worker:
        port = int(re.findall(r":(\d+)", worker.address)[0])
        resources.push(cloud.environment["PUBSUB_EMULATOR_HOST"], TOPIC, port, BRISK)
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        settings = Settings.load(dict(cloud.environment))
        yield Scene(form, cloud, settings, Finalizer.of(settings), worker, uploads)


def test_a_batch_that_takes_longer_than_a_budget_is_completed_over_several_messages_and_no_image_is_done_twice(
    scene: Scene, tmp_path: Path, figures: Figures
) -> None:
    images = scene.form.images
    files = slices(images, "budget")
    wanted = results_of(files, scene.settings, tmp_path)
    before = scene.uploads.counted()
    scene.begin("budget/long", files)
    document = scene.cloud.rested("budget/long", seconds=SECONDS_OF_PATIENCE)
    counts = {"found": images, "stored": images, "rejected": 0, "errored": 0, "duplicates": 0}
    assert (document["status"], document["counts"], document["errors"]) == ("DONEPROCESSING", counts, [])
    attempts = document["attempt"]
    assert attempts >= scene.form.least_attempts
    assert scene.said("The time of this attempt is up; the next goes on.", "budget/long") == attempts - 1
    assert scene.cloud.outputs("budget/long") == wanted
    uploaded = scene.uploads.counted() - before
    assert len(uploaded) == images
    assert set(uploaded.values()) == {1}
    figures.count("attempts", attempts)
    figures.count("images stored", images)
    figures.count("uploads", uploaded.total())
    figures.conclude()


def test_an_image_that_takes_longer_than_a_whole_budget_is_an_error_and_the_others_are_stored(
    scene: Scene, tmp_path: Path, figures: Figures
) -> None:
    files = slices(40, "endless")
    wanted = results_of(files, scene.settings, tmp_path)
    hanging = sorted(wanted)[17]
    scene.uploads.never_end(hanging.rpartition("/")[2])
    scene.begin("budget/endless", files)
    document = scene.cloud.rested("budget/endless", seconds=SECONDS_OF_PATIENCE)
    counts = {"found": 40, "stored": 39, "rejected": 0, "errored": 1, "duplicates": 0}
    assert (document["status"], document["counts"]) == ("DONEPROCESSING", counts)
    assert [entry["code"] for entry in document["errors"]] == ["over_budget"]
    del wanted[hanging]
    assert scene.cloud.outputs("budget/endless") == wanted
    figures.count("attempts", document["attempt"])
    figures.conclude()
