"""One thing for all threads that ask at the same time, and another try after a failure."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from sendit.once import Once


def test_of_many_that_ask_at_the_same_time_all_get_the_same() -> None:
    together, made = Barrier(8), list[object]()

    def make() -> object:
        made.append(object())
        return made[-1]

    once = Once(make)

    def ask(_: int) -> object:
        together.wait(10)
        return once()

    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(ask, range(8)))
    assert len(made) == 1
    assert all(one is made[0] for one in got)


def test_what_could_not_be_made_is_tried_again() -> None:
    fails = [True]

    def make() -> int:
        if fails.pop():
            fails.append(False)
            raise KeyError
        return 7

    once = Once(make)
    with pytest.raises(KeyError):
        once()
    assert (once(), once()) == (7, 7)
