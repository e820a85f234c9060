"""The worker function with destinations beside the output: one is down, its batch waits, and is sent there alone."""

import io
import json
import os
import signal
import subprocess
import tarfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from tests.emulator.cloud import SENDIT, clean
from tests.emulator.functions import function
from tests.emulator.test_answers import Scene, scene
from tests.emulator.test_deliveries import slices
from tests.orthanc import Archive
from tests.tampering import Answered, Asked, Forward, Tampering, tampering

__all__ = ["scene"]

OPEN, MISSING = "sendit-open", "sendit-missing"
SETTINGS = {
    "SENDIT_OUTPUT": "gs://sendit-output/sent",
    "SENDIT_DESTINATIONS": f"gs://{OPEN}/images,archive+gs://{OPEN}/archives#collection=LUNG,gs://{MISSING}",
}


def written(scene: Scene) -> dict[str, int]:
    """Every object of the open bucket and the generation that it has: one that is written again has another."""
    return {blob.name: blob.generation for blob in scene.cloud.client.list_blobs(OPEN)}


def test_two_are_done_the_batch_waits_and_a_retry_sends_to_the_third_alone(scene: Scene, tmp_path: Path) -> None:
    cloud = scene.cloud
    scene.register("sent/1", slices(3, "CANARY-1"))
    cloud.client.create_bucket(OPEN)
    with function(cloud, "worker", tmp_path, None, **SETTINGS) as worker:
        assert scene.deliver("sent/1", worker) == 503
        record, there = scene.record("sent/1"), written(scene)
        assert (record["status"], record["waits"], record["has_error"]) == ("DONEPROCESSING", True, False)
        assert [(one["destination"], one["status"], one["sent"]) for one in record["deliveries"]] == [
            (f"gs://{OPEN}/images", "DONE", 3),
            (f"archive+gs://{OPEN}/archives#collection=LUNG", "DONE", 3),
            (f"gs://{MISSING}", "WAITING", 0),
        ]
        assert record["deliveries"][2]["code"] == "destination_unavailable"
        assert {image["status"] for image in cloud.images("sent/1").values()} == {"DONEPROCESSING"}
        cloud.client.create_bucket(MISSING)
        assert scene.deliver("sent/1", worker) == 200
        assert scene.deliver("sent/1", worker) == 200  # the same message once more
        lines = "".join(worker.lines)
    assert written(scene) == there
    record = scene.record("sent/1")
    assert (record["status"], record["waits"], record["lease"]) == ("DONE", False, None)
    assert [one["status"] for one in record["deliveries"]] == ["DONE"] * 3
    for image in cloud.images("sent/1").values():
        assert image["status"] == "DONE"
        assert {"NEW", "PROCESSING", "DONEPROCESSING", "SENT", "DONE"} <= image["times"].keys()
    outputs = cloud.outputs_below("sent", "sent/1")
    for name, data in outputs.items():
        assert cloud.client.bucket(OPEN).blob(f"images/{name}").download_as_bytes() == data
        blob = cloud.client.bucket(MISSING).get_blob(name)
        assert blob.download_as_bytes() == data
        assert blob.metadata["PatientID"] == name.split("/")[0]
    (archive,) = (name for name in there if name.startswith("archives/Collection/LUNG/Entity/P-"))
    with tarfile.open(fileobj=io.BytesIO(cloud.client.bucket(OPEN).blob(archive).download_as_bytes())) as tar:
        assert len(tar.getnames()) == 3
    assert "CANARY" not in lines + cloud.all_of_firestore()


