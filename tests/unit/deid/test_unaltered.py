"""No name, however short, and no writer's mistake alters an image silently: it stays, or it is refused."""

from __future__ import annotations

import io
from struct import pack

import pytest
from tests.data.deid_big_endian import big_endian
from tests.data.deid_objects import PIXELS, deidentified, element, instance, read_back, result, sequence

from sendit.deid import DeidError, inspect


def refusal(*extra: bytes) -> str:
    with pytest.raises(DeidError) as raised:
        deidentified(instance(*extra))
    return raised.value.code


@pytest.mark.parametrize(
    ("name", "keyword", "kept"),
    [
        ("Smith^John^L", "Laterality", element(0x00200060, "CS", "L")),
        ("Smith^John^L", "ImageLaterality", element(0x00200062, "CS", "L")),
        ("Smith^John^L", "PatientOrientation", element(0x00200020, "CS", "L\\P")),
        ("Smith^John^M", "ImageType", element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\M\\ND")),
        ("Hu^Jie", "RescaleType", element(0x00281054, "LO", "HU")),
        ("Lin^Wei", "PixelIntensityRelationship", element(0x00281040, "CS", "LIN")),
        ("Ap^Xu", "ViewPosition", element(0x00185101, "CS", "AP")),
        ("Ybr^Full", "PhotometricInterpretation", element(0x00280004, "CS", "YBR_FULL")),
        ("Sk^Ob", "SequenceVariant", element(0x00180021, "CS", "OSP\\SK")),
    ],
)
def test_short_name_alters_no_attribute_of_the_image(name: str, keyword: str, kept: bytes) -> None:
    before = read_back(instance(kept))[keyword].value
    assert result(element(0x00100010, "PN", name), kept)[keyword].value == before


@pytest.mark.parametrize(("tag", "vr"), [(0x00081070, "PN"), (0x00081010, "SH"), (0x00080090, "PN")])
@pytest.mark.parametrize(
    ("term", "where", "keyword"),
    [
        ("SE", 0x00180020, "ScanningSequence"),
        ("CC", 0x00185101, "ViewPosition"),
        ("HFS", 0x00185100, "PatientPosition"),
    ],
)
def test_initials_of_an_operator_or_a_station_alter_nothing(
    tag: int, vr: str, term: str, where: int, keyword: str
) -> None:
    assert result(element(tag, vr, term), element(where, "CS", term))[keyword].value == term


def test_only_the_echoing_value_of_several_gets_a_dummy() -> None:
    image_type = element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\HEDWIG\\AXIAL")
    dataset = result(image_type, element(0x00181020, "LO", "VA50\\PAT-4711\\1.2"))
    assert list(dataset.ImageType) == ["ORIGINAL", "PRIMARY", "REMOVED", "AXIAL"]
    assert list(dataset.SoftwareVersions) == ["VA50", "REMOVED", "1.2"]


@pytest.mark.parametrize(
    "echo",
    [
        element(0x00080008, "CS", "HEDWIG\\PRIMARY"),
        element(0x00185101, "CS", "HEDWIG"),
        element(0x00280004, "CS", "HEDWIG"),
        element(0x00281054, "LO", "Hedwig"),
        element(0x00281050, "DS", "20200229"),
    ],
)
def test_echo_in_what_describes_the_pixels_refuses_the_image(echo: bytes) -> None:
    assert refusal(echo) == "gate_identifier_left"


def test_attribute_that_describes_pixels_gets_its_own_vr_back() -> None:
    dataset = result(
        element(0x00280010, "SS", pack("<h", 4)),
        element(0x00280101, "SS", pack("<h", 12)),
        element(0x00280103, "SS", pack("<h", 1)),
        element(0x00280008, "LO", "1"),
        element(0x00281052, "LO", "-1024"),
        element(0x00281053, "ST", "2.5"),
    )
    assert (dataset.Rows, dataset.BitsStored, dataset.PixelRepresentation) == (4, 12, 1)
    assert (dataset.NumberOfFrames, dataset.RescaleIntercept, dataset.RescaleSlope) == (1, -1024, 2.5)
    found = {tag: dataset[tag].VR for tag in (0x00280010, 0x00280008, 0x00281052, 0x00281053)}
    assert found == {0x00280010: "US", 0x00280008: "IS", 0x00281052: "DS", 0x00281053: "DS"}


@pytest.mark.parametrize(
    "broken",
    [
        element(0x00281052, "DS", "-1024 HU"),
        element(0x00281053, "DS", "1,5"),
        element(0x00281053, "FD", pack("<d", 1.5)),
        element(0x00280004, "CS", "Monochrome2"),
        element(0x00280103, "IS", "1"),
        element(0x00280101, "US", b"\x0c\0\x0c\0"),
        element(0x00280030, "DS", "0.5\\x"),
        element(0x00283000, "LO", "no sequence"),
        element(0x00283006, "OB", b"\1\2\3\4"),
        sequence(0x00280030),
        sequence(0x00283000, element(0x00283002, "LO", "1")),
    ],
)
def test_unsound_description_of_pixels_refuses_the_image(broken: bytes) -> None:
    assert refusal(broken) == "malformed"


@pytest.mark.parametrize(("bits", "vr", "length"), [(16, "OB", 32), (12, "OW", 24), (24, "OW", 48)])
def test_big_endian_pixels_that_nobody_knows_how_to_turn_are_refused(bits: int, vr: str, length: int) -> None:
    with pytest.raises(DeidError) as raised:
        deidentified(big_endian(bits, vr, bytes(length)))
    assert raised.value.code == "malformed"


@pytest.mark.parametrize(
    ("bits", "vr", "length", "start"),
    [(8, "OB", 16, "00010203"), (8, "OW", 16, "01000302"), (16, "OW", 32, "01000302"), (32, "OW", 64, "03020100")],
)
def test_big_endian_pixels_are_turned_by_the_cell(bits: int, vr: str, length: int, start: str) -> None:
    output = read_back(deidentified(big_endian(bits, vr, bytes(range(length))))[1])
    assert output.PixelData[:4].hex() == start


def test_name_in_a_big_endian_un_is_known() -> None:
    name = (0x00100010, "UN", b"Wunderlich^Hedwig")
    data = big_endian(16, "OW", PIXELS, name, (0x00080070, "LO", b"X Wunderlich"))
    assert read_back(deidentified(data)[1]).Manufacturer == "REMOVED"


def test_ids_that_differ_behind_a_nul_are_two_patients() -> None:
    patients = {
        deidentified(instance(element(0x00100020, "LO", value)))[0].patient
        for value in (b"PAT\0A ", b"PAT\0BB", b"PAT", b"\0PAT")
    }
    assert len(patients) == 4


@pytest.mark.parametrize("padded", [b"PAT-1", b"PAT-1 ", b"PAT-1\0", b" PAT-1 \0 "])
def test_padding_is_no_part_of_an_id(padded: bytes) -> None:
    assert inspect(io.BytesIO(instance(element(0x00100020, "LO", padded)))).entity.patient_id == "PAT-1"


@pytest.mark.parametrize("tag", [0x00080018, 0x0020000D, 0x0020000E])
def test_registered_uid_identifies_no_object(tag: int) -> None:
    assert refusal(element(tag, "UI", "1.2.840.10008.1.2.1")) == "invalid_uid"


@pytest.mark.parametrize("unit", ["g", "mm", "ms"])
def test_initials_alter_no_code(unit: str) -> None:
    code = element(0x00080100, "SH", unit) + element(0x00080102, "SH", "UCUM")
    dataset = result(element(0x00100010, "PN", "Smith^John^G^Ms^MM"), sequence(0x004008EA, code))
    assert dataset.MeasurementUnitsCodeSequence[0].CodeValue == unit


def test_character_set_is_never_altered() -> None:
    kept = element(0x00080005, "CS", "ISO_IR 100")
    for name in ("Iso^Anna", "Iso^Ir"):
        assert result(element(0x00100010, "PN", name), kept).SpecificCharacterSet == "ISO_IR 100"
