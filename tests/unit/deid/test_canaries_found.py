"""What canaries found in the engine, each as small as it gets."""

from __future__ import annotations

import pytest
from tests.data.canary_identity import IDENTITIES
from tests.data.canary_objects import Planted, sequence, text, written
from tests.data.deid_objects import deidentified, element, instance, read_back

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
        "a Z W I C K E L B A R T b 5mm",
    ],
)
def test_name_spelled_letter_by_letter_among_other_words_goes(value: str) -> None:
    assert manufacturer(value) == "REMOVED"


def test_short_name_spelled_letter_by_letter_goes_and_four_other_letters_stay() -> None:
    name = text(0x00100010, "PN", "Kuhn^Ida")
    for value, left in (("CT K u h n 2", "REMOVED"), ("x.k.u.h.n.y", "REMOVED"), ("a b c d", "a b c d")):
        data = written(name, text(MANUFACTURER, "LO", value))
        assert read_back(deidentified(data, "research")[1]).Manufacturer == left


@pytest.mark.parametrize(
    "day",
    [
        "March 17th, 1954", "17th March 1954", "17th of March 1954", "1954 Mar 17", "1954-Mar-17", "17-MAR-54",
        "17Mar1954", "17mar54", "Mar17 1954", "x_1954mar17_y", "MAR-17-54", "Sie 17 March '54",
        "17. M\u00e4rz 1954", "17 MAERZ 1954", "17. Mrz. 54", "le 17 mars 1954", "17 de marzo de 1954", "17 marzo 1954",
        "17.03.54", "17.3.54", "03/17/54", "3/17/54", "54-03-17", "17 03 54", "540317", "170354", "v031754",
        "rev_540317",
    ],
)  # fmt: skip
def test_birth_date_in_a_common_spelling_goes(day: str) -> None:
    character_set = text(0x00080005, "CS", "ISO_IR 192")
    data = written(character_set, *NOBODY.elements, text(MANUFACTURER, "LO", day.encode()))
    assert read_back(deidentified(data, "research")[1]).Manufacturer == "REMOVED"


@pytest.mark.parametrize(
    ("day", "value"),
    [("20200229", "29 F\u00e9vrier 2020"), ("20200801", "1er ao\u00fbt 2020"), ("20201012", "12 Okt 20"),
     ("20201205", "5 dicembre 2020"), ("20200131", "31 enero 2020"), ("20200704", "July 4th, 2020")],
)  # fmt: skip
def test_month_in_another_language_goes(day: str, value: str) -> None:
    data = written(
        text(0x00080005, "CS", "ISO_IR 192"), text(0x00080022, "DA", day), text(MANUFACTURER, "LO", value.encode())
    )
    assert read_back(deidentified(data, "research")[1]).Manufacturer == "REMOVED"


@pytest.mark.parametrize(
    "value",
    [
        "17.03.54.2",
        "2.17.03.54",
        "v5403170",
        "17.03.55",
        "Mar 1954",
        "1.2.2017 Mar",
        "17 54",
        "syngo 17",
    ],
)
def test_version_that_resembles_the_birth_date_stays(value: str) -> None:
    assert manufacturer(value) == value


def test_version_that_may_be_a_day_with_a_short_year_stays_where_both_others_are_single_digits() -> None:
    data = written(text(0x00100030, "DA", "20050401"), text(MANUFACTURER, "LO", "1.4.05"))
    assert read_back(deidentified(data, "research")[1]).Manufacturer == "1.4.05"


def test_code_that_is_a_day_with_a_short_year_by_chance_stays() -> None:
    code = (
        text(0x00080100, "SH", "121012"),
        text(0x00080102, "SH", "DCM"),
        text(0x00080104, "LO", "Device Observer UID"),
    )
    data = written(text(0x00080022, "DA", "20121012"), sequence(0x00082218, code))
    assert read_back(deidentified(data, "research")[1]).AnatomicRegionSequence[0].CodeValue == "121012"


@pytest.mark.parametrize("value", ["Imaginaergasse 14", "NIRGENDHEIM", "by Nirgendheim Ltd"])
def test_street_or_town_of_an_address_goes(value: str) -> None:
    assert manufacturer(value) == "REMOVED"


@pytest.mark.parametrize(
    ("known", "value", "left"),
    [
        ("tel. 0361/7746120, fax 0361/7746199", "361 7746199", "REMOVED"),
        ("+1 (212) 555-0142", "212.555.0142", "REMOVED"),
        ("+49 (0)361 7746120", "0361-7746120", "REMOVED"),
        ("555-0142", "50142", "50142"),
    ],
)
def test_telephone_number_is_known_without_its_prefix_if_it_is_long_enough(known: str, value: str, left: str) -> None:
    data = written(text(0x00102154, "SH", known), text(MANUFACTURER, "LO", value))
    assert read_back(deidentified(data, "research")[1]).Manufacturer == left


@pytest.mark.parametrize("name", ["Mono^Chrome", "Monochrom^E"])
def test_term_that_describes_the_pixels_is_nobodys_name(name: str) -> None:
    interpretation = text(0x00280004, "CS", "MONOCHROME2")
    output = read_back(deidentified(written(text(0x00100010, "PN", name), interpretation), "research")[1])
    assert output.PhotometricInterpretation == "MONOCHROME2"


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


@pytest.mark.parametrize("profile", ["basic", "research", "strict"])
@pytest.mark.parametrize(
    ("term", "codec", "name"),
    [
        ("GB18030", "gb18030", "王^小东"),
        ("GBK", "gbk", "王^小东"),
        ("ISO_IR 192", "utf-8", "王^小东"),
        ("\\ISO 2022 IR 87", "iso2022_jp", "山田^太郎"),
        ("\\ISO 2022 IR 149", "euc_kr", "홍^길동"),
    ],
)
def test_east_asian_name_of_few_characters_goes_in_every_character_set(
    term: str, codec: str, name: str, profile: str
) -> None:
    family, given = name.split("^")
    shift = b"\x1b$)C" if codec == "euc_kr" else b""
    for kept in (family + given, f"{family}{given} test", f"{given} CT", f"CT_{given}", f"{given} {family}"):
        data = instance(
            element(0x00080005, "CS", term),
            element(0x00100010, "PN", b"Wang^Test=" + shift + name.encode(codec)),
            element(0x00080070, "LO", shift + kept.encode(codec)),
        )
        _, output = deidentified(data, profile)
        assert kept.encode(codec) not in output, kept
        assert given.encode(codec).removeprefix(b"\x1b$B").removesuffix(b"\x1b(B") not in output, kept
