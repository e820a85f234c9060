"""Whatever object Hypothesis makes up, engine and oracle agree on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.generated import case, series
from tests.data.generated_profiles import PROFILES_TRIED
from tests.oracle.agreement import differences, disagreements, engine_outcome, oracle_outcome

if TYPE_CHECKING:
    from random import Random

    from sendit.deid import Profile

pytestmark = pytest.mark.thorough

PROPERTY = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@PROPERTY
@given(st.randoms(use_true_random=False))
def test_any_object_with_its_profile(random: Random) -> None:
    made = case(random)
    assert disagreements(made.data, made.profile) == []


@PROPERTY
@given(st.randoms(use_true_random=True), st.sampled_from(PROFILES_TRIED))
def test_any_object_with_any_profile(random: Random, profile: Profile) -> None:
    assert disagreements(case(random).data, profile) == []


@settings(PROPERTY, max_examples=30)
@given(st.randoms(use_true_random=True), st.integers(2, 5))
def test_any_series_backwards(random: Random, slices: int) -> None:
    for one in reversed(series(random, slices)):
        assert differences(engine_outcome(one.data, one.profile), oracle_outcome(one.data, one.profile)) == []
