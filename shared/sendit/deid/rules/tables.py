"""The rules as data: Table E.1-1 of PS3.15 2026c, the keep list, the vocabulary; importable without pydicom.

The compound actions of Table E.1-1 let an implementation choose by the attribute's Type in the object's IOD.
Here each is resolved to the choice that removes the value and is legal for every Type:

=========  ========  ============================================================================
Table      becomes   because
=========  ========  ============================================================================
X/Z        Z         an empty value is legal for Type 2 and Type 3
X/D        D         a dummy is legal for every Type
Z/D        D         the same
X/Z/D      D         the same
X/Z/U*     U         the sequence stays, the UIDs in it are replaced, all else in it by its own rule
=========  ========  ============================================================================
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

EDITION = "2026c"
_FILES = (
    "table_e1_1.json",
    "table_e3_4_1.json",
    "table_e3_10_1.json",
    "keep_list.json",
    "vocabulary.json",
)
_BASIC = "Basic Prof."
_MODIFIED_DATES = "Rtn. Long. Modif. Dates Opt."


class Action(StrEnum):
    """What is done to an element: the actions of Table E.1-1, and those of the keep list.

    `STRUCTURE` is `KEEP` that holds even inside a sequence whose action is D.
    """

    REMOVE = "remove"
    EMPTY = "empty"
    DUMMY = "dummy"
    REMAP = "remap"
    SHIFT = "shift"
    KEEP = "keep"
    PSEUDONYM = "pseudonym"
    MARK = "mark"
    STRUCTURE = "structure"


RESOLVED: Mapping[str, Action] = {
    "X": Action.REMOVE,
    "Z": Action.EMPTY,
    "D": Action.DUMMY,
    "U": Action.REMAP,
    "K": Action.KEEP,
    "X/Z": Action.EMPTY,
    "X/D": Action.DUMMY,
    "Z/D": Action.DUMMY,
    "X/Z/D": Action.DUMMY,
    "X/Z/U*": Action.REMAP,
}

REMOVED_BY_CHOICE = frozenset({0x00081110})
"""Compound rows that become X: Referenced Study Sequence is Type 3 in images, where an empty one is illegal."""

_CONSTANTS_OF_THE_STANDARD = {
    0x00080106, 0x00080107,  # Context Group Version, Local Version
    0x0040DB06, 0x0040DB07,  # Template Version, Local Version
    0x00080201,  # Timezone Offset From UTC
}  # fmt: skip
_CONSTANTS_OF_A_DEVICE = {
    0x0014407C, 0x0014407E,  # Calibration Time, Date
    0x00181200, 0x00181201, 0x00181202, 0x00181203,  # Date, Time, DateTime of Last Calibration; Calibration DateTime
    0x00181204, 0x00181205,  # Date of Manufacture, Date of Installation
    0x0018700C, 0x0018700E,  # Date, Time of Last Detector Calibration
    0x300A022C, 0x300A022E,  # Source Strength Reference Date, Time
}  # fmt: skip
_CONSTANTS_OF_A_DOCUMENT = {
    0x00120086, 0x00120087,  # Ethics Committee Approval Effectiveness Start, End Date
    0x00440004, 0x0044000B,  # Approval Status DateTime, Product Expiration DateTime
    0x00440104, 0x00440105,  # Assertion DateTime, Expiration DateTime: of a protocol, a product
    0x00686226, 0x00686270,  # Effective DateTime, Information Issue DateTime: of an implant template
    0x0072000A,  # Hanging Protocol Creation DateTime
    0x00720061, 0x00720063, 0x0072006B,  # Selector DA, DT, TM Value: constants of a hanging protocol
}  # fmt: skip
NEVER_SHIFTED = frozenset(_CONSTANTS_OF_THE_STANDARD | _CONSTANTS_OF_A_DEVICE | _CONSTANTS_OF_A_DOCUMENT)
"""Rows that Modified Dates marks C and that stay with their Basic action.

Context Group and Template versions are constants of the standard, the others of a device, a trial, a product
or a document: the same for many patients, often known, and so a shifted one discloses its patient's shift.
The Timezone Offset From UTC is no date.
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of Table E.1-1: its Basic action, and whether Modified Dates moves the date instead."""

    basic: Action
    modified_dates: bool


@cache
def _text(name: str) -> bytes:
    return files("sendit.deid").joinpath("data", name).read_bytes()


@cache
def table(name: str) -> Mapping[str, Any]:
    """One data file of the package."""
    content: dict[str, Any] = json.loads(_text(name))
    return content


@cache
def checksums() -> Mapping[str, str]:
    """SHA-256 of each data file, by name."""
    return {name: hashlib.sha256(_text(name)).hexdigest() for name in _FILES}


@cache
def rules() -> Mapping[int, Rule]:
    """Table E.1-1 by tag.

    Its three repeating rows (50xx, 60xx, private) are not in it: those groups go as a whole.
    """
    content = table("table_e1_1.json")
    columns = content["columns"]
    basic, dates = columns.index(_BASIC), columns.index(_MODIFIED_DATES)
    result: dict[int, Rule] = {}
    for row in content["rows"]:
        tag = _tag(row[1])
        if tag is not None:
            action = Action.REMOVE if tag in REMOVED_BY_CHOICE else RESOLVED[row[basic]]
            result[tag] = Rule(action, row[dates] == "C" and tag not in NEVER_SHIFTED)
    return result


@cache
def keep_list() -> Mapping[int, Action]:
    """What stays, or gets an empty value or a dummy, though it is outside Table E.1-1 and may hold text."""
    tags = {_tag(row["tag"]): Action(row["action"]) for row in table("keep_list.json")["rows"]}
    return {tag: action for tag, action in tags.items() if tag is not None}


@cache
def vocabulary() -> frozenset[str]:
    """Casefolded words that an object may hold whatever its patient is called."""
    return frozenset(word.casefold() for words in table("vocabulary.json")["words"].values() for word in words)


def _tag(spelled: str) -> int | None:
    """The number of a tag spelled (gggg,eeee); None for a repeating group."""
    try:
        return int(spelled.strip("()").replace(",", ""), 16)
    except ValueError:
        return None
