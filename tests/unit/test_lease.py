"""A lease is renewed while its holder works, and its loss is noticed."""

import threading
import time
from datetime import UTC, datetime

import pytest

from sendit.errors import Code, LeaseLost, TransientError
from sendit.lease import Hold, LeaseTerms, new_lease
from sendit.records import Counts, Lease
from sendit.wiring.parts import now

TERMS = LeaseTerms(ttl=1.0, heartbeat=0.01)


class Store:
    """Counts renewals, and fails those that it is told to."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)
        self.renewed: list[Lease] = []
        self.beaten = threading.Event()

    def renew(self, batch_id: str, lease: Lease, now: datetime) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.renewed.append(lease)
        self.beaten.set()


def heartbeat(store: Store, lease: Lease) -> Hold:
    return Hold(store, "batch", lease, TERMS, now)  # type: ignore[arg-type]


def test_every_attempt_has_an_owner_of_its_own() -> None:
    assert new_lease(TERMS, now).owner != new_lease(TERMS, now).owner
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert (new_lease(TERMS, lambda: moment).expires_at - moment).total_seconds() == 1.0


def test_the_lease_is_renewed_for_its_owner_and_lasts_longer_each_time() -> None:
    store, lease = Store(), new_lease(TERMS, now)
    with heartbeat(store, lease).beating() as beat:
        deadline = time.monotonic() + 5
        while len(store.renewed) < 3 and time.monotonic() < deadline:
            time.sleep(0.005)
        beat.check()
    assert len(store.renewed) >= 3
    assert {renewed.owner for renewed in store.renewed} == {lease.owner}
    expiries = [renewed.expires_at for renewed in store.renewed]
    assert expiries == sorted(expiries)
    count = len(store.renewed)
    time.sleep(0.05)
    assert len(store.renewed) == count, "it beats on after its block"


def test_a_renewed_lease_outlives_the_one_it_was_taken_with() -> None:
    store, lease = Store(), new_lease(TERMS, now)
    with heartbeat(store, lease).beating():
        assert store.beaten.wait(5), "the heartbeat never renews"
        assert store.renewed[0].expires_at > lease.expires_at


class Watched(Store):
    """Sees whether two writes of one worker are ever under way at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way = threading.Lock()
        self.overlaps = 0

    def renew(self, batch_id: str, lease: Lease, now: datetime) -> None:
        self.write()
        super().renew(batch_id, lease, now)

    def save_outcomes(self, *_: object) -> None:
        self.write()

    def write(self) -> None:
        if not self.under_way.acquire(blocking=False):
            self.overlaps += 1
            return
        time.sleep(0.002)
        self.under_way.release()


def test_the_heartbeat_and_the_counts_are_never_written_at_the_same_time() -> None:
    store = Watched()
    terms = LeaseTerms(ttl=1.0, heartbeat=0.001)
    hold = Hold(store, "batch", new_lease(terms, now), terms, now)  # type: ignore[arg-type]
    with hold.beating():
        while len(store.renewed) < 20:
            hold.save_outcomes((), Counts(), ())
    assert store.overlaps == 0


def test_whoever_lost_the_lease_does_not_say_that_files_came() -> None:
    class Flagged(Store):
        flags = 0

        def set_new_arrivals(self, *_: object) -> None:
            self.flags += 1

    lost, held = Flagged(LeaseLost()), Flagged()
    with pytest.raises(LeaseLost):
        heartbeat(lost, new_lease(TERMS, now)).set_new_arrivals(True)
    heartbeat(held, new_lease(TERMS, now)).set_new_arrivals(True)
    assert (lost.flags, held.flags) == (0, 1)


def test_a_lost_lease_is_noticed() -> None:
    store = Store(LeaseLost())
    with heartbeat(store, new_lease(TERMS, now)).beating() as beat:
        deadline = time.monotonic() + 5
        with pytest.raises(LeaseLost):
            while time.monotonic() < deadline:
                beat.check()
                time.sleep(0.005)


def test_one_missed_beat_is_no_loss() -> None:
    store = Store(TransientError(Code.STATUS_UNAVAILABLE))
    with heartbeat(store, new_lease(TERMS, now)).beating() as beat:
        assert store.beaten.wait(5)
        beat.check()
