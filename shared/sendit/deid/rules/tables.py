"""The rules as data: the tables of PS3.15 2026c, Types of PS3.3, reviewed lists; importable without pydicom."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sendit.deid.rules.actions import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

EDITION = "2026c"
_FILES = (
    "table_e1_1.json",
    "table_e3_4_1.json",
    "table_e3_10_1.json",
    "types.json",
    "modules.json",
    "keep_list.json",
    "strict_list.json",
    "vocabulary.json",
    "descriptors.json",
)

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

"""Every action of the table; a compound one as what removes the value and is legal for most Types (`rules.types`)."""

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


_REPEATING = frozenset({0x50, 0x60})


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
def rows() -> Mapping[int, dict[str, str]]:
    """Table E.1-1 by tag, each row by the names of its columns.

    Its rows for repeating groups (50xx, 60xx) and private attributes are not in it.
    """
    content = table("table_e1_1.json")
    return {
        tag: dict(zip(content["columns"], row, strict=True))
        for row in content["rows"]
        if (tag := _tag(row[1])) is not None
    }


@cache
def repeating_rows() -> Mapping[tuple[int, int | None], dict[str, str]]:
    """The rows of Table E.1-1 for groups 50xx and 60xx, by first byte of the group and element; None: every one."""
    content = table("table_e1_1.json")
    result: dict[tuple[int, int | None], dict[str, str]] = {}
    for row in content["rows"]:
        group, _, element = row[1].strip("()").partition(",")
        if group.endswith("xx"):
            key = int(group[:2], 16), None if element == "xxxx" else int(element, 16)
            result[key] = dict(zip(content["columns"], row, strict=True))
    return result


def row_of(tag: int) -> dict[str, str] | None:
    """The row of Table E.1-1 for a public attribute, repeating groups included."""
    row = rows().get(tag)
    first, odd = tag >> 24, tag >> 16 & 1
    if row is None and first in _REPEATING and not odd:
        repeating = repeating_rows()
        return repeating.get((first, tag & 0xFFFF)) or repeating.get((first, None))
    return row


@cache
def keep_list() -> Mapping[int, Action]:
    """What stays, or gets an empty value or a dummy, though it is outside Table E.1-1 and may hold text."""
    tags = {_tag(row["tag"]): Action(row["action"]) for row in table("keep_list.json")["rows"]}
    return {tag: action for tag, action in tags.items() if tag is not None}


@cache
def strict_list() -> frozenset[int]:
    """The attributes outside Table E.1-1 that say how an image was made, for the profile `strict`."""
    return frozenset(tag for row in table("strict_list.json")["rows"] if (tag := _tag(row["tag"])) is not None)


def _tag(spelled: str) -> int | None:
    """The number of a tag spelled (gggg,eeee); None for a repeating group."""
    try:
        return int(spelled.strip("()").replace(",", ""), 16)
    except ValueError:
        return None
