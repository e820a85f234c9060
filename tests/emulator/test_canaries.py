"""One walk over DESIGN §8 in the cloud: what was planted in headers and names lies nowhere that it may not."""

import base64
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.data import objects
from tests.data.canaries import CANARY_FILE, CANARY_FOLDER, RETAINED, Canary, find, planted
from tests.emulator.cloud import SENDIT, Cloud
from tests.emulator.functions import marker_attributes
from tests.emulator.test_sweep import die

from sendit.emulators import resources
from sendit.emulators.cloud import CloudOptions, LocalCloud
from sendit.refs import BatchMessage

ACCEPTED = ("ct", "mr", "pt", "nm", "cr", "dx", "mg", "rtplan", "rtdose", "rtstruct", "basic_text_sr")
REFUSED = ("us", "secondary_capture", "encapsulated_pdf")
NAMES = (CANARY_FILE, CANARY_FOLDER)
TOPICS = ("finalized", "batches", "dead-letters")


@dataclass(frozen=True)
class World:
    """Everything that a batch with planted values left behind in the cloud, by where it lies."""

    cloud: Cloud
    canaries: tuple[Canary, ...]
    topics: dict[str, bytes]
    lines: dict[str, str]
    answers: dict[str, str]
    home: Path


def pubsub(cloud: Cloud, method: str, path: str, body: object) -> bytes:
    request = urllib.request.Request(
        f"http://{cloud.environment['PUBSUB_EMULATOR_HOST']}/v1/projects/sendit-local/{path}",
        data=json.dumps(body).encode(), method=method, headers={"Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  loopback
        return bytes(answer.read())


def messages_of(cloud: Cloud, topic: str) -> bytes:
    """Everything that was published to a topic: attributes, and data decoded."""
    answer = json.loads(
        pubsub(cloud, "POST", f"subscriptions/{topic}-tapped:pull", {"maxMessages": 1000, "returnImmediately": True})
    )
    received = [one["message"] for one in answer.get("receivedMessages", [])]
    return b"\n".join(json.dumps(message).encode() + base64.b64decode(message.get("data", "")) for message in received)


@pytest.fixture(scope="module")
def world(key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    lines: list[tuple[str, str]] = []
    options = CloudOptions(
        hear=lambda name, line: lines.append((name, line)),
        verbose=True,
        function_environment={"SENDIT_LOG_LEVEL": "debug", "SENDIT_REPORT_AFTER": "0.001"},
    )
    home = tmp_path_factory.mktemp("canary-home")
    home.chmod(0o700)
    with LocalCloud(key_file, options) as local:
        functions: list[str] = []
        cloud = Cloud(local.environment, functions)
        for topic in TOPICS:
            pubsub(cloud, "PUT", f"subscriptions/{topic}-tapped", {"topic": f"projects/sendit-local/topics/{topic}"})
        canaries: dict[str, Canary] = {}
        files: dict[str, bytes] = {}
        for kind_number, kind in enumerate((*ACCEPTED, *REFUSED)):
            dataset, values = planted(kind)
            dataset.SOPInstanceUID = f"{dataset.SOPInstanceUID[:50]}.{kind_number}"
            canaries |= {canary.value: canary for canary in values}
            whole = objects.to_bytes(dataset)
            for number, data in enumerate(
                (
                    whole,
                    whole[: len(whole) // 2],
                    whole.replace(b"DA\x08\x00", b"ZZ\x08\x00"),
                    b"a name: " + whole[300:900],
                )
            ):
                files[f"{CANARY_FILE.value}-{kind}-{number}.dcm"] = data
        batch = CANARY_FOLDER.value
        cloud.put(batch, files)
        generation = cloud.mark(batch)
        cloud.rested(batch)
        cloud.mark(batch)  # a newer generation: known
        die(cloud, BatchMessage(cloud.id_of(batch), batch, generation).to_json())
        die(cloud, b"{}", marker_attributes(batch, generation))
        cloud.put(f"{batch}-left", {f"{CANARY_FILE.value}.dcm": whole})
        resources.tick(cloud.environment["PUBSUB_EMULATOR_HOST"])
        cloud.until(lambda: cloud.staging.get_blob(f"failed/{batch}-left.err"))
        answers = {
            " ".join(words): cloud.run(SENDIT, *words, SENDIT_HOME=str(home))
            for words in (
                ("status",), ("status", "--json"), ("status", batch), ("errors",), ("errors", "--json"),
                ("errors", batch, "--names"), ("dead-letters", "list"),
                ("dead-letters", "list", "--json"), ("dead-letters", "requeue", "--all"),
                ("cleanup", "--dry-run", "--older-than", "0"),
                ("cleanup", batch), ("cleanup", batch, "--json"), ("retry", batch, "--all"),
            )
        }  # fmt: skip
        cloud.until(lambda: (found := cloud.batch(batch)) and found["attempt"] == 2 and found["lease"] is None)
        assert {verb: answer.stderr for verb, answer in answers.items() if answer.returncode} == {}
        yield World(
            cloud,
            tuple(canaries.values()),
            {topic: messages_of(cloud, topic) for topic in TOPICS},
            {part: "\n".join(line for name, line in lines if name == part) for part in {name for name, _ in lines}},
            {verb: answer.stdout + answer.stderr for verb, answer in answers.items()},
            home,
        )


def test_the_output_bucket_holds_images_and_nothing_that_was_planted(world: World) -> None:
    blobs = list(world.cloud.client.list_blobs(world.cloud.output))
    assert len(blobs) >= len(ACCEPTED)
    for blob in blobs:
        everything = json.dumps(blob._properties).encode() + blob.download_as_bytes()
        gone = [one for one in (*world.canaries, *NAMES) if one.where not in RETAINED]
        assert find(gone, everything) == [], blob.name


def test_firestore_holds_the_batchs_name_as_a_field_and_nothing_else_that_was_planted(world: World) -> None:
    everything = world.cloud.all_of_firestore().encode()
    assert len(everything) > 10_000
    assert set(find((*world.canaries, *NAMES), everything)) == {CANARY_FOLDER}
    ids = json.loads(everything)
    names = [one["document"]["name"] for one in ids if "document" in one]
    assert find((*world.canaries, *NAMES), "\n".join(names).encode()) == []


def test_topics_carry_the_batchs_name_and_no_header(world: World) -> None:
    assert all(world.topics[topic] for topic in ("finalized", "batches"))
    for topic, messages in world.topics.items():
        assert set(find((*world.canaries, *NAMES), messages)) <= {CANARY_FOLDER}, topic


def test_no_log_line_of_any_process_carries_a_planted_value(world: World) -> None:
    assert {"finalize", "worker", "sweep"} <= world.lines.keys()
    for part, text in world.lines.items():
        assert find((*world.canaries, *NAMES), text.encode()) == [], part
    assert '"severity"' in world.lines["worker"]


def test_answers_carry_names_only_where_they_were_asked_for(world: World) -> None:
    for verb, text in world.answers.items():
        allowed = {CANARY_FOLDER, CANARY_FILE} if "--names" in verb else {CANARY_FOLDER}
        assert set(find((*world.canaries, *NAMES), text.encode())) <= allowed, verb


def test_the_staging_bucket_has_names_in_manifests_and_reports_and_headers_in_the_images_alone(world: World) -> None:
    reports = [blob.name for blob in world.cloud.client.list_blobs(world.cloud.staging, prefix="failed/")]
    assert {f"failed/{CANARY_FOLDER.value}.err", f"failed/{CANARY_FOLDER.value}-left.err"} == set(reports)
    assert CANARY_FILE in find(NAMES, world.cloud.staging.blob(reports[-1]).download_as_bytes())
    for blob in world.cloud.client.list_blobs(world.cloud.staging):
        if not blob.name.startswith("incoming/"):
            assert find(world.canaries, blob.download_as_bytes()) == [], blob.name
            if blob.name.startswith("manifests/"):
                assert find(NAMES, blob.name.encode()) == []


def test_the_key_is_in_no_document_message_object_or_line(world: World, key_file: Path) -> None:
    secret = key_file.read_text("ascii").strip()
    places = [
        world.cloud.all_of_firestore().encode(),
        *world.topics.values(),
        *(text.encode() for text in (*world.lines.values(), *world.answers.values())),
        *(blob.download_as_bytes() for blob in world.cloud.client.list_blobs(world.cloud.output)),
    ]
    needles = (secret.encode(), secret.upper().encode(), bytes.fromhex(secret))
    assert not any(needle in place for needle in needles for place in places)
    assert list(world.home.iterdir()) == []
