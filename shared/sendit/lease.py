"""A lease that is kept alive while its holder works."""

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sendit.errors import LeaseLost, TransientError
from sendit.logs import event
from sendit.ports import Clock, StatusStore
from sendit.records import Lease


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """How long a lease lasts and how often it is renewed, in seconds."""

    ttl: float
    heartbeat: float


def new_lease(terms: LeaseTerms, clock: Clock) -> Lease:
    """A lease for an owner that nobody else is: every attempt has its own."""
    return Lease(uuid.uuid4().hex, clock() + timedelta(seconds=terms.ttl))


class Heartbeat:
    """Renews a lease in the background; `check` raises `LeaseLost` once that has failed."""

    def __init__(self, store: StatusStore, batch_id: str, lease: Lease, terms: LeaseTerms, clock: Clock) -> None:
        self._store = store
        self._batch_id = batch_id
        self._lease = lease
        self._terms = terms
        self._clock = clock
        self._stop = threading.Event()
        self._lost = threading.Event()

    @contextmanager
    def beating(self) -> Iterator["Heartbeat"]:
        """Beat until the block is left."""
        thread = threading.Thread(target=self._beat, name="lease-heartbeat", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def check(self) -> None:
        """Raise `LeaseLost` if another worker has taken the batch."""
        if self._lost.is_set():
            raise LeaseLost

    def _beat(self) -> None:
        while not self._stop.wait(self._terms.heartbeat):
            now = self._clock()
            renewed = Lease(self._lease.owner, now + timedelta(seconds=self._terms.ttl))
            try:
                self._store.renew(self._batch_id, renewed, now)
            except LeaseLost:
                self._lost.set()
                return
            except TransientError as error:
                # one missed beat is no loss: the lease outlives several
                event(
                    logging.WARNING,
                    "The lease could not be renewed.",
                    code=error.code,
                    batch_id=self._batch_id,
                )