def test_an_operator_sends_an_earlier_batch_on_and_has_one_that_waits_tried_again(scene: Scene, tmp_path: Path) -> None:
    cloud = scene.cloud
    scene.register("sent/2", slices(2, "CANARY-2"))
    with function(cloud, "worker", tmp_path, None, SENDIT_OUTPUT=SETTINGS["SENDIT_OUTPUT"]) as worker:
        assert scene.deliver("sent/2", worker) == 200
    assert scene.record("sent/2")["status"] == "DONEPROCESSING"  # with no destination it stays where it is

    def sendit(*arguments: str) -> subprocess.CompletedProcess[str]:
        settings = {**clean({}), **cloud.environment, "SENDIT_OUTPUT": SETTINGS["SENDIT_OUTPUT"]}
        return subprocess.run([str(SENDIT), *arguments], env=settings, capture_output=True, text=True, check=False)

    for place in ("gs://sendit-staging/finalize", "gs://sendit-output", "archive+gs://sendit-staging#collection=X"):
        answer = sendit("send", "sent/2", "--to", place)
        assert (answer.returncode, "[folders_overlap]" in answer.stderr) == (2, True), answer.stderr
    answer = sendit("send", "sent/2", "--to", "gs://sendit-later")
    assert (answer.returncode, "destination_unavailable" in answer.stderr) == (1, True), answer.stdout + answer.stderr
    assert scene.record("sent/2")["waits"]
    cloud.client.create_bucket("sendit-later")
    answer = sendit("send", "sent/2", "--to", "gs://sendit-later")
    assert answer.returncode == 0, answer.stderr
    assert (scene.record("sent/2")["status"], len(list(cloud.client.list_blobs("sendit-later")))) == ("DONE", 2)
    assert "sendit-later" in sendit("status", "sent/2").stdout
    assert "nothing to do" in sendit("retry", "sent/2").stdout


def pixels_of(files: Iterable[bytes]) -> dict[str, bytes]:
    read = (dcmread(io.BytesIO(data)) for data in files)
    return {one.SOPInstanceUID: one.PixelData for one in read}


@pytest.fixture
def proxy(archive: Archive) -> Iterator[Tampering]:
    with tampering(archive.host) as proxy:
        yield proxy


def test_an_archive_of_dicomweb_is_down_then_its_worker_is_killed_and_then_it_has_each_image_once(
    scene: Scene, archive: Archive, proxy: Tampering, tmp_path: Path
) -> None:
    cloud, batch = scene.cloud, "sent/3"
    scene.register(batch, slices(70, "CANARY-3"))
    cloud.client.create_bucket("sendit-third")
    there = archive.address.replace(archive.host, proxy.host)
    settings = SETTINGS | {
        "SENDIT_DESTINATIONS": f"archive+gs://sendit-third#collection=LUNG,{there}",
        "SENDIT_LEASE_TTL": "2",
        "SENDIT_LEASE_HEARTBEAT": "0.5",
    }
    proxy.tamper = lambda asked, forward: None  # every connection is reset
    with function(cloud, "worker", tmp_path, None, **settings) as worker:
        assert scene.deliver(batch, worker) == 503
        assert [one["status"] for one in scene.record(batch)["deliveries"]] == ["DONE", "WAITING"]
        (made,) = cloud.client.list_blobs("sendit-third")
        one_by_one = threading.Lock()  # requests come several at a time; the first of them gets through
        posted: list[Answered] = []

        def kills(asked: Asked, forward: Forward) -> Answered | None:
            if asked.method != "POST":
                return forward(asked)
            with one_by_one:
                if posted:
                    os.killpg(worker.group, signal.SIGKILL)
                    return None
                posted.append(forward(asked))
                return posted[0]

        proxy.tamper = kills
        with pytest.raises(OSError):
            scene.deliver(batch, worker)
        said = "".join(worker.lines)
    proxy.tamper = lambda asked, forward: forward(asked)
    outputs = cloud.outputs_below("sent", batch)
    (study,) = {name.split("/")[1] for name in outputs}
    assert 0 < len(archive.files(study)) < 70
    with function(cloud, "worker", tmp_path, None, **settings) as worker:
        cloud.until(lambda: scene.deliver(batch, worker) == 200)  # until then the lease of the dead one holds
        said += "".join(worker.lines)
    record = scene.record(batch)
    assert (record["status"], [one["sent"] for one in record["deliveries"]]) == ("DONE", [70, 70])
    assert sorted(archive.files(study)) == sorted(outputs.values())
    assert next(iter(cloud.client.list_blobs("sendit-third"))).generation == made.generation
    patient = next(iter(outputs)).split("/")[0]
    shown = archive.shown(study)
    assert {one["00100020"]["Value"][0] for one in shown} == {patient}
    assert {one["00080018"]["Value"][0] for one in shown} == {Path(name).stem for name in outputs}
    pixels = {
        dcmread(io.BytesIO(data)).SOPInstanceUID: dcmread(io.BytesIO(data)).PixelData for data in outputs.values()
    }
    retrieved = [dcmread(io.BytesIO(data)) for data in archive.retrieved(study)]
    assert {one.SOPInstanceUID: one.PixelData for one in retrieved} == pixels
    assert "CANARY" not in said + cloud.all_of_firestore() + json.dumps(shown)
    assert "p:ss" not in said + cloud.all_of_firestore()
