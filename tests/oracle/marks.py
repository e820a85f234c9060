"""The marks that say what was done (PS3.15 E.1.1 step 8, E.3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.oracle.model import DataSet, Items, Value

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.rules.actions import Action
from sendit.deid.rules.options import Option
from sendit.deid.rules.tables import EDITION

if TYPE_CHECKING:
    from sendit.deid.rules.profile import Profile

MARKS = frozenset({0x00120062, 0x00120063, 0x00120064, 0x00280303})


def marks_of(profile: Profile) -> DataSet:
    """The marks of a profile; one that is weaker than the standard's says so and names no code."""
    method = f"sendit {profile.name}, PS3.15 {EDITION} Annex E"
    if profile.weaker:
        method = f"sendit {profile.name}, weaker than PS3.15 {EDITION} Annex E"
    if len(method) > 64:
        method = method.replace(", ", "\\", 1)
    marks: DataSet = {
        0x00120062: Value("CS", b"NO" if profile.weaker else b"YES"),
        0x00120063: Value("LO", method.encode("ascii")),
        0x00280303: Value("CS", _dates(profile).encode("ascii")),
    }
    if not profile.weaker:
        marks[0x00120064] = Items([_code(value, meaning) for value, meaning in profile.codes])
    return marks


def _code(value: str, meaning: str) -> DataSet:
    return {
        0x00080100: Value("SH", value.encode("ascii")),
        0x00080102: Value("SH", b"DCM"),
        0x00080104: Value("LO", meaning.encode("ascii")),
    }


def _dates(profile: Profile) -> str:
    overrides = {(one.action, dictionary_vr(one.tag) in {"DA", "DT", "TM"}) for one in profile.overrides}
    shifted = {(Action.SHIFT, True), (Action.SHIFT, False)} & overrides
    if Option.RETAIN_MODIFIED_DATES in profile.options or shifted:
        return "MODIFIED"
    if Option.RETAIN_FULL_DATES in profile.options or (Action.KEEP, True) in overrides:
        return "UNMODIFIED"
    return "REMOVED"
