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
        element(0x00282000, "OB", bytes(24) + b"20200229"),
        element(0x00282000, "OB", bytes(24) + b"19540314"),
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
