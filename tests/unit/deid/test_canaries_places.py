"""A word that means nothing, planted in every VR at every place in every encoding, is left nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.data.canary_objects import Encoding, sequence, text, written
from tests.data.canary_places import (
    CONCEPTS,
    PLACES,
    SR_CLASSES,
    VALUE_TYPES,
    VRS,
    Hidden,
    around,
    hidden,
    report,
    retired,
    token,
)
from tests.data.canary_search import Canary, find
from tests.data.deid_objects import deidentified

from sendit.deid import DeidError

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.thorough

PROFILES = ("basic", "research", "strict")
WORD = token("a word for everything that is no element")
REFUSED = {
    ("an illegal private group", Encoding.NO_FILE_META): "not_dicom",
    ("an illegal private group", Encoding.NO_FILE_META_IMPLICIT): "not_dicom",
    ("group 0004", Encoding.NO_FILE_META): "not_dicom",
    ("group 0004", Encoding.NO_FILE_META_IMPLICIT): "not_dicom",
    ("in a sequence as UN of undefined length", Encoding.BIG_ENDIAN): "malformed",
    ("5 deep as UN of undefined length", Encoding.BIG_ENDIAN): "malformed",
}
"""What cannot be told to be DICOM without File Meta, and implicit little endian inside of big endian."""
WHOLE = frozenset({Encoding.EXPLICIT})
"""Elsewhere a VR is not said, or is read in the same way: some of them will do."""


def is_left(word: str, data: bytes, profile: str) -> bool:
    """Whether the word, or a half of it, is in the output or in the report.

    Raises:
        DeidError: nothing was written.
    """
    report, output = deidentified(data, profile)
    halves = [Canary(word, "whole"), Canary(word[:8], "first half"), Canary(word[8:], "second half")]
    return bool(find(halves, output) or find(halves, report.to_json_line().encode()))


def left_of(files: Iterable[Hidden], profile: str) -> tuple[list[str], list[str]]:
    """The VRs of which something was left, and the codes of those that were refused."""
    left, refused = [], []
    for file in files:
        try:
            if is_left(file.value, file.data, profile):
                left.append(file.vr)
        except DeidError as error:
            refused.append(str(error.code))
    return left, refused


def some(files: Iterable[Hidden], encoding: Encoding, place: str) -> list[Hidden]:
    """All files, or every fifth of those of an encoding in which VRs make little difference."""
    every = list(files)
    return every if encoding in WHOLE else every[len(place) % 5 :: 5]


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("place", PLACES)
def test_word_of_any_vr_is_left_nowhere(place: str, encoding: Encoding) -> None:
    files = some(hidden(place, encoding), encoding, place)
    expected = REFUSED.get((place, encoding))
    for profile in PROFILES:
        left, refused = left_of(files, profile)
        assert left == [], profile
        assert refused == ([expected] * len(files) if expected else []), profile


def test_every_vr_is_tried_and_no_two_words_are_alike() -> None:
    files = [file for place in PLACES for encoding in Encoding for file in hidden(place, encoding)]
    assert len(VRS) == 34
    assert len(files) == len({file.value for file in files}) > 10_000
    plain = [file for place in PLACES for file in hidden(place, Encoding.EXPLICIT)]
    assert all(file.value.encode() in file.data for file in plain)


@pytest.mark.parametrize("depth", [0, 1, 4])
@pytest.mark.parametrize("kind", VALUE_TYPES)
def test_word_in_a_content_item_is_left_nowhere(kind: str, depth: int) -> None:
    encodings = (Encoding.EXPLICIT, Encoding.IMPLICIT, Encoding.BIG_ENDIAN)
    for at, concept in enumerate(CONCEPTS):
        for sop_class in SR_CLASSES:
            encoding = encodings[(at + depth) % 3]
            word = token(kind, str(depth), *concept, sop_class, encoding)
            data = report(kind, word, concept, sop_class, encoding, depth)
            assert [profile for profile in PROFILES if is_left(word, data, profile)] == []


@pytest.mark.parametrize("profile", PROFILES)
def test_word_in_a_retired_attribute_is_left_nowhere(profile: str) -> None:
    assert [f"{tag:08X}" for tag, elements in retired(WORD) if is_left(WORD, written(*elements), profile)] == []


OUTSIDE = around(WORD)
OUTSIDE_REFUSED = {
    "behind the pixels, as bytes: 7": "truncated",
    "behind the pixels, as bytes: 8": "malformed",
    "behind the pixels, as bytes: 16": "malformed",
    "behind fragments, as bytes": "malformed",
    "length of a sequence's end": "malformed",
    "offset table": "malformed",
    "fragments that are no items": "malformed",
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("place", OUTSIDE)
def test_word_around_the_elements_is_left_nowhere(place: str, profile: str) -> None:
    if place not in OUTSIDE_REFUSED:
        assert not is_left(WORD, OUTSIDE[place], profile)
        return
    with pytest.raises(DeidError) as raised:
        deidentified(OUTSIDE[place], profile)
    assert raised.value.code == OUTSIDE_REFUSED[place]


KEPT = {
    0x00080060: ("CS", "CT"),
    0x00080070: ("LO", "Maker"),
    0x00081090: ("LO", "Model 1"),
    0x00180050: ("DS", "1.5"),
    0x00180060: ("DS", "120"),
    0x00181020: ("LO", "V1"),
    0x00181030: ("LO", "Abdomen"),
    0x00181210: ("SH", "B31f"),
    0x00185100: ("CS", "HFS"),
    0x00200013: ("IS", "7"),
    0x00200052: ("UI", "1.2.3.4.5"),
    0x0008002A: ("DT", "20200229101112"),
    0x00080030: ("TM", "101112"),
    0x00101010: ("AS", "045Y"),
    0x00080020: ("DA", "20200229"),
}
PADDINGS = (b"\0", b"\0\0", b" \0", b"\\\0")


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("encoding", [Encoding.EXPLICIT, Encoding.IMPLICIT, Encoding.BIG_ENDIAN])
def test_word_behind_the_end_of_a_value_is_left_nowhere(encoding: Encoding, profile: str) -> None:
    left = []
    for tag, (vr, value) in KEPT.items():
        for padding in PADDINGS:
            element = text(tag, vr, value.encode() + padding + WORD.encode())
            for planted in (element, sequence(0x00082218, (element,))):
                try:
                    if is_left(WORD, written(planted, encoding=encoding), profile):
                        left.append((f"{tag:08X}", padding))
                except DeidError as error:
                    assert error.code in {"malformed", "gate_identifier_left"}
    assert left == []
