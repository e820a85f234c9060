from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendit.documents import (
    batch_from_document,
    batch_to_document,
    from_json,
    image_from_document,
    image_to_document,
    to_json,
)
from sendit.errors import BatchError, Code, SenditError
from sendit.records import (
    BATCH_TRANSITIONS,
    IMAGE_TRANSITIONS,
    STORED,
    UNSETTLED,
    Batch,
    BatchState,
    Counts,
    ErrorEntry,
    Image,
    ImageState,
    Lease,
    check_transition,
)

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def test_the_tables_name_every_state() -> None:
    assert BATCH_TRANSITIONS.keys() == set(BatchState)
    assert IMAGE_TRANSITIONS.keys() == set(ImageState)


def test_every_batch_state_but_queue_can_be_reached_and_left_for_a_retry() -> None:
    reachable = frozenset[BatchState]().union(*BATCH_TRANSITIONS.values())
    assert reachable == set(BatchState)
    for state in (BatchState.DONEPROCESSING, BatchState.DONE, BatchState.EMPTY, BatchState.ERROR):
        assert BatchState.QUEUE in BATCH_TRANSITIONS[state]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BatchState.DONE, BatchState.PROCESSING),
        (BatchState.NEW, BatchState.DONE),
        (BatchState.PROCESSING, BatchState.QUEUE),
        (ImageState.NEW, ImageState.SENT),
        (ImageState.DONE, ImageState.DONEPROCESSING),
        (ImageState.REJECTED, ImageState.DONEPROCESSING),
    ],
)
def test_transitions_outside_the_table_are_refused(old: BatchState | ImageState, new: BatchState | ImageState) -> None:
    with pytest.raises(SenditError) as refusal:
        check_transition(old, new)
    assert refusal.value.code is Code.ILLEGAL_TRANSITION


def test_every_image_state_is_settled_or_not() -> None:
    assert STORED | UNSETTLED | {ImageState.REJECTED, ImageState.ERROR} == set(ImageState)
    assert not STORED & UNSETTLED


def test_counts_that_do_not_add_up_are_a_batch_error() -> None:
    Counts(found=4, stored=2, rejected=1, errored=1, duplicates=1).check_conservation()
    with pytest.raises(BatchError) as error:
        Counts(found=4, stored=2, rejected=1).check_conservation()
    assert error.value.code is Code.CONSERVATION


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        (Counts(found=2, stored=1, rejected=1), BatchState.DONEPROCESSING),
        (Counts(found=2, rejected=2), BatchState.EMPTY),
        (Counts(found=2, rejected=1, errored=1), BatchState.DONEPROCESSING),
    ],
)
def test_a_batch_of_which_nothing_passed_is_empty_unless_something_failed(counts: Counts, state: BatchState) -> None:
    assert counts.resting_state() is state


moments = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
numbers = st.integers(min_value=0, max_value=2**40)


@given(
    st.builds(
        Batch,
        id=st.just("id"),
        name=st.none() | st.text(st.characters(codec=None)),
        state=st.sampled_from(BatchState),
        generation=numbers,
        created_at=moments,
        updated_at=moments,
        ancestors=st.lists(st.text(max_size=3), max_size=2).map(tuple),
        started_at=st.none() | moments,
        finished_at=st.none() | moments,
        attempt=numbers,
        lease=st.none() | st.builds(Lease, owner=st.text(max_size=4), expires_at=moments),
        counts=st.builds(Counts, numbers, numbers, numbers, numbers, numbers),
        errors=st.lists(
            st.builds(ErrorEntry, st.sampled_from(Code), st.text(max_size=4), moments, st.none() | st.text()),
            max_size=2,
        ).map(tuple),
        error_count=numbers,
        has_new_arrivals=st.booleans(),
        frozen=st.booleans(),
    )
)
def test_a_batch_survives_its_document_and_the_documents_text(batch: Batch) -> None:
    document = batch_to_document(batch)
    assert batch_from_document("id", document) == batch
    assert from_json(to_json(document)) == document
    assert document["has_error"] == (batch.error_count > 0)


@given(
    st.builds(
        Image,
        id=st.just("id"),
        batch_id=st.just("batch"),
        state=st.sampled_from(ImageState),
        times=st.just(
            ((ImageState.NEW, NOON), (ImageState.PROCESSING, NOON), (ImageState.ERROR, NOON + timedelta(seconds=1)))
        ),
        size_bytes=numbers,
        code=st.none() | st.sampled_from(Code),
        sentence=st.text(),
        rule=st.text(),
        output=st.text(),
        output_bytes=numbers,
        output_crc32c=numbers,
        duplicate=st.booleans(),
        blanked=st.none() | st.lists(numbers).map(tuple),
    )
)
def test_an_image_survives_its_document_and_the_documents_text(image: Image) -> None:
    document = image_to_document(image)
    assert image_from_document("id", "batch", document) == image
    assert from_json(to_json(document)) == document
