"""Every row of Table E.1-1 under the Basic Profile and each of its options, by the rules and through the whole engine.

What is expected is read off the table itself, by its letters; the rules are not asked.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]
from tests.data.deid_objects import BASE, CT_STORAGE, KEYS, element, instance, read_back, sequence
from tools.standard.matrix import matrix

from sendit.deid import Profile, deidentify
from sendit.deid.rules.compiled import Rules
from sendit.deid.rules.options import STANDING, Option
from sendit.deid.rules.tables import NEVER_SHIFTED, table
from sendit.deid.rules.types import type_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parents[3]
ANATOMIC_REGION_SEQUENCE = 0x00082218
VALUES: dict[str, bytes | str] = {
    "AE": "CANARY", "AS": "077Y", "CS": "CANARY", "DA": "20191105", "DS": "77.25", "DT": "20191105101112.5",
    "IS": "77", "LO": "Head Canary", "LT": "Head Canary", "OB": b"Canary", "PN": "Canary^Bird", "SH": "Head Canary",
    "ST": "Head Canary", "TM": "101112", "UC": "Head Canary", "UI": "1.2.826.0.1.77", "UN": b"Canary",
    "UR": "http://canary", "US": b"\x4d\x00", "UT": "Head Canary",
}  # fmt: skip
CLEANABLE = {"AS", "LO", "LT", "SH", "SQ", "ST", "UC", "UT"}
CONTENT = table("table_e1_1.json")
ALL_ROWS = [dict(zip(CONTENT["columns"], row, strict=True)) for row in CONTENT["rows"]]
ROWS = [row for row in ALL_ROWS if "x" not in row["Tag"] and not row["Tag"].startswith("(gggg")]
IDS = [row["Tag"] for row in ROWS]
EVERY: tuple[Option | None, ...] = (None, *Option)
BY_TYPE = {
    "X/Z": {"1": "D", "1C": "D", "2": "Z", "2C": "Z", "3": "X", None: "Z"},
    "X/D": {"1": "D", "1C": "D", "2": "D", "2C": "D", "3": "X", None: "D"},
    "Z/D": {"1": "D", "1C": "D", "2": "Z", "2C": "Z", "3": "D", None: "D"},
    "X/Z/D": {"1": "D", "1C": "D", "2": "Z", "2C": "Z", "3": "X", None: "D"},
    "X/Z/U*": {"1": "U", "1C": "U", "2": "U", "2C": "U", "3": "X", None: "U"},
}
FILE_META = 0x00020003
COMPOUND = [row for row in ROWS if row["Basic Prof."] in BY_TYPE]
PSEUDONYMS = {0x00100010: "P-", 0x00100020: "P-", 0x00080050: "A-"}
PATIENT_AGE = 0x00101010
LETTERS = {"remove": "X", "empty": "Z", "dummy": "D", "remap": "U", "keep": "K", "shift": "S", "clean": "C"}


def tag_of(row: dict[str, str]) -> int:
    return int(row["Tag"].strip("()").replace(",", ""), 16)


def vr_of(tag: int) -> str:
    entry = DicomDictionary.get(tag)
    return str(entry[0]) if entry else "LO"


def options_of(option: Option | None) -> tuple[Option, ...]:
    return () if option is None else (option,)


def asked_for(row: dict[str, str], option: Option | None, path: tuple[int, ...], sop_class: str) -> str:
    """The letter of the table for a row: that of the option if it has one, else the Basic Profile's."""
    said = row[STANDING[option].column] if option is not None else ""
    if said == "C" and option is Option.RETAIN_MODIFIED_DATES:
        said = "" if tag_of(row) in NEVER_SHIFTED else "S"
    if said == "K" and tag_of(row) == PATIENT_AGE:
        said = "C"  # but for the very old it is as it was
    basic = row["Basic Prof."]
    if basic in BY_TYPE:
        basic = BY_TYPE[basic][type_of(sop_class, path, tag_of(row))]
    return said or basic


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_rule_is_what_the_table_says(row: dict[str, str]) -> None:
    for option in EVERY:
        rules = Rules(Profile("matrix", options_of(option)), CT_STORAGE)
        for level in (rules.top, rules.top.child(ANATOMIC_REGION_SEQUENCE)):
            rule = level.rule(tag_of(row))
            assert rule is not None
            assert LETTERS[rule.action] == asked_for(row, option, level.path, CT_STORAGE), option
            assert LETTERS[rule.fallback] == asked_for(row, None, level.path, CT_STORAGE), option
            spoken = option is not None and rule.action != rule.fallback
            assert rule.clause == (f"PS3.15 {STANDING[option].clause}" if spoken and option else "PS3.15 Table E.1-1")


