"""Content items (PS3.3 C.17.3, C.7.6.14): the elements that hold their values, and the rules for their concepts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sendit.deid.dicom.element import element_of, raw_value
from sendit.deid.rules.actions import Action
from sendit.deid.rules.options import Option
from sendit.deid.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sendit.deid.dicom.element import Item
    from sendit.deid.rules.compiled import Level, Rules

CONTENT_SEQUENCES = frozenset(
    {
        0x0040A730,  # Content Sequence
        0x00400555,  # Acquisition Context Sequence
        0x00400612,  # Specimen Preparation Step Content Item Sequence
    }
)
_TEXT_VALUE, _PERSON_NAME = 0x0040A160, 0x0040A123
_VALUES = (
    _TEXT_VALUE,
    0x0040A124,  # UID
    0x0040A120,  # DateTime
    0x0040A121,  # Date
    0x0040A122,  # Time
    0x0040A30A,  # Numeric Value
)
_SEQUENCES = (
    0x0040A168,  # Concept Code Sequence
    0x0040A300,  # Measured Value Sequence
    0x00081199,  # Referenced SOP Sequence
)
_CLAUSE = "PS3.15 E.3.4"
_SUBJECT_AGE = ("121033", "DCM")
_MEASURED_VALUE, _NUMERIC_VALUE = 0x0040A300, 0x0040A30A
_OLDEST = 89
_NOT_LEFT_AS_IT_IS = frozenset({Action.REMOVE, Action.EMPTY, Action.DUMMY})
_UNNAMED = {_TEXT_VALUE: Rule(Action.CLEAN, Action.DUMMY, _CLAUSE)}
"""For an item whose concept Table E.3.4-1 does not name: its other values follow their own rules."""

_CONCEPT_NAME, _VALUE_TYPE, _CODE_VALUE, _CODING_SCHEME = 0x0040A043, 0x0040A040, 0x00080100, 0x00080102


def holds_content(tag: int, rules: Rules) -> bool:
    """Whether the items of a sequence are content items that the profile cleans."""
    return tag in CONTENT_SEQUENCES and Option.CLEAN_STRUCTURED_CONTENT in rules.profile.options


def content_rule_of(rules: Rules, item: Item, by_position: bool) -> Rule | None:
    """The rule for the value of a content item by Table E.3.4-1; None if the table does not name its concept.

    An age over 89, in whatever unit, becomes a dummy.

    An item that would go becomes a dummy where others are referred to by their position.
    """
    concept = element_of(item, _CONCEPT_NAME)
    if concept is None or not concept.items:
        return None
    code, scheme = (_text(raw_value(concept.items[0], tag)) for tag in (_CODE_VALUE, _CODING_SCHEME))
    rule = rules.content(code, scheme, _text(raw_value(item, _VALUE_TYPE)))
    if rule is not None and rule.action is Action.KEEP and (code, scheme) == _SUBJECT_AGE and _is_old(item):
        return replace(rule, action=Action.DUMMY, fallback=Action.DUMMY)
    if rule is not None and by_position and rule.action is Action.REMOVE:
        return replace(rule, action=Action.DUMMY, fallback=Action.DUMMY)
    return rule


def forced_by(rule: Rule | None, level: Level) -> Mapping[int, Rule]:
    """The rules for the values of a content item, by tag, from the rule for its concept.

    A profile's override of a value goes before. The value of an item that stays is of Type 1C, so that what cannot be
    moved, cleaned or kept becomes a dummy.
    """
    if rule is None:
        forced: Mapping[int, Rule] = _UNNAMED
    else:
        gone = rule.action in _NOT_LEFT_AS_IT_IS
        value = Action.DUMMY if gone else rule.action
        sequence = Action.DUMMY if gone else Action.KEEP
        forced = {
            **{tag: Rule(value, Action.DUMMY, _CLAUSE) for tag in _VALUES},
            _PERSON_NAME: Rule(Action.DUMMY, Action.DUMMY, _CLAUSE),
            **{tag: Rule(sequence, sequence, _CLAUSE) for tag in _SEQUENCES},
        }
    return {tag: one for tag, one in forced.items() if not _is_override(level.rule(tag))}


def _is_override(rule: Rule | None) -> bool:
    return rule is not None and rule.clause.startswith("profile ")


def _is_old(item: Item) -> bool:
    """Whether the number that an item measures is more than 89, or none."""
    measured = element_of(item, _MEASURED_VALUE)
    if measured is None or not measured.items:
        return True
    try:
        return not float(_text(raw_value(measured.items[0], _NUMERIC_VALUE))) <= _OLDEST
    except ValueError:
        return True


def _text(value: bytes) -> str:
    return value.split(b"\0", 1)[0].strip(b" ").decode("latin-1")
