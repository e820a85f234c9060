"""At least once and out of order: whatever is delivered how often, one batch is processed, once."""

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.data import objects
from tests.emulator.cloud import SENDIT, Cloud
from tests.emulator.functions import marker_attributes, post

from sendit.emulators.cloud import LocalCloud
from sendit.refs import BatchMessage


def slices(count: int, patient: str) -> dict[str, bytes]:
    return {f"{number}.dcm": objects.to_bytes(study_of(patient, number)) for number in range(1, count + 1)}


def study_of(patient: str, number: int) -> Any:
    dataset = objects.ct(number)
    dataset.PatientID = patient
    return dataset


def marker_event(cloud: Cloud, batch: str, generation: int) -> int:
    """Deliver the notification of a marker once more."""
    return post(push_address(cloud, "finalized"), b"{}", marker_attributes(batch, generation))


def batch_event(cloud: Cloud, batch: str, generation: int) -> int:
    """Deliver the message of a batch once more."""
    message = BatchMessage(cloud.id_of(batch), batch, generation)
    return post(push_address(cloud, "batches"), message.to_json())


def push_address(cloud: Cloud, topic: str) -> str:
    project = cloud.environment["GOOGLE_CLOUD_PROJECT"]
    url = f"http://{cloud.environment['PUBSUB_EMULATOR_HOST']}/v1/projects/{project}/subscriptions/{topic}-push"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(json.load(answer)["pushConfig"]["pushEndpoint"])


def test_a_marker_event_that_comes_three_times_makes_one_batch(cloud: Cloud) -> None:
    cloud.put("thrice", slices(3, "THRICE"))
    generation = cloud.mark("thrice")
    cloud.rested("thrice", ("NEW", "PROCESSING", "DONEPROCESSING"))
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _: marker_event(cloud, "thrice", generation), range(3)))
    assert set(answers) == {200}
    document = cloud.rested("thrice")
    assert (document["status"], document["attempt"]) == ("DONEPROCESSING", 1)
    assert document["counts"] == {"found": 3, "stored": 3, "rejected": 0, "errored": 0, "duplicates": 0}
    assert not document["has_new_arrivals"]
    assert len(cloud.said("thrice", "published")) == 1
    cloud.until(lambda: len(cloud.said("thrice", "known")) == 3)


def test_a_message_that_comes_three_times_at_once_is_worked_on_once(cloud: Cloud) -> None:
    cloud.put("at-once", slices(40, "AT-ONCE"))
    generation = cloud.mark("at-once")
    cloud.rested("at-once", ("PROCESSING", "DONEPROCESSING"))
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _: batch_event(cloud, "at-once", generation), range(3)))
    assert set(answers) <= {200, 503}
    document = cloud.rested("at-once")
    assert document["attempt"] == 1
    assert document["counts"]["stored"] == document["counts"]["found"] == 40
    outputs = cloud.outputs("at-once")
    assert len(outputs) == 40
    generations = {blob.name: blob.generation for blob in cloud.client.list_blobs(cloud.output)}
    assert batch_event(cloud, "at-once", generation) == 200
    assert {blob.name: blob.generation for blob in cloud.client.list_blobs(cloud.output)} == generations
    held = [line for line in cloud.logged() if line.get("code") == "lease_held"]
    assert {line["severity"] for line in held} <= {"INFO"}


def test_a_message_that_overtakes_its_marker_event_is_dropped_and_the_marker_still_makes_the_batch(
    cloud: Cloud,
) -> None:
    cloud.put("overtaken", slices(2, "OVERTAKEN"))
    assert batch_event(cloud, "overtaken", 7) == 204
    assert cloud.batch("overtaken") is None
    cloud.mark("overtaken")
    assert cloud.rested("overtaken")["counts"]["stored"] == 2


