"""Chunks, duplicates and conflicts: bounded, in order, and no matter of chance."""

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.naming import NAMING, NOBODY, inspected

from sendit.deadline import ENDLESS, Deadline
from sendit.errors import Code
from sendit.outcome import Inspected, Outcome, Planned
from sendit.records import ImageState
from sendit.refs import BatchName, Entry
from sendit.work import Claims, chunks, settle

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
BATCH = BatchName.parse("ST-1")


@given(st.lists(st.integers(min_value=0, max_value=100)), st.integers(min_value=1, max_value=300))
def test_chunks_keep_order_and_bound_and_lose_nothing(sizes: list[int], bound: int) -> None:
    entries = [Entry(f"{number:04d}", 1, size) for number, size in enumerate(sizes)]
    made = list(chunks(entries, bound))
    assert [entry for chunk in made for entry in chunk] == entries
    assert all(chunk for chunk in made)
    assert all(len(chunk) == 1 or sum(entry.size for entry in chunk) <= bound for chunk in made)


class Shuffled:
    """Workers that finish in random order, over a store where a name's first writer wins."""

    def __init__(self, contents: dict[str, tuple[str, str]], seed: int) -> None:
        self.contents = contents  # entry's name → output's name, bytes
        self.stored: dict[str, str] = {}
        self.chance = random.Random(seed)  # noqa: S311  no secret

    def inspect(
        self, batch: BatchName, entries: Iterable[Entry], deadline: Deadline = ENDLESS
    ) -> Iterator[Inspected | Outcome]:
        plans = [inspected(entry, self.contents[entry.name][0]) for entry in entries]
        self.chance.shuffle(plans)
        yield from plans

    def store(self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS) -> Iterator[Outcome]:
        plans = list(planned)
        assert len({plan.output for plan in plans}) == len(plans), "two of one name at one time"
        self.chance.shuffle(plans)
        for plan in plans:
            data = self.contents[plan.entry.name][1]
            created = plan.output not in self.stored
            if self.stored.setdefault(plan.output, data) != data:
                yield Outcome(plan.entry, ImageState.ERROR, NOON, NOON, code=Code.CONFLICT)
            else:
                yield Outcome(plan.entry, ImageState.DONEPROCESSING, NOON, NOON, output=plan.output, created=created)


@given(
    st.dictionaries(
        st.text("abcdefgh", min_size=1, max_size=3),
        st.tuples(st.sampled_from(["x", "y", "z"]), st.sampled_from(["one", "two"])),
        max_size=12,
    ),
    st.integers(min_value=0, max_value=5),
)
def test_the_first_name_is_stored_whatever_the_order_of_work(contents: dict[str, tuple[str, str]], seed: int) -> None:
    entries = [Entry(name, 1, 1) for name in sorted(contents)]
    workers = Shuffled(contents, seed)
    heard: list[Planned] = []
    settled = settle(workers, BATCH, entries, Claims(), NAMING.of_batch(NOBODY), stored=heard.append)
    results = {outcome.entry.name: (outcome, twin) for outcome, twin in settled}
    told = sorted((plan.entry.name, plan.output) for plan in heard)
    assert told == sorted((name, outcome.output) for name, (outcome, _) in results.items() if outcome.output)
    assert results.keys() == contents.keys()
    first: dict[str, str] = {}
    for name in sorted(contents):
        output, data = contents[name]
        outcome, duplicate = results[name]
        if output not in first:
            first[output] = data
            assert (outcome.code, duplicate) == (None, False)
        else:
            assert (outcome.code is None, duplicate) == (data == first[output], data == first[output])
    assert {name.split("/")[0]: data for name, data in workers.stored.items()} == first


@pytest.mark.parametrize(("holder", "duplicate"), [("a", False), ("b", True)])
def test_an_image_that_was_stored_before_the_crash_is_no_duplicate_of_itself(holder: str, duplicate: bool) -> None:
    claims = Claims([("out", holder)])
    again = Outcome(Entry("a", 1, 1), ImageState.DONEPROCESSING, NOON, NOON, output="out", created=False)
    assert claims.is_duplicate(again) is duplicate
