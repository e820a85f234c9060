"""DESIGN §9 as a table: what happens to a message, what is answered, and what the record says.

Deadlines and dead letters are not here: a message that is never answered with 2xx goes to the topic `dead-letters`.
"""

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.data import objects
from tests.emulator.cloud import Cloud
from tests.emulator.functions import Function, function, marker_attributes, post, registered
from tests.emulator.test_deliveries import slices

from sendit.emulators.cloud import LocalCloud
from sendit.label import LABEL
from sendit.records import Lease
from sendit.refs import BatchMessage
from sendit.settings import Settings
from sendit.wiring.cloud import Finalizer
from sendit.wiring.parts import now

GENERATION = 7


@dataclass(frozen=True)
class Scene:
    """A batch whose message is delivered by hand: registered, and no one else is told."""

    cloud: Cloud
    finalizer: Finalizer
    worker: Function
    finalize: Function

    def register(self, batch: str, files: dict[str, bytes]) -> None:
        registered(self.cloud, self.finalizer.store, batch, files, GENERATION)

    def deliver(self, batch: str, to: Function | None = None) -> int:
        message = BatchMessage(self.cloud.id_of(batch), batch, GENERATION)
        return post((to or self.worker).address, message.to_json())

    def mark(self, batch: str, generation: int = GENERATION) -> int:
        return post(self.finalize.address, b"{}", marker_attributes(batch, generation))

    def record(self, batch: str) -> dict[str, Any]:
        document = self.cloud.batch(batch)
        assert document is not None
        return document


