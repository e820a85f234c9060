"""Where what is remembered could mix two objects: each gives what it gives alone."""

from __future__ import annotations

import io
import json
from struct import pack

import pytest
from tests.data.deid_objects import CT_STORAGE, ITEM, ITEM_END, deidentified, element, instance, read_back, sequence
from tests.unit.deid.test_series_memory import (
    REFERENCED,
    SOFTWARE,
    SOP,
    check_like_alone,
    new_keys,
    slice_of,
)

from sendit.deid import PROFILES, DeidError, Identifiers, Profile, deidentify
from sendit.deid.dicom.element import Element
from sendit.deid.gate import Gate
from sendit.deid.identity.evidence import Evidence
from sendit.deid.identity.matcher import Matcher
from sendit.deid.rules.actions import Action
from sendit.deid.rules.compiled import rules_for
from sendit.deid.rules.options import Option
from sendit.deid.rules.profile import Override

CHARACTER_SET, CODES, MEANING, SLICE_LOCATION = 0x00080005, 0x00082218, 0x00080104, 0x00201041
KEEPS = Profile("keeps", (), (Override(0x00090001, Action.KEEP, creator="ACME"),))


def outcomes(objects: list[bytes], profile: Profile, *, together: bool) -> list[tuple[bytes, str]]:
    keys = new_keys()
    found: list[tuple[bytes, str]] = []
    for data in objects:
        sink = io.BytesIO()
        used = keys if together else new_keys()
        report = deidentify(io.BytesIO(data), sink, profile=profile, keys=used, identify=used.identifiers)
        found.append((sink.getvalue(), report.to_json_line()))
    return found


def test_what_one_creator_retains_is_evidence_under_another() -> None:
    def of(number: int, creator: str, name: str) -> bytes:
        own = element(0x00090010, "LO", creator), element(0x00091001, "PN", name)
        return slice_of(number, *own, element(SOFTWARE, "LO", "VA1 Kasimir"))

    names = [
        ("ACME", ""),
        ("ACME", "Kasimir"),
        ("ACME", "Kasimir"),
        ("OTHER", ""),
        ("OTHER", "  "),
        ("OTHER", "Kasimir"),
    ]
    objects = [of(number, *one) for number, one in enumerate(names)]
    found = outcomes(objects, KEEPS, together=True)
    assert found == outcomes(objects, KEEPS, together=False)
    assert b"Kasimir" in found[2][0]
    assert b"Kasimir" not in found[5][0]


def test_sequences_of_the_same_bytes_are_treated_by_where_they_stand() -> None:
    """What an override of one path keeps does not stay in another, nor the other way round."""
    profile = Profile("paths", (), (Override(0x00104000, Action.KEEP, path=(0x00081115, CODES)),))
    alike = element(0x00104000, "LT", "nothing to hide")
    first, second = sequence(CODES, alike), sequence(0x0040A168, alike)
    for inside in (first + second, second + first):
        sink, keys = io.BytesIO(), new_keys()
        data = instance(sequence(0x00081115, *([inside] * 3)))
        deidentify(io.BytesIO(data), sink, profile=profile, keys=keys, identify=keys.identifiers)
        for item in read_back(sink.getvalue())[0x00081115].value:
            assert "PatientComments" in item[CODES][0]
            assert "PatientComments" not in item[0x0040A168][0]


def test_items_of_the_same_bytes_are_read_by_the_character_set_around_them() -> None:
    codes = sequence(CODES, element(MEANING, "LO", b"M\xc3\xbcller"))
    charsets = [element(CHARACTER_SET, "CS", name) + codes for name in ("ISO_IR 192", "ISO_IR 100", "ISO_IR 192")]
    names = element(0x00100010, "PN", "Muller^A")
    objects = [slice_of(n, names, sequence(0x00081115, *(charsets[n:] + charsets[:n]))) for n in range(3)]
    check_like_alone(objects)
    text = [read_back_items(one) for one in objects]
    assert text[0] == text[1][2:] + text[1][:2] == text[2][1:] + text[2][:1]


def read_back_items(data: bytes) -> list[bytes]:
    """What became of each item of a sequence."""
    _, output = deidentified(data, "research", new_keys())
    return [item.to_json().encode() for item in read_back(output)[0x00081115].value]


