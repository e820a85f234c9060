"""Ages over 89 years are not told from each other."""

from __future__ import annotations

import pytest

from sendit.deid.values.ages import capped


@pytest.mark.parametrize(
    "age", ["000D", "003D", "026W", "011M", "999D", "999W", "999M", "001Y", "045Y", "089Y", "090Y"]
)
def test_age_up_to_ninety_stays(age: str) -> None:
    assert capped(age) == age


@pytest.mark.parametrize("age", ["091Y", "092Y", "110Y", "999Y", "093Y "])
def test_age_over_ninety_becomes_ninety(age: str) -> None:
    assert capped(age) == "090Y"


@pytest.mark.parametrize("value", ["", "92Y", "1092M", "092", "092y", "Y092", "09.Y", "092YY", "٠٩٢Y", "old", "092Y\n"])
def test_what_is_no_age_goes(value: str) -> None:
    assert capped(value) == ""
