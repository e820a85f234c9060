"""The topic `batches` inside one process. What it holds dies with the process; a new run publishes again."""

from collections import deque
from collections.abc import Callable

from sendit.errors import TransientError
from sendit.refs import BatchMessage


class InlineQueue:
    """A `BatchQueue` that hands its messages over when it is drained, oldest first."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()

    def publish(self, message: BatchMessage) -> None:
        """See `BatchQueue.publish`. Kept as the bytes that a topic would carry."""
        self._waiting.append(message.to_json())

    def drain(self, handle: Callable[[BatchMessage], None]) -> None:
        """Hand over every message. One whose handling raises `TransientError` stays, and the error is raised."""
        while self._waiting:
            try:
                handle(BatchMessage.from_json(self._waiting[0]))
            except TransientError:
                raise
            except BaseException:
                self._waiting.popleft()
                raise
            self._waiting.popleft()
