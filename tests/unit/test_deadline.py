"""The time of an attempt: when it is too late to begin, and what had all of it."""

import time

from sendit.deadline import ENDLESS, Deadline


def test_nothing_is_begun_in_the_last_quarter_of_a_budget() -> None:
    now = time.monotonic()
    assert not Deadline(100.0, now - 70.0).near
    assert Deadline(100.0, now - 76.0).near


def test_what_is_left_is_never_less_than_nothing() -> None:
    left = Deadline(100.0, time.monotonic() - 60.0).left()
    assert left is not None
    assert 30.0 < left <= 40.0
    assert Deadline(100.0, time.monotonic() - 200.0).left() == 0.0


def test_without_a_budget_there_is_no_end() -> None:
    for deadline in (ENDLESS, Deadline.after(None)):
        assert not deadline.near
        assert deadline.left() is None


def test_each_task_has_an_equal_part_of_the_time_to_begin() -> None:
    now = time.monotonic()
    whole = Deadline(100.0, now - 15.0)  # 60 s are left to begin things
    parts = {tasks: whole.part(tasks) for tasks in (1, 2, 3)}
    assert {tasks: round(part.budget * 0.75) for tasks, part in parts.items()} == {1: 60, 2: 30, 3: 20}
    assert not any(part.near for part in parts.values())
    assert Deadline(100.0, now - 80.0).part(2).near
    assert not ENDLESS.part(5).near