def test_an_older_marker_event_after_a_newer_one_changes_nothing(cloud: Cloud) -> None:
    cloud.put("order", slices(2, "ORDER"))
    generation = cloud.mark("order")
    cloud.rested("order")
    assert marker_event(cloud, "order", generation - 1) == 200
    document = cloud.batch("order")
    assert document is not None
    assert (document["attempt"], document["has_new_arrivals"]) == (1, False)
    cloud.until(lambda: cloud.said("order", "known"))


@pytest.mark.parametrize(
    ("batch", "verdict"),
    [
        ("ST-9.tmp2343", "unfinished"),
        ("a.TMP1/ST-9", "unfinished"),
        ("test-of-the-line", "test"),
        ("TESTING", "test"),
        ("thing.err", "ignored"),
    ],
)
def test_what_is_not_finished_or_a_test_is_logged_with_its_verdict_and_never_processed(
    cloud: Cloud, batch: str, verdict: str
) -> None:
    cloud.put(batch, slices(1, "NEVER"))
    cloud.mark(batch)
    cloud.until(lambda: cloud.said(batch, verdict))
    assert cloud.batch(batch) is None


@pytest.mark.parametrize("name", ["", "a//b", "a/", "../x", "a/./b"])
def test_a_marker_whose_name_is_no_batchs_name_is_answered_and_logged(cloud: Cloud, name: str) -> None:
    before = len([line for line in cloud.logged() if line.get("verdict") == "bad_name"])
    assert marker_event(cloud, name, 7) == 200
    cloud.until(lambda: len([line for line in cloud.logged() if line.get("verdict") == "bad_name"]) == before + 1)


@pytest.mark.parametrize(("known", "comes"), [("outer-1", "outer-1/inner"), ("outer-2/inner", "outer-2")])
def test_a_batch_around_or_inside_a_known_one_is_an_overlap(cloud: Cloud, known: str, comes: str) -> None:
    cloud.put(known, slices(1, known))
    cloud.mark(known)
    cloud.rested(known)
    cloud.put(comes, slices(1, comes))
    cloud.mark(comes)
    cloud.until(lambda: cloud.said(comes, "overlap"))
    assert cloud.batch(comes) is None


def test_a_newer_marker_of_a_known_batch_is_shown_and_what_came_is_processed_when_asked_for(
    cloud: Cloud, local_cloud: LocalCloud
) -> None:
    files = slices(4, "NEWER")
    first = dict(list(files.items())[:2])
    cloud.put("newer", first)
    cloud.mark("newer")
    assert cloud.rested("newer")["counts"]["stored"] == 2
    cloud.put("newer", {name: data for name, data in files.items() if name not in first})
    cloud.mark("newer")
    cloud.until(lambda: cloud.said("newer", "newer_generation"))
    document = cloud.until(lambda: (found := cloud.batch("newer")) and found["has_new_arrivals"] and found)
    assert (document["status"], document["attempt"], document["counts"]["found"]) == ("DONEPROCESSING", 1, 2)
    shown = cloud.run(SENDIT, "status", "newer")
    assert "retry" in shown.stdout, shown.stderr
    asked = cloud.run(SENDIT, "retry", "newer", "--new")
    assert (asked.returncode, "2 images to do" in asked.stdout) == (0, True), asked.stderr
    document = cloud.until(
        lambda: (found := cloud.batch("newer")) and found["counts"]["stored"] == 4 and found["lease"] is None and found
    )
    assert (document["attempt"], document["has_new_arrivals"]) == (2, False)
    assert len(cloud.outputs("newer")) == 4


def test_malformed_pushes_are_answered_with_2xx_and_a_log_line(cloud: Cloud) -> None:
    def malformed() -> int:
        return len([line for line in cloud.logged() if line.get("code") == "malformed_message"])

    before = malformed()
    for topic in ("finalized", "batches"):
        assert post(push_address(cloud, topic), b"\xff nonsense") == 204
    cloud.until(lambda: malformed() == before + 2)
