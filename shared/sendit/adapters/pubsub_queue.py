"""The topic `batches` in Pub/Sub."""

import google.cloud.pubsub_v1 as pubsub_v1
from google.api_core.exceptions import Aborted, GoogleAPIError, ServerError, TooManyRequests
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1.publisher.exceptions import (
    MessageTooLargeError,
    PublishError,
)

from sendit.adapters.denied import failure
from sendit.errors import Code
from sendit.refs import BatchMessage

_SECONDS = 10.0
_AGAIN = Retry(
    predicate=if_exception_type(Aborted, ServerError, TooManyRequests), initial=0.1, maximum=2.0, timeout=_SECONDS
)


class PubSubQueue:
    """A `BatchQueue` on one topic, given by its full path. Safe to use from several threads."""

    def __init__(self, publisher: pubsub_v1.PublisherClient, topic: str) -> None:
        self._publisher = publisher
        self._topic = topic

    @staticmethod
    def publisher() -> pubsub_v1.PublisherClient:
        """A publisher that sends every message at once and gives up in seconds."""
        return pubsub_v1.PublisherClient(
            batch_settings=pubsub_v1.types.BatchSettings(max_messages=1),
            publisher_options=pubsub_v1.types.PublisherOptions(retry=_AGAIN, timeout=_SECONDS),
        )

    def publish(self, message: BatchMessage) -> None:
        """See `BatchQueue.publish`."""
        try:
            self._publisher.publish(self._topic, message.to_json()).result(timeout=_SECONDS)
        except (GoogleAPIError, GoogleAuthError, PublishError, MessageTooLargeError, TimeoutError) as error:
            raise failure(Code.QUEUE_UNAVAILABLE, error) from None
