"""Values that stand for nothing: legal for their VR and for the number of values that PS3.6 asks for."""

from __future__ import annotations

from sendit.deid.dicom.dictionary import least_values
from sendit.deid.dicom.vrs import VALUE_BYTES

DUMMY_TEXT = "REMOVED"

_STRINGS = {
    "AE": DUMMY_TEXT,
    "AS": "000Y",
    "CS": DUMMY_TEXT,
    "DA": "19000101",
    "DS": "0",
    "DT": "19000101000000",
    "IS": "0",
    "LO": DUMMY_TEXT,
    "LT": DUMMY_TEXT,
    "PN": DUMMY_TEXT,
    "SH": DUMMY_TEXT,
    "ST": DUMMY_TEXT,
    "TM": "000000",
    "UC": DUMMY_TEXT,
    "UR": "urn:removed",
    "UT": DUMMY_TEXT,
}

DUMMY_VALUES = frozenset(_STRINGS.values())


def dummy_component(vr: str) -> str:
    """The dummy for one value of a multi-valued string."""
    return _STRINGS[vr]


def dummy(tag: int, vr: str) -> bytes:
    """A dummy value for a public tag; empty for a VR that has none."""
    count = least_values(tag)
    if vr in _STRINGS:
        return "\\".join([_STRINGS[vr]] * count).encode("ascii")
    if vr == "UN":
        return bytes(2)
    return bytes(VALUE_BYTES[vr] * count) if vr in VALUE_BYTES else b""
