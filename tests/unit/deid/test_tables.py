from __future__ import annotations

import re

import pytest
from pydicom.datadict import DicomDictionary, tag_for_keyword  # type: ignore[attr-defined]

from sendit.deid import PROFILES, profile_named
from sendit.deid.rules.tables import NEVER_SHIFTED, RESOLVED, checksums, keep_list, rules, table, vocabulary

SHA256 = {
    "table_e1_1.json": "cecb5683ec941f007b187a06774d137de0df4b26ecf67268ed68f362604a9463",
    "table_e3_4_1.json": "11a6b5ce2d5889f4b5596ad72b229c7cb42b77d795d59d95d34266b798757ce3",
    "table_e3_10_1.json": "65541f40962607ed35ce8c2c7fe0874bb8bc0b7d864a5b023be49dd0c28b464e",
    "keep_list.json": "9382933edb1e25d273cc50320afe3b74c926627b59fdce03a233fc8f2d41dbcb",
    "vocabulary.json": "3690bdd6bdc43ce06ada866f43290e0353320cd0f7cc4de93188bd243f459d3d",
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
    assert len(rules()) == 656 - 4  # 50xx, 60xx (two rows) and private go as whole groups


def test_public_constants_and_the_timezone_are_never_shifted() -> None:
    assert not any(rules()[tag].modified_dates for tag in NEVER_SHIFTED)
    assert rules()[0x00080020].modified_dates


def test_keep_list_speaks_only_of_public_attributes_outside_the_table_and_gives_reasons() -> None:
    rows = table("keep_list.json")["rows"]
    assert len(rows) == len(keep_list())
    for row in rows:
        tag = tag_for_keyword(row["keyword"])
        assert tag is not None
        assert row["tag"] == f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        assert tag not in rules()
        assert len(row["reason"].split()) >= 3


@pytest.mark.parametrize("word", ["Comment", "Physician", "Patient", "Operator", "Address", "Institution"])
def test_keep_list_keeps_nothing_that_is_named_after_people_or_places(word: str) -> None:
    kept = [DicomDictionary[tag][4] for tag, action in keep_list().items() if action == "keep"]
    assert not [keyword for keyword in kept if word in keyword]


def test_vocabulary_is_single_words() -> None:
    assert all(re.fullmatch(r"[a-z0-9_]+", word) for word in vocabulary())
    assert {"head", "philips", "axial"} <= vocabulary()


def test_profiles_have_different_digests() -> None:
    assert PROFILES["basic"].digest != PROFILES["basic-dates"].digest
    assert re.fullmatch("[0-9a-f]{16}", PROFILES["basic"].digest)


def test_unknown_profile_is_answered_with_the_nearest() -> None:
    assert profile_named("basic") is PROFILES["basic"]
    with pytest.raises(ValueError, match="nearest is 'basic-dates'"):
        profile_named("basic-date")