def expected(row: dict[str, str], option: Option | None, path: tuple[int, ...], sop_class: str) -> str:
    """What is to be seen of a row in the output."""
    tag, vr = tag_of(row), vr_of(tag_of(row))
    letter = asked_for(row, option, path, sop_class)
    basic = asked_for(row, None, path, sop_class)
    if tag not in DicomDictionary or tag >> 16 in {0x0000, 0x0004} or tag >> 24 == 0xFF:
        return "X"  # unknown to PS3.6 in pydicom, or of a group that no data set of an object may hold
    if (letter == "C" and vr not in CLEANABLE) or (letter == "S" and vr not in {"DA", "DT", "TM"}):
        letter = basic
    if vr == "UI" and letter == "D":
        return "U"  # a dummy for a UID is another UID
    if (letter == "S" and vr == "TM") or (letter == "C" and vr in {"AS", "SQ"}) or (letter == "U" and vr == "SQ"):
        return "K"  # times of day, ages below 90, and sequences stay; what is in the items has rules of its own
    return letter


def outcome(dataset: Dataset, tag: int) -> str:
    """What has become of an attribute, in the letters of the table."""
    if tag not in dataset:
        return "X"
    value: Any = dataset[tag].value
    vr = vr_of(tag)
    if vr == "SQ":
        if not value:
            return "Z"
        return "K" if value[0].CodeValue == "CANARY" else "D"
    if not value:
        return "Z"
    original = VALUES[vr]
    if vr == "UI":
        return {original: "K", KEYS.uid(str(original)): "U"}.get(str(value), "?")
    if vr == "US":
        return "K" if value == 77 else "D"
    if str(value) == original or value == original:
        return "K"
    if "anary" in str(value) or "CANARY" in str(value):
        return "?"
    if vr in {"DA", "DT"} and not value.startswith("1900"):
        return "S" if value < original and value[8:] == str(original)[8:] else "?"
    return "C" if "Head" in str(value) else "D"


def encoded(tag: int) -> bytes:
    vr = vr_of(tag)
    if vr == "SQ":
        return sequence(tag, element(0x00080100, "SH", "CANARY"))
    return element(tag, vr, VALUES[vr])


def put_through(data: bytes, *options: Option) -> Dataset:
    sink = io.BytesIO()
    profile = Profile("matrix", options)
    deidentify(io.BytesIO(data), sink, profile=profile, keys=KEYS, identify=KEYS.identifiers)
    return read_back(sink.getvalue())


@cache
def both(tag: int, option: Option | None, sop_class: str = CT_STORAGE) -> tuple[Dataset, Dataset]:
    base = BASE | {0x00080016: ("UI", sop_class)}
    data = instance(encoded(tag), sequence(ANATOMIC_REGION_SEQUENCE, encoded(tag)), base=base)
    output = put_through(data, *options_of(option))
    return output, output[ANATOMIC_REGION_SEQUENCE].value[0]


IN_DATA_SETS = [row for row in ROWS if tag_of(row) != FILE_META]


@pytest.mark.parametrize("row", IN_DATA_SETS, ids=[row["Tag"] for row in IN_DATA_SETS])
def test_row_under_the_basic_profile_and_every_option(row: dict[str, str]) -> None:
    tag = tag_of(row)
    seen: dict[str, tuple[str, str]] = {}
    wanted: dict[str, tuple[str, str]] = {}
    for option in EVERY:
        name = option or "basic"
        top, nested = both(tag, option)
        if tag in PSEUDONYMS:
            assert str(top[tag].value).startswith(PSEUDONYMS[tag])
            assert nested[tag].value == top[tag].value
            continue
        seen[name] = outcome(top, tag), outcome(nested, tag)
        wanted[name] = (
            expected(row, option, (), CT_STORAGE),
            expected(row, option, (ANATOMIC_REGION_SEQUENCE,), CT_STORAGE),
        )
    assert seen == wanted


@pytest.mark.parametrize("option", EVERY)
def test_file_meta_names_the_sop_instance_as_the_data_set_does(option: Option | None) -> None:
    output = put_through(instance(), *options_of(option))
    original = str(BASE[0x00080018][1])
    assert output.file_meta.MediaStorageSOPInstanceUID == output.SOPInstanceUID
    assert (output.SOPInstanceUID == original) == (option is Option.RETAIN_UIDS)


