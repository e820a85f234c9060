"""The gate without the engine: what it is shown here, no engine has made."""

from __future__ import annotations

import pytest
from tests.data.deid_objects import CT_STORAGE, ITEM, element, sequence

from sendit.deid import PROFILES, DeidError
from sendit.deid.dicom.element import Element
from sendit.deid.gate import Gate
from sendit.deid.identity.evidence import Evidence
from sendit.deid.identity.matcher import Matcher
from sendit.deid.rules.compiled import rules_for

CODES, REFERENCED = 0x00082218, 0x00081140


def seen(encoded: bytes, tag: int, items: list[list[Element]] | None = None, profile: str = "research") -> object:
    evidence = Evidence()
    evidence.add("Wunderlich")
    gate = Gate(rules_for(PROFILES[profile], CT_STORAGE), Matcher(evidence), implicit=False, by_position=False)
    return gate.check(encoded, Element(tag, "SQ" if items is not None else "LO", b"", 0, 0, items), ("ascii",), {})


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00080030, "TM", b"12\xff0"),
        (0x00080020, "DA", b"2019\xff102"),
        (0x00080005, "CS", b"NO SUCH SET"),
    ],
)
def test_what_nobody_can_read_is_refused(tag: int, vr: str, value: bytes) -> None:
    with pytest.raises(DeidError) as raised:
        seen(element(tag, vr, value), tag, profile="basic")
    assert raised.value.code == "gate_identifier_left"


def test_every_uid_of_a_sequence_is_told() -> None:
    uids = element(0x00081150, "UI", "1.2.3.4.5.1") + element(0x00081155, "UI", "1.2.3.4.5.2")
    found = seen(sequence(REFERENCED, uids, uids.replace(b"5.", b"6.")), REFERENCED, [[], []])
    assert found.uids == {"1.2.3.4.5.1", "1.2.3.4.5.2", "1.2.3.4.6.1", "1.2.3.4.6.2"}  # type: ignore[attr-defined]


def test_a_uid_in_two_bytes_a_character_is_told() -> None:
    found = seen(element(0x00281201, "OW", "1.2.3.4.5.6.77".encode("utf-16-le")), 0x00281201)
    assert any("1.2.3.4.5.6.77" in run for run in found.runs)  # type: ignore[attr-defined]


def test_what_stands_where_an_item_should_is_refused() -> None:
    item = element(0x00080104, "LO", "Head")
    encoded = sequence(CODES, item)
    seen(encoded, CODES, [[]])
    with pytest.raises(DeidError) as raised:
        seen(encoded.replace(ITEM, b"\xfe\xff\x00\xe1"), CODES, [[]])
    assert raised.value.code == "gate_unreadable"


@pytest.mark.parametrize(
    "encoded",
    [
        element(0x00181020, "LO", "VA77") * 2,  # one more than there was
        element(0x00181021, "LO", "VA77"),  # another than there was
        element(0x00181020, "LO", "VA77")[:-2],  # cut short
    ],
)
def test_anything_but_the_one_element_is_refused(encoded: bytes) -> None:
    seen(element(0x00181020, "LO", "VA77"), 0x00181020)
    with pytest.raises(DeidError) as raised:
        seen(encoded, 0x00181020)
    assert raised.value.code == "gate_unreadable"


@pytest.mark.parametrize("before", [b"20190102\\20190304", b"20190304\\20190102"])
def test_each_of_several_dates_is_compared(before: bytes) -> None:
    evidence = Evidence(dates={"20190102", "20190304"})
    gate = Gate(rules_for(PROFILES["basic"], CT_STORAGE), Matcher(evidence), implicit=False, by_position=False)
    origin = Element(0x00080020, "DA", before, 0, 0)
    gate.check(element(0x00080020, "DA", "20180304"), origin, ("ascii",), {})
    with pytest.raises(DeidError):
        gate.check(element(0x00080020, "DA", "20180101\\20190304"), origin, ("ascii",), {})