def test_sequences_that_are_alike_count_as_others_do() -> None:
    def of(*numbers: str) -> bytes:
        name = element(0x00080090, "PN", "Doktor^Dora")
        frames = (sequence(0x00209113, element(0x00200032, "DS", number), name) for number in numbers)
        return instance(sequence(0x52009230, *frames))

    alike, others = (
        json.loads(outcomes([of(*numbers)], PROFILES["basic"], together=True)[0][1])
        for numbers in (("1\\1\\1",) * 3, ("1\\1\\1", "1\\1\\2", "1\\1\\3"))
    )
    for counted in ("actions", "attributes", "gate_elements_searched"):
        assert alike[counted] == others[counted]
    path = "PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[1].ReferringPhysicianName"
    assert [path, "empty"] in alike["attributes"]


def test_objects_whose_sop_instance_uid_is_retained_name_themselves() -> None:
    profile = Profile("uids", (Option.RETAIN_UIDS,))
    objects = [slice_of(n) for n in (1, 2, 3, 4)]
    found = outcomes(objects, profile, together=True)
    assert [str(read_back(one[0]).SOPInstanceUID) for one in found] == [f"{SOP}.{n}" for n in (1, 2, 3, 4)]
    assert found == outcomes(objects, profile, together=False)


def test_accessions_of_the_same_letters_in_items_are_of_their_own_object() -> None:
    def of(number: int, own: str, others: str) -> bytes:
        return slice_of(number, element(0x00080050, "SH", own), sequence(0x00400275, element(0x00080050, "SH", others)))

    check_like_alone([of(1, "ACC4711", "ACC4712"), of(2, "ACC4712", "ACC4711"), of(3, "ACC4711", "ACC4711")])


@pytest.mark.parametrize("length", [1000, 1016, 1017, 1024, 1026, 40_000])
def test_a_slot_may_be_of_any_length(length: int) -> None:
    check_like_alone([slice_of(n, element(0x00204000, "LT", "a" * (length + 2 * n))) for n in (1, 2, 3)])


def test_pixel_data_that_says_another_length_is_another_shape() -> None:
    short = [slice_of(n, element(0x7FE00010, "OW", bytes(size))) for n, size in ((1, 32), (2, 34), (3, 30))]
    none = [slice_of(n, element(0x00080016, "UI", CT_STORAGE), pixels=None) for n in (4, 5)]
    check_like_alone([*short, *none])


def test_a_vr_that_changes_in_a_slot_is_another_shape() -> None:
    values = [("LO", "VA1"), ("LO", "VA2"), ("UT", "VA3"), ("UN", "VA4"), ("PN", "VA5"), ("LO", "VA6")]
    check_like_alone([slice_of(n, element(SOFTWARE, vr, value)) for n, (vr, value) in enumerate(values)])


def test_items_of_defined_and_undefined_length_are_alike_but_for_their_bytes() -> None:
    inner = element(0x00081155, "UI", "1.2.3.4.5.6")
    delimited = element(REFERENCED, "SQ", ITEM + pack("<L", 0xFFFFFFFF) + inner + ITEM_END + bytes(4))
    check_like_alone([slice_of(n, one) for n, one in enumerate((sequence(REFERENCED, inner), delimited) * 2)])


def test_a_uid_that_all_slices_share_is_looked_for_in_a_text_that_differs() -> None:
    texts = ["VA1", "VA2", "VA3", "VA 1.2.826.0.1.222.1", "VA4"]
    objects = [slice_of(n, element(SOFTWARE, "LO", text)) for n, text in enumerate(texts)]
    check_like_alone(objects)


def test_one_pseudonym_for_two_orders_does_not_mix_them() -> None:
    def of(number: int, own: str, others: str) -> bytes:
        orders = sequence(0x00400275, element(0x00080050, "SH", others))
        return slice_of(number, element(0x00080050, "SH", own), orders)

    objects = [of(1, "ACC4711", "ACC4712"), of(2, "ACC4712", "ACC4711"), of(3, "ACC4711", "ACC4711")]
    check_like_alone(objects, identify=lambda _: Identifiers("P-SAME", "A-SAME", 5))


