"""The patient's identity in other words, in other VRs and in other bytes is found all the same."""

from __future__ import annotations

from datetime import date
from struct import pack

import pytest
from tests.data.deid_objects import KEYS, deidentified, element, instance, read_back, result, sequence

from sendit.deid import DeidError, Entity

MANUFACTURER = 0x00080070
LATIN_1, UTF_8 = element(0x00080005, "CS", "ISO_IR 100"), element(0x00080005, "CS", "ISO_IR 192")


def name(text: bytes | str, vr: str = "PN") -> bytes:
    return element(0x00100010, vr, text)


def patient_id(text: str, vr: str = "LO") -> bytes:
    return element(0x00100020, vr, text)


def refusal(*extra: bytes) -> str:
    with pytest.raises(DeidError) as raised:
        deidentified(instance(*extra))
    return raised.value.code


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        (name("Li^Na"), "LI NA"),
        (name("Li^Na"), "Na Li"),
        (name("Kim^Jae"), "KIM, JAE (Seoul)"),
        (name("Lin^Fa"), "Lin-Fa"),
        (name("O'Brien^Seamus"), "OBRIEN"),
        (name("Wunderlich^Hedwig"), "WunderlichHedwig"),
        (name("Wunderlich^Hedwig"), "Wunderlich1"),
        (patient_id("PAT-4711"), "PAT4711"),
        (patient_id("PAT-4711"), "PAT 4711"),
        (patient_id("PAT-4711"), "PAT_4711"),
        (patient_id("00471147"), "471147"),
        (element(0x00100030, "DA", "19540314"), "1954-03-14"),
        (element(0x00100030, "DA", "19540314"), "14.03.1954"),
        (element(0x00100030, "DA", "19540314"), "03/14/1954"),
        (element(0x00100030, "DA", "19540314"), "14.3.1954"),
        (element(0x00100030, "DA", "19540314"), "14 Mar 1954"),
        (element(0x00100030, "DA", "19540314"), "1954/03/14T10:00"),
        (element(0x00080020, "DA", "20200229"), "20200229123000"),
        (element(0x00080020, "DA", "20200229"), "v20200229"),
        (element(0x0020000D, "UI", "1.2.826.0.1.222.1"), "1.2.826.0.1.222.1"),
        (element(0x0020000D, "UI", "1.2.826.0.1.222.1"), "urn:oid:1.2.826.0.1.222.1"),
        (element(0x00100033, "LO", "1373-12-23"), "1373-12-23"),
        (element(0x00402010, "SH", "+43 512 4711"), "+43 512 4711"),
        (name("Wunderlich^Hedwig", "LO"), "X Wunderlich"),
        (name("Wunderlich^Hedwig", "ST"), "X Wunderlich"),
        (patient_id("PAT-4711", "UI"), "X PAT-4711"),
        (patient_id("PAT-4711", "DA"), "X PAT-4711"),
        (element(0x00100020, "LO", b"\0PAT-777"), "PAT-777"),
    ],
)
def test_other_spelling_of_an_identifier_is_found(identity: bytes, text: str) -> None:
    assert result(identity, element(MANUFACTURER, "LO", text)).Manufacturer == "REMOVED"


@pytest.mark.parametrize("text", ["MUELLER", "Muller", "Mueller-Lab"])
def test_umlaut_is_found_however_it_is_replaced(text: str) -> None:
    assert result(LATIN_1, name("Müller^Anna".encode("latin-1")), element(MANUFACTURER, "LO", text)).Manufacturer == (
        "REMOVED"
    )


@pytest.mark.parametrize("text", ["Philips", "Anderson", "Model 1954", "VA20A 2020", "1.2.826"])
def test_other_text_stays(text: str) -> None:
    assert result(name("Ander^Li"), element(MANUFACTURER, "LO", text)).Manufacturer == text


