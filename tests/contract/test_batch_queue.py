"""What every `BatchQueue` must do: nothing published is lost, and what failed comes again."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Protocol

import google.cloud.pubsub_v1 as pubsub_v1
import pytest
from google.api_core.exceptions import DeadlineExceeded

from sendit.adapters import pubsub_queue
from sendit.adapters.inline_queue import InlineQueue
from sendit.adapters.pubsub_queue import PubSubQueue
from sendit.errors import Code, Refused, TransientError
from sendit.ports import BatchQueue
from sendit.refs import BatchMessage

MESSAGE = BatchMessage("id", "new\nline \udcff ü", 7)


class Rig(Protocol):
    queue: BatchQueue

    def deliver(self, handle: Callable[[BatchMessage], None]) -> None: ...


class InlineRig:
    def __init__(self) -> None:
        self.inline = InlineQueue()
        self.queue: BatchQueue = self.inline

    def deliver(self, handle: Callable[[BatchMessage], None]) -> None:
        self.inline.drain(handle)


class PubSubRig:
    def __init__(self) -> None:
        name = f"t{uuid.uuid4().hex}"  # a name starts with a letter
        topic = f"projects/contract/topics/{name}"
        self._subscription = f"projects/contract/subscriptions/{name}"
        self._publisher = PubSubQueue.publisher()
        self._publisher.create_topic(name=topic)
        self._subscriber = pubsub_v1.SubscriberClient()
        self._subscriber.create_subscription(name=self._subscription, topic=topic)
        self.queue: BatchQueue = PubSubQueue(self._publisher, topic)

    def deliver(self, handle: Callable[[BatchMessage], None]) -> None:
        while received := self._pulled():
            message = received[0]
            try:
                handle(BatchMessage.from_json(message.message.data))
            except TransientError:
                self._subscriber.modify_ack_deadline(
                    subscription=self._subscription, ack_ids=[message.ack_id], ack_deadline_seconds=0
                )
                raise
            except BaseException:
                self._acknowledge(message)
                raise
            self._acknowledge(message)

    def close(self) -> None:
        self._publisher.stop()
        self._publisher.transport.close()
        self._subscriber.close()

    def _pulled(self) -> list[pubsub_v1.types.ReceivedMessage]:
        try:
            return list(
                self._subscriber.pull(
                    subscription=self._subscription, max_messages=1, timeout=2, retry=None
                ).received_messages
            )
        except DeadlineExceeded:
            return []

    def _acknowledge(self, message: pubsub_v1.types.ReceivedMessage) -> None:
        self._subscriber.acknowledge(subscription=self._subscription, ack_ids=[message.ack_id])


@pytest.fixture(params=["inline", "pubsub"])
def rig(request: pytest.FixtureRequest) -> Rig:
    rig: Rig = request.getfixturevalue(f"{request.param}_rig")
    return rig


@pytest.fixture
def inline_rig() -> Rig:
    return InlineRig()


@pytest.fixture
def pubsub_rig(pubsub_emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator)
    rig = PubSubRig()
    yield rig
    rig.close()


def test_a_message_arrives_as_it_was_published(rig: Rig) -> None:
    received: list[BatchMessage] = []
    rig.queue.publish(MESSAGE)
    rig.deliver(received.append)
    assert received == [MESSAGE]


def test_a_message_that_was_handled_does_not_come_again(rig: Rig) -> None:
    received: list[BatchMessage] = []
    rig.queue.publish(MESSAGE)
    rig.deliver(received.append)
    rig.deliver(received.append)
    assert len(received) == 1


def test_a_message_whose_handling_failed_in_passing_comes_again(rig: Rig) -> None:
    received: list[BatchMessage] = []

    def fail(_: BatchMessage) -> None:
        raise TransientError(Code.OUTPUT_UNAVAILABLE)

    rig.queue.publish(MESSAGE)
    with pytest.raises(TransientError):
        rig.deliver(fail)
    rig.deliver(received.append)
    assert received == [MESSAGE]


def test_a_message_that_was_refused_does_not_come_again(rig: Rig) -> None:
    received: list[BatchMessage] = []

    def refuse(_: BatchMessage) -> None:
        raise Refused(Code.UNKNOWN_BATCH)

    rig.queue.publish(MESSAGE)
    with pytest.raises(Refused):
        rig.deliver(refuse)
    rig.deliver(received.append)
    assert received == []


def test_every_one_of_many_messages_arrives(rig: Rig) -> None:
    received: list[BatchMessage] = []
    messages = [BatchMessage(str(number), "name", number) for number in range(50)]
    for message in messages:
        rig.queue.publish(message)
    rig.deliver(received.append)
    assert sorted(received, key=lambda message: message.generation) == messages


def test_a_topic_that_is_not_there_is_no_loss_but_a_failure_in_passing(
    pubsub_emulator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator)
    publisher = PubSubQueue.publisher()
    with pytest.raises(TransientError) as failure:
        PubSubQueue(publisher, f"projects/contract/topics/t{uuid.uuid4().hex}").publish(MESSAGE)
    assert failure.value.code is Code.QUEUE_UNAVAILABLE
    publisher.stop()


def test_a_service_that_cannot_be_reached_is_reported_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    monkeypatch.setattr(pubsub_queue, "_SECONDS", 0.5)
    monkeypatch.setattr(pubsub_queue, "_AGAIN", pubsub_queue._AGAIN.with_timeout(0.5))
    publisher = PubSubQueue.publisher()
    start = time.monotonic()
    with pytest.raises(TransientError) as failure:
        PubSubQueue(publisher, "projects/contract/topics/topic").publish(MESSAGE)
    assert failure.value.code is Code.QUEUE_UNAVAILABLE
    assert failure.value.__suppress_context__
    assert time.monotonic() - start < 30
    publisher.stop()
