"""The subscription of Pub/Sub that keeps what died."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import google.cloud.pubsub_v1 as pubsub_v1
from google.api_core.exceptions import Aborted, DeadlineExceeded, GoogleAPIError, NotFound, ServerError, TooManyRequests
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError

from sendit.errors import Code, TransientError, UsageError
from sendit.ports import KeptLetter

_MOST_LETTERS = 1000
_FIRST_SECONDS = 3.0  # without a letter, after which there is none
_QUIET_SECONDS = 1.0  # after a letter, until there are no more
_SECONDS = 10.0
_OURS_SECONDS = 600  # the longest that Pub/Sub lets anybody hold a message
_AGAIN = Retry(
    predicate=if_exception_type(Aborted, ServerError, TooManyRequests), initial=0.1, maximum=2.0, timeout=_SECONDS
)


class PubSubDeadLetters:
    """`DeadLetters` of one pull subscription, given by its full path. At most a thousand are seen at a time."""

    def __init__(self, subscriber: pubsub_v1.SubscriberClient, subscription: str) -> None:
        self._subscriber = subscriber
        self._subscription = subscription

    @staticmethod
    def subscriber() -> pubsub_v1.SubscriberClient:
        """A client that pulls when it is asked to."""
        return pubsub_v1.SubscriberClient()

    @contextmanager
    def held(self) -> Iterator[list[KeptLetter]]:
        """See `DeadLetters.held`."""
        letters: dict[str, KeptLetter] = {}
        try:
            with self._reachable():
                self._pull(letters)
            yield sorted(letters.values(), key=lambda letter: letter.died_at)
        finally:
            # one that was acknowledged is gone, whatever its deadline; and what cannot be handed back comes by itself
            with suppress(TransientError):
                self._keep_for(0, [letter.receipt for letter in letters.values()])

    def acknowledge(self, letter: KeptLetter) -> None:
        """See `DeadLetters.acknowledge`."""
        with self._reachable():
            self._subscriber.acknowledge(
                subscription=self._subscription, ack_ids=[letter.receipt], retry=_AGAIN, timeout=_SECONDS
            )

    def _pull(self, letters: dict[str, KeptLetter]) -> None:
        """All that comes, by message id: what stays away for long may be delivered again meanwhile."""
        until = time.monotonic() + _FIRST_SECONDS
        while len(letters) < _MOST_LETTERS and (left := until - time.monotonic()) > 0:
            try:
                answer = self._subscriber.pull(
                    subscription=self._subscription,
                    max_messages=_MOST_LETTERS - len(letters),
                    retry=None,
                    timeout=left,
                )
            except DeadlineExceeded:
                return
            for received in answer.received_messages:
                message = received.message
                died_at = datetime.fromtimestamp(message.publish_time.timestamp(), UTC)
                letters[message.message_id] = KeptLetter(
                    message.data, dict(message.attributes), died_at, received.ack_id
                )
                until = time.monotonic() + _QUIET_SECONDS
            self._keep_for(_OURS_SECONDS, [received.ack_id for received in answer.received_messages])

    def _keep_for(self, seconds: int, receipts: list[str]) -> None:
        if receipts:
            with self._reachable():
                self._subscriber.modify_ack_deadline(
                    subscription=self._subscription,
                    ack_ids=receipts,
                    ack_deadline_seconds=seconds,
                    retry=_AGAIN,
                    timeout=_SECONDS,
                )

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except NotFound:
            hint = f"There is no subscription {self._subscription}; SENDIT_DEAD_LETTERS names it."
            raise UsageError(Code.NOT_CONFIGURED, hint) from None
        except (GoogleAPIError, GoogleAuthError):
            raise TransientError(Code.STATUS_UNAVAILABLE) from None
