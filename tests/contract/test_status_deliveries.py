"""What every status store must do with batches that are sent on."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.status_stores import Maker, WholeStore

from sendit.deliveries import Delivery, DeliveryState, ImageFailure
from sendit.errors import Code, LeaseHeld, LeaseLost, Refused, UsageError
from sendit.records import Batch, BatchState, Counts, Image, ImageState, Lease

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
FIRST = Lease("first", NOON + timedelta(seconds=90))
LEASE = Lease("sender", NOON + timedelta(seconds=300))
RIVAL = Lease("rival", NOON + timedelta(seconds=600))
THERE = Delivery("gs://there", DeliveryState.DONE, NOON, "d1", "P/1/2/3.dcm", sent=2)
DOWN = Delivery(
    "dicomweb+https://down/path",
    DeliveryState.WAITING,
    NOON,
    "d1",
    sent=1,
    failed=1,
    attempts=3,
    code=Code.DESTINATION_UNAVAILABLE,
    failures=(ImageFailure("i1", Code.CONFLICT),),
)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def image(number: int, state: ImageState = ImageState.NEW) -> Image:
    return Image(f"i{number}", "b1", state, ((ImageState.NEW, NOON),))


def at_rest(store: WholeStore, *, stored: int = 2, destinations: tuple[str, ...] = ()) -> Batch:
    store.register(Batch("b1", "ST-1", BatchState.QUEUE, 7, NOON, NOON))
    store.claim("b1", FIRST, NOON)
    store.add_images("b1", FIRST, [image(number) for number in range(stored)], NOON)
    done = [image(number, ImageState.DONEPROCESSING) for number in range(stored)]
    store.save_outcomes("b1", FIRST, done, Counts(found=stored, stored=stored), (), NOON)
    state = BatchState.DONEPROCESSING if stored else BatchState.EMPTY
    return store.finish("b1", FIRST, state, (), at(1), destinations)


def fetched(store: WholeStore) -> Batch:
    found = store.batch("b1")
    assert found is not None
    return found


def test_a_batch_that_comes_to_rest_waits_for_its_destinations(store: WholeStore) -> None:
    rested = at_rest(store, destinations=("gs://one", "gs://two"))
    assert rested == fetched(store)
    assert rested.deliveries == (
        Delivery("gs://one", DeliveryState.WAITING, at(1)),
        Delivery("gs://two", DeliveryState.WAITING, at(1)),
    )
    assert (rested.waits, rested.delivered, rested.has_error) == (True, False, False)


def test_a_batch_of_which_nothing_is_stored_waits_for_no_destination(store: WholeStore) -> None:
    rested = at_rest(store, stored=0, destinations=("gs://one",))
    assert (rested.deliveries, rested.waits) == ((), False)
    assert store.take_up("b1", LEASE, at(2)) == rested
    assert fetched(store).lease is None


def test_a_batch_at_rest_is_taken_up_in_its_state_by_one_at_a_time(store: WholeStore) -> None:
    at_rest(store)
    taken = store.take_up("b1", LEASE, at(2))
    assert (taken.state, taken.lease) == (BatchState.DONEPROCESSING, LEASE)
    assert taken == fetched(store)
    with pytest.raises(LeaseHeld):
        store.take_up("b1", RIVAL, at(3))
    assert store.claim("b1", RIVAL, at(3)).lease == LEASE  # it is at rest: nobody claims it
    assert store.take_up("b1", RIVAL, at(301)).lease == RIVAL
    with pytest.raises(LeaseLost):
        store.save_deliveries("b1", LEASE, [THERE], at(302))
    assert fetched(store).deliveries == ()


def test_a_batch_at_work_or_unknown_is_not_taken_up(store: WholeStore) -> None:
    with pytest.raises(Refused):
        store.take_up("b1", LEASE, NOON)
    store.register(Batch("b1", "ST-1", BatchState.QUEUE, 7, NOON, NOON))
    assert store.take_up("b1", LEASE, NOON).lease is None


def test_deliveries_are_written_each_in_its_place(store: WholeStore, maker: Maker) -> None:
    at_rest(store, destinations=(DOWN.destination, THERE.destination))
    store.take_up("b1", LEASE, at(2))
    store.save_deliveries("b1", LEASE, [THERE], at(3))
    store.save_deliveries("b1", LEASE, [DOWN], at(4))
    with maker() as another:
        assert fetched(another).deliveries == (DOWN, THERE)
    store.release("b1", LEASE, None, at(5))
    assert (fetched(store).state, fetched(store).lease) == (BatchState.DONEPROCESSING, None)


def test_a_batch_that_is_everywhere_is_done_with_its_images(store: WholeStore) -> None:
    at_rest(store, destinations=(THERE.destination,))
    taken = store.take_up("b1", LEASE, at(2))
    store.save_deliveries("b1", LEASE, [THERE], at(3))
    done = [image(number, ImageState.DONE) for number in range(2)]
    store.save_outcomes("b1", LEASE, done, taken.counts, (), at(4))
    rested = store.finish("b1", LEASE, BatchState.DONE, (), at(5))
    assert (rested.state, rested.deliveries, rested.delivered) == (BatchState.DONE, (THERE,), True)
    assert {one.state for one in store.images("b1")} == {ImageState.DONE}


def test_what_is_asked_for_again_waits_for_its_destinations_anew_and_knows_what_was_there(store: WholeStore) -> None:
    at_rest(store, destinations=(THERE.destination,))
    store.take_up("b1", LEASE, at(2))
    store.save_deliveries("b1", LEASE, [THERE], at(3))
    with pytest.raises(UsageError) as refusal:
        store.requeue("b1", ["i1"], at(4))
    assert refusal.value.code is Code.BATCH_AT_WORK
    store.finish("b1", LEASE, BatchState.DONE, (), at(5))
    assert store.requeue("b1", ["i1"], at(6)).state is BatchState.QUEUE
    store.claim("b1", RIVAL, at(7))
    rested = store.finish("b1", RIVAL, BatchState.DONEPROCESSING, (), at(8), (THERE.destination,))
    (delivery,) = rested.deliveries
    assert (delivery.state, delivery.digest, delivery.through) == (DeliveryState.WAITING, "d1", THERE.through)


def test_batches_that_wait_and_of_which_nothing_was_written_are_found(store: WholeStore) -> None:
    at_rest(store, destinations=(DOWN.destination, THERE.destination))
    assert store.waiting(at(1), limit=10) == []
    assert store.waiting(at(2), limit=10) == [fetched(store)]
    store.mark_published("b1", at(9))
    assert store.waiting(at(9), limit=10) == []
    store.take_up("b1", LEASE, at(10))
    store.save_deliveries("b1", LEASE, [THERE, DOWN], at(11))
    store.release("b1", LEASE, None, at(12))
    assert [one.id for one in store.waiting(at(13), limit=10)] == ["b1"]
    store.take_up("b1", LEASE, at(14))
    store.save_deliveries("b1", LEASE, [Delivery(DOWN.destination, DeliveryState.ERROR, at(15))], at(15))
    store.release("b1", LEASE, None, at(16))
    assert store.waiting(at(99), limit=10) == []
    assert fetched(store).has_error
