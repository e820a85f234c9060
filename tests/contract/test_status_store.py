"""What every `StatusStore` must do."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.contract.status_stores import Maker

from sendit.errors import Code, LeaseHeld, LeaseLost, Refused, SenditError
from sendit.ports import Registered, StatusStore
from sendit.records import Batch, BatchState, Counts, ErrorEntry, Image, ImageState, Lease

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=1)
LEASE = Lease("one", NOON + timedelta(seconds=90))
RIVAL = Lease("two", NOON + timedelta(seconds=300))


def batch(batch_id: str = "b1", ancestors: tuple[str, ...] = ()) -> Batch:
    return Batch(batch_id, "ST-1", BatchState.QUEUE, 7, NOON, NOON, ancestors)


def image(image_id: str = "i1", state: ImageState = ImageState.NEW) -> Image:
    return Image(image_id, "b1", state, ((ImageState.NEW, NOON),), size_bytes=10)


def outcome(image_id: str, state: ImageState, code: Code | None = None) -> Image:
    times = ((ImageState.NEW, NOON), (ImageState.PROCESSING, NOON), (state, LATER))
    stored = state is ImageState.DONEPROCESSING
    blanked = (0, 0, 64, 12, 0, 12, 10, 48) if stored else None
    return replace(
        image(image_id), state=state, times=times, code=code, sentence="Why." if code else "", blanked=blanked
    )


def at_work(store: StatusStore) -> None:
    store.register(batch())
    store.claim("b1", LEASE, NOON)


def fetched(store: StatusStore, batch_id: str = "b1") -> Batch:
    found = store.batch(batch_id)
    assert found is not None
    return found


def rested(store: StatusStore, state: BatchState = BatchState.DONEPROCESSING) -> Batch:
    at_work(store)
    return store.finish("b1", LEASE, state, (), LATER)


def test_a_registered_batch_is_found_as_it_was_given(store: StatusStore) -> None:
    assert store.register(batch()) == Registered(batch(), created=True)
    assert fetched(store) == batch()
    assert list(store.batches()) == [batch()]
    assert store.batch("other") is None


def test_registering_again_returns_what_is_known_and_changes_nothing(store: StatusStore) -> None:
    at_work(store)
    before = fetched(store)
    again = store.register(replace(batch(), generation=99, name="other"))
    assert again == Registered(before, created=False)
    assert fetched(store) == before


def test_of_many_registrations_at_once_all_see_the_same_batch(store: StatusStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: store.register(replace(batch(), generation=n)), range(16)))
    assert len({answer.batch for answer in answers}) == 1
    assert [answer.created for answer in answers].count(True) == 1


@pytest.mark.parametrize(
    ("known", "comes"),
    [(batch("outer"), batch("inner", ("far", "outer"))), (batch("inner", ("far", "outer")), batch("outer"))],
)
def test_a_batch_inside_or_around_a_known_one_is_refused_and_not_created(
    store: StatusStore, known: Batch, comes: Batch
) -> None:
    store.register(known)
    with pytest.raises(Refused) as refusal:
        store.register(comes)
    assert refusal.value.code is Code.OVERLAP
    assert list(store.batches()) == [known]


def test_siblings_do_not_overlap(store: StatusStore) -> None:
    store.register(batch("b1", ("folder",)))
    store.register(batch("b2", ("folder",)))
    assert len(list(store.batches())) == 2


def test_published_moves_a_queued_batch_to_new_and_no_other(store: StatusStore) -> None:
    store.register(batch())
    store.mark_published("b1", LATER)
    assert fetched(store).state is BatchState.NEW
    store.claim("b1", LEASE, NOON)
    store.mark_published("b1", LATER)
    assert fetched(store).state is BatchState.PROCESSING


def test_a_claim_takes_the_lease_and_counts_the_attempt(store: StatusStore) -> None:
    store.register(batch())
    claimed = store.claim("b1", LEASE, NOON)
    assert claimed == fetched(store)
    assert (claimed.state, claimed.lease, claimed.attempt) == (BatchState.PROCESSING, LEASE, 1)
    assert claimed.started_at == NOON


def test_attempts_that_settle_no_image_are_counted_until_one_does(store: StatusStore) -> None:
    at_work(store)
    store.add_images("b1", LEASE, [image("i1"), image("i2")], NOON)
    store.release("b1", LEASE, None, LATER)
    assert store.claim("b1", RIVAL, LATER).failures == 2
    begun = [outcome("i1", ImageState.PROCESSING)]
    store.save_outcomes("b1", RIVAL, begun, Counts(found=2), (), LATER)
    assert fetched(store).failures == 2
    done = [outcome("i2", ImageState.DONEPROCESSING)]
    store.save_outcomes("b1", RIVAL, done, Counts(found=2, stored=1), (), LATER)
    assert fetched(store).failures == 0
    store.release("b1", RIVAL, None, LATER)
    assert store.claim("b1", LEASE, LATER).failures == 1


def test_why_an_attempt_was_cut_short_is_known_until_the_next_is_too_or_the_batch_rests(store: StatusStore) -> None:
    at_work(store)
    why = ErrorEntry(Code.STAGING_UNAVAILABLE, "Why.", LATER)
    store.release("b1", LEASE, why, LATER)
    assert fetched(store).last_failure == why
    assert store.claim("b1", RIVAL, LATER).last_failure == why
    rested = store.finish("b1", RIVAL, BatchState.DONEPROCESSING, (), LATER)
    assert (rested.last_failure, rested.failures) == (None, 0)


def test_a_message_that_is_published_again_is_written_down_unless_a_worker_has_the_batch(store: StatusStore) -> None:
    at_work(store)
    before = fetched(store)
    store.mark_published("b1", LATER)
    assert fetched(store) == before
    store.release("b1", LEASE, None, NOON)
    store.mark_published("b1", LATER)
    assert (fetched(store).state, fetched(store).updated_at) == (BatchState.PROCESSING, LATER)


def test_a_live_lease_keeps_others_out_and_changes_nothing(store: StatusStore) -> None:
    at_work(store)
    before = fetched(store)
    with pytest.raises(LeaseHeld):
        store.claim("b1", RIVAL, NOON + timedelta(seconds=89))
    assert fetched(store) == before


def test_of_many_claims_at_once_one_wins(store: StatusStore) -> None:
    store.register(batch())

    def claim(number: int) -> bool:
        try:
            store.claim("b1", Lease(str(number), LEASE.expires_at), NOON)
        except LeaseHeld:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(claim, range(16))).count(True) == 1
    assert fetched(store).attempt == 1


def test_an_expired_lease_is_taken_over_and_its_old_owner_can_write_nothing(store: StatusStore) -> None:
    at_work(store)
    store.add_images("b1", LEASE, [image()], NOON)
    taken = store.claim("b1", RIVAL, NOON + timedelta(seconds=91))
    assert (taken.attempt, taken.lease) == (2, RIVAL)
    done = [outcome("i1", ImageState.DONEPROCESSING)]
    writes: list[Callable[[], object]] = [
        lambda: store.renew("b1", LEASE, LATER),
        lambda: store.freeze("b1", LEASE, found=1, size_bytes=1, profile_digest="p", key_id="k", now=LATER),
        lambda: store.add_images("b1", LEASE, [image("i2")], LATER),
        lambda: store.save_outcomes("b1", LEASE, done, Counts(found=1, stored=1), (), LATER),
        lambda: store.finish("b1", LEASE, BatchState.DONEPROCESSING, (), LATER),
        lambda: store.release("b1", LEASE, None, LATER),
    ]
    for write in writes:
        with pytest.raises(LeaseLost):
            write()
    assert fetched(store) == taken
    assert list(store.images("b1")) == [image()]


def test_a_renewed_lease_lasts_longer(store: StatusStore) -> None:
    at_work(store)
    store.renew("b1", Lease("one", NOON + timedelta(seconds=200)), LATER)
    with pytest.raises(LeaseHeld):
        store.claim("b1", RIVAL, NOON + timedelta(seconds=150))


def test_a_released_batch_can_be_claimed_at_once(store: StatusStore) -> None:
    at_work(store)
    store.release("b1", LEASE, None, LATER)
    assert fetched(store).state is BatchState.PROCESSING
    assert store.claim("b1", RIVAL, LATER).attempt == 2


@pytest.mark.parametrize("state", [BatchState.DONEPROCESSING, BatchState.EMPTY, BatchState.ERROR])
def test_a_batch_at_rest_is_returned_and_not_claimed(store: StatusStore, state: BatchState) -> None:
    before = rested(store, state)
    assert store.claim("b1", RIVAL, LATER) == before
    assert fetched(store) == before


def test_a_batch_that_nobody_registered_cannot_be_claimed(store: StatusStore) -> None:
    with pytest.raises(Refused) as refusal:
        store.claim("b1", LEASE, NOON)
    assert refusal.value.code is Code.UNKNOWN_BATCH


def test_freezing_records_what_the_manifest_counts(store: StatusStore) -> None:
    at_work(store)
    store.freeze("b1", LEASE, found=3, size_bytes=99, profile_digest="p", key_id="k", now=LATER)
    frozen = fetched(store)
    assert (frozen.frozen, frozen.counts.found, frozen.size_bytes) == (True, 3, 99)
    assert (frozen.profile_digest, frozen.key_id, frozen.updated_at) == ("p", "k", LATER)


def test_images_that_are_known_stay_as_they_are(store: StatusStore) -> None:
    at_work(store)
    store.add_images("b1", LEASE, [image()], NOON)
    done = outcome("i1", ImageState.DONEPROCESSING)
    store.save_outcomes("b1", LEASE, [done], Counts(found=2, stored=1), (), LATER)
    store.add_images("b1", LEASE, [image("i1"), image("i2")], LATER)
    assert {one.id: one.state for one in store.images("b1")} == {
        "i1": ImageState.DONEPROCESSING,
        "i2": ImageState.NEW,
    }


def test_outcomes_counts_and_errors_are_written_together(store: StatusStore) -> None:
    at_work(store)
    store.add_images("b1", LEASE, [image("i1"), image("i2")], NOON)
    outcomes = [outcome("i1", ImageState.DONEPROCESSING), outcome("i2", ImageState.ERROR, Code.TRUNCATED)]
    entry = ErrorEntry(Code.TRUNCATED, "Why.", LATER, "i2")
    counts = Counts(found=2, stored=1, errored=1)
    store.save_outcomes("b1", LEASE, outcomes, counts, [entry], LATER)
    assert sorted(store.images("b1"), key=lambda one: one.id) == outcomes
    written = fetched(store)
    assert (written.counts, written.errors, written.error_count) == (counts, (entry,), 1)
    assert written.has_error


def test_an_outcome_that_may_not_follow_is_refused_with_everything_beside_it(store: StatusStore) -> None:
    at_work(store)
    store.add_images("b1", LEASE, [image("i1"), image("i2")], NOON)
    store.save_outcomes("b1", LEASE, [outcome("i1", ImageState.REJECTED)], Counts(found=2, rejected=1), (), LATER)
    before = fetched(store)
    both = [outcome("i2", ImageState.DONEPROCESSING), outcome("i1", ImageState.DONEPROCESSING)]
    with pytest.raises(SenditError) as refusal:
        store.save_outcomes("b1", LEASE, both, Counts(found=2, stored=2), (), LATER)
    assert refusal.value.code is Code.ILLEGAL_TRANSITION
    assert fetched(store) == before
    assert {one.id: one.state for one in store.images("b1")} == {"i1": ImageState.REJECTED, "i2": ImageState.NEW}


def test_an_outcome_that_is_written_twice_is_no_error(store: StatusStore) -> None:
    at_work(store)
    store.add_images("b1", LEASE, [image()], NOON)
    done = [outcome("i1", ImageState.DONEPROCESSING)]
    for _ in range(2):
        store.save_outcomes("b1", LEASE, done, Counts(found=1, stored=1), (), LATER)
    assert list(store.images("b1")) == done


def test_only_the_first_hundred_errors_are_kept_and_all_are_counted(store: StatusStore) -> None:
    at_work(store)
    entries = [ErrorEntry(Code.TRUNCATED, "Why.", LATER, str(number)) for number in range(150)]
    store.save_outcomes("b1", LEASE, [], Counts(found=150), entries, LATER)
    written = fetched(store)
    assert written.errors == tuple(entries[:100])
    assert written.error_count == 150


def test_a_finished_batch_rests_without_a_lease(store: StatusStore) -> None:
    at_work(store)
    entry = ErrorEntry(Code.NO_FILES, "Why.", LATER)
    done = store.finish("b1", LEASE, BatchState.ERROR, (entry,), LATER)
    assert done == fetched(store)
    assert (done.state, done.lease, done.finished_at, done.errors) == (BatchState.ERROR, None, LATER, (entry,))


def test_a_state_that_may_not_follow_is_refused(store: StatusStore) -> None:
    at_work(store)
    with pytest.raises(SenditError) as refusal:
        store.finish("b1", LEASE, BatchState.DONE, (), LATER)
    assert refusal.value.code is Code.ILLEGAL_TRANSITION


def test_new_arrivals_are_flagged_on_a_batch_at_rest(store: StatusStore) -> None:
    rested(store)
    store.set_new_arrivals("b1", True, LATER)
    assert fetched(store).has_new_arrivals


def test_a_flag_of_new_arrivals_can_be_taken_back(store: StatusStore) -> None:
    before = rested(store)
    store.set_new_arrivals("b1", True, LATER)
    store.set_new_arrivals("b1", False, LATER)
    assert fetched(store) == before


def test_what_was_stored_of_an_image_that_is_done_again_is_not_forgotten(store: StatusStore) -> None:
    at_work(store)
    store.add_images("b1", LEASE, [image()], NOON)
    first = replace(outcome("i1", ImageState.DONEPROCESSING), output="P/1/2/3.dcm", earlier=("P/1/2/0.dcm",))
    store.save_outcomes("b1", LEASE, [first], Counts(1, 1), [], LATER)
    store.finish("b1", LEASE, BatchState.DONEPROCESSING, (), LATER)
    store.requeue("b1", {"i1"}, LATER)
    (again,) = store.images("b1")
    assert (again.state, again.output, again.earlier) == (ImageState.NEW, "", ("P/1/2/0.dcm", "P/1/2/3.dcm"))


def test_the_newest_marker_is_remembered_and_counted_in_when_the_batch_is_asked_for_again(store: StatusStore) -> None:
    rested(store)
    store.set_new_arrivals("b1", True, LATER, 40)
    store.set_new_arrivals("b1", False, LATER)
    store.set_new_arrivals("b1", True, LATER, 39)
    assert (fetched(store).generation, fetched(store).finalized, fetched(store).marked) == (7, 40, 40)
    assert store.requeue("b1", (), LATER).generation == 40


def test_a_batch_that_nobody_registered_has_no_new_arrivals(store: StatusStore) -> None:
    with pytest.raises(Refused) as refusal:
        store.set_new_arrivals("b1", True, LATER)
    assert refusal.value.code is Code.UNKNOWN_BATCH


def test_a_requeued_batch_is_frozen_anew_and_its_wanted_images_are_new_again(store: StatusStore) -> None:
    at_work(store)
    store.add_images("b1", LEASE, [image(name) for name in ("i1", "i2", "i3", "i4")], NOON)
    outcomes = [
        outcome("i1", ImageState.DONEPROCESSING),
        outcome("i2", ImageState.ERROR, Code.TRUNCATED),
        outcome("i3", ImageState.ERROR, Code.CONFLICT),
        outcome("i4", ImageState.REJECTED),
    ]
    entries = [ErrorEntry(Code.TRUNCATED, "Why.", LATER, "i2"), ErrorEntry(Code.CONFLICT, "Why.", LATER, "i3")]
    store.save_outcomes("b1", LEASE, outcomes, Counts(4, 1, 1, 2), entries, LATER)
    store.finish("b1", LEASE, BatchState.DONEPROCESSING, (), LATER)
    store.set_new_arrivals("b1", True, LATER)
    again = store.requeue("b1", {"i2"}, LATER)
    assert again == fetched(store)
    assert (again.state, again.generation, again.frozen, again.has_new_arrivals) == (BatchState.QUEUE, 8, False, False)
    assert again.counts == Counts(found=4, stored=1, rejected=1, errored=1)
    assert [(entry.image_id, entry.code) for entry in again.errors] == [("i3", Code.CONFLICT)]
    assert again.error_count == 1
    states = {one.id: (one.state, one.code) for one in store.images("b1")}
    assert states["i2"] == (ImageState.NEW, None)
    assert states["i3"] == (ImageState.ERROR, Code.CONFLICT)


def test_an_image_that_is_new_still_stays_as_it_is_when_it_is_asked_for(store: StatusStore) -> None:
    at_work(store)
    store.add_images("b1", LEASE, [image("i1"), image("i2")], NOON)
    store.finish("b1", LEASE, BatchState.ERROR, (), LATER)
    assert store.requeue("b1", {"i1"}, LATER).state is BatchState.QUEUE
    assert {one.id: one for one in store.images("b1")} == {"i1": image("i1"), "i2": image("i2")}


def test_a_batch_at_work_cannot_be_requeued(store: StatusStore) -> None:
    at_work(store)
    with pytest.raises(SenditError) as refusal:
        store.requeue("b1", (), LATER)
    assert refusal.value.code is Code.ILLEGAL_TRANSITION


def test_what_was_written_is_there_for_whoever_opens_the_store_next(maker: Maker) -> None:
    with maker() as first:
        at_work(first)
        first.add_images("b1", LEASE, [image()], NOON)
    with maker() as second:
        assert fetched(second).state is BatchState.PROCESSING
        assert list(second.images("b1")) == [image()]


def test_batches_are_listed_in_the_order_in_which_they_came(store: StatusStore) -> None:
    for name in ("c", "a", "b"):
        store.register(batch(name))
    assert [one.id for one in store.batches()] == ["c", "a", "b"]


def test_names_that_are_no_unicode_survive(store: StatusStore) -> None:
    store.register(replace(batch(), name="odd \udcff\n name"))
    assert fetched(store).name == "odd \udcff\n name"
