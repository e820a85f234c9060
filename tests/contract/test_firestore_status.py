"""What Firestore asks of its status store beyond the contract: few writes, one winner, and answers that get lost."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from google.api_core.exceptions import (
    Aborted,
    DeadlineExceeded,
    GoogleAPICallError,
    PermissionDenied,
    ResourceExhausted,
    ServiceUnavailable,
    Unauthenticated,
)
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from sendit.adapters import firestore_changes, firestore_commits
from sendit.adapters.firestore_commits import BatchDocuments
from sendit.adapters.firestore_status import FirestoreStatusStore
from sendit.documents import batch_to_document, image_to_document
from sendit.errors import Code, LeaseHeld, LeaseLost, Refused, SenditError, TransientError
from sendit.records import Batch, BatchState, Counts, ErrorEntry, Image, ImageState, Lease

if TYPE_CHECKING:
    from google.api_core.retry import Retry

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(seconds=1)
LEASE = Lease("one", NOON + timedelta(seconds=90))
RENEWED = Lease("one", NOON + timedelta(seconds=120))
RIVAL = Lease("two", NOON + timedelta(seconds=300))
EXPIRED = NOON + timedelta(seconds=91)

Commit = Callable[[], list[Any]]
Fault = Callable[[Commit], list[Any]]


class WatchedClient(firestore.Client):
    """A client that counts the writes of every commit, and to whose next commits something may happen."""

    def __init__(self, project: str) -> None:
        super().__init__(project=project, credentials=AnonymousCredentials())
        self.writes: list[int] = []
        self.reads = 0
        self.faults: list[Fault] = []

    def get_all(self, *arguments: Any, **named: Any) -> Any:
        self.reads += 1
        return super().get_all(*arguments, **named)

    def batch(self) -> firestore.WriteBatch:
        return WatchedBatch(self)


class WatchedBatch(firestore.WriteBatch):
    def __init__(self, client: WatchedClient) -> None:
        super().__init__(client)
        self._watched = client

    def commit(self, retry: Any = None, timeout: float | None = None) -> list[Any]:
        commit = super().commit
        self._watched.writes.append(len(self))
        fault = self._watched.faults.pop(0) if self._watched.faults else (lambda go: go())
        return fault(lambda: commit(retry=retry, timeout=timeout))


def lost_answer(commit: Commit) -> list[Any]:
    commit()
    raise ServiceUnavailable("")


def never_arrived(_: Commit) -> list[Any]:
    raise DeadlineExceeded("")


def aborted(_: Commit) -> list[Any]:
    raise Aborted("")


def arrived_late() -> list[Fault]:
    """A commit that is given up, and is written just before the next one."""
    held: list[Commit] = []

    def give_up(commit: Commit) -> list[Any]:
        held.append(commit)
        raise DeadlineExceeded("")

    def after_the_other(commit: Commit) -> list[Any]:
        held.pop()()
        return commit()

    return [give_up, after_the_other]


def undisturbed(commit: Commit) -> list[Any]:
    return commit()


Connect = Callable[[], WatchedClient]


@pytest.fixture
def connect(firestore_emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator)
    clients: list[WatchedClient] = []

    def connected() -> WatchedClient:
        clients.append(WatchedClient(f"contract-{uuid.uuid4().hex[:12]}"))
        return clients[-1]

    yield connected
    for client in clients:
        client.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def client(connect: Connect) -> WatchedClient:
    return connect()


@pytest.fixture
def store(client: WatchedClient) -> FirestoreStatusStore:
    return FirestoreStatusStore(client)


def batch(batch_id: str = "b1", ancestors: tuple[str, ...] = ()) -> Batch:
    return Batch(batch_id, "ST-1", BatchState.QUEUE, 7, NOON, NOON, ancestors)


def images(number: int) -> list[Image]:
    return [Image(f"i{n:04}", "b1", ImageState.NEW, ((ImageState.NEW, NOON),), size_bytes=10) for n in range(number)]


def stored(image: Image) -> Image:
    times = (*image.times, (ImageState.PROCESSING, NOON), (ImageState.DONEPROCESSING, LATER))
    return replace(image, state=ImageState.DONEPROCESSING, times=times, output="p/1/2/3.dcm", output_bytes=9)


def failed(image: Image) -> Image:
    times = (*image.times, (ImageState.PROCESSING, NOON), (ImageState.ERROR, LATER))
    return replace(image, state=ImageState.ERROR, times=times, code=Code.TRUNCATED, sentence="Why.")


def told(image: Image) -> ErrorEntry:
    return ErrorEntry(Code.TRUNCATED, "Why.", LATER, image.id)


def at_work(store: FirestoreStatusStore) -> None:
    store.register(batch())
    store.claim("b1", LEASE, NOON)


def in_parts(found: list[Image]) -> Iterator[list[Image]]:
    for start in range(0, len(found), 400):
        yield found[start : start + 400]


def at_rest_with_failures(store: FirestoreStatusStore, number: int) -> list[Image]:
    at_work(store)
    store.add_images("b1", LEASE, images(number), NOON)
    outcomes = [failed(image) for image in images(number)]
    entries = [told(image) for image in outcomes]
    store.save_outcomes("b1", LEASE, outcomes, Counts(found=number, errored=number), entries, LATER)
    store.finish("b1", LEASE, BatchState.DONEPROCESSING, (), LATER)
    return outcomes


def fetched(store: FirestoreStatusStore) -> Batch:
    found = store.batch("b1")
    assert found is not None
    return found


def states(store: FirestoreStatusStore) -> dict[str, ImageState]:
    return {image.id: image.state for image in store.images("b1")}


# what is written


def test_the_documents_are_those_of_the_record(client: WatchedClient, store: FirestoreStatusStore) -> None:
    at_rest_with_failures(store, 2)
    document = client.collection("batches").document("b1")
    assert document.get().to_dict() == batch_to_document(fetched(store))
    inside = {one.id: one.to_dict() for one in document.collection("images").stream()}
    assert inside == {image.id: image_to_document(image) for image in store.images("b1")}


def test_times_come_back_as_plain_ones_with_their_microseconds(store: FirestoreStatusStore) -> None:
    at_work(store)
    store.add_images("b1", LEASE, images(1), NOON)
    found = fetched(store)
    assert found.lease is not None
    times = [found.created_at, found.lease.expires_at, next(store.images("b1")).times[0][1]]
    assert times == [NOON, LEASE.expires_at, NOON]
    assert [(type(at), at.tzinfo) for at in times] == [(datetime, UTC)] * 3


def test_a_name_that_is_no_unicode_is_kept_as_bytes(client: WatchedClient, store: FirestoreStatusStore) -> None:
    store.register(replace(batch(), name="odd \udcff \ud800"))
    assert isinstance(client.collection("batches").document("b1").get().get("name"), bytes)
    assert store.claim("b1", LEASE, NOON).name == fetched(store).name == "odd \udcff \ud800"


def test_fields_of_another_version_stay(client: WatchedClient, store: FirestoreStatusStore) -> None:
    store.register(batch())
    document = client.collection("batches").document("b1")
    document.update({"of_a_later_version": {"kept": True}})
    store.claim("b1", LEASE, NOON)
    store.renew("b1", RENEWED, LATER)
    store.finish("b1", LEASE, BatchState.ERROR, (), LATER)
    store.requeue("b1", (), LATER)
    assert document.get().get("of_a_later_version") == {"kept": True}


def test_a_thousand_images_take_two_writes_each_and_a_handful_for_the_batch(
    client: WatchedClient, store: FirestoreStatusStore
) -> None:
    at_work(store)
    for part in in_parts(images(1000)):
        store.add_images("b1", LEASE, part, NOON)
    for part in in_parts([stored(image) for image in images(1000)]):
        store.save_outcomes("b1", LEASE, part, Counts(found=1000), (), LATER)
    store.finish("b1", LEASE, BatchState.DONEPROCESSING, (), LATER)
    assert 2000 < sum(client.writes) <= 2000 + 10
    assert max(client.writes) <= 500


def test_whoever_has_claimed_a_batch_reads_nothing_before_its_writes(
    client: WatchedClient, store: FirestoreStatusStore
) -> None:
    at_work(store)
    made = images(500)
    before = client.reads
    store.renew("b1", RENEWED, LATER)
    store.add_images("b1", RENEWED, made, LATER)
    store.save_outcomes("b1", RENEWED, [stored(image) for image in made], Counts(500, 500), (), LATER)
    store.finish("b1", RENEWED, BatchState.DONEPROCESSING, (), LATER)
    assert client.reads == before
    assert set(states(store).values()) == {ImageState.DONEPROCESSING}


def test_an_image_whose_record_was_removed_under_its_holder_is_missed_and_not_made_anew(
    client: WatchedClient, store: FirestoreStatusStore
) -> None:
    at_work(store)
    made = images(2)
    store.add_images("b1", LEASE, made, NOON)
    client.document("batches/b1/images/i0001").delete()
    with pytest.raises(Refused):
        store.save_outcomes("b1", LEASE, [stored(image) for image in made], Counts(2, 2), (), LATER)
    assert states(store) == {"i0000": ImageState.NEW}


def test_after_somebody_else_has_written_the_holder_reads_what_it_is_now(
    client: WatchedClient, store: FirestoreStatusStore
) -> None:
    at_work(store)
    FirestoreStatusStore(client).set_new_arrivals("b1", True, LATER)
    rested = store.finish("b1", LEASE, BatchState.DONEPROCESSING, (), LATER)
    assert rested.has_new_arrivals


def test_no_commit_has_more_writes_than_firestore_takes(client: WatchedClient, store: FirestoreStatusStore) -> None:
    # the emulator takes any number
    outcomes = at_rest_with_failures(store, 1001)
    store.requeue("b1", [image.id for image in outcomes], LATER)
    assert max(client.writes) <= 500
    assert set(states(store).values()) == {ImageState.NEW}
    assert len(states(store)) == 1001


def test_errors_of_more_images_than_a_commit_takes_are_counted_once(store: FirestoreStatusStore) -> None:
    at_work(store)
    store.add_images("b1", LEASE, images(900), NOON)
    outcomes = [failed(image) for image in images(900)]
    entries = [ErrorEntry(Code.NO_FILES, "Why.", LATER), *(told(image) for image in outcomes)]
    store.save_outcomes("b1", LEASE, outcomes, Counts(found=900, errored=900), entries, LATER)
    assert fetched(store).error_count == 901
    assert fetched(store).errors == tuple(entries[:100])


def test_lists_longer_than_a_page_come_whole_and_in_order(
    store: FirestoreStatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firestore_commits, "_DOCUMENTS_A_PAGE", 7)
    at_work(store)
    store.add_images("b1", LEASE, images(28), NOON)
    assert [image.id for image in store.images("b1")] == [image.id for image in images(28)]
    for number in range(2, 23):
        store.register(replace(batch(f"b{number}"), created_at=NOON + timedelta(seconds=number // 9)))
    assert [one.id for one in store.batches()] == [f"b{number}" for number in range(1, 23)]


# one winner


def test_a_renewal_and_outcomes_at_the_same_time_both_succeed(store: FirestoreStatusStore) -> None:
    at_work(store)
    store.add_images("b1", LEASE, images(80), NOON)
    ended = threading.Event()
    beats: list[Lease] = []

    def beat() -> None:
        while not ended.wait(0.02):
            lease = Lease("one", LEASE.expires_at + timedelta(seconds=len(beats)))
            store.renew("b1", lease, LATER)
            beats.append(lease)

    with ThreadPoolExecutor(1) as threads:
        beating = threads.submit(beat)
        try:
            for number, image in enumerate(images(80)):
                now = LATER + timedelta(seconds=number)
                counts = Counts(found=80, errored=number + 1)
                store.save_outcomes("b1", LEASE, [failed(image)], counts, [told(image)], now)
        finally:
            ended.set()
        beating.result()
    found = fetched(store)
    assert (found.counts.errored, found.error_count, found.lease) == (80, 80, beats[-1])
    assert beats


HELD_WRITES: dict[str, Callable[[FirestoreStatusStore], object]] = {
    "renew": lambda store: store.renew("b1", RENEWED, LATER),
    "freeze": lambda store: store.freeze("b1", LEASE, found=1, size_bytes=1, profile_digest="p", key_id="k", now=LATER),
    "add_images": lambda store: store.add_images("b1", LEASE, images(2)[1:], LATER),
    "save_outcomes": lambda store: store.save_outcomes(
        "b1", LEASE, [failed(images(1)[0])], Counts(found=1, errored=1), [told(images(1)[0])], LATER
    ),
    "finish": lambda store: store.finish("b1", LEASE, BatchState.ERROR, (), LATER),
    "release": lambda store: store.release("b1", LEASE, None, LATER),
}


@pytest.mark.parametrize("name", HELD_WRITES)
def test_a_worker_that_loses_its_lease_just_before_its_commit_writes_nothing(
    client: WatchedClient, store: FirestoreStatusStore, name: str
) -> None:
    at_work(store)
    store.add_images("b1", LEASE, images(1), NOON)
    taken: list[Batch] = []

    def overtaken(commit: Commit) -> list[Any]:
        taken.append(store.claim("b1", RIVAL, EXPIRED))
        return commit()

    client.faults = [overtaken]
    with pytest.raises(LeaseLost):
        HELD_WRITES[name](store)
    assert [fetched(store)] == taken
    assert list(store.images("b1")) == images(1)


def test_of_many_that_take_over_an_expired_lease_one_wins(store: FirestoreStatusStore) -> None:
    at_work(store)

    def claim(number: int) -> bool:
        try:
            store.claim("b1", Lease(str(number), RIVAL.expires_at), EXPIRED)
        except LeaseHeld:
            return False
        return True

    for attempt in range(2, 12):
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(claim, range(8))).count(True) == 1
        found = fetched(store)
        assert found.attempt == attempt
        assert found.lease is not None
        store.release("b1", found.lease, None, LATER)


def test_of_overlapping_batches_registered_at_the_same_moment_exactly_one_is_left(store: FirestoreStatusStore) -> None:
    pairs = [(f"outer{number}", f"inner{number}") for number in range(40)]
    gate = threading.Barrier(4)

    def register(which: Batch) -> bool:
        gate.wait()
        try:
            store.register(which)
        except Refused as refusal:
            assert refusal.code is Code.OVERLAP
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        for outer, inner in pairs:
            both = [batch(outer), batch(inner, ("far", outer))]
            accepted = list(threads.map(register, [*both, *both]))
            left = [one for one in (store.batch(outer), store.batch(inner)) if one is not None]
            assert len(left) == 1
            assert accepted == [one in left for one in [*both, *both]]


def test_a_batch_whose_registration_died_half_way_stands_back_when_it_is_registered_again(
    client: WatchedClient, store: FirestoreStatusStore
) -> None:
    documents = BatchDocuments(client)
    earlier, later = batch("outer"), batch("inner", ("outer",))
    documents.create(earlier)
    documents.create(later)
    with pytest.raises(Refused) as refusal:
        store.register(later)
    assert refusal.value.code is Code.OVERLAP
    assert not store.register(earlier).created
    assert list(store.batches()) == [earlier]


def test_a_batch_that_should_stand_back_stays_if_a_worker_claimed_it_meanwhile(
    client: WatchedClient, store: FirestoreStatusStore
) -> None:
    documents = BatchDocuments(client)
    documents.create(batch("outer"))
    documents.create(batch("b1", ("outer",)))

    def claimed(commit: Commit) -> list[Any]:
        store.claim("b1", LEASE, NOON)
        return commit()

    client.faults = [claimed]
    assert not store.register(batch("b1", ("outer",))).created
    assert client.faults == []
    assert (fetched(store).state, fetched(store).lease) == (BatchState.PROCESSING, LEASE)


# a person asks again


def test_a_requeue_that_was_cut_off_leaves_the_batch_at_rest_and_another_completes_it(
    client: WatchedClient, store: FirestoreStatusStore
) -> None:
    wanted = [image.id for image in at_rest_with_failures(store, 900)]

    def cut_off(_: Commit) -> list[Any]:
        raise KeyboardInterrupt

    client.faults = [undisturbed, cut_off]
    with pytest.raises(KeyboardInterrupt):
        store.requeue("b1", wanted, LATER)
    assert fetched(store).state is BatchState.DONEPROCESSING
    assert list(states(store).values()).count(ImageState.NEW) == 400
    again = store.requeue("b1", wanted, LATER)
    assert (again.state, again.generation, again.error_count) == (BatchState.QUEUE, 8, 0)
    assert set(states(store).values()) == {ImageState.NEW}
    assert client.collection("batches").document("b1").get().to_dict() == batch_to_document(again)


def test_a_requeue_that_another_one_overtakes_touches_no_image_of_a_queued_batch(
    client: WatchedClient, store: FirestoreStatusStore
) -> None:
    wanted = [image.id for image in at_rest_with_failures(store, 900)]

    def overtaken(commit: Commit) -> list[Any]:
        store.requeue("b1", wanted[:1], LATER)  # at the same time by the clock
        return commit()

    client.faults = [undisturbed, overtaken]
    with pytest.raises(SenditError) as refusal:
        store.requeue("b1", wanted, LATER)
    assert refusal.value.code is Code.ILLEGAL_TRANSITION
    assert list(states(store).values()).count(ImageState.NEW) == 400
    assert fetched(store).counts == Counts(found=900, errored=500)


def test_a_requeue_begins_anew_if_another_sent_images_back_and_died(
    client: WatchedClient, store: FirestoreStatusStore
) -> None:
    wanted = [image.id for image in at_rest_with_failures(store, 900)]

    def cut_off(_: Commit) -> list[Any]:
        raise KeyboardInterrupt

    def meanwhile(commit: Commit) -> list[Any]:
        client.faults = [undisturbed, cut_off]
        with suppress(KeyboardInterrupt):  # at the same time by the clock: nothing of the batch itself changes
            store.requeue("b1", wanted, LATER)
        return commit()

    client.faults = [meanwhile]
    again = store.requeue("b1", wanted[-1:], LATER)
    assert again.counts.errored == again.error_count == list(states(store).values()).count(ImageState.ERROR) == 499
    assert fetched(store) == again


def test_of_two_requeues_at_once_one_wins_and_the_counts_are_those_of_the_images(store: FirestoreStatusStore) -> None:
    wanted = [image.id for image in at_rest_with_failures(store, 900)]

    def requeue(again: list[str]) -> Batch | Code:
        try:
            return store.requeue("b1", again, LATER)
        except SenditError as error:
            return error.code

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(requeue, [wanted[:450], wanted[450:]]))
    assert answers.count(Code.ILLEGAL_TRANSITION) == 1
    found = fetched(store)
    assert found in answers
    assert (found.state, found.generation) == (BatchState.QUEUE, 8)
    assert found.counts.errored == list(states(store).values()).count(ImageState.ERROR) == found.error_count


# a batch is forgotten


def test_a_batch_that_was_forgotten_half_way_is_at_rest_and_forgotten_wholly_the_next_time(
    client: WatchedClient, store: FirestoreStatusStore
) -> None:
    at_rest_with_failures(store, 900)
    before = fetched(store)

    def cut_off(_: Commit) -> list[Any]:
        raise KeyboardInterrupt

    client.faults = [undisturbed, undisturbed, cut_off]
    with pytest.raises(KeyboardInterrupt):
        store.forget("b1", 7)
    assert fetched(store) == before
    assert len(states(store)) == 100
    store.forget("b1", 7)
    assert (store.batch("b1"), states(store)) == (None, {})


@pytest.mark.parametrize("commits", [0, 2, 3])
def test_a_batch_that_is_asked_for_again_while_it_is_forgotten_stays_with_the_images_that_are_left(
    client: WatchedClient, store: FirestoreStatusStore, commits: int
) -> None:
    at_rest_with_failures(store, 900)
    asked: list[Batch] = []

    def overtaken(commit: Commit) -> list[Any]:
        asked.append(store.requeue("b1", (), LATER))
        return commit()

    client.faults = [*[undisturbed] * commits, overtaken]
    store.forget("b1", 7)
    assert [fetched(store)] == asked
    assert len(states(store)) == max(900 - 400 * commits, 0) == asked[0].counts.errored


# answers that get lost


@dataclass(frozen=True)
class Operation:
    before: Callable[[FirestoreStatusStore], object]
    write: Callable[[FirestoreStatusStore], object]


def with_images(store: FirestoreStatusStore) -> None:
    at_work(store)
    store.add_images("b1", LEASE, images(3), NOON)


def save(store: FirestoreStatusStore) -> None:
    outcomes = [stored(images(3)[0]), failed(images(3)[1])]
    counts = Counts(found=3, stored=1, errored=1)
    store.save_outcomes("b1", LEASE, outcomes, counts, [told(outcomes[1])], LATER)


OPERATIONS = {
    "register": Operation(lambda store: None, lambda store: store.register(batch())),
    "mark_published": Operation(lambda store: store.register(batch()), lambda store: store.mark_published("b1", LATER)),
    "claim": Operation(lambda store: store.register(batch()), lambda store: store.claim("b1", LEASE, LATER)),
    "renew": Operation(at_work, lambda store: store.renew("b1", RENEWED, LATER)),
    "freeze": Operation(
        at_work,
        lambda store: store.freeze("b1", LEASE, found=3, size_bytes=30, profile_digest="p", key_id="k", now=LATER),
    ),
    "add_images": Operation(at_work, lambda store: store.add_images("b1", LEASE, images(3), LATER)),
    "save_outcomes": Operation(with_images, save),
    "save_errors": Operation(
        at_work, lambda store: store.save_outcomes("b1", LEASE, [], Counts(found=3), [told(images(1)[0])], LATER)
    ),
    "finish": Operation(
        at_work,
        lambda store: store.finish("b1", LEASE, BatchState.ERROR, [ErrorEntry(Code.NO_FILES, "Why.", LATER)], LATER),
    ),
    "release": Operation(at_work, lambda store: store.release("b1", LEASE, None, LATER)),
    "set_new_arrivals": Operation(at_work, lambda store: store.set_new_arrivals("b1", True, LATER)),
    "abandon": Operation(
        lambda store: store.register(batch()),
        lambda store: store.abandon("b1", ErrorEntry(Code.ATTEMPTS_USED_UP, "Why.", LATER), LATER),
    ),
    "mark_cleaned": Operation(
        lambda store: at_rest_with_failures(store, 1), lambda store: store.mark_cleaned("b1", 7, LATER)
    ),
    "requeue": Operation(
        lambda store: at_rest_with_failures(store, 3), lambda store: store.requeue("b1", ["i0001"], LATER)
    ),
}
FAULTS: dict[str, Callable[[], list[Fault]]] = {
    "written, answer lost": lambda: [lost_answer],
    "not written": lambda: [never_arrived],
    "aborted": lambda: [aborted, aborted],
    "written late": arrived_late,
    "not written, then answer lost": lambda: [never_arrived, lost_answer],
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_write_whose_answer_is_lost_is_done_once(connect: Connect, name: str, fault: str) -> None:
    operation, ends = OPERATIONS[name], []
    for faults in ([], FAULTS[fault]()):
        client = connect()
        store = FirestoreStatusStore(client)
        operation.before(store)
        client.faults = faults
        answer = operation.write(store)
        assert client.faults == []  # all of them came about
        ends.append((answer, fetched(store), list(store.images("b1"))))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_batch_is_forgotten_whatever_answers_are_lost(
    client: WatchedClient, store: FirestoreStatusStore, fault: str
) -> None:
    at_rest_with_failures(store, 900)
    client.faults = [undisturbed, *FAULTS[fault]()]
    store.forget("b1", 7)
    assert (store.batch("b1"), list(store.images("b1")), client.faults) == (None, [], [])
    assert max(client.writes) <= 500


def test_outcomes_that_were_written_although_the_call_failed_do_not_double_their_errors(
    client: WatchedClient, store: FirestoreStatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    with_images(store)
    client.faults = [lost_answer, *[never_arrived] * 30]
    with suppress(TransientError):
        save(store)
    client.faults = []
    save(store)
    assert fetched(store).error_count == 1


def test_whoever_was_overtaken_is_told_so_even_where_what_it_writes_may_not_follow_any_more(
    client: WatchedClient, store: FirestoreStatusStore
) -> None:
    store.register(batch())
    store.claim("b1", LEASE, NOON)
    store.add_images("b1", LEASE, images(1), NOON)
    store.release("b1", LEASE, None, NOON)
    store.claim("b1", RENEWED, NOON)  # an attempt that knows the image from before, and dies
    rival = FirestoreStatusStore(client)
    rival.claim("b1", RIVAL, RENEWED.expires_at)
    rejected = replace(images(1)[0], state=ImageState.REJECTED, times=((ImageState.REJECTED, LATER),))
    rival.save_outcomes("b1", RIVAL, [rejected], Counts(found=1, rejected=1), (), LATER)
    done = replace(images(1)[0], state=ImageState.DONEPROCESSING, times=((ImageState.DONEPROCESSING, LATER),))
    with pytest.raises(LeaseLost):
        store.save_outcomes("b1", RENEWED, [done], Counts(found=1, stored=1), (), LATER)


# a service that is not there


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    again: Retry = firestore_commits._AGAIN
    monkeypatch.setattr(firestore_commits, "_AGAIN", again.with_timeout(0.5))
    monkeypatch.setattr(firestore_changes, "SECONDS_OF_PATIENCE", 0.5)


def test_a_service_that_cannot_be_reached_is_reported_in_seconds_and_without_a_word_of_its_own(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    store = FirestoreStatusStore(connect())
    calls: list[Callable[[], object]] = [
        lambda: store.batch("b1"),
        lambda: list(store.batches()),
        lambda: list(store.images("b1")),
        lambda: store.register(batch()),
        lambda: store.claim("b1", LEASE, NOON),
        lambda: store.requeue("b1", (), LATER),
    ]
    for call in calls:
        start = time.monotonic()
        with pytest.raises(TransientError) as failure:
            call()
        assert failure.value.code is Code.STATUS_UNAVAILABLE
        assert failure.value.__suppress_context__
        assert time.monotonic() - start < 30


def test_commits_that_are_never_answered_end_in_an_error(
    client: WatchedClient, store: FirestoreStatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    store.register(batch())
    client.faults = [never_arrived] * 100
    with pytest.raises(TransientError) as failure:
        store.claim("b1", LEASE, NOON)
    assert failure.value.code is Code.STATUS_UNAVAILABLE


@pytest.mark.parametrize("refusal", [PermissionDenied, Unauthenticated])
def test_a_service_that_does_not_let_us_in_is_not_asked_again(
    client: WatchedClient, store: FirestoreStatusStore, refusal: type[GoogleAPICallError]
) -> None:
    def refuse(_: Commit) -> list[Any]:
        raise refusal("DOE^JOHN")

    store.register(batch())
    client.faults = [refuse]
    client.writes = []
    with pytest.raises(TransientError) as failure:
        store.claim("b1", LEASE, NOON)
    assert failure.value.code is Code.STATUS_FORBIDDEN
    assert "DOE" not in str(failure.value)
    assert len(client.writes) == 1


def test_a_quota_that_stays_used_up_is_told_as_one(
    client: WatchedClient, store: FirestoreStatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Commit) -> list[Any]:
        raise ResourceExhausted("")

    impatient(monkeypatch)
    store.register(batch())
    client.faults = [refuse] * 100
    client.writes = []
    with pytest.raises(TransientError) as failure:
        store.claim("b1", LEASE, NOON)
    assert failure.value.code is Code.QUOTA_EXCEEDED
    assert len(client.writes) > 1
