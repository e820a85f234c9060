"""What is remembered of one object costs others neither memory nor time, and decides nothing about them."""

from __future__ import annotations

import io
import random
import tracemalloc

import pytest
from tests.data.deid_objects import CT_STORAGE, TESTED, element, instance, sequence

from sendit.deid import DeidError, Keyring, Limits, deidentify
from sendit.deid.dicom.limits import DEFAULT_LIMITS
from sendit.deid.engine import _known_of
from sendit.deid.identity.matcher import uids_in
from sendit.deid.rules.compiled import rules_for

SECRET = b"a secret key of this test suite."


def outcome(data: bytes, keys: Keyring, limits: Limits = DEFAULT_LIMITS) -> str:
    """The output, or the code of the refusal."""
    sink = io.BytesIO()
    try:
        deidentify(
            io.BytesIO(data), sink, profile=TESTED["research"], keys=keys, identify=keys.identifiers, limits=limits
        )
    except DeidError as error:
        return str(error.code)
    return sink.getvalue().hex()


def test_looking_for_many_uids_in_many_dotted_numbers_takes_no_longer_than_both() -> None:
    uids = frozenset(f"1.2.826.0.1.{number}.7" for number in range(20_000))
    dotted = frozenset(f"9.8.7.6.5.4.{number}" for number in range(20_000))
    assert not uids_in(dotted, uids)
    assert uids_in(dotted | {"3.1.2.826.0.1.77.7.4"}, uids)


def test_an_object_of_many_attributes_leaves_little_behind() -> None:
    tags = random.Random(1).sample(range(0x00180010, 0x0018FFFF), 3_000)  # noqa: S311
    inner = b"".join(element(tag, "DS", "1") for tag in sorted(tags))
    keys = Keyring(SECRET)
    for at in range(0x00081110, 0x00081118):
        outcome(instance(sequence(at, inner)), keys)
    courses, actions, going = _known_of(rules_for(TESTED["research"], CT_STORAGE))
    assert all(len(known) <= 2_000 for known in (courses, actions, going))


@pytest.mark.thorough
def test_a_series_whose_slots_never_repeat_stays_small() -> None:
    keys = Keyring(SECRET)

    def one(number: int) -> bytes:
        return instance(*(element(0x00181000 + at, "LO", f"{number}-{at}-" + "x" * 500) for at in range(0x10, 0x40)))

    for number in range(5):
        outcome(one(number), keys)
    tracemalloc.start()
    for number in range(200):
        outcome(one(number), keys)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 4_000_000


@pytest.mark.parametrize("count", [90, 300])
def test_short_values_of_a_series_count_as_those_of_an_object_alone(count: int) -> None:
    limits = Limits(max_elements=400)

    def one(value: str) -> bytes:
        return instance(element(0x00181400, "LO", value), element(0x00204000, "LT", "x"))

    keys = Keyring(SECRET)
    for value in ("a", "b", "c"):
        outcome(one(value), keys, limits)
    data = one("\\" * count)
    assert outcome(data, keys, limits) == outcome(data, Keyring(SECRET), limits)