@pytest.mark.parametrize(
    ("outer", "written", "inner", "repeated"),
    [
        (LATIN_1, "Müller".encode(), UTF_8, "Müller".encode()),
        (UTF_8, "Müller".encode("latin-1"), LATIN_1, "Müller".encode("latin-1")),
    ],
)
def test_name_in_a_wrongly_declared_character_set_is_found(
    outer: bytes, written: bytes, inner: bytes, repeated: bytes
) -> None:
    item = inner + element(0x00080104, "LO", repeated)
    dataset = result(outer, name(written + b"^Anna"), sequence(0x00082218, item))
    assert dataset.AnatomicRegionSequence[0].CodeMeaning == "REMOVED"


def test_name_behind_an_escape_sequence_is_found() -> None:
    escaped = element(MANUFACTURER, "LO", b"\x1b$BWunderlich\x1b(B")
    _, output = deidentified(instance(element(0x00080005, "CS", "\\ISO 2022 IR 87"), escaped))
    assert b"Wunderlich" not in output


@pytest.mark.parametrize("spelled", ["12345678", "+12345678", "12345678.0", "1.2345678e7", "0012345678"])
def test_long_number_becomes_a_dummy_however_it_is_spelled(spelled: str) -> None:
    exposure = element(0x00181405, "IS", spelled) if spelled.isdigit() else element(0x00189302, "DS", spelled)
    dataset = result(patient_id("0012345678"), exposure, element(0x00180060, "DS", f"{spelled}"))
    assert dataset.KVP == 0


def test_date_in_a_series_number_does_not_tell_the_shift() -> None:
    dataset = result(element(0x00200011, "IS", "20200229"), element(0x00180093, "DS", "80\\19540314"))
    days = KEYS.identifiers(Entity("", "PAT-4711", "", "")).shift_days
    assert (date(2020, 2, 29) - date.fromisoformat(dataset.StudyDate)).days == days
    assert dataset.SeriesNumber == 0
    assert list(dataset.PercentSampling) == [80, 0]


@pytest.mark.parametrize(
    "number",
    [
        element(0x00200012, "IS", "47115"),
        element(0x00180060, "DS", "47115"),
        element(0x00281051, "DS", "47115"),
    ],
)
def test_short_number_that_may_be_physics_stays_whoevers_id_it_is(number: bytes) -> None:
    assert b"47115" in deidentified(instance(patient_id("47115"), number))[1]


@pytest.mark.parametrize(
    "number",
    [
        element(0x00186018, "UL", pack("<L", 20200229)),
        element(0x00189073, "FD", pack("<d", 20200229)),
        element(0x00189087, "FD", pack("<d", 47114711)),
        element(0x00189098, "FD", pack("<2d", 1, -47114711)),
        element(0x00186020, "SL", pack("<l", 47114711)),
        element(0x00700022, "FL", pack("<2f", 0.5, 20200229)),
        element(0x00281050, "DS", "47114711"),
    ],
)
def test_date_or_long_id_in_a_binary_number_refuses_the_image(number: bytes) -> None:
    assert refusal(patient_id("47114711"), number) == "gate_identifier_left"


@pytest.mark.parametrize("number", ["0", "-4711", "4711.5", "47110"])
def test_other_numbers_stay(number: str) -> None:
    dataset = result(patient_id("4711"), element(0x00100030, "DA", "00000000"), element(0x00180060, "DS", number))
    assert float(number) == dataset.KVP


@pytest.mark.parametrize(
    "bulk",
    [
        element(0x00283006, "OW", b"wunderlich^HEDWIG "),
        element(0x00281201, "OW", "Wunderlich".encode("utf-16-le")),
        element(0x00281201, "OW", "wunderlich".encode("utf-16-be")),
        element(0x00283006, "OW", bytes(24) + b"20200229"),
        element(0x00283006, "OW", bytes(24) + b"19540314"),
        element(0x00700022, "FL", b"PAT-4711"),
    ],
)
def test_identity_in_bulk_refuses_the_image(bulk: bytes) -> None:
    assert refusal(bulk) == "gate_identifier_left"


