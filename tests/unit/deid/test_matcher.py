"""Finding an identity in text, bytes and dotted numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cost import in_proportion

from sendit.deid.identity.evidence import Evidence
from sendit.deid.identity.matcher import Matcher, uids_in
from sendit.deid.identity.spelling import distinctive_words, pieces_of

UID = "1.2.826.0.1.222.1"


def matcher(*names: str, ids: tuple[str, ...] = (), dates: tuple[bytes, ...] = ()) -> Matcher:
    evidence = Evidence()
    for name in names:
        evidence.add_name(name)
    for one in ids:
        evidence.add(one)
    for date in dates:
        evidence.add_dates(date)
    return Matcher(evidence)


@pytest.mark.parametrize(
    "text", ["JSmith", "SmithJ", "Smith2", "2Smith", "XSmith", "smith2", "v2smith", "MySmithView", "SMITH_3", "CTSmith"]
)
def test_short_name_is_found_where_case_or_digits_part_it(text: str) -> None:
    assert matcher("Smith^John").in_text(text, short=True)


@pytest.mark.parametrize("text", ["Smithsonian", "blacksmith", "SMITHS", "SmIthy", "goldsmith 2"])
def test_short_name_is_not_found_inside_an_ordinary_word(text: str) -> None:
    assert not matcher("Smith^John").in_text(text, short=True)


@pytest.mark.parametrize(
    ("name", "text"), [("McCoy^A", "JMcCoy"), ("Bähr^A", "JBaehr"), ("Baehr^A", "JBähr"), ("O'Hara^A", "XOHara")]
)
def test_glued_name_is_found_in_every_spelling(name: str, text: str) -> None:
    assert matcher(name).in_text(text, short=True)


@pytest.mark.parametrize("text", ["Head", "HeadNeck", "Philips", "AxialHead2"])
def test_name_of_the_vocabulary_is_exempt_and_still_an_echo(text: str) -> None:
    known = matcher("Head^J", "Philips^A")
    assert not known.in_text(text, short=True)
    assert known.echoes(text, short=True)


@pytest.mark.parametrize(
    ("known", "text", "found"),
    [
        (matcher(ids=("GENERAL HOSPITAL",)), "general", False),
        (matcher(ids=("GENERAL HOSPITAL",)), "of General-Hospital 2", True),
        (matcher("Ng^Li"), "T1 li", True),
        (matcher("Ng^Li"), "lI1", True),
        (matcher("Ng^Li"), "liver", False),
        (matcher("Smith^J^^Mr"), "MR knee", False),
        (matcher(ids=("47",)), "47", False),
        (matcher(ids=("4711",)), "b4711x", True),
        (matcher(dates=(b"20200229",)), "29.02", True),
        (matcher(dates=(b"20200229",)), "Feb29", True),
        (matcher(dates=(b"20200229",)), "200229", True),
        (matcher(dates=(b"20200229",)), "2.5mm 29", False),
    ],
)
def test_echo_is_an_identifier_that_stands_in_words_of_its_own(known: Matcher, text: str, found: bool) -> None:
    assert known.echoes(text, short=True) is found


def test_short_names_count_only_where_they_may() -> None:
    assert not matcher("Ng^Li").echoes("li", short=False)
    assert matcher("Ng^Li").echoes("Li Ng", short=False)


@pytest.mark.parametrize(
    "text",
    [
        UID, f"urn:oid:{UID}", f"{UID}.7", f"9.{UID}", f"{UID}_1", f"x{UID}x", f"{UID}.dcm", UID.replace(".", "_"),
        UID.replace(".", "-"), UID.replace(".", " "), "１.２.826.0.1.222.1", f"v1.2 {UID}, 3", f"4.5.{UID}.6",
    ],
)  # fmt: skip
def test_own_uid_is_found_in_every_spelling(text: str) -> None:
    assert uids_in(matcher().dotted_in(text), frozenset({UID, "1.2.3.4.5.6.7"}))


@pytest.mark.parametrize(
    "text", ["1.2.826.0.1.222.12", "11.2.826.0.1.222.1", "1.2.826.0.1.222", "VA20A 2020.1", "no dots"]
)
def test_other_uid_is_not_found(text: str) -> None:
    assert not uids_in(matcher().dotted_in(text), frozenset({UID}))


def test_uids_are_no_part_of_what_is_remembered_for_a_series() -> None:
    known = matcher("Smith^J")
    known.evidence.uids.add(UID)
    assert not known.in_text(UID, short=True)
    assert known.dotted_in(f"rev {UID}") == {UID}


@given(st.text(alphabet="0123456789.-_ a", max_size=60))
def test_dotted_numbers_are_long_and_dotted(text: str) -> None:
    for one in matcher().dotted_in(text):
        assert len(one) >= 10
        assert all(part.isdigit() for part in one.split("."))


@pytest.mark.parametrize(
    "text", ["1" * 10_240, "1." * 5_120, "1_" * 5_120, "1_1-" * 2_560, "aA" * 5_120, "ä1" * 5_120], ids=range(6)
)
def test_hostile_text_costs_in_proportion(text: str) -> None:
    known = matcher(*(f"{first}{second}name^X" for first in "abcdefghij" for second in "abcdefghij"), "Li^A")
    uids = frozenset(f"1.2.{number}" + ".1" * (number % 30) for number in range(10_000_000, 10_001_000))

    def look(text: str) -> None:
        known.in_text(text, short=True)
        known.echoes(text, short=True)
        uids_in(known.dotted_in(text), uids)

    in_proportion(lambda size: text[:size], look, len(text))


NAMES = [f"{first}{second}{third}name" for first in "bcdfg" for second in "aeiou" for third in "lmnrstvw"]


@pytest.mark.parametrize("count", [2, 200])
@pytest.mark.parametrize(
    "bulk",
    [bytes(10_000_000), b"".join(number.to_bytes(2, "little") for number in range(50_000)) * 100, b"name " * 400_000],
    ids=["zeros", "ramps", "words"],
)
def test_large_bulk_is_searched_in_proportion(count: int, bulk: bytes) -> None:
    known = matcher(*NAMES[:count])
    assert not known.in_bytes(b"x" * 1_000_000)
    in_proportion(lambda size: bulk[:size], known.in_bytes, len(bulk))
    assert not known.in_bytes(bulk)
    assert known.in_bytes(bulk + NAMES[count - 1].upper().encode() + bulk[:1000])
    assert known.in_bytes(bulk + NAMES[0].encode("utf-16-le"))


@pytest.mark.parametrize("count", [3, 200, 3_000])
def test_large_and_small_bulk_are_searched_alike(count: int) -> None:
    names = [f"na{number:05}me" for number in range(count)]
    known = matcher(ids=tuple(names))
    for at in (0, count - 1):
        for padding in (0, 4_000_000):
            assert known.in_bytes(b"na00" + names[at].encode() + bytes(padding))
            assert not known.in_bytes(b"na00" + names[at][:-1].encode() + bytes(padding))


def test_pieces_of_a_word_end_where_case_or_digits_change() -> None:
    assert pieces_of("JSmith_MRTAbdomen2 ep2d") == (("j", "smith"), ("mrt", "abdomen", "2"), ("ep", "2", "d"))


def test_words_that_tell_an_institution_are_those_that_not_all_share() -> None:
    assert list(distinctive_words("Kreisspital Nord, Abteilung für Radiologie")) == ["kreisspital"]
    assert list(distinctive_words("GENERAL HOSPITAL OF ST. MARY'S 2")) == ["mary"]
