"""What may stay of an element that no rule speaks of (DESIGN §7, "What stays"), and which values are sound."""

from __future__ import annotations

import re

from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]  # its home is private

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.text import components, decoded, known_codecs, unpadded
from sendit.deid.dicom.uids import is_uid, uid_values
from sendit.deid.dicom.vrs import BULK_VRS, NUMBER_VRS, STRING_VRS, VALUE_BYTES, agrees, concrete_vr
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.rules.actions import Action
from sendit.deid.rules.tables import keep_list

OFFSET_TABLES = frozenset({0x7FE00001, 0x7FE00002})
SPECIFIC_CHARACTER_SET = 0x00080005
_TIME = r"([01][0-9]|2[0-3])(:?[0-5][0-9](:?([0-5][0-9]|60)(\.[0-9]{1,6})?)?)?"
_DATE = r"[0-9]{4}(\.[0-9]{2}\.[0-9]{2}|[0-9]{4})"
_PATTERNS = {
    "AS": re.compile(r"([0-9]{3}[DWMY])?"),
    "CS": re.compile(r"[A-Z0-9_ ]{0,16}"),
    "DA": re.compile(rf"({_DATE})?"),
    "DT": re.compile(rf"([0-9]{{4}}([0-9]{{2}}([0-9]{{2}}({_TIME})?)?)?([+-][0-9]{{4}})?)?"),
    "TM": re.compile(rf"({_TIME})?"),
    "UI": re.compile(r"([0-9]+(\.[0-9]+)+)?"),
}
_DECIMAL = re.compile(rb" *+([+-]?([0-9]++(\.[0-9]*+)?|\.[0-9]++)([eE][+-]?[0-9]++)?)? *+")
_INTEGER = re.compile(rb" *+([+-]?[0-9]{1,12})? *+")
_NUMBERS = {"DS": _DECIMAL, "IS": _INTEGER}
_BULK_OF_ANY_CONTENT = frozenset(
    {0x54001010, 0x5400100A, 0x54000110, 0x54000112, 0x00720067, 0x00720069, 0x00720073, 0x00720075, 0x00720081}
    | {0x00143070, 0x00143050}
)
_SAME_BYTES = frozenset({"OW", "SS", "US"})
_SINGLE = frozenset({0x00280002, 0x00280006, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103})


def in_removed_group(tag: int) -> bool:
    """Whether a public tag goes whatever it holds, and every private one of which no rule speaks."""
    group = tag >> 16
    return (
        group % 2 == 1
        or group <= 0x0006
        or group >> 8 in {0x50, 0x60}
        or group >= 0xFFF0
        or tag & 0xFFFF == 0
        or (group == 0x7FE0 and tag not in OFFSET_TABLES)
    )


def retained_action(tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> Action:
    """Keep, structure, empty, dummy, remap or remove, for an element of which no rule speaks."""
    expected = dictionary_vr(tag)
    if expected is None or not agrees(vr, expected) or tag in _BULK_OF_ANY_CONTENT:
        return Action.REMOVE
    if vr in STRING_VRS and not unpadded(value):
        return Action.KEEP
    if vr == "UI":
        return Action.REMAP
    listed = keep_list().get(tag)
    if listed in {Action.KEEP, Action.STRUCTURE}:
        return listed if is_sound(vr, value, codecs) else Action.REMOVE
    if listed is not None:
        return listed
    if tag == SPECIFIC_CHARACTER_SET:
        return Action.STRUCTURE if known_codecs(value) else Action.REMOVE
    textless = vr in {"CS", "DS", "IS"} or vr in NUMBER_VRS or (vr in BULK_VRS and expected != "OB")
    sound = textless and is_sound(vr, value, codecs) and not has_too_many(tag, vr, value)
    return Action.KEEP if sound else Action.REMOVE


def has_too_many(tag: int, vr: str, value: bytes) -> bool:
    """Whether a binary number has more values than its Value Multiplicity allows."""
    if vr not in NUMBER_VRS or tag not in DicomDictionary:
        return False
    most = DicomDictionary[tag][1].rpartition("-")[2]
    return most.isdigit() and len(value) // VALUE_BYTES[vr] > int(most)


def is_sound(vr: str, value: bytes, codecs: tuple[str, ...]) -> bool:
    """Whether a value is what its VR says."""
    if vr not in STRING_VRS:
        return vr in VALUE_BYTES and len(value) % VALUE_BYTES[vr] == 0
    if vr in _NUMBERS:
        return all(_NUMBERS[vr].fullmatch(part) for part in unpadded(value).split(b"\\"))
    text = decoded(value, vr, codecs)
    return text is not None and (vr not in _PATTERNS or all(map(_PATTERNS[vr].fullmatch, components(text, vr))))


def are_uids(value: bytes) -> bool:
    """Whether every value of a UI is a UID or empty: a name under the VR UI is none."""
    return all(not uid or is_uid(uid) for uid in uid_values(value))


def sound_vr(tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> str:
    """The VR that PS3.6 gives an attribute without which the pixels would mean something else.

    Raises:
        DeidError: `malformed`; the bytes are no sound value of it.
    """
    expected = dictionary_vr(tag) or ""
    if not agrees(vr, expected):
        wanted = concrete_vr(expected, signed=False)
        if not ({vr, wanted} <= _SAME_BYTES or {vr, wanted} <= STRING_VRS or not value):
            raise DeidError(Refusal.MALFORMED)
        vr = wanted
    empty = not (unpadded(value) if vr in STRING_VRS else value)
    if not empty and (not is_sound(vr, value, codecs) or (tag in _SINGLE and len(value) != 2)):
        raise DeidError(Refusal.MALFORMED)
    return vr
