"""Every row of Table E.3.4-1, as an item of a structured report put through the whole engine."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from tests.data.deid_objects import BASE, KEYS, element, instance, read_back, sequence

from sendit.deid import Profile, deidentify
from sendit.deid.rules.options import STANDING, Option
from sendit.deid.rules.tables import table

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

ENHANCED_SR = "1.2.840.10008.5.1.4.1.1.88.22"
CONTENT_SEQUENCE = 0x0040A730
CONTENT = table("table_e3_4_1.json")
ROWS = [dict(zip(CONTENT["columns"], row, strict=True)) for row in CONTENT["rows"]]
IDS = [f"{row['Code Value']} {row['Value Type']}" for row in ROWS]
UID = "1.2.826.0.1.77"
REFERENCE = sequence(
    0x00081199, element(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2") + element(0x00081155, "UI", UID)
)
CODE = element(0x00080100, "SH", "CANARY") + element(0x00080102, "SH", "DCM") + element(0x00080104, "LO", "Canary")
VALUES = {
    "TEXT": element(0x0040A160, "UT", "Head Canary"),
    "PNAME": element(0x0040A123, "PN", "Canary^Bird"),
    "DATE": element(0x0040A121, "DA", "20191105"),
    "TIME": element(0x0040A122, "TM", "101112"),
    "DATETIME": element(0x0040A120, "DT", "20191105101112.5"),
    "UIDREF": element(0x0040A124, "UI", UID),
    "NUM": sequence(0x0040A300, element(0x0040A30A, "DS", "77.25")),
    "CODE": sequence(0x0040A168, CODE),
    "CONTAINER": b"",
    "IMAGE": REFERENCE,
    "COMPOSITE": REFERENCE,
    "WAVEFORM": REFERENCE,
}


def report(row: dict[str, str], *options: Option) -> Dataset:
    name = (
        element(0x00080100, "SH", row["Code Value"])
        + element(0x00080102, "SH", row["Coding Scheme Designator"])
        + element(0x00080104, "LO", "Head")
    )
    concept = element(0x0040A040, "CS", row["Value Type"]) + sequence(0x0040A043, name)
    value = VALUES[row["Value Type"]]
    item = value + concept if value is REFERENCE else concept + value  # in the order of their tags
    base = BASE | {0x00080016: ("UI", ENHANCED_SR)}
    data = instance(sequence(CONTENT_SEQUENCE, item), base=base, pixels=None)
    sink = io.BytesIO()
    profile = Profile("site-a", (Option.CLEAN_STRUCTURED_CONTENT, *options))
    deidentify(io.BytesIO(data), sink, profile=profile, keys=KEYS, identify=KEYS.identifiers)
    return read_back(sink.getvalue())


def value_of(item: Dataset) -> object:
    """What an item says, whatever its value type."""
    if "MeasuredValueSequence" in item:
        return str(item.MeasuredValueSequence[0].get("NumericValue"))
    if "ConceptCodeSequence" in item:
        return item.ConceptCodeSequence[0].CodeValue
    if "ReferencedSOPSequence" in item:
        return item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    found = [item[tag].value for tag in (0x0040A160, 0x0040A123, 0x0040A121, 0x0040A122, 0x0040A120) if tag in item]
    return str(found[0]) if found else item.get("UID", "")


KEPT = {
    "TEXT": "Head Canary", "PNAME": "Canary^Bird", "DATE": "20191105", "TIME": "101112", "DATETIME": "20191105101112.5",
    "UIDREF": UID, "NUM": "77.25", "CODE": "CANARY", "CONTAINER": "", "IMAGE": UID, "COMPOSITE": UID, "WAVEFORM": UID,
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_content_item_under_its_option_and_every_other(row: dict[str, str]) -> None:
    kind, kept = row["Value Type"], KEPT[row["Value Type"]]
    basic = row["Basic Prof."]
    for option in (None, *Option):
        cell = row.get(STANDING[option].column, "") if option else ""
        options = (option,) if option and option is not Option.CLEAN_STRUCTURED_CONTENT else ()
        items = report(row, *options).ContentSequence
        if not cell and basic == "X":
            assert not items, option
            continue
        assert len(items) == 1
        value = value_of(items[0])
        if cell == "K" or (cell == "C" and kind == "TIME"):
            assert value == kept, option
        elif cell == "C":
            assert value == "Head" if kind == "TEXT" else "2018" < str(value) < kept, option
        elif kind in {"UIDREF", "IMAGE", "COMPOSITE", "WAVEFORM"}:
            assert value == KEYS.uid(UID), option
        else:
            assert value
            assert "anary" not in str(value)
            assert value != kept, option


@pytest.mark.parametrize(("age", "left"), [("89", "89"), ("90", "0"), ("92", "0"), ("1100", "0"), ("-", "None")])
def test_subject_age_over_89_becomes_a_dummy(age: str, left: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VALUES, "NUM", sequence(0x0040A300, element(0x0040A30A, "DS", age)))
    row = next(one for one in ROWS if one["Code Value"] == "121033")
    item = report(row, Option.RETAIN_PATIENT_CHARACTERISTICS).ContentSequence[0]
    assert value_of(item) == left
