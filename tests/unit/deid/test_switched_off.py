"""Checks of which no other test notices that they are switched off, each by an object that only it keeps right."""

from __future__ import annotations

import io
import json
from itertools import pairwise
from struct import pack
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]
from tests.data.deid_objects import (
    CT_STORAGE,
    IMPLICIT,
    ITEM,
    KEYS,
    UNDEFINED,
    deidentified,
    element,
    instance,
    read_back,
    result,
    sequence,
)

from sendit.deid import DEFAULT_LIMITS, PROFILES, DeidError, Profile, deidentify
from sendit.deid.dicom.creators import creator_text
from sendit.deid.dicom.element import Element
from sendit.deid.dicom.elements import ElementReader
from sendit.deid.dicom.stream import Window
from sendit.deid.dicom.text import known_codecs
from sendit.deid.gate import Gate
from sendit.deid.identity.evidence import Evidence
from sendit.deid.identity.matcher import _SMALL, Matcher, uids_in
from sendit.deid.rules.actions import Action
from sendit.deid.rules.compiled import rules_for
from sendit.deid.rules.options import Option
from sendit.deid.rules.profile import Override

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import Dataset

REFERENCED, CODES, CHARACTER_SET, MEANING = 0x00081140, 0x00082218, 0x00080005, 0x00080104
CONTENT, TEXT_VALUE, SOFTWARE = 0x0040A730, 0x0040A160, 0x00181020
UTF_8 = tuple(known_codecs(b"ISO_IR 192"))
GEMS = "GEMS_ACQU_01"


def check(
    encoded: bytes,
    *items: list[Element],
    names: tuple[str, ...] = ("Wunderlich",),
    codecs: tuple[str, ...] = ("ascii",),
    implicit: bool = False,
    creators: Mapping[int, str] | None = None,
) -> None:
    """The gate alone, of a sequence that came from these items."""
    evidence = Evidence()
    for name in names:
        evidence.add(name)
    tag = int.from_bytes(encoded[:2], "little") << 16 | int.from_bytes(encoded[2:4], "little")
    gate = Gate(rules_for(PROFILES["research"], CT_STORAGE), Matcher(evidence), implicit=implicit, by_position=False)
    gate.check(encoded, Element(tag, "SQ", b"", 0, 0, list(items)), codecs, creators or {})


def refused(*args: object, **how: object) -> str:
    with pytest.raises(DeidError) as raised:
        check(*args, **how)  # type: ignore[arg-type]
    return str(raised.value.code)


def made_by(profile: Profile, *extra: bytes) -> Dataset:
    sink = io.BytesIO()
    deidentify(io.BytesIO(instance(*extra)), sink, profile=profile, keys=KEYS, identify=KEYS.identifiers)
    return read_back(sink.getvalue())


def test_gate_refuses_more_items_than_there_were() -> None:
    text = element(MEANING, "LO", "Head")
    check(sequence(CODES, text), [])
    assert refused(sequence(CODES, text, element(MEANING, "LO", "Wunderlich")), []) == "gate_unreadable"


def test_gate_reads_the_text_of_an_item_by_the_character_set_in_it() -> None:
    item = element(CHARACTER_SET, "CS", "ISO_IR 192") + element(MEANING, "LO", "Größe".encode())
    check(sequence(CODES, item), [])


def test_gate_reads_the_text_of_an_item_by_the_character_set_around_it() -> None:
    check(sequence(CODES, element(MEANING, "LO", "Größe".encode())), [], codecs=UTF_8)
    assert refused(sequence(CODES, element(MEANING, "LO", "Größe".encode())), []) == "gate_identifier_left"


def test_gate_reads_a_private_text_in_an_item_by_the_creator_in_it() -> None:
    """In Implicit VR nothing else says that it is a text, in which a name of four letters is looked for."""
    item = element(0x00190010, "LO", GEMS, implicit=True) + element(0x0019109E, "LO", "Vogt", implicit=True)
    assert refused(sequence(CODES, item, implicit=True), [], names=("Vogt",), implicit=True) == "gate_identifier_left"


def test_gate_refuses_an_element_that_ends_behind_its_item() -> None:
    item = element(MEANING, "LO", "Head")[:-2]
    assert refused(sequence(CODES, item), []) == "gate_unreadable"


def test_gate_refuses_an_item_that_ends_behind_its_sequence() -> None:
    text = element(MEANING, "LO", "Head")
    encoded = element(CODES, "SQ", ITEM + pack("<L", len(text) + 2) + text)
    assert refused(encoded, []) == "gate_unreadable"


