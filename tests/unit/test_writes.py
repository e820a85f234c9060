"""Writes in their order behind the work; the first that fails ends them."""

import threading
from functools import partial

import pytest

from sendit.errors import LeaseLost
from sendit.writes import Writes


def test_writes_happen_in_their_order_and_all_before_it_is_finished() -> None:
    done: list[int] = []
    with Writes() as writes:
        for number in range(50):
            writes.begin(partial(done.append, number))
        writes.finish()
        assert done == list(range(50))


def test_the_work_goes_on_while_a_write_takes_its_time_and_waits_when_too_many_are_behind() -> None:
    gate = threading.Event()
    begun: list[int] = []
    with Writes() as writes:
        writes.begin(lambda: gate.wait(10))
        for number in range(2):
            writes.begin(lambda: None)
            begun.append(number)

        def third() -> None:
            writes.begin(lambda: None)
            begun.append(2)

        slow = threading.Thread(target=third)
        slow.start()
        slow.join(0.2)
        assert begun == [0, 1]
        gate.set()
        slow.join(10)
        assert begun == [0, 1, 2]


def test_many_may_be_asked_for_at_once() -> None:
    gate, done = threading.Event(), list[int]()
    with Writes() as writes:
        writes.begin(lambda: gate.wait(10))
        for number in range(100):
            writes.begin(partial(done.append, number), at_once=True)
        gate.set()
        writes.finish()
    assert done == list(range(100))


def test_after_one_that_failed_none_is_begun_and_every_call_says_so() -> None:
    done: list[int] = []

    def fail() -> None:
        raise LeaseLost

    with Writes() as writes:
        writes.begin(lambda: done.append(1))
        writes.begin(fail, at_once=True)
        writes.begin(lambda: done.append(2), at_once=True)
        for _ in range(2):
            with pytest.raises(LeaseLost):
                writes.finish()
        with pytest.raises(LeaseLost):
            writes.begin(lambda: done.append(3))
    assert done == [1]
