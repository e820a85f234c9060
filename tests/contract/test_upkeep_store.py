"""What every `UpkeepStore` must do; its adapters are those of `StatusStore`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.contract.status_stores import Maker, WholeStore

from sendit.errors import Code, LeaseHeld, LeaseLost, Refused
from sendit.records import Batch, BatchState, Counts, ErrorEntry, Image, ImageState, Lease

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LEASE = Lease("one", NOON + timedelta(seconds=90))
EXPIRED = NOON + timedelta(seconds=90)
WHY = ErrorEntry(Code.ATTEMPTS_USED_UP, "Why.", NOON)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def known(store: WholeStore, batch_id: str, seconds: float = 0, *, ancestors: tuple[str, ...] = ()) -> None:
    """A batch that was registered so many seconds after noon."""
    store.register(Batch(batch_id, "ST-1", BatchState.QUEUE, 7, at(seconds), at(seconds), ancestors))


def at_rest(
    store: WholeStore,
    batch_id: str,
    seconds: float = 0,
    *,
    state: BatchState = BatchState.DONEPROCESSING,
    stored: int = 1,
    errors: Sequence[ErrorEntry] = (),
) -> None:
    """A batch that came to rest so many seconds after noon."""
    known(store, batch_id)
    lease = Lease(batch_id, at(seconds + 90))
    store.claim(batch_id, lease, at(seconds))
    images = [image(batch_id, number) for number in range(stored)]
    store.add_images(batch_id, lease, images, at(seconds))
    done = [replace(one, state=ImageState.DONEPROCESSING) for one in images]
    store.save_outcomes(batch_id, lease, done, Counts(found=stored, stored=stored), errors, at(seconds))
    store.finish(batch_id, lease, state, (), at(seconds))


def image(batch_id: str, number: int) -> Image:
    return Image(f"i{number}", batch_id, ImageState.NEW, ((ImageState.NEW, NOON),))


def ids(batches: Sequence[Batch]) -> list[str]:
    return [batch.id for batch in batches]


def fetched(store: WholeStore, batch_id: str) -> Batch:
    found = store.batch(batch_id)
    assert found is not None
    return found


# silent batches


def test_batches_that_are_not_at_rest_and_of_which_nothing_was_written_since_are_silent(store: WholeStore) -> None:
    known(store, "queue", 3)
    known(store, "new", 2)
    store.mark_published("new", at(2))
    known(store, "work", 1)
    store.claim("work", LEASE, at(1))
    known(store, "fresh", 10)
    for state in (BatchState.DONEPROCESSING, BatchState.EMPTY, BatchState.ERROR):
        at_rest(store, state.lower(), state=state)
    found = store.silent(at(10), limit=10)
    assert ids(found) == ["work", "new", "queue"]
    assert found[0] == fetched(store, "work")


def test_of_many_silent_batches_those_come_first_that_were_silent_longest(store: WholeStore) -> None:
    for number in (4, 1, 3, 2):
        known(store, f"b{number}", number / 8)
    assert ids(store.silent(at(10), limit=3)) == ["b1", "b2", "b3"]


def test_a_batch_whose_message_was_published_again_is_not_silent(store: WholeStore) -> None:
    known(store, "b1")
    store.claim("b1", LEASE, NOON)
    store.release("b1", LEASE, None, at(1))
    assert ids(store.silent(at(2), limit=1)) == ["b1"]
    store.mark_published("b1", at(2))
    assert store.silent(at(2), limit=1) == []


# batches that are given up


@pytest.mark.parametrize("begun", [False, True])
def test_a_batch_that_nobody_works_on_can_be_given_up(store: WholeStore, begun: bool) -> None:
    known(store, "b1")
    if begun:
        store.claim("b1", LEASE, NOON)
    given_up = store.abandon("b1", WHY, EXPIRED)
    assert given_up == fetched(store, "b1")
    assert (given_up.state, given_up.errors, given_up.error_count) == (BatchState.ERROR, (WHY,), 1)
    assert (given_up.lease, given_up.finished_at, given_up.failures) == (None, EXPIRED, 0)
    with pytest.raises(LeaseLost):
        store.renew("b1", LEASE, EXPIRED)


def test_why_a_batch_was_given_up_is_kept_however_many_errors_its_images_have(store: WholeStore) -> None:
    known(store, "b1")
    store.claim("b1", LEASE, NOON)
    errors = [ErrorEntry(Code.TRUNCATED, "Why.", NOON, str(number)) for number in range(150)]
    store.save_outcomes("b1", LEASE, [], Counts(found=150), errors, NOON)
    given_up = store.abandon("b1", WHY, EXPIRED)
    assert given_up.errors == (WHY, *errors[:99])
    assert given_up.error_count == 151


def test_a_batch_that_a_worker_has_is_not_given_up(store: WholeStore) -> None:
    known(store, "b1")
    store.claim("b1", LEASE, NOON)
    before = fetched(store, "b1")
    assert store.abandon("b1", WHY, at(89)) == before == fetched(store, "b1")


@pytest.mark.parametrize("state", [BatchState.DONEPROCESSING, BatchState.EMPTY, BatchState.ERROR])
def test_a_batch_at_rest_is_not_given_up(store: WholeStore, state: BatchState) -> None:
    at_rest(store, "b1", state=state)
    before = fetched(store, "b1")
    assert store.abandon("b1", WHY, at(1000)) == before == fetched(store, "b1")


def test_a_batch_that_is_given_up_keeps_its_images_and_can_be_asked_for_again(store: WholeStore) -> None:
    known(store, "b1")
    store.claim("b1", LEASE, NOON)
    store.add_images("b1", LEASE, [image("b1", 0)], NOON)
    store.abandon("b1", WHY, EXPIRED)
    again = store.requeue("b1", ["i0"], EXPIRED)
    assert (again.state, again.errors, again.error_count) == (BatchState.QUEUE, (), 0)
    assert list(store.images("b1")) == [image("b1", 0)]


def test_a_batch_that_nobody_registered_cannot_be_given_up(store: WholeStore) -> None:
    with pytest.raises(Refused) as refusal:
        store.abandon("b1", WHY, NOON)
    assert refusal.value.code is Code.UNKNOWN_BATCH


# cleaning up


def test_batches_with_images_stored_whose_sources_are_still_there_are_to_be_cleaned(store: WholeStore) -> None:
    at_rest(store, "later", 2)
    at_rest(store, "sooner", 1)
    at_rest(store, "fresh", 10)
    at_rest(store, "nothing-stored", stored=0)
    at_rest(store, "empty", state=BatchState.EMPTY, stored=0)
    at_rest(store, "error", state=BatchState.ERROR)
    at_rest(store, "cleaned")
    store.mark_cleaned("cleaned", 7, at(5))
    known(store, "queue")
    assert ids(store.uncleaned(at(10), limit=10)) == ["sooner", "later"]
    assert ids(store.uncleaned(at(10), limit=1)) == ["sooner"]
    assert ids(store.uncleaned(at(10), limit=10, after=at(1))) == ["later"]
    assert fetched(store, "cleaned").cleaned_at == at(5)


def test_a_batch_that_was_asked_for_again_meanwhile_is_not_called_cleaned(store: WholeStore) -> None:
    at_rest(store, "b1")
    store.requeue("b1", (), at(1))
    store.mark_cleaned("b1", 7, at(2))
    assert fetched(store, "b1").cleaned_at is None
    store.claim("b1", LEASE, at(2))
    store.finish("b1", LEASE, BatchState.DONEPROCESSING, (), at(3))
    store.mark_cleaned("b1", 7, at(4))
    assert fetched(store, "b1").cleaned_at is None


def test_when_a_batch_was_cleaned_stays_and_is_gone_when_it_is_asked_for_again(store: WholeStore) -> None:
    at_rest(store, "b1")
    for seconds in (1, 2):
        store.mark_cleaned("b1", 7, at(seconds))
    assert fetched(store, "b1").cleaned_at == at(1)
    assert store.requeue("b1", (), at(3)).cleaned_at is None


def test_a_batch_that_nobody_registered_cannot_be_called_cleaned(store: WholeStore) -> None:
    with pytest.raises(Refused) as refusal:
        store.mark_cleaned("b1", 7, NOON)
    assert refusal.value.code is Code.UNKNOWN_BATCH


# retention


def test_batches_that_came_to_rest_before_have_expired_whatever_came_of_them(store: WholeStore) -> None:
    at_rest(store, "later", 2)
    at_rest(store, "sooner", 1, state=BatchState.EMPTY, stored=0)
    at_rest(store, "fresh", 10)
    at_rest(store, "with-an-error", 3, errors=[ErrorEntry(Code.TRUNCATED, "Why.", NOON, "i9")])
    at_rest(store, "error", 4, state=BatchState.ERROR)
    known(store, "queue")
    at_rest(store, "asked-again")
    store.requeue("asked-again", (), at(5))
    at_rest(store, "at-work")
    store.requeue("at-work", (), at(5))
    store.claim("at-work", LEASE, at(5))
    assert ids(store.expired(at(10), limit=10)) == ["sooner", "later", "with-an-error", "error"]
    assert ids(store.expired(at(10), limit=1)) == ["sooner"]
    assert ids(store.expired(at(10), limit=10, after=at(2))) == ["with-an-error", "error"]


def test_a_batch_that_is_forgotten_leaves_nothing_and_another_may_take_its_place(store: WholeStore) -> None:
    at_rest(store, "kept")
    known(store, "b1", ancestors=("outer",))
    store.claim("b1", LEASE, NOON)
    store.add_images("b1", LEASE, [image("b1", number) for number in range(450)], NOON)
    store.finish("b1", LEASE, BatchState.DONEPROCESSING, (), NOON)
    for _ in range(2):
        store.forget("b1", 7)
    assert ids(list(store.batches())) == ["kept"]
    assert list(store.images("b1")) == []
    assert len(list(store.images("kept"))) == 1
    known(store, "outer")
    assert fetched(store, "outer").state is BatchState.QUEUE


def test_a_batch_that_was_asked_for_again_meanwhile_is_not_forgotten(store: WholeStore) -> None:
    at_rest(store, "b1")
    before = store.requeue("b1", (), at(1))
    for generation in (7, 8):  # of another generation; not at rest
        store.forget("b1", generation)
    assert fetched(store, "b1") == before
    assert len(list(store.images("b1"))) == 1


def test_a_batch_at_work_is_not_forgotten(store: WholeStore) -> None:
    known(store, "b1")
    store.claim("b1", LEASE, NOON)
    store.forget("b1", 7)
    with pytest.raises(LeaseHeld):
        store.claim("b1", Lease("two", at(200)), NOON)


# bookmarks


def test_a_bookmark_is_empty_until_it_is_set_and_then_what_was_set_last(maker: Maker) -> None:
    with maker() as store:
        assert store.bookmark("walk") == ""
        for value in ("folder/one", "folder/\udcff\n two"):
            store.set_bookmark("walk", value)
        store.set_bookmark("other", "x")
    with maker() as store:
        assert store.bookmark("walk") == "folder/\udcff\n two"
        store.set_bookmark("walk", "")
        assert (store.bookmark("walk"), store.bookmark("other")) == ("", "x")