@pytest.mark.parametrize("first", ["UT", "UC", "OB"])
def test_a_long_vr_that_changes_in_a_slot_is_another_shape(first: str) -> None:
    values = [(first, "VA1 "), (first, "VA2 "), ("UC", "VA3 "), ("OB", "VA4 "), ("UT", "VA5 "), (first, "VA6 ")]
    check_like_alone([slice_of(n, element(SOFTWARE, vr, value)) for n, (vr, value) in enumerate(values)])


def test_numbers_in_a_sequence_before_what_says_how_they_are_read() -> None:
    signed = element(0x00280103, "US", b"\1\0")
    check_like_alone(
        [slice_of(n, signed, sequence(REFERENCED, element(0x00280106, "UN", pack("<H", n)))) for n in (1, 2, 3)]
    )


@pytest.mark.parametrize("held", range(-10, 18))
def test_a_slot_at_the_end_of_what_was_read_ahead_is_whole(held: int) -> None:
    """So many bytes of its value are in the first 64 KiB."""

    def of(number: int, filling: int) -> bytes:
        return slice_of(
            number, element(0x00189999, "OB", bytes(filling)), element(SLICE_LOCATION, "DS", f"{number}.2500000000125")
        )

    filling = 64 * 1024 - of(1, 0).index(b"1.2500000000125") - held
    objects = [of(number, filling) for number in (1, 2, 3)]
    assert objects[0].index(b"1.2500000000125") + held in {64 * 1024, 64 * 1024 + 1}
    check_like_alone(objects)


def test_a_private_value_is_that_of_its_creator_in_items_too() -> None:
    def of(number: int, creator: str) -> bytes:
        block = element(0x20010010, "LO", creator), element(0x20011003, "FL", pack("<f", 5.5))
        return slice_of(number, sequence(REFERENCED, b"".join(block)))

    profile = Profile("site", (Option.RETAIN_SAFE_PRIVATE, Option.RETAIN_UIDS), (Override(REFERENCED, Action.KEEP),))
    found = outcomes([of(1, "Philips Imaging DD 001"), of(2, "MADE UP")], profile, together=True)
    assert [pack("<f", 5.5) in data for data, _ in found] == [True, False]


def inner(before: list[Element], tag: int, vr: str, value: str) -> tuple[bytes, Element]:
    """A sequence inside an item: as it was written, and what it was before."""
    return sequence(CODES, element(tag, vr, value)), Element(CODES, "SQ", b"", 0, 0, [before])


def gated(*written: tuple[bytes, Element], day: str = "", name: str = "Wunderlich") -> None:
    evidence = Evidence(dates={day} if day else set())
    evidence.add(name)
    gate = Gate(rules_for(PROFILES["basic"], CT_STORAGE), Matcher(evidence), implicit=False, by_position=False)
    encoded = sequence(REFERENCED, *(one for one, _ in written))
    gate.check(encoded, Element(REFERENCED, "SQ", b"", 0, 0, [[origin] for _, origin in written]), ("ascii",), {})


def test_the_gate_reads_each_of_the_sequences_that_came_from_the_same_items() -> None:
    origin = Element(CODES, "SQ", b"", 0, 0, [[Element(MEANING, "LO", b"Head", 0, 0)]])
    head, name = (sequence(CODES, element(MEANING, "LO", text)) for text in ("Head", "Wunderlich"))
    gated((head, origin), (head, origin))
    with pytest.raises(DeidError):
        gated((head, origin), (name, origin))


def test_the_gate_compares_each_of_the_sequences_that_were_written_alike_with_its_own_items() -> None:
    days = [[Element(0x00080020, "DA", day, 0, 0)] for day in (b"20190102", b"20190304")]
    written = [inner(before, 0x00080020, "DA", "20190304") for before in days]
    gated(written[0], written[0], day="20190304")
    with pytest.raises(DeidError):
        gated(*written, day="20190304")


@pytest.mark.parametrize("cut", [2, 4])
def test_an_element_that_ends_behind_its_item_is_malformed(cut: int) -> None:
    text = element(MEANING, "LO", "Head")
    data = instance(sequence(CODES, text[:6] + pack("<H", 4 + cut) + text[8:]), element(SOFTWARE, "LO", "VA77"))
    with pytest.raises(DeidError) as raised:
        deidentified(data, "research", new_keys())
    assert raised.value.code == "malformed"
