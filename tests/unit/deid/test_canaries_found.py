"""What canaries found in the engine, each as small as it gets."""

from __future__ import annotations

import pytest
from tests.data.canary_identity import IDENTITIES
from tests.data.canary_objects import Planted, sequence, text, written
from tests.data.deid_objects import deidentified, read_back

NOBODY = IDENTITIES["ASCII"]
MANUFACTURER = 0x00080070


def manufacturer(value: str) -> str:
    """What becomes of a text that the keep list keeps."""
    data = written(*NOBODY.elements, text(MANUFACTURER, "LO", value))
    return str(read_back(deidentified(data, "research")[1]).get("Manufacturer", ""))


@pytest.mark.parametrize(
    "value",
    [
        "Z w i c k e l b a r t",
        "CT Z w i c k e l b a r t 5mm",
        "Z w i c k e l b a r t axial",
        "CT Z.w.i.c.k.e.l.b.a.r.t",
        "Z-w-i-c-k-e-l-b-a-r-t_T2",
    ],
)
def test_name_spelled_letter_by_letter_among_other_words_goes(value: str) -> None:
    assert manufacturer(value) == "REMOVED"


@pytest.mark.parametrize(
    "day", ["March 17th, 1954", "17th March 1954", "17th of March 1954", "1954 Mar 17", "1954-Mar-17", "17-MAR-54"]
)
def test_birth_date_in_a_common_spelling_goes(day: str) -> None:
    assert manufacturer(day) == "REMOVED"


@pytest.mark.parametrize("phone", ["361 7746120", "0361 7746120", "0049 361 7746120"])
def test_phone_number_without_or_with_another_prefix_of_the_country_goes(phone: str) -> None:
    assert manufacturer(phone) == "REMOVED"


@pytest.mark.parametrize("creator", [NOBODY.institution, NOBODY.name, NOBODY.station])
@pytest.mark.parametrize("profile", ["basic", "research", "strict"])
def test_private_creator_of_whose_block_nothing_stays_does_not_refuse_the_image(creator: str, profile: str) -> None:
    block = (text(0x00090010, "LO", creator), text(0x00091001, "LO", "x"))
    for planted in (block, (sequence(0x00082218, block),)):
        output = deidentified(written(*NOBODY.elements, *planted), profile)[1]
        assert creator.encode() not in output


@pytest.mark.parametrize(
    ("tag", "vr"),
    [
        (0x001021C0, "US"),  # Pregnancy Status, kept by Retain Patient Characteristics
        (0x00280200, "US"),  # Image Location, retired
        (0x00189073, "FD"),  # Acquisition Duration
        (0x00089459, "FL"),  # Recommended Display Frame Rate in Float
    ],
)
@pytest.mark.parametrize("profile", ["basic", "research", "strict"])
def test_text_in_an_attribute_of_one_number_goes(tag: int, vr: str, profile: str) -> None:
    sentence = b"Frau Kanarienvogel liegt in Zimmer 12 und hat Telefon 0361 77461"
    assert b"Kanarienvogel" not in deidentified(written(Planted(tag, vr, sentence)), profile)[1]
