"""What a Value Representation (PS3.5 6.2) means for reading and retaining a value."""

from __future__ import annotations

BULK_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})
NUMBER_VRS = frozenset({"AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""The VRs to which Specific Character Set applies (PS3.5 6.1.2.2)."""
PLAIN_VRS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})
STRING_VRS = TEXT_VRS | PLAIN_VRS
NUMERIC_STRING_VRS = frozenset({"DS", "IS"})
TAKEN_APART = STRING_VRS - NUMERIC_STRING_VRS
"""The VRs of several values that are taken apart, which costs more than their bytes: each counts as an element."""
DATE_VRS = frozenset({"DA", "DT", "TM"})

WORD_BYTES = {
    "AT": 2, "OW": 2, "SS": 2, "US": 2,
    "FL": 4, "OF": 4, "OL": 4, "SL": 4, "UL": 4,
    "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8,
}  # fmt: skip
"""The bytes that change places together between byte orders."""

VALUE_BYTES = WORD_BYTES | {"AT": 4, "OB": 1}
"""The bytes of one value."""

_AMBIGUOUS = {
    "US or SS": ("US", "SS"),
    "OB or OW": ("OW", "OW"),
    "US or OW": ("OW", "OW"),
    "US or SS or OW": ("OW", "OW"),
}


def concrete_vr(vr: str, *, signed: bool) -> str:
    """The one VR to use where PS3.6 leaves a choice; the bytes are the same for every choice."""
    return _AMBIGUOUS[vr][signed] if vr in _AMBIGUOUS else vr


def agrees(declared: str, dictionary: str) -> bool:
    """Whether an element's VR is the one, or one of those, that PS3.6 gives."""
    return declared == dictionary or declared in dictionary.split(" or ")


def swapped(value: bytes, vr: str) -> bytes:
    """A big endian value as little endian; an incomplete last word is left for the rules to refuse."""
    return swap_words(value, WORD_BYTES.get(vr, 1))


def swap_words(value: bytes, size: int) -> bytes:
    """The bytes of every word of `size` bytes in opposite order."""
    if size == 1 or len(value) % size:
        return value
    turned = bytearray(len(value))
    for offset in range(size):
        turned[offset::size] = value[size - 1 - offset :: size]
    return bytes(turned)