def test_retained_dates_of_attributes_without_a_rule_are_no_evidence() -> None:
    extra = (
        element(0x00090010, "LO", "ACME"),
        element(0x00091001, "DA", "20010203"),
        element(SOFTWARE, "LO", "20010203"),
    )
    assert made_by(Profile("full", (Option.RETAIN_FULL_DATES,)), *extra).SoftwareVersions == "20010203"
    assert result(*extra).SoftwareVersions == "REMOVED"


def test_big_endian_unknown_of_undefined_length_is_malformed() -> None:
    """UN of undefined length is a sequence in Implicit VR Little Endian, which no big endian object holds."""
    data = pack(">HH2sHL", 0x0009, 0x1001, b"UN", 0, UNDEFINED) + pack("<HHL", 0xFFFE, 0xE0DD, 0)
    for end in (data, pack(">HH2sHL", 0x0009, 0x1001, b"UN", 0, UNDEFINED) + pack(">HHL", 0xFFFE, 0xE0DD, 0)):
        with pytest.raises(DeidError) as raised:
            ElementReader(Window.over(end), DEFAULT_LIMITS, big_endian=True).elements(0, len(end), implicit=False)
        assert raised.value.code == "malformed"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b"A" * 64, "A" * 64),
        (b"A" * 65, ""),
        (b"ACME\\OTHER", ""),
        (b"ACM\xc9", ""),
        (b" ACME \0x", "ACME"),
    ],
)
def test_private_creator_is_one_short_plain_text(value: bytes, name: str) -> None:
    assert creator_text("LO", value) == name


def content(code: str, *values: bytes) -> bytes:
    name = element(0x00080100, "SH", code) + element(0x00080102, "SH", "DCM") + element(MEANING, "LO", "Concept")
    return element(0x0040A040, "CS", "WAVEFORM") + sequence(0x0040A043, name) + b"".join(values)


CLEANS = Profile("cleans", (Option.CLEAN_STRUCTURED_CONTENT,))


def test_item_that_would_go_stays_as_a_dummy_where_others_are_counted() -> None:
    goes = content("121112")
    counts = element(0x0040DB73, "UL", pack("<2L", 1, 2))
    assert len(made_by(CLEANS, sequence(CONTENT, goes, content("121401"))).ContentSequence) == 1
    assert len(made_by(CLEANS, sequence(CONTENT, goes, content("121401") + counts)).ContentSequence) == 2


def test_override_of_a_value_goes_before_the_rule_of_its_concept() -> None:
    item = sequence(CONTENT, element(TEXT_VALUE, "UT", "Zyxxel says so") + content("121008"))
    for overrides, kept in (((), False), ((Override(TEXT_VALUE, Action.KEEP),), True)):
        items = made_by(Profile("site", CLEANS.options, overrides), item).get("ContentSequence") or [{}]
        assert (getattr(items[0], "TextValue", "") == "Zyxxel says so") is kept


def test_private_value_that_echoes_the_patient_goes_and_leaves_no_dummy() -> None:
    extra = element(0x20010010, "LO", "Philips Imaging DD 001")
    tag = 0x20011007
    assert tag in result(extra, element(tag, "CS", "HEAD"), profile="research")
    assert tag not in result(extra, element(tag, "CS", "HEDWIG"), profile="research")


def test_report_tells_of_a_mark_that_was_replaced_and_of_the_one_in_its_place() -> None:
    plain, _ = deidentified(instance())
    marked, _ = deidentified(instance(element(0x00120062, "CS", "NO")))
    before, after = (json.loads(one.to_json_line())["actions"] for one in (plain, marked))
    assert after == {**before, "remove": before.get("remove", 0) + 1}


@pytest.mark.parametrize("tag", [0x7FE00001, 0x7FE00002])
def test_nested_offset_table_goes(tag: int) -> None:
    assert tag not in result(sequence(CODES, element(tag, "OV", bytes(8)))).AnatomicRegionSequence[0]


@pytest.mark.parametrize("action", [Action.HASH, Action.REPLACE, Action.SHIFT])
def test_sequence_of_which_a_profile_asks_what_only_values_can_do_goes(action: Action) -> None:
    profile = Profile("site", (), (Override(CODES, action, value="x"),))
    assert CODES not in made_by(profile, sequence(CODES, element(MEANING, "LO", "Head")))


def test_content_item_stays_in_what_keeps_its_structure_alone() -> None:
    profile = Profile("site", CLEANS.options, (Override(REFERENCED, Action.DUMMY),))
    dataset = made_by(profile, sequence(REFERENCED, sequence(CONTENT, content("121112"))))
    assert len(dataset.ReferencedImageSequence[0].ContentSequence) == 1


