"""Objects damaged in thousands of ways: refused or de-identified, as the oracle does, in bounded work and memory."""

from __future__ import annotations

import io
import sys
import tracemalloc
from functools import cache
from random import Random
from struct import pack
from typing import TYPE_CHECKING

import pytest
from tests.data.deid_objects import element, instance, sequence
from tests.data.generated import Case, cases
from tests.oracle.agreement import KEYS, differences, engine_outcome, oracle_outcome

from sendit.deid import PROFILES, DeidError, deidentify

if TYPE_CHECKING:
    from types import FrameType

    from sendit.deid import Profile

pytestmark = pytest.mark.thorough

MUTATIONS, PARTS = 4000, 8
HOSTILE_LENGTHS = (0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 0x10000, 0xFFFF, 0, 1, 3)
MOST_CALLS_FOR_EACH_BYTE, MOST_CALLS_AT_ALL = 40, 20_000
MOST_READS_FOR_EACH_BYTE = 8
MOST_MEMORY = 2 * 1024 * 1024


@cache
def _seeds() -> tuple[Case, ...]:
    return tuple(case for case in cases(160, seed=9) if isinstance(oracle_outcome(case.data, case.profile), bytes))


def _mutated(random: Random, data: bytes, other: bytes) -> bytes:
    result = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        at = random.randrange(132, max(133, len(result)))
        how = random.randrange(7)
        if how == 0:
            result[at : at + 1] = bytes((random.randrange(256),))
        elif how == 1:
            result[at : at + 1] = bytes((result[at] ^ 1 << random.randrange(8) if at < len(result) else 0,))
        elif how == 2:
            del result[at:]
        elif how == 3:
            del result[at : at + random.randrange(1, 40)]
        elif how == 4:
            start = random.randrange(len(other))
            result[at:at] = other[start : start + random.randrange(200)]
        elif how == 5:
            at += at % 2
            result[at : at + 4] = pack("<L", random.choice(HOSTILE_LENGTHS))
        else:
            at += at % 2
            result[at : at + 2] = pack("<H", random.choice(HOSTILE_LENGTHS) & 0xFFFF)
    return bytes(result)


def _mutations(count: int, seed: int) -> list[tuple[bytes, Profile]]:
    random = Random(seed)  # noqa: S311  the same every time
    made = []
    for _ in range(count):
        one, other = random.choice(_seeds()), random.choice(_seeds())
        made.append((_mutated(random, one.data, other.data), one.profile))
    return made


class CountingSource(io.BytesIO):
    """Counts what is read of it."""

    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.read_bytes += len(data)
        return data


def _refused_or_done(data: bytes, profile: Profile) -> CountingSource:
    source = CountingSource(data)
    try:
        deidentify(source, io.BytesIO(), profile=profile, keys=KEYS, identify=KEYS.identifiers)
    except DeidError as error:
        assert error.__cause__ is None  # nothing of the object may be quoted behind it
    return source


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_was_damaged_engine_and_oracle_accept_the_same_and_make_the_same_of_it(part: int) -> None:
    found = []
    for number, (data, profile) in enumerate(_mutations(MUTATIONS // PARTS, seed=part)):
        engine, oracle = engine_outcome(data, profile), oracle_outcome(data, profile)
        if isinstance(engine, bytes) and isinstance(oracle, bytes):
            found += [(number, profile.name, one) for one in differences(engine, oracle)]
    assert found == []


def test_a_damaged_object_is_refused_by_both_or_by_none() -> None:
    found = []
    for number, (data, profile) in enumerate(_mutations(500, seed=100)):
        engine, oracle = engine_outcome(data, profile), oracle_outcome(data, profile)
        if isinstance(engine, bytes) != isinstance(oracle, bytes):
            found.append((number, profile.name, differences(engine, oracle)))
    assert found == []


def _calls(data: bytes, profile: Profile) -> tuple[int, int]:
    """How many functions are called, and how many bytes read, to refuse or de-identify an object."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        source = _refused_or_done(data, profile)
    finally:
        sys.setprofile(None)
    return calls, source.read_bytes


def test_work_is_bounded_by_the_bytes_of_the_object() -> None:
    cases_tried = [*_mutations(200, seed=200), *_hostile()]
    for data, profile in cases_tried:
        _refused_or_done(data, profile)  # rules and vocabulary are made ready once
    for data, profile in cases_tried:
        calls, read = _calls(data, profile)
        assert calls <= MOST_CALLS_AT_ALL + MOST_CALLS_FOR_EACH_BYTE * len(data)
        assert read <= MOST_READS_FOR_EACH_BYTE * len(data)


@pytest.mark.parametrize("name", PROFILES)
def test_work_grows_with_the_elements_and_no_faster(name: str) -> None:
    def calls(items: int) -> int:
        named = element(0x00100010, "PN", f"Zaunkoenig^{items}")
        inner = element(0x00081030, "LO", "CT Abdomen") + element(0x00081050, "PN", "Wunderlich^Hedwig")
        many = [inner + element(0x00181030, "LO", f"Kopf {number}") for number in range(items)]
        data = instance(named, sequence(0x00400275, *many), sequence(0x00540016, *many))
        return _calls(data, PROFILES[name])[0]

    calls(10)
    assert calls(1600) <= 4.6 * calls(400)


def test_memory_is_bounded_whatever_lengths_say() -> None:
    tried = [*_mutations(150, seed=300), *_hostile()]
    for data, profile in tried:
        _refused_or_done(data, profile)
    tracemalloc.start()
    try:
        for data, profile in tried:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            _refused_or_done(data, profile)
            assert tracemalloc.get_traced_memory()[1] - before <= MOST_MEMORY + 30 * len(data)
    finally:
        tracemalloc.stop()


def _hostile() -> list[tuple[bytes, Profile]]:
    """Every length field of an object set to every hostile value: those of its first elements."""
    result = []
    for one in _seeds()[:4]:
        for at in range(132, min(len(one.data), 400), 2):
            result += [
                (one.data[:at] + pack("<L", length) + one.data[at + 4 :], one.profile) for length in HOSTILE_LENGTHS[:3]
            ]
    return result[::7]
