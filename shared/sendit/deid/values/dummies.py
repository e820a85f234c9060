"""Values that stand for nothing: legal for their VR and for the number of values that PS3.6 asks for."""

from __future__ import annotations

from sendit.deid.dicom.dictionary import dictionary_vr, least_values
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

LEGAL_NUMBERS = {
    0x00081160: 1,  # Referenced Frame Number: frames begin with 1
    0x00700020: 2,  # Graphic Dimensions: 2 is the only one
    0x00700021: 1,  # Number of Graphic Points: as many as the dummy of Graphic Data has
    0x0040DB73: 1,  # Referenced Content Item Identifier: content items begin with 1
}
"""Attributes of which zero is no legal value, and one that is and says as little."""

DUMMY_VALUES = frozenset(_STRINGS.values())


def dummy_component(vr: str) -> str:
    """The dummy for one value of a multi-valued string."""
    return _STRINGS[vr]


def dummy(tag: int, vr: str) -> bytes:
    """A dummy value for a public tag; empty for a VR that has none."""
    count = least_values(tag)
    if tag in LEGAL_NUMBERS and dictionary_vr(tag) == vr:
        number = LEGAL_NUMBERS[tag]
        return str(number).encode("ascii") if vr in _STRINGS else number.to_bytes(VALUE_BYTES[vr], "little")
    if vr in _STRINGS:
        return "\\".join([_STRINGS[vr]] * count).encode("ascii")
    if vr == "UN":
        return bytes(2)
    return bytes(VALUE_BYTES[vr] * count) if vr in VALUE_BYTES else b""
