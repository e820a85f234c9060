"""What happens to a batch whose objects or records change while it is processed: frozen is frozen."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.cloud import firestore
from tests.data import objects
from tests.emulator.cloud import SENDIT, Cloud
from tests.emulator.test_deliveries import slices, study_of
from tests.emulator.undisturbed import results_of

from sendit.deadline import ENDLESS, Deadline
from sendit.errors import Code
from sendit.outcome import ImageWorkers, Inspected, Outcome, Planned
from sendit.process import process
from sendit.records import Batch, BatchState
from sendit.refs import BatchMessage, BatchName, Entry
from sendit.settings import Settings
from sendit.wiring.cloud import Finalizer
from sendit.wiring.parts import now
from sendit.wiring.worker import cloud_processing

if TYPE_CHECKING:
    from sendit.processing import Processing


@dataclass
class Between:
    """Image workers before whose first work something happens in the bucket: the manifest is written by then."""

    inner: ImageWorkers
    happens: Callable[[], None]
    before: str
    done: bool = False

    def inspect(
        self, batch: BatchName, entries: Iterable[Entry], deadline: Deadline = ENDLESS
    ) -> Iterator[Inspected | Outcome]:
        self._happen("inspect")
        return self.inner.inspect(batch, entries, deadline)

    def store(self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS) -> Iterator[Outcome]:
        self._happen("store")
        return self.inner.store(batch, planned, deadline)

    def _happen(self, step: str) -> None:
        if step == self.before and not self.done:
            self.done = True
            self.happens()


@pytest.fixture
def settings(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


def processed(cloud: Cloud, settings: Settings, batch: str, happens: Callable[[], None], before: str) -> Batch:
    """The batch after its processing by the worker's own parts, in this process; the local cloud's is not told."""
    store = Finalizer.of(settings).store
    store.register(Batch(cloud.id_of(batch), batch, BatchState.QUEUE, 7, now(), now()))
    return worked_on(cloud, settings, batch, happens, before)


def worked_on(cloud: Cloud, settings: Settings, batch: str, happens: Callable[[], None], before: str) -> Batch:
    """The batch after one more attempt in this process."""
    world: Processing = cloud_processing(settings)
    with world.workers as workers:  # type: ignore[attr-defined]
        message = BatchMessage(cloud.id_of(batch), batch, 7)
        return process(message, replace(world, workers=Between(workers, happens, before)))


def nothing() -> None:
    """Nothing happens."""


def errors_of(cloud: Cloud, batch: str) -> list[str]:
    return [image["code"] for image in cloud.images(batch).values() if image["status"] == "ERROR"]


def test_an_object_overwritten_after_the_freeze_is_an_error_and_the_newer_one_is_not_read(
    cloud: Cloud, settings: Settings
) -> None:
    cloud.put("overwritten", slices(3, "OVERWRITTEN"))
    other = {"2.dcm": objects.to_bytes(objects.ct(99, rows=32))}
    batch = processed(cloud, settings, "overwritten", lambda: cloud.put("overwritten", other), "inspect")
    assert (batch.counts.stored, batch.counts.errored, batch.has_new_arrivals) == (2, 1, True)
    assert errors_of(cloud, "overwritten") == [Code.CHANGED_DURING_PROCESSING]
    assert len(cloud.outputs("overwritten")) == 2


def test_the_same_bytes_written_again_after_the_freeze_are_another_generation_all_the_same(
    cloud: Cloud, settings: Settings
) -> None:
    files = slices(2, "SAME-BYTES")
    cloud.put("same-bytes", files)
    batch = processed(cloud, settings, "same-bytes", lambda: cloud.put("same-bytes", files), "inspect")
    assert batch.counts.errored == 2
    assert errors_of(cloud, "same-bytes") == [Code.CHANGED_DURING_PROCESSING] * 2


def test_an_object_removed_after_the_freeze_is_an_error(cloud: Cloud, settings: Settings) -> None:
    cloud.put("removed", slices(2, "REMOVED"))
    gone = cloud.staging.blob("incoming/removed/1.dcm")
    batch = processed(cloud, settings, "removed", gone.delete, "inspect")
    assert (batch.counts.stored, batch.counts.errored) == (1, 1)
    assert errors_of(cloud, "removed") == [Code.CHANGED_DURING_PROCESSING]


def test_an_object_that_comes_after_the_freeze_is_shown_and_not_processed(cloud: Cloud, settings: Settings) -> None:
    files = slices(3, "LATE")
    late = {"3.dcm": files.pop("3.dcm")}
    cloud.put("late", files)
    batch = processed(cloud, settings, "late", lambda: cloud.put("late", late), "store")
    assert (batch.counts.found, batch.counts.stored, batch.has_new_arrivals) == (2, 2, True)
    document = cloud.batch("late")
    assert document is not None
    assert document["has_new_arrivals"] is True
    assert len(cloud.outputs("late")) == 2
    assert came_late(cloud, "late") == ["late/3.dcm"]


def came_late(cloud: Cloud, batch: str) -> list[str]:
    """The files that `sendit errors` says came or changed after the freeze."""
    told = cloud.run(SENDIT, "errors", batch, "--names", "--json")
    assert told.returncode == 0, told.stderr
    return [one["file"] for one in json.loads(told.stdout) if one["what"] == "came or changed after the freeze"]


@pytest.mark.parametrize("kept", [True, False])
def test_an_object_overwritten_between_its_inspection_and_its_storing_is_never_mixed_with_the_newer_one(
    cloud: Cloud, settings: Settings, tmp_path: Path, kept: bool
) -> None:
    batch = f"mixed-{kept}"
    files = slices(3, batch)
    newer = study_of(batch, 1)
    newer.PixelData = newer.PixelData[::-1]  # the same UIDs and the same size
    other = {"1.dcm": objects.to_bytes(newer)}
    assert other["1.dcm"] != files["1.dcm"]
    assert len(other["1.dcm"]) == len(files["1.dcm"])
    frozen = results_of(files, settings, tmp_path)
    cloud.put(batch, files)
    if not kept:
        # of bytes in flight, and so of bytes that are kept between the two steps
        settings = settings.model_copy(update={"in_flight_bytes": 1})
    rested = processed(cloud, settings, batch, lambda: cloud.put(batch, other), "store")
    assert rested.has_new_arrivals
    outputs = cloud.outputs(batch)
    assert outputs.items() <= frozen.items()
    if kept:
        # its bytes were read whole before: they are stored as they were frozen
        assert (rested.counts.stored, rested.counts.errored) == (3, 0)
    else:
        assert (rested.counts.stored, rested.counts.errored) == (2, 1)
        assert errors_of(cloud, batch) == [Code.CHANGED_DURING_PROCESSING]
    assert len(outputs) == rested.counts.stored


def test_an_object_overwritten_between_a_retry_and_its_freeze_is_shown_and_read_when_asked_for(
    cloud: Cloud, settings: Settings
) -> None:
    batch = "between-freezes"
    cloud.put(batch, {**slices(3, batch), "bad": b"no DICOM"})
    rested = processed(cloud, settings, batch, nothing, "store")
    assert (rested.counts.stored, rested.counts.errored, rested.has_new_arrivals) == (3, 1, False)
    ids = {name: cloud.ids.image(BatchName.parse(batch), name) for name in ("1.dcm", "bad")}
    first = cloud.images(batch)[ids["1.dcm"]]
    Finalizer.of(settings).store.requeue(cloud.id_of(batch), {ids["bad"]}, now())  # no one else is told
    cloud.put(batch, {"1.dcm": slices(9, batch)["9.dcm"]})
    rested = worked_on(cloud, settings, batch, nothing, "inspect")
    assert (rested.counts.stored, rested.counts.errored, rested.has_new_arrivals) == (3, 1, True)
    assert cloud.images(batch)[ids["1.dcm"]] == first
    assert came_late(cloud, batch) == [f"{batch}/1.dcm"]
    asked = cloud.run(SENDIT, "retry", batch, "--new")
    assert (asked.returncode, "1 images to do" in asked.stdout) == (0, True), asked.stderr
    cloud.until(lambda: (found := cloud.batch(batch)) and found["attempt"] == 3 and found["lease"] is None)
    document, image = cloud.batch(batch), cloud.images(batch)[ids["1.dcm"]]
    assert document is not None
    assert (document["counts"]["stored"], document["has_new_arrivals"]) == (3, False)
    assert image["generation"] == cloud.staging.get_blob(f"incoming/{batch}/1.dcm").generation
    assert image["output"] != first["output"]


def test_a_record_that_is_removed_during_the_work_makes_the_batch_an_error(cloud: Cloud, settings: Settings) -> None:
    cloud.put("record-lost", slices(3, "RECORD-LOST"))
    image_id = cloud.ids.image(BatchName.parse("record-lost"), "2.dcm")
    path = f"batches/{cloud.id_of('record-lost')}/images/{image_id}"

    def remove() -> None:
        # written beside the work: it has to be there first
        cloud.until(lambda: cloud.document(path))
        client = firestore.Client(project=cloud.environment["GOOGLE_CLOUD_PROJECT"])
        client.document(path).delete()
        client.close()  # type: ignore[no-untyped-call]

    batch = processed(cloud, settings, "record-lost", remove, "store")
    assert (batch.state, batch.errors[-1].code, batch.lease) == (BatchState.ERROR, Code.RECORD_LOST, None)
    document = cloud.batch("record-lost")
    assert document is not None
    assert (document["status"], document["has_error"]) == ("ERROR", True)
