"""The marks that say what was done (PS3.15 E.1.1 step 8, E.3.6): honest, and the only ones of their kind."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.vrs import DATE_VRS
from sendit.deid.rules.actions import Action
from sendit.deid.rules.options import Option
from sendit.deid.rules.tables import EDITION

if TYPE_CHECKING:
    from sendit.deid.rules.profile import Profile

PATIENT_IDENTITY_REMOVED = 0x00120062
DEIDENTIFICATION_METHOD = 0x00120063
DEIDENTIFICATION_METHOD_CODES = 0x00120064
TEMPORAL_INFORMATION_MODIFIED = 0x00280303

MARKS = frozenset(
    {
        PATIENT_IDENTITY_REMOVED,
        DEIDENTIFICATION_METHOD,
        DEIDENTIFICATION_METHOD_CODES,
        TEMPORAL_INFORMATION_MODIFIED,
    }
)


_MOST_CHARACTERS = 64
"""Of one value of Value Representation LO (PS3.5 6.2)."""

Item = tuple[tuple[int, str, bytes], ...]
Mark = tuple[int, str, bytes | tuple[Item, ...]]


@lru_cache(maxsize=16)
def mark_elements(profile: Profile) -> tuple[Mark, ...]:
    """The marks of a profile in tag order: (tag, VR, value), and for SQ a tuple of items in place of the value.

    Values are not padded. A profile that is weaker than the standard's says NO and names no code.
    """
    method = [f"sendit {profile.name}", f"{'weaker than ' if profile.weaker else ''}PS3.15 {EDITION} Annex E"]
    joint = ", " if len(", ".join(method)) <= _MOST_CHARACTERS else "\\"
    marks: list[Mark] = [
        (PATIENT_IDENTITY_REMOVED, "CS", b"NO" if profile.weaker else b"YES"),
        (DEIDENTIFICATION_METHOD, "LO", joint.join(method).encode("ascii")),
    ]
    if profile.codes:
        items = tuple(_code_item(value, meaning) for value, meaning in profile.codes)
        marks.append((DEIDENTIFICATION_METHOD_CODES, "SQ", items))
    marks.append((TEMPORAL_INFORMATION_MODIFIED, "CS", _dates(profile).encode("ascii")))
    return tuple(marks)


def _code_item(value: str, meaning: str) -> Item:
    return (
        (0x00080100, "SH", value.encode("ascii")),
        (0x00080102, "SH", b"DCM"),
        (0x00080104, "LO", meaning.encode("ascii")),
    )


def _dates(profile: Profile) -> str:
    """What the dates that stay are: moved, if any is; else as they were; REMOVED if none stays."""
    shifted = any(one.action is Action.SHIFT for one in profile.overrides)
    kept = any(one.action is Action.KEEP and dictionary_vr(one.tag) in DATE_VRS for one in profile.overrides)
    if shifted or Option.RETAIN_MODIFIED_DATES in profile.options:
        return "MODIFIED"
    if kept or Option.RETAIN_FULL_DATES in profile.options:
        return "UNMODIFIED"
    return "REMOVED"
