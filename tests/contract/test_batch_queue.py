"""What every `BatchQueue` must do: nothing published is lost, and what failed comes again."""

from collections.abc import Callable
from typing import Protocol

import pytest

from sendit.adapters.inline_queue import InlineQueue
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


@pytest.fixture(params=["inline"])
def rig(request: pytest.FixtureRequest) -> Rig:
    return {"inline": InlineRig}[request.param]()


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
