"""The worker deletes the sources of what it has stored, in the local cloud; the verb does the same when it is asked."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import firestore
from tests.contract.buckets import may_not_be_deleted
from tests.data import objects
from tests.emulator.cloud import SENDIT, Cloud
from tests.emulator.functions import Function, function, post, registered
from tests.emulator.test_deliveries import slices
from typer.testing import CliRunner

from sendit.cli import app
from sendit.ports import StatusStore
from sendit.refs import BatchMessage
from sendit.settings import Settings
from sendit.wiring.cloud import status_store


@pytest.fixture
def store(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> StatusStore:
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    return status_store(Settings.load(dict(cloud.environment)))


@pytest.fixture(scope="module")
def worker(local_cloud: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    """A worker that keeps no sources, which is what it does if nobody says otherwise."""
    cloud = Cloud(local_cloud.environment, [])  # type: ignore[attr-defined]
    with function(cloud, "worker", tmp_path_factory.mktemp("worker")) as started:
        yield started


def staged(cloud: Cloud, batch: str) -> set[str]:
    blobs = cloud.client.list_blobs(cloud.staging, prefix=f"incoming/{batch}/")
    return {blob.name.rpartition("/")[2] for blob in blobs}


def message(cloud: Cloud, batch: str) -> bytes:
    return BatchMessage(cloud.id_of(batch), batch, 7).to_json()


def test_the_worker_cleans_up_as_soon_as_a_batch_rests(cloud: Cloud, store: StatusStore, worker: Function) -> None:
    batch = "cleaned-at-once"
    registered(cloud, store, batch, {**slices(4, "CLEANED"), "bad": b"no DICOM"})
    assert post(worker.address, message(cloud, batch)) == 200
    assert staged(cloud, batch) == {"bad"}
    document = cloud.batch(batch)
    assert document is not None
    assert (document["counts"]["stored"], document["cleaned_at"] is not None) == (4, True)
    assert len(cloud.outputs(batch)) == 4
    report = cloud.staging.blob(f"failed/{batch}.err").download_as_bytes().decode()
    assert "not_dicom" in report
    assert "    bad\n" in report
    assert post(worker.address, message(cloud, batch)) == 200
    assert cloud.batch(batch) == document
    assert batch not in "".join(worker.lines)
    shown = cloud.run(SENDIT, "errors", batch)
    assert "gs://sendit-staging/failed" in shown.stdout


def test_a_worker_that_died_before_it_cleaned_up_does_so_when_the_message_comes_again(
    cloud: Cloud, store: StatusStore, worker: Function
) -> None:
    batch = "cleaned-later"
    registered(cloud, store, batch, slices(2, "LATER"))
    assert post(worker.address, message(cloud, batch)) == 200
    cloud.put(batch, {"0.dcm": b"again"})
    client = firestore.Client(project=cloud.environment["GOOGLE_CLOUD_PROJECT"])
    client.document(f"batches/{cloud.id_of(batch)}").update({"cleaned_at": None})
    client.close()  # type: ignore[no-untyped-call]
    assert post(worker.address, message(cloud, batch)) == 200
    document = cloud.batch(batch)
    assert document is not None
    assert (document["cleaned_at"] is not None, staged(cloud, batch)) == (True, {"0.dcm"})


def test_the_verb_says_what_would_go_and_then_what_went(cloud: Cloud) -> None:
    batch, files = "cleaned-by-hand", slices(3, "BY-HAND")
    cloud.put(batch, {**files, "us": objects.to_bytes(objects.us())})
    cloud.mark(batch)
    cloud.rested(batch)
    size = sum(len(data) for data in files.values())
    told = {
        "batch_id": cloud.id_of(batch), "name": batch, "state": "DONEPROCESSING", "objects": 3, "bytes": size,
        "marker": False, "stays": {"rejected": 1}, "complete": True,
    }  # fmt: skip
    dry = cloud.run(SENDIT, "cleanup", batch, "--dry-run", "--json")
    assert (dry.returncode, json.loads(dry.stdout)) == (0, [told]), dry.stderr
    assert len(staged(cloud, batch)) == 4
    shown = cloud.run(SENDIT, "cleanup", batch, "--dry-run")
    assert ("would go" in shown.stdout, "1 rejected" in shown.stdout) == (True, True)
    done = cloud.run(SENDIT, "cleanup", batch, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [told]), done.stderr
    assert staged(cloud, batch) == {"us"}
    assert len(cloud.outputs(batch)) == 3


def test_the_verb_says_where_outputs_are_missing(cloud: Cloud) -> None:
    batch = "output-missing"
    cloud.put(batch, slices(2, "MISSING"))
    cloud.mark(batch)
    cloud.rested(batch)
    lost = next(iter(cloud.outputs(batch)))
    cloud.output.blob(lost).delete()
    done = cloud.run(SENDIT, "cleanup", cloud.id_of(batch))
    assert (done.returncode, "1 output missing" in done.stdout, "sendit retry" in done.stdout) == (3, True, True)
    assert len(staged(cloud, batch)) == 1
    asked = cloud.run(SENDIT, "retry", batch)
    assert asked.returncode == 0, asked.stderr
    cloud.until(lambda: (found := cloud.batch(batch)) and found["attempt"] == 2 and found["lease"] is None)
    assert len(cloud.outputs(batch)) == 2
    assert cloud.run(SENDIT, "cleanup", batch).returncode == 0
    assert staged(cloud, batch) == set()


def test_the_verb_says_what_may_not_be_deleted(
    cloud: Cloud, store: StatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = "not-deleted"
    cloud.put(batch, slices(2, "HELD"))
    cloud.mark(batch)
    cloud.rested(batch)
    may_not_be_deleted(monkeypatch, f"{batch}/1.dcm")
    done = CliRunner().invoke(app, ["cleanup", batch])
    assert (done.exit_code, "1 may not be deleted" in done.stdout) == (1, True)
    assert staged(cloud, batch) == {"1.dcm"}


def test_the_verb_cleans_what_is_due_and_refuses_what_makes_no_sense(cloud: Cloud, tmp_path: Path) -> None:
    for settings in ({}, {"SENDIT_KEEP_SOURCES": "never"}):  # what the functions keep is not known here
        unsaid = cloud.run(SENDIT, "cleanup", **settings)
        assert (unsaid.returncode, "--older-than" in unsaid.stderr) == (2, True)
    late = cloud.run(SENDIT, "cleanup", "--dry-run", "--older-than", "1000000")
    assert (late.returncode, late.stdout) == (0, "Nothing to clean up.\n")
    late = cloud.run(SENDIT, "cleanup", "--dry-run", SENDIT_KEEP_SOURCES="1000000")
    assert (late.returncode, late.stdout) == (0, "Nothing to clean up.\n")
    assert cloud.run(SENDIT, "cleanup", "no-such-batch").returncode == 2
    help_text = cloud.run(SENDIT, "cleanup", "--help").stdout
    assert "SENDIT_KEEP_SOURCES" in help_text
