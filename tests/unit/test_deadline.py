"""The time of an attempt: when it is too late to begin, and what had all of it."""

import time

from sendit.deadline import ENDLESS, Deadline


def test_nothing_is_begun_in_the_last_tenth_of_a_budget() -> None:
    now = time.monotonic()
    assert not Deadline(100.0, now - 80.0).near
    assert Deadline(100.0, now - 91.0).near


def test_what_is_left_is_never_less_than_nothing() -> None:
    left = Deadline(100.0, time.monotonic() - 60.0).left()
    assert left is not None
    assert 30.0 < left <= 40.0
    assert Deadline(100.0, time.monotonic() - 200.0).left() == 0.0


def test_without_a_budget_there_is_no_end() -> None:
    for deadline in (ENDLESS, Deadline.after(None)):
        assert not deadline.near
        assert deadline.left() is None


def test_what_began_early_enough_had_the_whole_budget() -> None:
    deadline = Deadline(100.0, 1000.0)
    assert deadline.was_whole(1010.0)
    assert not deadline.was_whole(1050.0)
