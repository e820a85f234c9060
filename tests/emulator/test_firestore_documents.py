"""Firestore's documents as its REST API prints them, against DESIGN §5 and the example in docs/firestore.md."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore_v1.batch import WriteBatch
from tests.data import objects
from tests.emulator.cloud import Cloud, Document, is_time
from tests.emulator.test_deliveries import slices

from sendit.process import process
from sendit.records import Batch, BatchState
from sendit.refs import BatchMessage
from sendit.settings import Settings
from sendit.wiring.cloud import status_store
from sendit.wiring.parts import now
from sendit.wiring.worker import cloud_processing

DOC = Path(__file__).resolve().parents[2] / "docs" / "firestore.md"


def examples() -> tuple[Document, Document]:
    batch, image = (json.loads(block) for block in re.findall(r"```json\n(.+?)```", DOC.read_text("utf-8"), re.DOTALL))
    return batch, image


@pytest.fixture
def story(cloud: Cloud) -> tuple[Document, dict[str, Document]]:
    files = slices(2, "STORY")
    files["duplicate.dcm"] = files["1.dcm"]
    files["us.dcm"] = objects.to_bytes(objects.us())
    files["text.txt"] = b"no DICOM"
    cloud.put("long/story", files)
    cloud.mark("long/story")
    return cloud.rested("long/story"), cloud.images("long/story")


def shape(value: Any) -> Any:
    """The kind of everything in a document: what differs from one batch to the next is left out."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    return "time" if is_time(value) else type(value).__name__


def test_a_batchs_document_has_the_documented_fields_of_the_documented_kinds(
    story: tuple[Document, dict[str, Document]],
) -> None:
    batch, _ = story
    assert shape(batch) == shape(examples()[0])
    assert (batch["status"], batch["has_error"], batch["error_count"]) == ("DONEPROCESSING", True, 1)
    assert batch["counts"] == {"found": 5, "stored": 3, "rejected": 1, "errored": 1, "duplicates": 1}
    assert [(error["code"], bool(error["sentence"])) for error in batch["errors"]] == [("not_dicom", True)]
    assert batch["created_at"] <= batch["started_at"] <= batch["finished_at"] <= batch["updated_at"]


def test_an_images_document_has_the_documented_fields_of_the_documented_kinds(
    story: tuple[Document, dict[str, Document]],
) -> None:
    _, images = story
    by_state: dict[str, list[Document]] = {}
    for image in images.values():
        by_state.setdefault(image["status"], []).append(image)
    plain = [image for image in by_state["DONEPROCESSING"] if "duplicate" not in image]
    assert [shape(image) for image in plain] == [shape(examples()[1])] * 2
    (duplicate,) = [image for image in by_state["DONEPROCESSING"] if "duplicate" in image]
    assert shape(duplicate) == {**shape(examples()[1]), "duplicate": "bool"}
    (rejected,), (failed,) = by_state["REJECTED"], by_state["ERROR"]
    assert set(rejected) == {"status", "times", "generation", "size_bytes", "rule", "sentence"}
    assert set(failed) == {"status", "times", "generation", "size_bytes", "code", "sentence"}


def test_times_are_firestores_own_and_not_text(cloud: Cloud, story: tuple[Document, dict[str, Document]]) -> None:
    raw = cloud.rest(f"batches/{cloud.id_of('long/story')}")
    assert raw is not None
    assert [list(raw["fields"][name]) for name in ("created_at", "updated_at", "finished_at")] == [
        ["timestampValue"]
    ] * 3
    assert story


def test_every_field_is_explained_in_the_document(story: tuple[Document, dict[str, Document]]) -> None:
    explained = set(re.findall(r"`([a-z0-9_]+)`", DOC.read_text("utf-8")))
    batch, images = story
    fields = set(batch).union(*(set(image) for image in images.values()))
    assert fields - explained == set()


def test_an_image_is_written_at_most_twice_from_its_freeze_to_its_outcome(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = slices(30, "WRITES")
    cloud.put("writes", files)
    written: Counter[str] = Counter()
    commit = WriteBatch.commit

    def counted(batch: WriteBatch, *arguments: Any, **named: Any) -> Any:
        written.update(write.update.name for write in batch._write_pbs)
        return commit(batch, *arguments, **named)

    monkeypatch.setattr(WriteBatch, "commit", counted)
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    message = BatchMessage(cloud.id_of("writes"), "writes", 7)
    status_store(settings).register(Batch(message.batch_id, "writes", BatchState.QUEUE, 7, now(), now()))
    world = cloud_processing(settings)
    with world.workers as workers:  # type: ignore[attr-defined]
        assert process(message, replace(world, workers=workers)).counts.stored == 30
    images = {name: number for name, number in written.items() if "/images/" in name}
    assert len(images) == 30
    assert set(images.values()) == {2}
    assert sum(written.values()) - sum(images.values()) <= 10