@pytest.fixture(scope="module")
def scene(local_cloud: LocalCloud, cloud_lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    cloud = Cloud(local_cloud.environment, cloud_lines)
    with (
        pytest.MonkeyPatch.context() as patch,
        function(cloud, "worker", tmp_path_factory.mktemp("worker")) as worker,
        function(cloud, "finalize", tmp_path_factory.mktemp("finalize")) as finalize,
    ):
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        yield Scene(cloud, Finalizer.of(Settings.load(dict(cloud.environment))), worker, finalize)


def done(scene: Scene, batch: str) -> int:
    scene.register(batch, slices(2, batch))
    assert scene.deliver(batch) == 200
    return scene.deliver(batch)


def empty(scene: Scene, batch: str) -> int:
    scene.register(batch, {"us.dcm": objects.to_bytes(objects.us())})
    return scene.deliver(batch)


def folder_gone(scene: Scene, batch: str) -> int:
    scene.register(batch, {})
    return scene.deliver(batch)


def bad_manifest(scene: Scene, batch: str) -> int:
    scene.register(batch, slices(1, batch))
    name = f"manifests/{scene.cloud.id_of(batch)}/{GENERATION}.jsonl.gz"
    scene.cloud.staging.blob(name).upload_from_string(b"not a manifest")
    return scene.deliver(batch)


def image_failure(scene: Scene, batch: str) -> int:
    scene.register(batch, {**slices(2, batch), "broken": b"no DICOM"})
    return scene.deliver(batch)


def lease_held(scene: Scene, batch: str) -> int:
    scene.register(batch, slices(1, batch))
    lease = Lease("somebody", now() + timedelta(seconds=90))
    scene.finalizer.store.claim(scene.cloud.id_of(batch), lease, now())
    return scene.deliver(batch)


@pytest.mark.parametrize(
    ("situation", "answer", "record"),
    [
        (done, 200, {"status": "DONEPROCESSING", "attempt": 1, "has_error": False, "lease": None}),
        (empty, 200, {"status": "EMPTY", "attempt": 1, "has_error": False, "lease": None}),
        (folder_gone, 200, {"status": "ERROR", "attempt": 1, "has_error": True, "lease": None}),
        (bad_manifest, 200, {"status": "ERROR", "attempt": 1, "has_error": True, "lease": None}),
        (image_failure, 200, {"status": "DONEPROCESSING", "attempt": 1, "has_error": True, "lease": None}),
        (lease_held, 503, {"status": "PROCESSING", "attempt": 1, "has_error": False}),
    ],
)
def test_what_a_message_is_answered_and_what_the_record_says(
    scene: Scene, situation: Callable[[Scene, str], int], answer: int, record: dict[str, Any]
) -> None:
    batch = f"answers/{situation.__name__}"
    before = len(scene.worker.logged())
    assert situation(scene, batch) == answer
    found = scene.record(batch)
    assert {name: found[name] for name in record} == record
    if situation is lease_held:
        assert {line["severity"] for line in scene.worker.logged()[before:]} <= {"INFO"}
    if situation is image_failure:
        assert (found["counts"]["stored"], found["counts"]["errored"]) == (2, 1)


@pytest.mark.parametrize(
    ("batch", "verdict"),
    [
        ("answers-known", "known"),
        ("test-answers", "test"),
        ("answers.tmp1", "unfinished"),
        ("answers-known/inner", "overlap"),
        ("a//b", "bad_name"),
        ("x.err", "ignored"),
    ],
)
def test_a_marker_that_is_not_followed_is_answered_with_2xx_and_its_verdict_is_logged(
    scene: Scene, batch: str, verdict: str
) -> None:
    if not scene.cloud.batch("answers-known"):
        scene.register("answers-known", slices(1, "answers-known"))
    before = len(scene.finalize.logged())
    assert scene.mark(batch) == 200
    scene.cloud.until(lambda: len(scene.finalize.logged()) > before, 5)
    assert [line["verdict"] for line in scene.finalize.logged()[before:]] == [verdict]


def test_a_batch_whose_id_is_of_another_key_is_an_error_of_the_batch(scene: Scene, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("01" * 32, "ascii")
    scene.register("answers/another-key", slices(1, "another-key"))
    with function(scene.cloud, "worker", tmp_path, None, SENDIT_KEY_FILE=str(key_file)) as worker:
        assert scene.deliver("answers/another-key", worker) == 200
        assert [line["code"] for line in worker.logged() if "code" in line] == ["batch_of_another_key"]
    record = scene.record("answers/another-key")
    assert (record["status"], record["lease"], record["frozen"]) == ("ERROR", None, False)
    assert [error["code"] for error in record["errors"]] == ["batch_of_another_key"]
    assert scene.cloud.images("answers/another-key") == {}


MARKER = marker_attributes("never")
MALFORMED = [
    *({"attributes": {**MARKER, "objectGeneration": generation}} for generation in ("", "-1", "1" * 5000, f"{2**63}")),
    {"attributes": {**MARKER, "objectId": 7}},
    {"attributes": None},
    {"data": "é"},
    {"data": "\ud800"},
    {"data": 7},
    {},
]
UNFOLLOWED = [{"attributes": {**MARKER, "objectId": name}} for name in ("\ud800", "finalize/\ud800", "finalize/a//b")]
MESSAGE: dict[str, object] = {"batch": "0123456789abcdef0123", "name": "never", "generation": 7}


def each(field: str, *values: object) -> list[dict[str, object]]:
    return [{field: value} for value in values]


IMPOSSIBLE = [
    *each("batch", "a/b", "", "..", "__x__", "\ud800", "a" * 2000),
    *each("generation", 10**4000, 2**63, -1, 7.5, "7"),
    *each("name", "\ud800", "", "..", "a" * 1025, None),
]


def pushed(to: Function, message: object) -> tuple[int, int]:
    """The answer to a push with this message, and how many lines were logged about it."""
    before = len(to.logged())
    request = urllib.request.Request(  # noqa: S310  loopback
        to.address,
        data=json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode("ascii"),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  loopback
            status = int(answer.status)
    except urllib.error.HTTPError as error:
        status = error.code
    deadline = time.monotonic() + 5
    while len(to.logged()) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)  # for a second line
    return status, len(to.logged()) - before


@pytest.mark.parametrize("message", [*MALFORMED, *UNFOLLOWED])
def test_a_push_that_is_no_marker_is_answered_by_finalize_with_2xx_and_one_line(
    scene: Scene, message: dict[str, object]
) -> None:
    status, logged = pushed(scene.finalize, {"messageId": "1", **message})
    assert (status // 100, logged) == (2, 1)


@pytest.mark.parametrize(
    "message",
    [
        *MALFORMED,
        *({"data": base64.b64encode(json.dumps({**MESSAGE, **fields}).encode()).decode()} for fields in IMPOSSIBLE),
        {"data": base64.b64encode(json.dumps(MESSAGE).replace("7", "1" * 5000).encode()).decode()},
    ],
)
def test_a_push_that_is_no_message_of_a_batch_is_answered_by_the_worker_with_2xx_and_one_line(
    scene: Scene, message: dict[str, object]
) -> None:
    status, logged = pushed(scene.worker, {"messageId": "1", **message})
    assert (status // 100, logged) == (2, 1)


@pytest.mark.parametrize("name", ["finalize", "worker"])
def test_a_setting_that_does_not_fit_is_named_where_the_function_does_not_start(
    cloud: Cloud, tmp_path: Path, name: str
) -> None:
    with (
        pytest.raises(AssertionError, match=r'"setting": "SENDIT_STAGING: [^"]*gs://bucket') as told,
        function(cloud, name, tmp_path, None, SENDIT_STAGING="s3://elsewhere"),
    ):
        pass
    assert "s3://elsewhere" not in str(told.value)


def test_an_output_inside_staging_is_refused_before_an_image_is_read(scene: Scene, tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match=r'"folders_overlap", "setting": "SENDIT_OUTPUT'),
        function(scene.cloud, "worker", tmp_path, None, SENDIT_OUTPUT="gs://sendit-staging/results"),
    ):
        pass


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("SENDIT_PROFILE", "basci", "bad_setting"),
        ("SENDIT_DEIDENTIFY", "false", "identified_not_allowed"),
        ("SENDIT_KEY_FILE", "/there/is/none", "bad_key"),
        ("SENDIT_OUTPUT", "", "not_configured"),
    ],
)
def test_a_worker_that_could_work_on_no_batch_does_not_start_and_says_why(
    cloud: Cloud, tmp_path: Path, variable: str, value: str, code: str
) -> None:
    with (
        pytest.raises(AssertionError, match=f'"{code}", "setting": '),
        function(cloud, "worker", tmp_path, None, **{variable: value}),
    ):
        pass


def test_an_output_store_of_another_key_makes_the_batch_an_error_before_one_image_goes_there(
    scene: Scene, tmp_path: Path
) -> None:
    label = {"key_id": "another", "profile": "basic", "profile_digest": "x"}
    scene.cloud.output.blob(f"other/{LABEL}").upload_from_string(json.dumps(label))
    scene.register("answers/label", slices(1, "label"))
    with function(scene.cloud, "worker", tmp_path, SENDIT_OUTPUT="gs://sendit-output/other") as worker:
        assert scene.deliver("answers/label", worker) == 200
    record = scene.record("answers/label")
    assert (record["status"], record["errors"][0]["code"]) == ("ERROR", "out_of_another_key")
    assert [blob.name for blob in scene.cloud.client.list_blobs(scene.cloud.output, prefix="other/")] == [
        f"other/{LABEL}"
    ]


def test_when_the_output_cannot_be_written_the_attempt_is_recorded_and_the_message_comes_again(
    scene: Scene, tmp_path: Path
) -> None:
    scene.register("answers/transient", slices(2, "transient"))
    with function(scene.cloud, "worker", tmp_path, SENDIT_OUTPUT="gs://there-is-no-such-bucket") as worker:
        assert scene.deliver("answers/transient", worker) == 503
        record = scene.record("answers/transient")
        assert (record["status"], record["attempt"], record["lease"]) == ("PROCESSING", 1, None)
        assert record["has_error"] is False
    assert scene.deliver("answers/transient") == 200
    record = scene.record("answers/transient")
    assert (record["status"], record["attempt"], record["counts"]["stored"]) == ("DONEPROCESSING", 2, 2)


@pytest.mark.parametrize("variable", ["STORAGE_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST"])
def test_when_a_service_is_out_of_reach_the_answer_is_5xx_within_seconds(
    scene: Scene, tmp_path: Path, variable: str
) -> None:
    batch = f"answers/{variable}"
    scene.register(batch, slices(1, batch))
    with function(scene.cloud, "worker", tmp_path, None, **{variable: "127.0.0.1:9"}) as worker:
        assert scene.deliver(batch, worker) == 503
    assert scene.record(batch)["status"] == "NEW"
    assert scene.deliver(batch) == 200
    assert scene.record(batch)["status"] == "DONEPROCESSING"


def test_identified_images_are_stored_unchanged_in_an_output_that_is_listed(scene: Scene, tmp_path: Path) -> None:
    scene.register("answers/identified", slices(1, "identified"))
    listed = {"SENDIT_DEIDENTIFY": "false", "SENDIT_OUTPUT": "gs://sendit-output/identified",
              "SENDIT_IDENTIFIED_DESTINATIONS": "gs://sendit-output/identified"}  # fmt: skip
    with function(scene.cloud, "worker", tmp_path, None, **listed) as worker:
        assert scene.deliver("answers/identified", worker) == 200
    stored = [
        blob.download_as_bytes()
        for blob in scene.cloud.client.list_blobs(scene.cloud.output, prefix="identified/")
        if blob.name.endswith(".dcm")
    ]
    assert stored == list(slices(1, "identified").values())
