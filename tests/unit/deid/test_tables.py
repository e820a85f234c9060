from __future__ import annotations

import pytest
from pydicom.datadict import DicomDictionary, tag_for_keyword  # type: ignore[attr-defined]

from sendit.deid.rules.tables import (
    NEVER_SHIFTED,
    RESOLVED,
    checksums,
    keep_list,
    repeating_rows,
    row_of,
    rows,
    strict_list,
    table,
)

SHA256 = {
    "table_e1_1.json": "cecb5683ec941f007b187a06774d137de0df4b26ecf67268ed68f362604a9463",
    "table_e3_4_1.json": "11a6b5ce2d5889f4b5596ad72b229c7cb42b77d795d59d95d34266b798757ce3",
    "table_e3_10_1.json": "65541f40962607ed35ce8c2c7fe0874bb8bc0b7d864a5b023be49dd0c28b464e",
    "types.json": "7b4ebfe350967972e7ce9b359c5a6989d33b5e045964431a3bfef49e10d0a191",
    "modules.json": "5b0d55aa85a67490a57168dc63665e8a9b01cc9f64f6690459f4c932594720f0",
    "strict_list.json": "04c0f9456aab0bdc56fa95f90df71b12d4bdff1e4489709e1027dc4bf01ea5ac",
    "keep_list.json": "bdae2d91af5bce14e0d73216399feca0c522a111e1e18558af0b06fc6e74301e",
    "vocabulary.json": "568fc83471bb29d08b8913269ac9692405a48fa4c6f33db709aa6722285126b7",
    "descriptors.json": "7f4170b6467189b1bbf3ec30ec88a81b5d7a179c4081c000f449cff79e81732f",
}


@pytest.mark.parametrize(
    ("name", "label", "rows"),
    [("e1_1", "E.1-1", 656), ("e3_10_1", "E.3.10-1", 479), ("e3_4_1", "E.3.4-1", 214)],
)
def test_table_of_the_standard_is_complete_and_names_its_edition(name: str, label: str, rows: int) -> None:
    content = table(f"table_{name}.json")
    assert len(content["rows"]) == rows
    assert content["edition"] == "2026c"
    assert content["source"] == f"DICOM PS3.15 2026c, Table {label}"
    assert all(len(row) == len(content["columns"]) for row in content["rows"])


def test_data_files_are_the_reviewed_ones() -> None:
    assert checksums() == SHA256


def test_every_action_of_the_table_is_resolved() -> None:
    column = table("table_e1_1.json")["columns"].index("Basic Prof.")
    assert {row[column] for row in table("table_e1_1.json")["rows"]} <= set(RESOLVED)
    assert len(rows()) == 656 - 4
    assert set(repeating_rows()) == {(0x50, None), (0x60, 0x3000), (0x60, 0x4000)}


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        (0x50003000, "Curve Data"),
        (0x501E0005, "Curve Data"),
        (0x60003000, "Overlay Data"),
        (0x601E3000, "Overlay Data"),
        (0x60024000, "Overlay Comments"),
        (0x00100010, "Patient's Name"),
        (0x60000010, None),
        (0x60013000, None),
        (0x50013000, None),
        (0x00280010, None),
    ],
)
def test_row_of_an_attribute_is_found_in_repeating_groups_too(tag: int, name: str | None) -> None:
    row = row_of(tag)
    assert (row and row["Attribute Name"]) == name


def test_public_constants_and_the_timezone_have_a_row_that_could_shift_them() -> None:
    assert all(rows()[tag]["Rtn. Long. Modif. Dates Opt."] == "C" for tag in NEVER_SHIFTED)


def test_keep_list_speaks_only_of_public_attributes_outside_the_table_and_gives_reasons() -> None:
    listed = table("keep_list.json")["rows"]
    assert len(listed) == len(keep_list())
    for row in listed:
        tag = tag_for_keyword(row["keyword"])
        assert tag is not None
        assert row["tag"] == f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        assert tag not in rows()
        assert len(row["reason"].split()) >= 3


def test_strict_list_keeps_only_what_is_kept_anyway_and_gives_reasons() -> None:
    listed = table("strict_list.json")["rows"]
    assert len(listed) == len(strict_list())
    assert listed == sorted(listed, key=lambda row: str(row["tag"]))
    for row in listed:
        tag = tag_for_keyword(row["keyword"])
        assert tag is not None
        assert row["tag"] == f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        assert tag not in rows()
        assert DicomDictionary[tag][0] not in {"LO", "SH", "ST", "LT", "UT", "OB"} or keep_list()[tag] == "keep"
        assert len(row["reason"].split()) >= 3


@pytest.mark.parametrize("word", ["Comment", "Physician", "Patient", "Operator", "Address", "Institution"])
def test_keep_list_keeps_nothing_that_is_named_after_people_or_places(word: str) -> None:
    kept = [DicomDictionary[tag][4] for tag, action in keep_list().items() if action == "keep"]
    assert not [keyword for keyword in kept if word in keyword]
