"""Places where engine, gate and reader could be passed by, each with the smallest object that tries it."""

from __future__ import annotations

import io
import subprocess
import sys
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING

import google_crc32c
import pytest
from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]
from tests.cost import in_proportion
from tests.data.deid_objects import (
    CT_STORAGE,
    EXPLICIT,
    IMPLICIT,
    KEYS,
    TESTED,
    deidentified,
    element,
    instance,
    read_back,
    result,
    sequence,
    tag_bytes,
)

from sendit.deid import PROFILES, DeidError, Keyring, Limits, Profile, deidentify, inspect
from sendit.deid.course import public_course
from sendit.deid.identity.matcher import Matcher
from sendit.deid.rules.actions import Action
from sendit.deid.rules.compiled import rules_for
from sendit.deid.rules.options import Option
from sendit.deid.treatment import Treatment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sendit.deid.course import Course
    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.rules.rule import Rule
    from sendit.deid.treatment import Changed

    Change = Callable[[int, Callable[[Changed], Changed]], None]

ROOT = Path(__file__).resolve().parents[3]
STUDY_UID = "1.2.826.0.1.222.1"
MEANING, SCHEME, VALUE, CODES = 0x00080104, 0x00080102, 0x00080100, 0x00082218
SIEMENS = "SIEMENS MR HEADER"
SHIPPED = tuple(PROFILES)
PLAIN = rules_for(PROFILES["basic"], CT_STORAGE).top
SEQUENCES = [
    tag
    for tag, entry in sorted(DicomDictionary.items())
    if entry[0] == "SQ" and 0x00080018 < tag < 0x50000000 and tag >> 16 != 0x0012 and PLAIN.rule(tag) is None
]
"""Sequences of which no rule speaks."""


def refusal(data: bytes, profile: str | Profile = "research") -> str | None:
    chosen = TESTED[profile] if isinstance(profile, str) else profile
    try:
        deidentify(io.BytesIO(data), io.BytesIO(), profile=chosen, keys=KEYS, identify=KEYS.identifiers)
    except DeidError as error:
        return str(error.code)
    return None


def output(data: bytes, profile: str | Profile = "research") -> bytes:
    """Nothing if it is refused: then nothing is left."""
    sink = io.BytesIO()
    chosen = TESTED[profile] if isinstance(profile, str) else profile
    try:
        deidentify(io.BytesIO(data), sink, profile=chosen, keys=KEYS, identify=KEYS.identifiers)
    except DeidError:
        return b""
    return sink.getvalue()


def nested(content: bytes, depth: int) -> bytes:
    for tag in SEQUENCES[:depth]:
        content = sequence(tag, content, implicit=True)
    return content


def empty(tag: int) -> bytes:
    return pack("<HHL", tag >> 16, tag & 0xFFFF, 0)


def peak_of(data: bytes, profile: str = "basic") -> int:
    tracemalloc.start()
    try:
        refusal(data, profile)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("profile", SHIPPED)
@pytest.mark.parametrize(("tag", "vr"), [(0x00281201, "OW"), (0x00281201, "US"), (0x00283006, "OW")])
def test_no_uid_of_the_object_is_left_in_bulk_data(tag: int, vr: str, profile: str) -> None:
    table = element(tag, vr, (STUDY_UID.encode() * 4)[:68])
    assert output(instance(table), profile).count(STUDY_UID.encode()) == 0


@pytest.mark.parametrize("profile", SHIPPED)
def test_no_uid_of_the_object_is_left_in_a_code_of_the_standard(profile: str) -> None:
    code = element(VALUE, "SH", STUDY_UID) + element(SCHEME, "SH", "DCM") + element(MEANING, "LO", "Head")
    assert output(instance(sequence(CODES, code)), profile).count(STUDY_UID.encode()) == 0


@pytest.mark.parametrize("without", [(), (0x00100010,), (0x00100020,), (0x00100010, 0x00100020)])
def test_a_pseudonym_that_is_another_identifier_of_the_object_is_refused(without: tuple[int, ...]) -> None:
    def identify(entity: Entity) -> Identifiers:
        return replace(KEYS.identifiers(entity), patient="OTHER-99812")

    data = instance(element(0x00101000, "LO", "OTHER-99812"), without=without)
    with pytest.raises(DeidError) as raised:
        deidentify(io.BytesIO(data), io.BytesIO(), profile=TESTED["basic"], keys=KEYS, identify=identify)
    assert raised.value.code == "gate_identifier_left"


