"""No more at one time than may be, and whoever comes then is told so in time."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest

from sendit.errors import Busy, Code
from sendit.turns import Turns


def test_whoever_finds_every_turn_taken_is_told_that_the_worker_is_busy() -> None:
    turns = Turns(2, patience=0.01)
    with turns.taken(), turns.taken():
        with pytest.raises(Busy) as busy, turns.taken():
            pass
        assert busy.value.code is Code.WORKER_BUSY


def test_a_turn_that_failed_is_free_again() -> None:
    turns = Turns(1, patience=0.01)
    for _ in range(3):
        with pytest.raises(KeyError), turns.taken():
            raise KeyError
    with ExitStack() as stack:
        stack.enter_context(turns.taken())


def test_whoever_waits_has_the_next_turn() -> None:
    turns, begun = Turns(1), Event()

    def wait() -> bool:
        begun.set()
        with turns.taken():
            return True

    with ThreadPoolExecutor(1) as threads:
        with turns.taken():
            waiting = threads.submit(wait)
            assert begun.wait(10)
        assert waiting.result(10)
