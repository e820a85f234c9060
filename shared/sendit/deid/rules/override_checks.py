"""Which action a user's profile may ask of which attribute, and which values `replace` may put there."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from sendit.deid.dicom.vrs import DATE_VRS, STRING_VRS, TEXT_VRS
from sendit.deid.marks import MARKS
from sendit.deid.rules.actions import Action
from sendit.deid.rules.attribute import quoted, vm_of
from sendit.deid.rules.describing import REQUIRED_SOUND
from sendit.deid.rules.explain import PATIENT_ID, PATIENT_NAME
from sendit.deid.rules.retain import in_removed_group

if TYPE_CHECKING:
    from sendit.deid.rules.attribute import Place

ACTIONS = (
    Action.KEEP,
    Action.REMOVE,
    Action.EMPTY,
    Action.REPLACE,
    Action.HASH,
    Action.SHIFT,
    Action.CLEAN,
    Action.DUMMY,
    Action.REMAP,
)
_OF_ANY_VR = frozenset({Action.KEEP, Action.REMOVE, Action.EMPTY, Action.DUMMY})
_OF_PRIVATE = frozenset({Action.KEEP, Action.REMOVE, Action.EMPTY, Action.CLEAN, Action.SHIFT})
_VRS_OF = {
    Action.REPLACE: STRING_VRS,
    Action.HASH: TEXT_VRS,
    Action.SHIFT: DATE_VRS,
    Action.CLEAN: TEXT_VRS - {"PN"},
    Action.REMAP: frozenset({"UI"}),
}
_WHY_VRS = {
    Action.REPLACE: "replace puts a text, and this is none",
    Action.HASH: "hash needs a text that can hold it: LO, LT, PN, SH, ST, UC or UT",
    Action.SHIFT: "shift moves dates: DA, DT or TM",
    Action.CLEAN: "clean works on descriptive text: LO, LT, SH, ST, UC or UT",
    Action.REMAP: "remap gives UIDs: UI",
}
_IDENTITY_UIDS = {
    0x00080016: "SOP Class UID says what the object is",
    0x00080018: "SOP Instance UID is the object's name in OUT, and always replaced",
    0x0020000D: "Study Instance UID is a part of the object's place in OUT; option retain-uids keeps it",
    0x0020000E: "Series Instance UID is a part of the object's place in OUT; option retain-uids keeps it",
}
_SPECIFIC_CHARACTER_SET = 0x00080005
_PIXEL_GROUP = 0x7FE0
_CURVES_AND_OVERLAYS = frozenset({0x50, 0x60})

_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_LONGEST = {
    "AE": 16, "AS": 4, "CS": 16, "DA": 8, "DS": 16, "DT": 26, "IS": 12, "LO": 64, "LT": 10240, "SH": 16, "ST": 1024,
    "TM": 14, "UC": 10240, "UI": 64, "UR": 10240, "UT": 10240,
}  # fmt: skip
_TIME = r"([01]\d|2[0-3])([0-5]\d([0-5]\d|60)?(?<=\d{6})(\.\d{1,6})?|[0-5]\d)?"
_FORMS = {
    "AS": re.compile(r"\d{3}[DWMY]"),
    "CS": re.compile(r"[A-Z0-9_ ]+"),
    "DA": re.compile(r"\d{8}"),
    "DS": re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"),
    "DT": re.compile(rf"\d{{4}}(\d\d(\d\d({_TIME})?)?)?([+-](0\d|1[0-4])[0-5]\d)?"),
    "IS": re.compile(r"[+-]?\d+"),
    "PN": re.compile(r"[^=]{1,64}(=[^=]{0,64}){0,2}"),
    "TM": re.compile(_TIME),
    "UI": re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+"),
}
_ONE_VALUE = frozenset({"LT", "ST", "UR", "UT"})
_LARGEST_INTEGER = 2**31


def refusal(place: Place, action: Action, value: str | None, *, allow_identifiers: bool) -> str | None:
    """Why an attribute cannot be overridden so; None if it can."""
    if action not in ACTIONS:
        return f"{action} is nothing that a profile can ask for"
    for reason in (
        None if place.creator else _locked(place, action, allow_identifiers=allow_identifiers),
        _illegal_for_vr(place, action),
    ):
        if reason is not None:
            return reason
    if action is not Action.REPLACE:
        return None if value is None else f"{action} takes no value"
    if value is None:
        return 'replace needs a value: { action = "replace", value = "…" }'
    return illegal_value(place.vr, value, vm_of(place.tag))


def _locked(place: Place, action: Action, *, allow_identifiers: bool) -> str | None:
    """Why no profile decides on this attribute, or not on this action."""
    tag = place.tag
    if tag in {PATIENT_NAME, PATIENT_ID}:
        if action is not Action.KEEP:
            return f"{place.name} becomes a pseudonym, which links a patient's images; it can only be kept"
        return None if allow_identifiers else f"{place.name} identifies: keeping it takes allow_identifiers = true"
    if tag in MARKS:
        return f"{place.name} says what was done, and is written by sendit"
    if tag in _IDENTITY_UIDS:
        return _IDENTITY_UIDS[tag]
    if tag == _SPECIFIC_CHARACTER_SET:
        return f"{place.name} says how the texts are to be read"
    if tag in REQUIRED_SOUND:
        return f"{place.name} says what the pixels are: another value would make another image"
    if tag >> 16 == _PIXEL_GROUP:
        return f"{place.name} is pixel data, which is never altered"
    if tag >> 24 in _CURVES_AND_OVERLAYS:
        return "curves and overlays go or stay as whole groups, by the option clean-graphics"
    if tag >> 16 == 0x0002:
        return "File Meta Information is made anew for every object"
    if in_removed_group(tag):
        return f"{place.name} is of a group that never stays: commands, directory records, signatures, padding"
    return None if place.vr else f"PS3.6 knows no attribute {place.name}, and what it does not know is removed"


def _illegal_for_vr(place: Place, action: Action) -> str | None:
    if place.creator:
        if action in _OF_PRIVATE:
            return None
        return "only its maker knows a private attribute's VR, so it can be kept, removed, emptied, cleaned or shifted"
    if action is Action.DUMMY and place.vr == "UI":
        return f"{place.name} is UI: the dummy of a UID is a new one; say remap"
    if action in _OF_ANY_VR or set(place.vr.split(" or ")) <= _VRS_OF[action]:
        return None
    return f"{place.name} is {place.vr}: {_WHY_VRS[action]}"


def illegal_value(vr: str, value: str, multiplicity: str) -> str | None:
    """Why a text is no value of a VR and Value Multiplicity (PS3.5 6.2); None if it is one."""
    if not value:
        return "replace needs a value that is not empty; empty is an action of its own"
    if not _PRINTABLE.fullmatch(value):
        return "a value is of printable ASCII characters, which every character set has"
    parts = [value] if vr in _ONE_VALUE else value.split("\\")
    if not _fits(len(parts), multiplicity):
        return f"{len(parts)} values where PS3.6 wants {multiplicity}"
    for part in parts:
        if not _is_value(vr, part):
            return f"{quoted(part)} is no value of VR {vr}"
    return None


def _is_value(vr: str, part: str) -> bool:
    if not part or len(part) > _LONGEST.get(vr, 194):
        return False
    if vr in _FORMS and not _FORMS[vr].fullmatch(part):
        return False
    if vr == "IS":
        return -_LARGEST_INTEGER <= int(part) < _LARGEST_INTEGER
    if vr in {"DA", "DT"}:
        return _is_date(part[:8])
    if vr in {"LO", "SH", "PN", "UC"} or vr in _ONE_VALUE:
        return not part.isspace()
    return True


def _is_date(digits: str) -> bool:
    """Whether digits begin a date: a whole one, a year and month, or a year."""
    digits = (digits if digits.isdigit() else digits[:4]).ljust(4, "0")
    try:
        date(int(digits[:4]), int(digits[4:6] or 1), int(digits[6:8] or 1))
    except ValueError:
        return False
    return True


def _fits(number: int, multiplicity: str) -> bool:
    """Whether so many values are legal for a VM as PS3.6 spells it: 1, 1-3, 2-n, 2-2n."""
    if " or " in multiplicity:
        return any(_fits(number, one) for one in multiplicity.split(" or "))
    least, _, most = multiplicity.partition("-")
    if not least.isdigit():
        return True
    if not most:
        return number == int(least)
    if most.endswith("n"):
        step = int(most[:-1] or 1)
        return number >= int(least) and (number % step == 0 or step == 1)
    return int(least) <= number <= int(most)
