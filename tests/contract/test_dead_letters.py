"""What every `DeadLetters` must do: what is looked at is not lost, and what is acknowledged is gone."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from sendit.adapters import pubsub_dead_letters
from sendit.adapters.pubsub_dead_letters import PubSubDeadLetters
from sendit.adapters.pubsub_queue import PubSubQueue
from sendit.errors import Code, TransientError, UsageError
from sendit.ports import DeadLetters, KeptLetter


class Rig:
    """A topic and what keeps its messages."""

    def __init__(self) -> None:
        name = f"t{uuid.uuid4().hex}"  # a name starts with a letter
        self._topic = f"projects/contract/topics/{name}"
        subscription = f"projects/contract/subscriptions/{name}"
        self._publisher = PubSubQueue.publisher()
        self._publisher.create_topic(name=self._topic)
        self._subscriber = PubSubDeadLetters.subscriber()
        self._subscriber.create_subscription(name=subscription, topic=self._topic)
        self.letters: DeadLetters = PubSubDeadLetters(self._subscriber, subscription)

    def die(self, data: bytes, **attributes: str) -> None:
        self._publisher.publish(self._topic, data, **attributes).result(timeout=10)

    def kept(self) -> list[bytes]:
        with self.letters.held() as found:
            return [letter.data for letter in found]

    def close(self) -> None:
        self._publisher.stop()
        self._publisher.transport.close()
        self._subscriber.close()


@pytest.fixture
def rig(pubsub_emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator)
    monkeypatch.setattr(pubsub_dead_letters, "_FIRST_SECONDS", 1.0)
    rig = Rig()
    yield rig
    rig.close()


def test_where_nothing_died_nothing_is_kept(rig: Rig) -> None:
    assert rig.kept() == []


def test_what_is_looked_at_is_kept_as_it_died_and_is_there_for_whoever_looks_next(rig: Rig) -> None:
    rig.die(b"one \xff", objectId="x")
    rig.die(b"two")
    for _ in range(3):
        with rig.letters.held() as found:
            assert [(letter.data, letter.attributes) for letter in found] == [
                (b"one \xff", {"objectId": "x"}),
                (b"two", {}),
            ]
            assert found[0].died_at <= found[1].died_at
            assert found[0].died_at.tzinfo is not None


def test_while_they_are_held_nobody_else_has_them(rig: Rig) -> None:
    rig.die(b"one")
    with rig.letters.held() as found:
        assert len(found) == 1
        assert rig.kept() == []
    assert rig.kept() == [b"one"]


def test_what_is_acknowledged_is_gone_and_the_rest_is_kept(rig: Rig) -> None:
    for data in (b"one", b"two", b"three"):
        rig.die(data)
    with rig.letters.held() as found:
        rig.letters.acknowledge(found[1])
    assert rig.kept() == [b"one", b"three"]


def test_what_is_held_is_kept_on_if_looking_after_it_fails(rig: Rig) -> None:
    rig.die(b"one")
    with pytest.raises(KeyboardInterrupt), rig.letters.held():
        raise KeyboardInterrupt
    assert rig.kept() == [b"one"]


def test_every_one_of_many_is_seen_once(rig: Rig) -> None:
    for number in range(60):
        rig.die(b"%d" % number)
    assert sorted(rig.kept(), key=int) == [b"%d" % number for number in range(60)]


def test_no_more_are_held_at_a_time_than_can_be_looked_after(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pubsub_dead_letters, "_MOST_LETTERS", 5)
    for number in range(7):
        rig.die(b"%d" % number)
    assert len(rig.kept()) == 5


def test_a_place_that_is_not_there_is_named_with_its_setting(rig: Rig) -> None:
    subscriber = PubSubDeadLetters.subscriber()
    with (
        pytest.raises(UsageError) as failure,
        PubSubDeadLetters(subscriber, "projects/contract/subscriptions/missing").held(),
    ):
        pass
    assert failure.value.code is Code.NOT_CONFIGURED
    assert "SENDIT_DEAD_LETTERS" in failure.value.hint
    subscriber.close()


def test_a_service_that_cannot_be_reached_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    monkeypatch.setattr(pubsub_dead_letters, "_AGAIN", pubsub_dead_letters._AGAIN.with_timeout(0.5))
    subscriber = PubSubDeadLetters.subscriber()
    letters = PubSubDeadLetters(subscriber, "projects/contract/subscriptions/x")
    with pytest.raises(TransientError) as failure, letters.held():
        pass
    assert failure.value.code is Code.STATUS_UNAVAILABLE
    with pytest.raises(TransientError):
        letters.acknowledge(KeptLetter(b"", {}, datetime.now(UTC), "receipt"))
    subscriber.close()