_ILLEGAL = """
import io
from tests.data.deid_objects import instance
from sendit.deid import DeidError, inspect

try:
    inspect(io.BytesIO(instance(transfer_syntax="Wunderlich^Hedwig")))
except DeidError as error:
    print(error.code)
"""


def test_an_illegal_transfer_syntax_is_refused_without_a_word_about_its_value() -> None:
    """In a process of its own, in which nobody has told pydicom to be quiet."""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", _ILLEGAL], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), "Wunderlich" in done.stderr) == ("unsupported_transfer_syntax", False)


@pytest.mark.parametrize("before", ["", "Wunderlich^Hedwig"])
def test_the_report_says_of_the_name_what_is_written(before: str) -> None:
    report, _ = deidentified(instance(element(0x00100010, "PN", before)))
    assert ("PatientName", "pseudonym") in report.attributes


@pytest.mark.thorough
def test_many_elements_beside_each_other_in_an_item_cost_in_proportion() -> None:
    kept = sorted(
        tag
        for tag, entry in DicomDictionary.items()
        if entry[0] in {"FD", "FL", "SL", "UL", "US"} and 0x0018 < tag >> 16 < 0x5000 and PLAIN.rule(tag) is None
    )

    def of(size: int) -> bytes:
        private = b"".join(empty(0x00090000 + (at // 60_000 << 17) + 0x1000 + at % 60_000) for at in range(size))
        item = private + b"".join(map(empty, kept[: len(kept) * size // 160_000]))
        return instance(sequence(CODES, item, implicit=True), transfer_syntax=IMPLICIT)

    assert refusal(of(160_000), "basic") is None
    in_proportion(of, lambda data: refusal(data, "basic"), 160_000)


def test_deep_nesting_does_not_hold_a_large_value_at_every_level() -> None:
    table = element(0x00283006, "OW", bytes(2_000_000), implicit=True)
    assert peak_of(instance(nested(table, 28), transfer_syntax=IMPLICIT)) < 15 * len(table)


@pytest.mark.thorough
def test_paths_of_removed_elements_are_bounded_for_the_whole_object() -> None:
    inner = b"".join(empty(0x00091000 + at) for at in range(9000))
    tops = [sequence(tag, nested(inner, 28), implicit=True) for tag in SEQUENCES[28:38]]
    assert peak_of(instance(*tops, transfer_syntax=IMPLICIT)) < 64 * 2**20


@pytest.mark.thorough
def test_what_hostile_objects_leave_in_memory_is_bounded() -> None:
    keys = Keyring(b"a secret key of this test suite.")
    private = b"".join(empty(0x00091000 + at) for at in range(150))
    tops = [sequence(tag, nested(private, 25), implicit=True) for tag in SEQUENCES[25:225]]
    data = instance(*tops, transfer_syntax=IMPLICIT)
    deidentified(instance(transfer_syntax=IMPLICIT), "basic", keys)
    tracemalloc.start()
    try:
        deidentified(data, "basic", keys)
        left = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert left < 16 * 2**20


def test_a_uid_of_the_object_in_a_kept_text_is_replaced_and_the_rest_stays() -> None:
    report, written = deidentified(instance(element(0x00181020, "LO", f"VA12\\v{STUDY_UID}")), "basic")
    assert STUDY_UID.encode() not in written
    assert read_back(written).SoftwareVersions[0] == "VA12"
    assert ("SoftwareVersions", "dummy") in report.attributes


def test_offset_tables_of_an_icon_go() -> None:
    icon = sequence(0x00880200, element(0x7FE00001, "OV", bytes(8)) + element(0x00280010, "US", pack("<H", 4)))
    assert tag_bytes(0x7FE00001) not in output(instance(icon), "basic")


def test_marks_inside_sequences_go() -> None:
    inner = element(0x00120062, "CS", "YES") + element(0x00280303, "CS", "UNMODIFIED")
    written = output(instance(sequence(CODES, inner + element(VALUE, "SH", "T-1"))), "basic")
    assert written.count(tag_bytes(0x00120062)) == written.count(tag_bytes(0x00280303)) == 1


def test_what_describes_the_pixels_is_no_sequence() -> None:
    assert refusal(instance(sequence(0x00281050, element(0x00281050, "DS", "40")))) == "malformed"


def test_what_describes_the_pixels_is_sound_inside_a_sequence_that_is_kept() -> None:
    assert refusal(instance(sequence(0x00089215, element(0x00281050, "DS", "forty"))), "basic") in {None, "malformed"}
    assert b"forty" not in output(instance(sequence(CODES, element(0x00281050, "DS", "forty"))), "basic")


def test_idle_private_creators_go_at_every_level() -> None:
    block = element(0x00510010, "LO", SIEMENS) + element(0x005110FE, "LO", "whatever")
    assert SIEMENS.encode() not in output(instance(block, sequence(CODES, block)))


def test_a_creator_with_several_values_has_reserved_nothing() -> None:
    block = element(0x00510010, "LO", f"{SIEMENS}\\X") + element(0x0051100B, "LO", "p2")
    assert SIEMENS.encode() not in output(instance(block))


@pytest.mark.parametrize(("creator", "known"), [(SIEMENS, True), (SIEMENS.lower(), False), (f"{SIEMENS}S", False)])
def test_a_creator_is_compared_exactly(creator: str, known: bool) -> None:
    written = output(instance(element(0x00190010, "LO", creator), element(0x0019100C, "IS", "739")))
    assert (b"739" in written) is known


def test_a_group_length_inside_the_data_set_goes() -> None:
    assert tag_bytes(0x00280000) + b"UL" not in output(instance(element(0x00280000, "UL", bytes(4))), "basic")


def test_items_count_as_several_elements() -> None:
    data = instance(sequence(CODES, *[b""] * 100))
    inspect(io.BytesIO(data), Limits(max_elements=900))
    with pytest.raises(DeidError) as raised:
        inspect(io.BytesIO(data), Limits(max_elements=500))
    assert raised.value.code == "header_too_large"


def test_a_sequence_in_un_counts_with_the_rest() -> None:
    data = instance(*(sequence(tag, *[b""] * 30, vr="UN") for tag in SEQUENCES[:10]))
    inspect(io.BytesIO(data), Limits(max_elements=3000))
    with pytest.raises(DeidError) as raised:
        inspect(io.BytesIO(data), Limits(max_elements=1500))
    assert raised.value.code == "header_too_large"


def test_a_sequence_in_un_is_held_twice_and_counts_so() -> None:
    data = instance(sequence(CODES, element(MEANING, "LO", "a" * 4000, implicit=True), vr="UN"))
    inspect(io.BytesIO(data), Limits(max_header_bytes=9000))
    with pytest.raises(DeidError) as raised:
        inspect(io.BytesIO(data), Limits(max_header_bytes=6000))
    assert raised.value.code == "header_too_large"


@pytest.mark.parametrize(("depth", "code"), [(31, None), (32, None), (33, "malformed")])
def test_nesting_ends_where_the_limit_says(depth: int, code: str | None) -> None:
    content = b""
    for _ in range(depth):
        content = sequence(CODES, content)
    assert refusal(instance(content), "basic") == code


@pytest.mark.parametrize("inner", [0x00080018, 0x0020000D, 0x0020000E])
def test_a_uid_twice_is_refused(inner: int) -> None:
    data = instance()
    one = element(inner, "UI", "1.2.826.0.1.5.5")
    assert refusal(data.replace(element(0x00080060, "CS", "CT"), element(0x00080060, "CS", "CT") + one)) == "malformed"


@pytest.mark.parametrize("tag", [0x00080020, 0x00100010, 0x7FE00010])
def test_nothing_that_belongs_before_the_pixels_stands_behind_them(tag: int) -> None:
    assert refusal(instance(trailer=element(tag, "OB" if tag == 0x7FE00010 else "LO", "ab"))) == "malformed"


def test_dates_kept_by_name_do_not_make_other_dates_harmless() -> None:
    kept = Profile("dates", (Option.RETAIN_FULL_DATES,))
    born = element(0x00100030, "DA", "19540314")
    assert b"19540314" not in output(instance(born, element(0x00200012, "IS", "19540314")), kept)


def test_age_is_capped_though_characteristics_are_retained() -> None:
    assert result(element(0x00101010, "AS", "093Y"), profile="research").PatientAge == "090Y"


def test_an_accession_number_of_another_order_has_no_pseudonym() -> None:
    nested_one = sequence(0x00400275, element(0x00080050, "SH", "ACC9999"))
    written = read_back(output(instance(nested_one), "basic"))
    assert [item.get("AccessionNumber", "") for item in written.get("RequestAttributesSequence", [])] in ([], [""])


def test_counts_of_the_report_are_those_of_the_output() -> None:
    data = instance(
        element(0x00181020, "LO", "VA1"),
        sequence(CODES, element(VALUE, "SH", "T-1") + element(0x00091001, "LO", "x")),
    )
    report, written = deidentified(data, "basic")
    found = read_back(written)
    elements = [one for one in found.iterall() if one.tag != 0x7FE00010]
    by_action = Counter(report.actions)
    gone = by_action["remove"]
    marks = {0x00120062, 0x00120063, 0x00120064, 0x00280303}
    inside = sum(len(item) for item in found.DeidentificationMethodCodeSequence)
    assert sum(by_action.values()) - gone == len(elements) - inside
    assert by_action["mark"] == len(marks)


def test_implicit_header_with_explicit_transfer_syntax_is_noted_and_gated() -> None:
    data = instance(element(0x00181020, "LO", "Wunderlich", implicit=True), transfer_syntax=IMPLICIT)
    mixed = data.replace(element(0x00020010, "UI", IMPLICIT), element(0x00020010, "UI", EXPLICIT + "\0"))
    report, written = deidentified(mixed, "basic")
    assert "vr-encoding" in report.normalised
    assert b"Wunderlich" not in written


def test_the_gate_sees_a_uid_that_was_left_in_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Treatment, "_has_own_uid", lambda *_: False)
    data = instance(element(0x00181020, "LO", f"v{STUDY_UID}"))
    with pytest.raises(DeidError) as raised:
        deidentified(data, "basic", Keyring(b"a secret key of this test suite."))
    assert raised.value.code == "gate_identifier_left"


@pytest.fixture
def changed_courses(monkeypatch: pytest.MonkeyPatch) -> Iterator[Change]:
    """Makes something else of what becomes of one public attribute, for objects whose rules are not known yet."""

    def change(changed: int, otherwise: Callable[[Changed], Changed]) -> None:
        def course_of(rule: Rule | None, tag: int, vr: str, *, whole: bool, allowed: bool) -> Course:
            course = public_course(rule, tag, vr, whole=whole, allowed=allowed)
            if tag != changed:
                return course
            return lambda treatment, value, codecs: otherwise(course(treatment, value, codecs))

        monkeypatch.setattr("sendit.deid.engine.public_course", course_of)
        rules_for.cache_clear()

    yield change
    rules_for.cache_clear()


@pytest.mark.parametrize(("tag", "code"), [(0x00280010, "malformed"), (0x00280100, "malformed")])
def test_what_is_written_still_describes_the_pixels(tag: int, code: str, changed_courses: Change) -> None:
    changed_courses(tag, lambda _: (Action.REMOVE, "", b""))
    with pytest.raises(DeidError) as raised:
        deidentified(instance(), "basic", Keyring(b"a secret key of this test suite."))
    assert raised.value.code == code


@pytest.mark.parametrize("tag", [0x00080018, 0x0020000D, 0x0020000E])
def test_what_is_written_bears_the_uids_that_the_report_names(tag: int, changed_courses: Change) -> None:
    changed_courses(tag, lambda done: (done[0], done[1], b"2.25.1"))
    with pytest.raises(DeidError) as raised:
        deidentified(instance(), "basic", Keyring(b"a secret key of this test suite."))
    assert raised.value.code == "gate_uid_mismatch"


def test_a_private_sequence_where_a_number_is_due_goes() -> None:
    inner = element(0x00181020, "LO", "VA77")
    for vr, tag, creator in (("FL", 0x20011001, "001"), ("SQ", 0x20011065, "001"), ("CS", 0x20011065, "002")):
        block = element(0x20010010, "LO", f"Philips Imaging DD {creator}") + sequence(tag, inner)
        assert (b"VA77" in output(instance(block))) is (vr == "SQ")


@pytest.mark.parametrize(("concept", "left"), [("113795", False), ("121071", True)])
def test_a_reference_in_a_content_item_that_is_to_be_replaced_tells_nothing(concept: str, left: bool) -> None:
    """Table E.3.4-1 says D of 113795, and nothing of 121071 as an image."""
    frame = element(0x00081155, "UI", "1.2.826.0.1.999.9") + element(0x00081160, "IS", "777")
    item = (
        sequence(0x00081199, frame)
        + element(0x0040A040, "CS", "IMAGE")
        + sequence(0x0040A043, element(VALUE, "SH", concept) + element(SCHEME, "SH", "DCM"))
    )
    assert (b"777" in output(instance(sequence(0x0040A730, item)))) is left


def refused_by_the_gate(data: bytes, profile: str = "basic") -> bool:
    try:
        deidentified(data, profile, Keyring(b"a secret key of this test suite."))
    except DeidError as error:
        return error.code == "gate_identifier_left"
    return False


def test_the_gate_refuses_text_that_nobody_can_read(changed_courses: Change) -> None:
    changed_courses(0x00181020, lambda _: (Action.KEEP, "LO", b"\xff\xfe"))
    assert refused_by_the_gate(instance(element(0x00181020, "LO", b"\xff\xfe")))


def test_the_gate_looks_at_the_bytes_of_text_that_others_may_read_otherwise(
    monkeypatch: pytest.MonkeyPatch, changed_courses: Change
) -> None:
    changed_courses(0x00181020, lambda _: (Action.KEEP, "LO", b"\xe9Wunderlich"))
    monkeypatch.setattr(Matcher, "in_text", lambda *_, **__: False)
    latin = element(0x00080005, "CS", "ISO_IR 100")
    assert refused_by_the_gate(instance(latin, element(0x00181020, "LO", b"\xe9Wunderlich")))


def test_in_cleaned_text_the_gate_exempts_no_word_of_the_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Treatment, "_clean_part", lambda _, part: part)
    named = element(0x00100010, "PN", "Philips^Head")
    assert refused_by_the_gate(instance(named, element(0x00081030, "LO", "Philips Head")), "research")
    assert not refused_by_the_gate(instance(named, element(0x00080070, "LO", "Philips")), "research")


def test_a_birth_day_that_only_slots_share_is_told_from_series_to_series() -> None:
    """Two objects that differ in their dates alone do not share what is looked for."""
    keys = Keyring(b"a secret key of this test suite.")
    made = element(0x00200012, "IS", "19540314")
    first = deidentified(instance(element(0x00100030, "DA", "19600101"), made), "basic", keys)[1]
    second = deidentified(instance(element(0x00100030, "DA", "19540314"), made), "basic", keys)[1]
    assert (first.count(b"19540314"), second.count(b"19540314")) == (1, 0)


def test_a_private_creator_of_whose_block_nothing_stays_refuses_no_image() -> None:
    """PACS name themselves after their hospitals."""
    house = element(0x00080080, "LO", "Kreisspital Siebenbrunn")
    block = element(0x00090010, "LO", "KREISSPITAL SIEBENBRUNN PACS 1.0") + element(0x00091001, "LO", "x")
    assert refusal(instance(house, block)) is None


def test_a_sequence_that_ends_behind_its_item_is_malformed() -> None:
    """Of undefined length itself, it runs on into what the item's length says is the next item."""
    inner = sequence(0x00081140, element(0x00081155, "UI", "1.2.3.4"), undefined=True)
    item = b"\xfe\xff\x00\xe0" + pack("<L", len(inner) - 8) + inner
    assert refusal(instance(element(CODES, "SQ", item)), "basic") == "malformed"


def test_the_pad_byte_of_odd_pixel_data_is_in_its_checksum() -> None:
    cells = [(0x00280010, b"\3\0"), (0x00280011, b"\1\0"), (0x00280100, b"\x08\0"), (0x00280101, b"\x08\0")]
    extra = [element(tag, "US", value) for tag, value in (*cells, (0x00280102, b"\7\0"))]
    odd = tag_bytes(0x7FE00010) + b"OB\0\0" + pack("<L", 3) + b"abc"
    report, written = deidentified(instance(*extra, odd), "basic")
    assert written.endswith(b"abc\0")
    assert report.pixel_bytes == 4
    assert report.pixel_crc32c == f"{google_crc32c.value(b'abc' + bytes(1)):08x}"


def test_an_item_of_undefined_length_in_implicit_vr_may_be_empty() -> None:
    nothing = sequence(CODES, b"", undefined=True)
    written = read_back(output(instance(nothing), "basic"))
    assert [len(item) for item in written.ProcedureCodeSequence] == [0] if "ProcedureCodeSequence" in written else True
    assert refusal(instance(nothing), "basic") is None


def test_the_character_set_of_an_item_is_that_of_its_names() -> None:
    """Siebenbürgen, in UTF-8 inside an item of a Latin-1 object, is looked for in that object's texts."""
    named = element(0x00080005, "CS", "ISO_IR 192") + element(0x00080090, "PN", "Ελλην^Q".encode())
    latin = element(0x00080005, "CS", "ISO_IR 192")
    texts = element(0x00181020, "LO", "VA1 Ελλην".encode())
    written = output(instance(latin, sequence(0x00081140, named), texts), "basic")
    assert written.count("Ελλην".encode()) == 0
