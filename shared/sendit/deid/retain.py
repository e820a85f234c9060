"""What may stay of an element that no row of Table E.1-1 speaks of (DESIGN §7, "What stays").

Every check is of the value as it is: the declared VR must be the one of PS3.6, and the value must be what
that VR says it is, so that a name in a Decimal String does not pass as a number.
"""

from __future__ import annotations

import re

from sendit.deid.dictionary import dictionary_vr
from sendit.deid.tables import Action, keep_list
from sendit.deid.text import components, decoded, known_codecs, unpadded
from sendit.deid.vrs import BULK_VRS, NUMBER_VRS, STRING_VRS, VALUE_BYTES, agrees

_COMPONENT = {
    "CS": re.compile(r"[A-Z0-9_ ]{0,16}"),
    "DS": re.compile(r"([+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?)?"),
    "IS": re.compile(r"([+-]?[0-9]{1,12})?"),
}
_AS_IT_IS = frozenset({Action.KEEP, Action.STRUCTURE})
_SPECIFIC_CHARACTER_SET = 0x00080005
_PIXEL_GROUP = 0x7FE0
_OFFSET_TABLES = frozenset({0x7FE00001, 0x7FE00002})
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
        or (group == _PIXEL_GROUP and tag not in _OFFSET_TABLES)
    )


def retained_action(tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> Action:
    """Keep, empty, dummy, remap or remove, for an element outside Table E.1-1 that is not a sequence.

    An empty element of the right VR stays: it tells nothing, and Type 2 asks for it.
    """
    expected = dictionary_vr(tag)
    if expected is None or not agrees(vr, expected):
        return Action.REMOVE
    if not unpadded(value) and vr in STRING_VRS:
        return Action.KEEP
    if vr == "UI":
        return Action.REMAP
    listed = keep_list().get(tag)
    if listed is not None:
        return listed if listed not in _AS_IT_IS or _is_sound(vr, value, codecs) else Action.REMOVE
    if tag == _SPECIFIC_CHARACTER_SET:
        return Action.KEEP if known_codecs(value) else Action.REMOVE
    textless = vr in _COMPONENT or vr in NUMBER_VRS or (vr in BULK_VRS and expected != "OB")
    return Action.KEEP if textless and _is_sound(vr, value, codecs) else Action.REMOVE


def _is_sound(vr: str, value: bytes, codecs: tuple[str, ...]) -> bool:
    """Whether a value is what its VR says."""
    if vr not in STRING_VRS:
        return len(value) % VALUE_BYTES[vr] == 0
    text = decoded(value, vr, codecs)
    if text is None:
        return False
    pattern = _COMPONENT.get(vr)
    return pattern is None or all(pattern.fullmatch(part) for part in components(text, vr))
