"""The sweep in the local cloud, fed by ticks and by messages that died."""

import base64
import json
import urllib.request
from datetime import timedelta

import pytest
from cloudevents.http import CloudEvent
from tests.contract.status_stores import WholeStore
from tests.emulator.cloud import SENDIT, Cloud, Document
from tests.emulator.functions import marker_attributes, post
from tests.emulator.test_deliveries import push_address, slices

from sendit.emulators import resources
from sendit.emulators.scheduler import Scheduler
from sendit.push import is_tick
from sendit.records import Batch, BatchState, Lease
from sendit.refs import BatchMessage
from sendit.settings import Settings
from sendit.wiring.cloud import status_store
from sendit.wiring.parts import now


@pytest.fixture
def store(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> WholeStore:
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    return status_store(Settings.load(dict(cloud.environment)))


def silent(cloud: Cloud, store: WholeStore, batch: str, *, shown: bool = True) -> None:
    """A staged batch whose message was published an hour ago, and lost."""
    cloud.put(batch, slices(3, batch.upper()))
    at = now() - timedelta(hours=1)
    store.register(Batch(cloud.id_of(batch), batch if shown else None, BatchState.NEW, 10**17, at, at))


def die(cloud: Cloud, data: bytes, attributes: dict[str, str] | None = None) -> None:
    """Publish a message to the topic of dead letters, as Pub/Sub does it with one that was delivered too often."""
    topic = f"projects/{resources.PROJECT}/topics/{resources.DEAD_LETTERS}"
    body = {"messages": [{"data": base64.b64encode(data).decode("ascii"), "attributes": attributes or {}}]}
    call("POST", f"http://{cloud.environment['PUBSUB_EMULATOR_HOST']}/v1/{topic}:publish", body)


def call(method: str, address: str, body: Document) -> Document:
    """What Pub/Sub answers."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, json.dumps(body).encode(), headers, method=method)  # noqa: S310  loopback
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  loopback
        found: Document = json.load(answer)
        return found


def in_vain(cloud: Cloud, store: WholeStore, batch: str) -> None:
    """As many attempts as there may be, and nothing came of them."""
    for number in range(Settings().max_attempts):
        lease = Lease(str(number), now())
        store.claim(cloud.id_of(batch), lease, now())
        store.release(cloud.id_of(batch), lease, None, now())


def tick(cloud: Cloud) -> None:
    resources.tick(cloud.environment["PUBSUB_EMULATOR_HOST"])


def test_a_batch_whose_message_was_lost_is_worked_on_after_a_tick(cloud: Cloud, store: WholeStore) -> None:
    silent(cloud, store, "silent")
    tick(cloud)
    document = cloud.rested("silent")
    assert (document["status"], document["counts"]["stored"], document["attempt"]) == ("DONEPROCESSING", 3, 1)


def test_a_batch_whose_name_is_hidden_is_found_by_its_marker(cloud: Cloud, store: WholeStore) -> None:
    silent(cloud, store, "silent-4711", shown=False)
    cloud.mark("silent-4711")
    cloud.until(lambda: cloud.said("silent-4711", "known"))
    tick(cloud)
    assert cloud.rested("silent-4711")["counts"]["stored"] == 3
    assert "silent-4711" not in "".join(cloud.lines)


def test_a_marker_of_which_no_batch_is_known_is_followed_after_a_tick(cloud: Cloud, store: WholeStore) -> None:
    cloud.put("unheard", slices(2, "UNHEARD"))
    generation = cloud.mark("unheard")
    cloud.rested("unheard")
    store.forget(cloud.id_of("unheard"), generation)  # as if its event had been lost
    assert cloud.batch("unheard") is None
    tick(cloud)
    document = cloud.rested("unheard")
    assert (document["generation"], document["counts"]["stored"]) == (generation, 2)


def test_a_batch_that_never_had_its_turn_before_its_message_died_is_completed(cloud: Cloud, store: WholeStore) -> None:
    silent(cloud, store, "no-turn")
    die(cloud, BatchMessage(cloud.id_of("no-turn"), "no-turn", 10**17).to_json())
    assert cloud.rested("no-turn")["counts"]["stored"] == 3


def test_a_batch_whose_attempts_were_in_vain_is_an_error_and_a_retry_completes_it(
    cloud: Cloud, store: WholeStore
) -> None:
    silent(cloud, store, "given-up")
    in_vain(cloud, store, "given-up")
    message = BatchMessage(cloud.id_of("given-up"), "given-up", 10**17).to_json()
    die(cloud, message)
    document = cloud.rested("given-up")
    assert (document["status"], document["has_error"]) == ("ERROR", True)
    assert [error["code"] for error in document["errors"]] == ["attempts_used_up"]
    assert len(list(cloud.client.list_blobs(cloud.staging, prefix="incoming/given-up/"))) == 3
    report = cloud.until(lambda: cloud.staging.get_blob("failed/given-up.err"))
    assert "No worker said why" in report.download_as_text()
    shown = cloud.run(SENDIT, "errors", "given-up")
    assert "No worker said why" in shown.stdout, shown.stderr
    asked = cloud.run(SENDIT, "retry", "given-up")
    assert asked.returncode == 0, asked.stderr
    document = cloud.rested("given-up", ["DONEPROCESSING"])
    assert (document["counts"]["stored"], document["errors"], document["has_error"]) == (3, [], False)
    cloud.until(lambda: cloud.staging.get_blob("failed/given-up.err") is None)
    die(cloud, message)  # told once more, late
    cloud.until(
        lambda: [
            line
            for line in cloud.logged()
            if "older than its batch" in line["message"] or "at rest died" in line["message"]
        ]
    )
    assert cloud.batch("given-up") == document


def test_a_marker_whose_notification_died_is_followed_once_more(cloud: Cloud) -> None:
    cloud.put("marker-died", slices(2, "MARKER-DIED"))
    die(cloud, b"{}", marker_attributes("marker-died"))
    assert cloud.rested("marker-died")["counts"]["stored"] == 2


def test_the_scheduler_says_every_so_often_what_the_sweep_takes_for_a_tick(pubsub_emulator: str) -> None:
    resources.make_topics(pubsub_emulator)
    subscription = f"http://{pubsub_emulator}/v1/projects/{resources.PROJECT}/subscriptions/ticks-seen"
    call("PUT", subscription, {"topic": f"projects/{resources.PROJECT}/topics/{resources.TICKS}"})
    scheduler = Scheduler(pubsub_emulator, 0.1)
    seen: list[str] = []
    while len(seen) < 3:
        answer = call("POST", f"{subscription}:pull", {"maxMessages": 1})
        seen += [one["message"]["data"] for one in answer.get("receivedMessages", [])]
    scheduler.stop()
    for data in seen:
        assert is_tick(CloudEvent({"type": "t", "source": "s"}, {"message": {"data": data}}))


@pytest.mark.parametrize("topic", ["ticks", "dead-letters"])
def test_what_is_neither_a_tick_nor_a_dead_letter_is_answered_and_logged(cloud: Cloud, topic: str) -> None:
    def refused() -> int:
        return len([line for line in cloud.logged() if line.get("code") in {"malformed_message", "not_a_marker"}])

    before = refused()
    pushes: list[tuple[bytes, dict[str, str]]] = [
        (b"", {}), (b"\xff nonsense", {}), (b'{"tick": 1, "batch": "b"}', {}), (b"[" * 10_000, {}),
        (b"{}", marker_attributes("x") | {"bucketId": "another"}),
    ]  # fmt: skip
    for data, attributes in pushes:
        assert post(push_address(cloud, topic), data, attributes) == 204
    cloud.until(lambda: refused() == before + len(pushes))
