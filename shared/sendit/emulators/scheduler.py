"""What Cloud Scheduler does in the cloud: a tick every so often, in a thread."""

from contextlib import suppress
from threading import Event, Thread

from sendit.emulators import resources
from sendit.errors import UsageError


class Scheduler:
    """Publishes ticks until it is stopped; one that cannot be published is followed by the next."""

    def __init__(self, pubsub: str, seconds: float) -> None:
        self._pubsub = pubsub
        self._seconds = seconds
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, without waiting for an answer that may not come."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            with suppress(UsageError):
                resources.tick(self._pubsub)
