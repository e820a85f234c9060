"""Items that are like others of their sequence give what they give alone: output, report and refusal."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.generated_frames import frames
from tests.data.generated_profiles import PROFILES_TRIED
from tests.oracle.agreement import differences, oracle_outcome

from sendit.deid import DEFAULT_LIMITS, DeidError, Keyring, Limits, Profile, deidentify
from sendit.deid.dicom.form import Forms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

Outcome = tuple[bytes, str] | str
SECRET = b"a secret key of this test suite."


def outcome(data: bytes, profile: Profile, limits: Limits = DEFAULT_LIMITS) -> Outcome:
    """Output and report line, or the code of the refusal, of an object of whose series nothing is known."""
    sink, keys = io.BytesIO(), Keyring(SECRET)
    try:
        report = deidentify(
            io.BytesIO(data), sink, profile=profile, keys=keys, identify=keys.identifiers, limits=limits
        )
    except DeidError as error:
        return str(error.code)
    return sink.getvalue(), report.to_json_line()


@contextmanager
def one_by_one() -> Iterator[None]:
    """Every item is read, treated and looked at by itself."""
    with mock.patch.object(Forms, "learns", lambda *_: False):
        yield


def check(data: bytes, profile: Profile, limits: Limits = DEFAULT_LIMITS) -> Outcome:
    """That items give what they give one by one; and what that is."""
    with one_by_one():
        expected = outcome(data, profile, limits)
    assert outcome(data, profile, limits) == expected
    return expected


PROPERTY = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.thorough
@PROPERTY
@given(st.randoms(use_true_random=False), st.integers(3, 14))
def test_any_object_of_many_items(random: Random, count: int) -> None:
    made = frames(random, count)
    found = check(made.data, made.profile)
    output = found if isinstance(found, str) else found[0]
    assert differences(output, oracle_outcome(made.data, made.profile)) == []


@pytest.mark.thorough
@PROPERTY
@given(st.randoms(use_true_random=True), st.integers(3, 14), st.sampled_from(PROFILES_TRIED))
def test_any_object_of_many_items_with_any_profile(random: Random, count: int, profile: Profile) -> None:
    check(frames(random, count).data, profile)
