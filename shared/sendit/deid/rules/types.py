"""The choice that Table E.1-1 leaves: its compound actions by the attribute's Type in the object's IOD (PS3.15 E.1-1a).

Of what a row allows, that is done which is legal for the Type and removes most:

=========  ============  ============  =============  =========
Table      Type 1, 1C    Type 2, 2C    Type 3, none   unknown
=========  ============  ============  =============  =========
X/Z        D             Z             X              Z
X/D        D             D             X              D
Z/D        D             Z             D              D
X/Z/D      D             Z             X              D
X/Z/U*     U             U             X              U
=========  ============  ============  =============  =========

Z is by its definition a zero length value "or a non-zero length value that may be a dummy value", so D is a choice
of X/Z too. U at Type 2 removes no less than Z: what lists the objects that are referred to (Referenced Series
Sequence) has the same new UIDs, and contradicts an empty Source Image Sequence. Unknown is the Type if the SOP class
is, or if a part of its IOD is and the rest does not ask for the attribute: then that is done which is legal for most
Types. The usage of a module (M, C, U) makes no difference, and inside sequences the immediate parent decides: the
strictest Type that the attribute has in it anywhere in the IOD.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.rules.actions import Action
from sendit.deid.rules.tables import RESOLVED, table

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONAL = "3"
"""The Type of what an IOD does not ask for, be it Type 3 there or no part of it."""

_REQUIRED: Mapping[str, Action] = {
    "X/Z": Action.DUMMY,
    "X/D": Action.DUMMY,
    "Z/D": Action.DUMMY,
    "X/Z/D": Action.DUMMY,
    "X/Z/U*": Action.REMAP,
}
_MAY_BE_EMPTY: Mapping[str, Action] = {
    "X/Z": Action.EMPTY,
    "X/D": Action.DUMMY,
    "Z/D": Action.EMPTY,
    "X/Z/D": Action.EMPTY,
    "X/Z/U*": Action.REMAP,
}
_NOT_ASKED_FOR: Mapping[str, Action] = {
    "X/Z": Action.REMOVE,
    "X/D": Action.REMOVE,
    "Z/D": Action.DUMMY,
    "X/Z/D": Action.REMOVE,
    "X/Z/U*": Action.REMOVE,
}
_CHOICES: Mapping[str, Mapping[str, Action]] = {
    "1": _REQUIRED,
    "1C": _REQUIRED,
    "2": _MAY_BE_EMPTY,
    "2C": _MAY_BE_EMPTY,
    OPTIONAL: _NOT_ASKED_FOR,
}

_PRESENTATION_STATES = "1.2.840.10008.5.1.4.1.1.11."
_REFERENCED_REQUEST = 0x0040A370
REQUIRED_ALL_THE_SAME: Mapping[int, tuple[str, int, Action, str]] = {
    0x00401001: ("", _REFERENCED_REQUEST, Action.EMPTY, "of Type 2 in Referenced Request Sequence (PS3.3 C.17.2)"),
    0x00700082: (_PRESENTATION_STATES, 0, Action.DUMMY, "of Type 1 in presentation states (PS3.3 C.11.10)"),
    0x00700083: (_PRESENTATION_STATES, 0, Action.DUMMY, "of Type 1 in presentation states (PS3.3 C.11.10)"),
}
"""Attributes that Table E.1-1 removes (X) though an IOD requires them: without them the object would be no valid one.

In which SOP classes (by the beginning of their UIDs), in which sequence (0: at top level), what is done instead, and
why. No value is left by it.
"""


def required_all_the_same(sop_class_uid: str, path: tuple[int, ...], tag: int) -> Action | None:
    """What is done with an attribute that the table removes where it is required; None: it goes."""
    if tag not in REQUIRED_ALL_THE_SAME:
        return None
    sop_classes, parent, action, _ = REQUIRED_ALL_THE_SAME[tag]
    return action if sop_class_uid.startswith(sop_classes) and (path[-1] if path else 0) == parent else None


def iod_of(sop_class_uid: str) -> str | None:
    """The IOD of a SOP class; None if it is not known here."""
    name: str | None = table("types.json")["sop_classes"].get(sop_class_uid)
    return name


def type_of(sop_class_uid: str, path: tuple[int, ...], tag: int) -> str | None:
    """The Type of an attribute with a compound action in the sequences of `path`; None if it is not known."""
    iod = iod_of(sop_class_uid)
    if iod is None:
        return None
    parent = f"{path[-1]:08X}" if path else ""
    kind: str | None = table("types.json")["iods"][iod].get(parent, {}).get(f"{tag:08X}")
    if kind is None and iod not in table("types.json")["incomplete"]:
        return OPTIONAL
    return kind


def is_compound(cell: str) -> bool:
    """Whether an action of Table E.1-1 leaves a choice."""
    return "/" in cell


def resolved(cell: str, kind: str | None) -> Action:
    """What an action of Table E.1-1 comes to for an attribute of a Type; None where the Type is not known."""
    if kind is None or not is_compound(cell):
        return RESOLVED[cell]
    return _CHOICES[kind][cell]
