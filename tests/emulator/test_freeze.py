"""What happens to a batch whose objects change while it is processed: frozen is frozen."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import pytest
from tests.data import objects
from tests.emulator.cloud import Cloud
from tests.emulator.test_deliveries import slices

from sendit.errors import Code
from sendit.images import ImageWorkers, Outcome, Planned
from sendit.process import Processing, process
from sendit.records import Batch, BatchState
from sendit.refs import BatchMessage, BatchName, Entry
from sendit.settings import Settings
from sendit.wiring.cloud import Finalizer
from sendit.wiring.parts import now
from sendit.wiring.worker import cloud_processing


@dataclass
class Between:
    """Image workers before whose first work something happens in the bucket: the manifest is written by then."""

    inner: ImageWorkers
    happens: Callable[[], None]
    before: str
    done: bool = False

    def inspect(self, batch: BatchName, entries: Iterable[Entry]) -> Iterator[Planned | Outcome]:
        self._happen("inspect")
        return self.inner.inspect(batch, entries)

    def store(self, batch: BatchName, planned: Iterable[Planned]) -> Iterator[Outcome]:
        self._happen("store")
        return self.inner.store(batch, planned)

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
    message = BatchMessage(cloud.id_of(batch), batch, 7)
    store.register(Batch(message.batch_id, batch, BatchState.QUEUE, 7, now(), now()))
    world: Processing = cloud_processing(settings)
    with world.workers as workers:  # type: ignore[attr-defined]
        return process(message, replace(world, workers=Between(workers, happens, before)))


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


def test_an_object_overwritten_between_its_inspection_and_its_storing_is_never_mixed_with_the_newer_one(
    cloud: Cloud, settings: Settings
) -> None:
    files = slices(2, "MIXED")
    cloud.put("mixed", files)
    other = {"1.dcm": objects.to_bytes(objects.ct(98, rows=32))}
    batch = processed(cloud, settings, "mixed", lambda: cloud.put("mixed", other), "store")
    # its bytes were read whole before: they are stored as they were frozen, or the image is an error
    assert batch.counts.stored + batch.counts.errored == 2
    assert batch.has_new_arrivals
    assert len(cloud.outputs("mixed")) == batch.counts.stored
