"""A batch in the hands of one worker: its lease, kept alive while it works, and what it writes under it."""

import logging
import threading
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sendit.deliveries import Delivery
from sendit.errors import LeaseLost, TransientError
from sendit.logs import event
from sendit.ports import Clock, StatusStore
from sendit.records import Batch, BatchState, Counts, ErrorEntry, Image, Lease


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """How long a lease lasts and how often it is renewed, in seconds."""

    ttl: float
    heartbeat: float


def new_lease(terms: LeaseTerms, clock: Clock) -> Lease:
    """A lease for an owner that nobody else is: every attempt has its own."""
    return Lease(uuid.uuid4().hex, clock() + timedelta(seconds=terms.ttl))


class Hold:
    """One worker's hold on a batch. Every write raises `LeaseLost` once another worker has taken the batch.

    One write at a time: the heartbeat waits for the counts and they for it, so that neither has to be written anew.
    """

    def __init__(self, store: StatusStore, batch_id: str, lease: Lease, terms: LeaseTerms, clock: Clock) -> None:
        self._store = store
        self._batch_id = batch_id
        self._lease = lease
        self._terms = terms
        self._clock = clock
        self._writing = threading.Lock()
        self._stop = threading.Event()
        self._lost = threading.Event()

    @contextmanager
    def beating(self) -> Iterator["Hold"]:
        """Renew the lease in the background until the block is left."""
        thread = threading.Thread(target=self._beat, name="lease-heartbeat", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def check(self) -> None:
        """Raise `LeaseLost` if the heartbeat found another worker at the batch."""
        if self._lost.is_set():
            raise LeaseLost

    def freeze(self, *, found: int, size_bytes: int, profile_digest: str, key_id: str) -> None:
        """See `StatusStore.freeze`."""
        with self._writing:
            self._store.freeze(
                self._batch_id,
                self._lease,
                found=found,
                size_bytes=size_bytes,
                profile_digest=profile_digest,
                key_id=key_id,
                now=self._clock(),
            )

    def add_images(self, images: Sequence[Image]) -> None:
        """See `StatusStore.add_images`."""
        with self._writing:
            self._store.add_images(self._batch_id, self._lease, images, self._clock())

    def save_outcomes(self, images: Sequence[Image], counts: Counts, errors: Sequence[ErrorEntry]) -> None:
        """See `StatusStore.save_outcomes`."""
        with self._writing:
            self._store.save_outcomes(self._batch_id, self._lease, images, counts, errors, self._clock())

    def set_new_arrivals(self, there: bool) -> None:
        """See `StatusStore.set_new_arrivals`, which asks for no lease; whoever has lost it stops here all the same."""
        with self._writing:
            self._renew()
            self._store.set_new_arrivals(self._batch_id, there, self._clock())

    def finish(self, state: BatchState, errors: Sequence[ErrorEntry] = (), destinations: Collection[str] = ()) -> Batch:
        """See `StatusStore.finish`."""
        with self._writing:
            return self._store.finish(self._batch_id, self._lease, state, errors, self._clock(), destinations)

    def save_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """See `StatusStore.save_deliveries`."""
        with self._writing:
            self._store.save_deliveries(self._batch_id, self._lease, deliveries, self._clock())

    def release(self, failure: ErrorEntry | None) -> None:
        """See `StatusStore.release`."""
        with self._writing:
            self._store.release(self._batch_id, self._lease, failure, self._clock())

    def _beat(self) -> None:
        while not self._stop.wait(self._terms.heartbeat):
            try:
                with self._writing:
                    if self._stop.is_set():  # while it waited; the batch may be at rest by now
                        return
                    self._renew()
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

    def _renew(self) -> None:
        now = self._clock()
        renewed = Lease(self._lease.owner, now + timedelta(seconds=self._terms.ttl))
        self._store.renew(self._batch_id, renewed, now)
