"""Content items of structured reports, acquisition contexts and specimen preparations (PS3.15 E.3.4).

Read safely where the rules leave room:

* a profile's own override of a value attribute goes before the concept;
* a concept's rule is for every kind of value: what a NUM or CODE item measures, names or refers to as well;
* a date of an item without a rule moves if the profile moves dates, else its own rule says what happens to it;
* what cannot be moved, cleaned or kept becomes a dummy: the value of an item is of Type 1C;
* inside a sequence whose action is D there is no concept to ask: all values there are dummies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.oracle.model import DataSet, items_of, value_of

from sendit.deid.dicom.text import unpadded
from sendit.deid.rules.actions import Action
from sendit.deid.rules.compiled import Rule
from sendit.deid.rules.options import Option

if TYPE_CHECKING:
    from sendit.deid.rules.compiled import Level, Rules

CONTENT_SEQUENCES = frozenset({0x0040A730, 0x00400555, 0x00400612})
"""Content Sequence, Acquisition Context Sequence, Specimen Preparation Step Content Item Sequence."""

REFERENCED_CONTENT_ITEM = 0x0040DB73
TEXT_VALUE, PERSON_NAME, UID, NUMERIC_VALUE = 0x0040A160, 0x0040A123, 0x0040A124, 0x0040A30A
DATE_VALUES = frozenset({0x0040A120, 0x0040A121, 0x0040A122})
VALUES = DATE_VALUES | {TEXT_VALUE, PERSON_NAME, UID, NUMERIC_VALUE}
SEQUENCES_OF_VALUES = frozenset({0x0040A168, 0x0040A300, 0x00081199})
"""Concept Code Sequence, Measured Value Sequence, Referenced SOP Sequence."""

_CLAUSE = "PS3.15 E.3.4"
_CONCEPT_NAME, _VALUE_TYPE, _CODE_VALUE, _CODING_SCHEME = 0x0040A043, 0x0040A040, 0x00080100, 0x00080102


def holds_content(tag: int, options: tuple[Option, ...]) -> bool:
    """Whether the items of a sequence are content items that the profile cleans."""
    return tag in CONTENT_SEQUENCES and Option.CLEAN_STRUCTURED_CONTENT in options


def concept_rule(item: DataSet, rules: Rules) -> Rule | None:
    """What Table E.3.4-1 says of the concept of a content item."""
    names = items_of(item, _CONCEPT_NAME)
    if not names:
        return None
    code, scheme = (_text(names[0], tag) for tag in (_CODE_VALUE, _CODING_SCHEME))
    rule = rules.content(code, scheme, _text(item, _VALUE_TYPE))
    if rule is not None and rule.action is Action.KEEP and (code, scheme) == ("121033", "DCM"):
        measured = items_of(item, 0x0040A300)
        try:
            young = bool(measured) and float(_text(measured[0], NUMERIC_VALUE)) <= 89
        except ValueError:
            young = False
        return rule if young else Rule(Action.DUMMY, Action.DUMMY, _CLAUSE)
    return rule


def is_override(rule: Rule | None) -> bool:
    """Whether a rule is the profile's own."""
    return rule is not None and rule.clause.startswith("profile ")


def value_rule(tag: int, concept: Rule | None, level: Level, options: tuple[Option, ...]) -> Rule | None:
    """The rule for a value, no sequence, of a content item; None: no other than outside of one."""
    if tag not in VALUES or is_override(level.rule(tag)):
        return None
    if tag == PERSON_NAME:
        return Rule(Action.DUMMY, Action.DUMMY, _CLAUSE)
    if concept is not None:
        action = Action.DUMMY if concept.action in {Action.REMOVE, Action.EMPTY} else concept.action
        return Rule(action, Action.REMAP if tag == UID else Action.DUMMY, _CLAUSE)
    if tag == UID:
        return Rule(Action.REMAP, Action.REMAP, _CLAUSE)
    if tag == TEXT_VALUE:
        return Rule(Action.CLEAN, Action.DUMMY, _CLAUSE)
    if tag in DATE_VALUES and Option.RETAIN_MODIFIED_DATES in options:
        return Rule(Action.SHIFT, Action.DUMMY, _CLAUSE)
    return None


def sequence_action(tag: int, concept: Rule | None, level: Level) -> Action | None:
    """What a concept asks for a sequence that is, or holds, the value of its item; None: its own rule says."""
    if concept is None or tag not in SEQUENCES_OF_VALUES or is_override(level.rule(tag)):
        return None
    return Action.DUMMY if concept.action in {Action.REMOVE, Action.EMPTY, Action.DUMMY} else Action.KEEP


def _text(dataset: DataSet, tag: int) -> str:
    return unpadded(value_of(dataset, tag)).strip(b" ").decode("latin-1")
