"""What may stay of an element that no row of Table E.1-1 speaks of (DESIGN §7, "What stays").

Every check is of the value as it is: the declared VR must be the one of PS3.6, and the value must be what
that VR says it is, so that a name in a Decimal String does not pass as a number.
"""

from __future__ import annotations

import re

from sendit.deid.dicom.dictionary import dictionary_vr, most_values
from sendit.deid.dicom.text import components, decoded, known_codecs, unpadded
from sendit.deid.dicom.vrs import BULK_VRS, NUMBER_VRS, STRING_VRS, VALUE_BYTES, agrees
from sendit.deid.rules.actions import Action
from sendit.deid.rules.tables import keep_list

_TIME = r"([01][0-9]|2[0-3])(:?[0-5][0-9](:?([0-5][0-9]|60)(\.[0-9]{1,6})?)?)?"
_DATE = r"[0-9]{4}(\.[0-9]{2}\.[0-9]{2}|[0-9]{4})"
_PATTERNS = {
    "AS": re.compile(r"([0-9]{3}[DWMY])?"),
    "CS": re.compile(r"[A-Z0-9_ ]{0,16}"),
    "DA": re.compile(rf"({_DATE})?"),
    "DT": re.compile(rf"([0-9]{{4}}([0-9]{{2}}([0-9]{{2}}({_TIME})?)?)?([+-][0-9]{{4}})?)?"),
    "TM": re.compile(rf"({_TIME})?"),
}
_DECIMAL = rb" *+([+-]?([0-9]++(\.[0-9]*+)?|\.[0-9]++)([eE][+-]?[0-9]++)?)? *+"
_INTEGER = rb" *+([+-]?[0-9]{1,12})? *+"
NUMBERS = {vr: re.compile(rb"%b(\\%b)*+" % (one, one)) for vr, one in (("DS", _DECIMAL), ("IS", _INTEGER))}
"""What a DS or IS without padding is, by VR."""
_SPECIFIC_CHARACTER_SET = 0x00080005
_PIXEL_GROUP = 0x7FE0
OFFSET_TABLES = frozenset({0x7FE00001, 0x7FE00002})
_BULK_OF_ANY_CONTENT = frozenset(
    {
        0x54001010,  # Waveform Data: a voice is one
        0x5400100A,  # Waveform Padding Value
        0x54000110,  # Channel Minimum Value
        0x54000112,  # Channel Maximum Value
        0x00720067,  # Selector OF Value
        0x00720069,  # Selector OW Value
        0x00720073,  # Selector OD Value
        0x00720075,  # Selector OL Value
        0x00720081,  # Selector OV Value
        0x00143070,  # Air Counts
        0x00143050,  # Dark Current Counts (both of a detector's test, not of an image)
    }
)
"""Bulk values outside Table E.1-1 that may hold anything, and that no image needs."""

_WHOLE_GROUPS = frozenset({0x0000, 0x0002, 0x0004, 0x0006})


def in_removed_group(tag: int) -> bool:
    """Whether a tag goes whatever it holds.

    Private groups, curves and overlays, commands, File Meta and directory records inside a data set, group
    lengths, and pixel data that is not the object's own.
    """
    group = tag >> 16
    return (
        group % 2 == 1
        or group in _WHOLE_GROUPS
        or group >> 8 in {0x50, 0x60}
        or group >= 0xFFF0
        or tag & 0xFFFF == 0
        or (group == _PIXEL_GROUP and tag not in OFFSET_TABLES)
    )


def retained_action(tag: int, vr: str) -> Action | None:
    """What becomes of an attribute outside Table E.1-1 that is not a sequence; None: it goes whatever it holds.

    `remove` is for values: an empty element of the right VR stays, it tells nothing and Type 2 asks for it. `keep`
    and `structure` are for values of which `may_stay` is true.
    """
    expected = dictionary_vr(tag)
    if expected is None or expected == "SQ" or not agrees(vr, expected) or tag in _BULK_OF_ANY_CONTENT:
        return None
    if vr == "UI":
        return Action.REMAP
    listed = keep_list().get(tag)
    if listed is not None:
        return listed
    if tag == _SPECIFIC_CHARACTER_SET:
        return Action.STRUCTURE
    textless = vr in {"CS", "DS", "IS"} or vr in NUMBER_VRS or (vr in BULK_VRS and expected != "OB")
    return Action.KEEP if textless else Action.REMOVE


def may_stay(tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> bool:
    """Whether a value of an attribute outside Table E.1-1 that is kept is what it should be."""
    if tag == _SPECIFIC_CHARACTER_SET:
        return bool(known_codecs(value))
    return is_sound(vr, value, codecs) and (tag in keep_list() or not has_too_many(tag, vr, value))


def has_too_many(tag: int, vr: str, value: bytes) -> bool:
    """Whether a binary number has more values than PS3.6 allows: the others may be anything, a text among them."""
    most = most_values(tag) if vr in NUMBER_VRS else None
    return most is not None and len(value) > most * VALUE_BYTES[vr]


def is_sound(vr: str, value: bytes, codecs: tuple[str, ...]) -> bool:
    """Whether a value is what its VR says."""
    if vr in NUMBERS:
        # of these there may be millions, so they are not taken apart
        return NUMBERS[vr].fullmatch(unpadded(value)) is not None
    if vr not in STRING_VRS:
        return vr in VALUE_BYTES and len(value) % VALUE_BYTES[vr] == 0
    text = decoded(value, vr, codecs)
    if text is None:
        return False
    return vr not in _PATTERNS or all(map(_PATTERNS[vr].fullmatch, components(text, vr)))