@given(
    st.integers(100_000, 10**14), st.integers(0, 3), st.sampled_from(["", "+", "-"]), st.sampled_from(["", ".", ".5"])
)
def test_number_of_six_digits_is_never_taken_for_a_small_one(number: int, zeros: int, sign: str, rest: str) -> None:
    spelled = f"{sign}{'0' * zeros}{number}{rest}".encode()
    for value in (spelled, b"1\\" + spelled, spelled + b"\\1", b" " + spelled + b" "):
        assert _SMALL.fullmatch(value) is None
    for power in (b"1e6", b"1E5", b".1e7", b"1\\2e5"):
        assert _SMALL.fullmatch(power) is None


@given(st.lists(st.integers(0, 10**9), min_size=5, max_size=12), st.data())
def test_uid_is_found_wherever_its_components_stand_whole(parts: list[int], data: st.DataObject) -> None:
    whole = list(map(str, parts))
    first = data.draw(st.integers(0, len(whole) - 5))
    uid = ".".join(whole[first : data.draw(st.integers(first + 5, len(whole)))])
    assert uids_in(frozenset({".".join(whole)}), frozenset({uid})) is (len(uid) >= 10)
    if len(whole) - first == uid.count(".") + 1:
        assert not uids_in(frozenset({".".join([*whole, "1"])[:-2] + "7"}), frozenset({uid})) or uid in ".".join(
            whole[:-1]
        )


@given(st.from_regex("[a-jXYZ]{4}[a-jXYZ0-9]{2,16}", fullmatch=True), st.binary(max_size=30), st.binary(max_size=30))
def test_identifier_is_found_in_bytes_of_any_kind_in_any_case(name: str, before: bytes, behind: bytes) -> None:
    steps = {after - one for one, after in pairwise(name.lower().encode())}
    assume(len(steps) > 1)  # a ramp is what pixels make
    evidence = Evidence()
    evidence.add(name)
    matcher = Matcher(evidence)
    for spelled in (name, name.upper(), name.lower()):
        assert matcher.in_bytes(before + spelled.encode() + behind)
        assert matcher.in_bytes(before + spelled.encode("utf-16-le") + behind)


def test_what_a_rule_would_clean_becomes_a_dummy_where_structure_alone_stays() -> None:
    research = PROFILES["research"]
    described = sequence(CODES, element(0x0008103E, "LO", "Head"))
    assert made_by(research, described).AnatomicRegionSequence[0].SeriesDescription == "Head"
    inside = made_by(Profile("site", research.options, (Override(CODES, Action.DUMMY),)), described)
    assert "Head" not in str(inside)


def test_private_value_of_another_vr_than_its_row_gives_goes() -> None:
    creator = element(0x20010010, "LO", "Philips Imaging DD 001")
    assert 0x20011007 not in result(creator, element(0x20011007, "LO", "Anyone at all"), profile="research")


def test_what_is_no_uid_is_not_retained_as_one() -> None:
    profile = Profile("uids", (Option.RETAIN_UIDS,))
    assert made_by(profile, element(0x00200052, "UI", "1.2.3.4")).FrameOfReferenceUID == "1.2.3.4"
    assert "Wunderlich" not in str(made_by(profile, element(0x00200052, "UI", "Wunderlich")).FrameOfReferenceUID)


def test_a_uid_of_which_no_rule_speaks_is_retained_with_the_others() -> None:
    profile = Profile("uids", (Option.RETAIN_UIDS,))
    unlisted = next(
        tag
        for tag, entry in sorted(DicomDictionary.items())
        if entry[0] == "UI" and tag > 0x00180000 and rules_for(profile, CT_STORAGE).top.rule(tag) is None
    )
    assert str(made_by(profile, element(unlisted, "UI", "1.2.3.4"))[unlisted].value) == "1.2.3.4"
    assert str(made_by(PROFILES["basic"], element(unlisted, "UI", "1.2.3.4"))[unlisted].value) != "1.2.3.4"


def test_a_safe_private_value_of_which_the_encoding_does_not_tell_the_vr_stays() -> None:
    block = element(0x20010010, "LO", "Philips Imaging DD 001", implicit=True) + element(
        0x20011003, "FL", pack("<f", 5.5), implicit=True
    )
    _, written = deidentified(instance(block, transfer_syntax=IMPLICIT), "research")
    assert pack("<f", 5.5) in written


@pytest.mark.parametrize("tag", [0x00080050, 0x00100020])
def test_what_a_profile_says_of_an_identifier_goes_before_its_pseudonym(tag: int) -> None:
    profile = Profile("site", (), (Override(tag, Action.REPLACE, value="X1"),))
    assert made_by(profile, element(0x00080050, "SH", "ACC77"))[tag].value == "X1"
