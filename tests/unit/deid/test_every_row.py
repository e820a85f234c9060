"""Every row of Table E.1-1, as an attribute of the object and inside a sequence that stays."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]
from tests.data.deid_objects import KEYS, deidentified, element, instance, read_back, sequence

from sendit.deid.rules.tables import table

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

ANATOMIC_REGION_SEQUENCE = 0x00082218
VALUES: dict[str, bytes | str] = {
    "AE": "CANARY", "AS": "077Y", "CS": "CANARY", "DA": "20200229", "DS": "77.25", "DT": "20200229101112.5",
    "IS": "77", "LO": "Canary", "LT": "Canary", "OB": b"Canary", "PN": "Canary^Bird", "SH": "Canary",
    "ST": "Canary", "TM": "101112", "UC": "Canary", "UI": "1.2.826.0.1.77", "UN": b"Canary",
    "UR": "http://canary", "US": b"\x4d\x00", "UT": "Canary",
}  # fmt: skip
MARKED = {0x00100010, 0x00100020}
NOT_SHIFTED = {
    # constants of the standard, and no date
    "(0008,0106)", "(0008,0107)", "(0040,DB06)", "(0040,DB07)", "(0008,0201)",
    # of a device
    "(0014,407C)", "(0014,407E)", "(0018,1200)", "(0018,1201)", "(0018,1202)", "(0018,1203)", "(0018,1204)",
    "(0018,1205)", "(0018,700C)", "(0018,700E)", "(300A,022C)", "(300A,022E)",
    # of a trial, a product, a document
    "(0012,0086)", "(0012,0087)", "(0044,0004)", "(0044,000B)", "(0044,0104)", "(0044,0105)", "(0068,6226)",
    "(0068,6270)", "(0072,000A)", "(0072,0061)", "(0072,0063)", "(0072,006B)",
}  # fmt: skip
CONTENT = table("table_e1_1.json")
ROWS = [
    (row[1], row[4], row[11])
    for row in CONTENT["rows"]
    # repeating groups have a test of their own, and so has File Meta
    if "x" not in row[1] and not row[1].startswith(("(gggg", "(0002"))
]


def vr_of(tag: int) -> str:
    entry = DicomDictionary.get(tag)
    return str(entry[0]) if entry else "LO"


def encoded(tag: int) -> bytes:
    vr = vr_of(tag)
    if vr == "SQ":
        return sequence(tag, element(0x00080100, "SH", "CANARY") + element(0x00081155, "UI", "1.2.826.0.1.77"))
    return element(tag, vr, VALUES[vr])


def outcome(dataset: Dataset, tag: int) -> str:
    """What has become of an attribute, in the letters of the table."""
    if tag not in dataset:
        return "X"
    value: Any = dataset[tag].value
    if vr_of(tag) == "SQ":
        if not value:
            return "Z"
        code, uid = value[0].get("CodeValue"), value[0].ReferencedSOPInstanceUID
        assert uid == KEYS.uid("1.2.826.0.1.77")
        return "U" if code == "CANARY" else "D"
    if not value:
        return "Z"
    vr = vr_of(tag)
    if vr == "UI":
        return "U" if value == KEYS.uid(str(VALUES["UI"])) else "?"
    original = VALUES[vr]
    if vr == "TM" and value == original:
        return "C"
    if vr in {"DA", "DT"} and value < original and not value.startswith("1900"):
        assert value[8:] == str(original)[8:]
        return "C"
    assert "anary" not in str(value)
    return "D" if value != original else "K"


@cache
def both(tag: int, profile: str) -> tuple[Dataset, Dataset]:
    data = instance(encoded(tag), sequence(ANATOMIC_REGION_SEQUENCE, encoded(tag)))
    output = read_back(deidentified(data, profile)[1])
    return output, output[ANATOMIC_REGION_SEQUENCE].value[0]


SAFE = {"X/Z": "Z", "X/D": "D", "Z/D": "D", "X/Z/D": "D", "X/Z/U*": "U"}


@pytest.mark.parametrize("profile", ["basic", "basic-dates"])
@pytest.mark.parametrize(("spelled", "basic", "dates"), ROWS, ids=[row[0] for row in ROWS])
def test_row(spelled: str, basic: str, dates: str, profile: str) -> None:
    tag = int(spelled.strip("()").replace(",", ""), 16)
    expected = SAFE.get(basic, basic)
    if profile == "basic-dates" and dates == "C" and vr_of(tag) in {"DA", "DT", "TM"} and spelled not in NOT_SHIFTED:
        expected = "C"
    if spelled == "(0008,1110)":
        expected = "X"  # X/Z, and an empty sequence would be illegal
    if spelled == "(006A,0003)":
        expected = "U"  # a dummy for a UID is another UID
    if tag >> 16 in {0x0000, 0x0004} or tag >> 24 == 0xFF:
        expected = "X"  # groups that no data set of an object may hold
    top, nested = both(tag, profile)
    if tag in MARKED:
        pseudonym = top.PatientID
        assert pseudonym.startswith("P-")
        assert top[tag].value == pseudonym
        assert nested[tag].value == pseudonym
        return
    if spelled == "(0008,0050)":
        assert top.AccessionNumber.startswith("A-")
        assert nested.AccessionNumber == top.AccessionNumber
        return
    assert outcome(nested, tag) == expected
    assert outcome(top, tag) == expected


@pytest.mark.parametrize("profile", ["basic", "basic-dates"])
def test_what_is_empty_stays_empty_or_goes(profile: str) -> None:
    tags = [int(row[0].strip("()").replace(",", ""), 16) for row in ROWS]
    tags = [tag for tag in tags if tag not in {0x00080018, 0x0020000D, 0x0020000E} | MARKED]
    tags = [tag for tag in tags if tag >> 16 < 0x7FE0]
    output = read_back(deidentified(instance(*(element(tag, vr_of(tag), b"") for tag in tags)), profile)[1])
    assert not [tag for tag in tags if tag in output and output[tag].value]


def test_repeating_rows_and_private_groups_go() -> None:
    output = read_back(
        deidentified(
            instance(
                element(0x00090010, "LO", "ACME"),
                element(0x00091001, "LO", "Canary"),
                element(0x50000005, "US", b"\1\0"),
                element(0x50003000, "OW", b"Canary"),
                element(0x60000010, "US", b"\1\0"),
                element(0x60003000, "OW", b"Canary"),
                element(0x60004000, "LT", "Canary"),
                element(0x601E3000, "OW", b"Canary"),
            )
        )[1]
    )
    assert not [tag for tag in output.keys() if tag.group % 2 or tag.group >> 8 in {0x50, 0x60}]  # noqa: SIM118