def test_id_that_counts_upwards_is_not_found_in_every_lookup_table() -> None:
    ramp = pack("<256H", *range(256))
    dataset = result(patient_id("123456"), element(0x00281201, "OW", ramp))
    assert dataset.RedPaletteColorLookupTableData == ramp


@pytest.mark.parametrize(
    ("tag", "vr"), [(0x54001010, "OW"), (0x5400100A, "OB"), (0x00720069, "OW"), (0x00720067, "OF")]
)
def test_bulk_that_may_hold_anything_goes(tag: int, vr: str) -> None:
    item = element(tag, vr, b"a voice!")
    dataset = result(sequence(0x00082218, item))
    assert tag not in dataset.AnatomicRegionSequence[0]


@pytest.mark.parametrize(
    ("tag", "vr"),
    [(0x00181204, "DA"), (0x00120086, "DA"), (0x00440004, "DT"), (0x0072000A, "DT"), (0x300A022C, "DA")],
)
def test_date_that_many_patients_share_does_not_tell_the_shift(tag: int, vr: str) -> None:
    output = read_back(deidentified(instance(element(tag, vr, "20150601")))[1])
    assert tag not in output or str(output[tag].value).startswith("1900")


@pytest.mark.parametrize("charset", ["\\ISO 2022 IR 87", "\\ISO 2022 IR 149", "ISO 2022 IR 6\\ISO 2022 IR 100"])
def test_term_for_a_character_set_is_nobodys_id(charset: str) -> None:
    data = instance(element(0x00080005, "CS", charset), element(0x00200010, "SH", "2022"))
    assert deidentified(data)[1]


@pytest.mark.parametrize("kept", ["7730915", "rel 7730915 x", "v7730915"])
def test_digits_of_an_id_with_letters_are_looked_for_too(kept: str) -> None:
    for patient in ("MRN-7730915", "MRN7730915"):
        assert b"7730915" not in deidentified(instance(patient_id(patient), element(MANUFACTURER, "LO", kept)))[1]
        assert b"7730915" not in deidentified(instance(patient_id(patient), element(0x00200012, "IS", "7730915")))[1]


@pytest.mark.parametrize("written", ["2020.02.29", "2020-02-29"])
def test_date_in_an_old_spelling_is_a_date(written: str) -> None:
    data = instance(
        element(0x00080022, "DA", written.replace("2020", "2019")),
        element(MANUFACTURER, "LO", written.replace("2020", "2019")),
        element(0x00181020, "LO", "20190229"),
        element(0x00200012, "IS", "20190229"),
    )
    output = deidentified(data)[1]
    assert b"20190229" not in output
    assert written.replace("2020", "2019").encode() not in output


@pytest.mark.parametrize("kept", ["March 14, 1954", "14 MARCH 1954", "14 Mar 1954"])
def test_month_is_known_by_its_full_name(kept: str) -> None:
    output = deidentified(instance(element(0x00100030, "DA", "19540314"), element(MANUFACTURER, "LO", kept)))[1]
    assert kept.encode() not in output


@pytest.mark.parametrize("number", ["202002291030", "20200229103000", "20200229.5", "02292020", "29022020"])
def test_number_that_begins_with_a_date_or_turns_it_round_becomes_a_dummy(number: str) -> None:
    output = deidentified(instance(element(0x00189302, "DS", number), element(0x00189151, "DT", "20200229")))[1]
    assert number.encode() not in output


def test_round_number_is_a_setting_whoevers_id_it_is() -> None:
    output = deidentified(instance(patient_id("500000"), element(0x00181153, "IS", "500000")))[1]
    assert b"500000" in output


def test_name_is_not_found_across_the_border_of_two_words() -> None:
    name = element(0x00100010, "PN", "Carter^Ann")
    output = deidentified(instance(name, element(MANUFACTURER, "LO", "Mesenteric artery")))[1]
    assert b"Mesenteric artery" in output
    for spelled in ("Car ter", "XCarter1", "C A R T E R"):
        assert spelled.encode() not in deidentified(instance(name, element(MANUFACTURER, "LO", spelled)))[1]
