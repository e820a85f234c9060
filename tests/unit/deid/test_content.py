from __future__ import annotations

import pytest

from sendit.deid.rules.actions import Action
from sendit.deid.rules.compiled import Rule, Rules
from sendit.deid.rules.options import STANDING, Option
from sendit.deid.rules.profile import Profile
from sendit.deid.rules.tables import table

CONTENT = table("table_e3_4_1.json")
ROWS = [dict(zip(CONTENT["columns"], row, strict=True)) for row in CONTENT["rows"]]
IDS = [f"{row['Code Value']} {row['Value Type']}" for row in ROWS]
BASIC = {"X": Action.REMOVE, "D": Action.DUMMY, "X/D": Action.DUMMY}
CLEAN = Option.CLEAN_STRUCTURED_CONTENT


def of(*options: Option) -> Rules:
    return Rules(Profile("site-a", options), "1.2.840.10008.5.1.4.1.1.88.33")


def rule_for(row: dict[str, str], *options: Option) -> Rule | None:
    return of(*options).content(row["Code Value"], row["Coding Scheme Designator"], row["Value Type"])


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_content_item_follows_its_row(row: dict[str, str]) -> None:
    basic = BASIC[row["Basic Prof."]]
    assert rule_for(row) is None
    assert rule_for(row, CLEAN) == Rule(basic, basic, "PS3.15 E.3.4, Table E.3.4-1")
    for option in Option:
        cell = row.get(STANDING[option].column, "")
        rule = rule_for(row, CLEAN, option)
        if cell == "K":
            action = Action.KEEP
        elif cell == "C":
            action = Action.SHIFT if option is Option.RETAIN_MODIFIED_DATES else Action.CLEAN
        else:
            assert rule == rule_for(row, CLEAN)
            continue
        assert rule == Rule(action, basic, f"PS3.15 {STANDING[option].clause}, Table E.3.4-1")
        assert rule_for(row, option) is None


def test_concept_outside_the_table_has_no_rule() -> None:
    assert of(CLEAN).content("121401", "DCM") is None
    assert of(CLEAN).content("121071", "LN") is None


def test_code_of_a_concept_whose_text_is_cleaned_has_no_rule() -> None:
    assert of(CLEAN, Option.CLEAN_DESCRIPTORS).content("363698007", "SCT", "CODE") is None


def test_text_of_a_concept_is_treated_alike_whatever_its_value_type_calls_it() -> None:
    assert of(CLEAN).content("121008", "DCM", "TEXT") == of(CLEAN).content("121008", "DCM", "PNAME")


def test_without_a_value_type_the_row_that_removes_most_speaks() -> None:
    image, waveform = (of(CLEAN).content("121112", "DCM", kind) for kind in ("IMAGE", "WAVEFORM"))
    assert image
    assert waveform
    assert (image.action, waveform.action) == (Action.DUMMY, Action.REMOVE)
    assert of(CLEAN).content("121112", "DCM") == waveform


@pytest.mark.parametrize("scheme", ["SRT", "SNM3", "99SDM"])
@pytest.mark.parametrize(
    ("retired", "code"),
    [
        ("PA-30029", "440252007"), ("DF-0070B", "398164008"), ("DF-0068E", "398325003"), ("R-42B89", "371524004"),
        ("DD-60002", "116224001"), ("F-00033", "271921002"), ("G-C0E3", "363698007"), ("F-02455", "160476009"),
        ("G-D321", "398201009"), ("G-D320", "397898000"),
    ],
)  # fmt: skip
def test_retired_snomed_identifier_means_the_same_concept(scheme: str, retired: str, code: str) -> None:
    rules = of(CLEAN)
    assert rules.content(retired, scheme) == rules.content(code, "SCT") is not None
    assert rules.content(retired, "SCT") is None


def test_every_snomed_concept_of_the_table_has_its_retired_identifier() -> None:
    from pydicom.sr._snomed_dict import mapping

    for row in ROWS:
        if row["Coding Scheme Designator"] == "SCT":
            assert of(CLEAN).content(mapping["SCT"][row["Code Value"]], "SRT") is not None