@pytest.mark.parametrize("row", COMPOUND, ids=[row["Tag"] for row in COMPOUND])
def test_compound_action_in_an_object_whose_iod_asks_for_the_attribute(row: dict[str, str]) -> None:
    tag = tag_of(row)
    if tag in PSEUDONYMS:
        return
    by_type: dict[str | None, str] = {}
    for sop_class in table("types.json")["sop_classes"]:
        by_type.setdefault(type_of(sop_class, (), tag), sop_class)
    for kind, sop_class in by_type.items():
        assert outcome(both(tag, None, sop_class)[0], tag) == expected(row, None, (), sop_class), kind


@pytest.mark.parametrize("option", EVERY)
def test_curves_overlays_and_unknown_private_attributes_go_under_every_option(option: Option | None) -> None:
    output = put_through(
        instance(
            element(0x00090010, "LO", "ACME"),
            element(0x00091001, "LO", "Canary"),
            element(0x50000005, "US", b"\1\0"),
            element(0x50003000, "OW", b"Canary"),
            element(0x60000010, "US", b"\1\0"),
            element(0x60003000, "OW", b"Canary"),
            element(0x60004000, "LT", "Canary"),
            element(0x601E3000, "OW", b"Canary"),
        ),
        *options_of(option),
    )
    assert not [tag for tag in output.keys() if tag.group % 2 or tag.group >> 8 in {0x50, 0x60}]  # noqa: SIM118


@pytest.mark.parametrize("option", EVERY)
def test_what_is_empty_stays_empty_or_goes(option: Option | None) -> None:
    tags = [tag_of(row) for row in ROWS]
    tags = [tag for tag in tags if tag not in {0x00080018, 0x0020000D, 0x0020000E, 0x00100010, 0x00100020}]
    tags = [tag for tag in tags if tag >> 16 < 0x7FE0]
    output = put_through(instance(*(element(tag, vr_of(tag), b"") for tag in tags)), *options_of(option))
    assert not [tag for tag in tags if tag in output and output[tag].value]


PRIVATE_VALUES: dict[str, bytes | str] = VALUES | {
    "": "Head Canary", "AT": b"\x28\0\x10\0", "FD": bytes(8), "FL": bytes(4), "OW": b"Canary", "SL": bytes(4),
    "SS": bytes(2), "UL": bytes(4),
}  # fmt: skip
PRIVATE_ROWS = table("table_e3_10_1.json")["rows"]


@pytest.mark.parametrize("row", PRIVATE_ROWS, ids=[f"{row[1]} {row[0]}" for row in PRIVATE_ROWS])
def test_safe_private_attribute_under_its_option(row: list[str]) -> None:
    spelled, creator, vr = row[:3]
    vr = "OB" if "/" in vr else vr
    tag = int(spelled.strip("()").replace(",", "").replace("xx", "10"), 16)
    block = element(tag & 0xFFFF0000 | 0x10, "LO", creator)
    if vr == "SQ":
        one = sequence(tag, element(0x00080100, "SH", "CANARY") + element(0x00100020, "LO", "PAT-4711"))
    else:
        one = element(tag, vr or "LO", PRIVATE_VALUES[vr])
    output = put_through(instance(block, one), Option.RETAIN_SAFE_PRIVATE)
    value = output[tag].value
    assert output[tag & 0xFFFF0000 | 0x10].value == creator
    if vr == "SQ":
        assert value[0].CodeValue == "CANARY"
        assert value[0].PatientID == output.PatientID
    elif vr == "UI":
        assert value == KEYS.uid(str(VALUES["UI"]))
    elif vr in {"", "LO", "LT", "SH", "ST"}:
        assert value == "Head"
    else:
        assert vr == output[tag].VR
        given = read_back(instance(block, one))[tag].value
        assert value == given
    without = put_through(instance(block, one))
    assert not [one for one in without.keys() if one.group % 2]  # noqa: SIM118


def test_document_is_what_the_rules_say_now() -> None:
    assert (ROOT / "docs/part15-matrix.md").read_text(encoding="utf-8") == matrix()


def test_document_has_every_row() -> None:
    lines = (ROOT / "docs/part15-matrix.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[1] for line in lines if line.startswith("| ")][2:] == [row["Tag"] for row in ALL_ROWS]
