import pickle

import pytest

from sendit.deid.errors import Refusal
from sendit.errors import (
    SENTENCES,
    BatchError,
    Code,
    ImageError,
    LeaseHeld,
    LeaseLost,
    SenditError,
    TransientError,
    UsageError,
)
from sendit.pixels import PixelRefusal


def test_every_code_has_one_sentence_for_people() -> None:
    assert SENTENCES.keys() == set(Code)
    for sentence in SENTENCES.values():
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def test_every_refusal_of_the_engine_and_of_pixels_is_a_code_of_an_image_error() -> None:
    assert {refusal.value for refusal in (*Refusal, *PixelRefusal)} <= {code.value for code in Code}


def test_facts_other_than_whole_numbers_are_refused_so_that_no_header_value_can_travel() -> None:
    with pytest.raises(TypeError):
        ImageError(Code.CONSERVATION, found="DOE^JOHN")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        ImageError(Code.TRUNCATED),
        BatchError(Code.CONSERVATION, found=3, stored=1, rejected=1, errored=0),
        TransientError(Code.NO_SPACE),
        LeaseHeld(),
        LeaseLost(),
        UsageError(Code.BAD_SETTING, "the hint"),
    ],
)
def test_errors_survive_the_way_between_processes(error: SenditError) -> None:
    back = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes
    assert type(back) is type(error)
    assert (back.code, back.facts, back.sentence) == (error.code, error.facts, error.sentence)


def test_the_sentence_of_a_conservation_error_holds_the_numbers() -> None:
    error = BatchError(Code.CONSERVATION, found=3, stored=1, rejected=1, errored=0)
    assert error.sentence == "Found 3, but stored 1, rejected 1, errored 0: not equal."
