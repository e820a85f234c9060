"""Conditions as they are written in a file of rules, on their way from TOML."""

import re
from typing import Any

from sendit.deid import BadAttribute, attribute_named, sop_class_named
from sendit.deid.rules.attribute import nearest, quoted
from sendit.deid.rules.options import Option
from sendit.screen.conditions import All, AnyOf, Comparison, Condition, HasOption, Not, Operator, Subject
from sendit.screen.mistake import Mistake
from sendit.screen.pattern_text import check_pattern

_JOINING = ("all", "any", "not", "option", "attribute")
_DEEPEST, _MOST_OPERANDS = 20, 1_000
_NUMBERED = re.compile(r"(.+)\[([1-9][0-9]{0,4})\]", re.DOTALL)
_OF_PRESENCE = frozenset({Operator.MISSING, Operator.EMPTY})
_OF_ANY_NUMBER = frozenset({Operator.EQUALS, Operator.IN, Operator.ONLY})
_WITHOUT_TEXT = frozenset({"SQ", "OB", "OD", "OF", "OL", "OV", "OW", "OB or OW", "UN"})


def condition_of(written: object, depth: int = 0) -> Condition:
    """The condition that a table describes.

    Raises:
        Mistake: it describes none.
    """
    if not isinstance(written, dict):
        raise Mistake('a condition is a table: { attribute = "Modality", equals = "CT" }')
    if depth > _DEEPEST:
        raise Mistake(f"conditions are nested {_DEEPEST} deep at most")
    joined = [key for key in _JOINING if key in written]
    if len(joined) != 1:
        unknown = next((key for key in written if key not in _JOINING), "")
        hint = nearest(unknown, _JOINING) if unknown else ""
        raise Mistake(f"a condition has one of {', '.join(_JOINING)}{hint}", unknown or None)
    (key,) = joined
    if key == "attribute":
        return _test(written)
    if len(written) > 1:
        other = next(one for one in written if one != key)
        raise Mistake(f"beside {key} stands nothing else, but here {quoted(other)} does", other)
    content = written[key]
    if key == "not":
        return Not(condition_of(content, depth + 1))
    if key == "option":
        if content not in list(Option):
            near = nearest(str(content), list(Option))
            raise Mistake(f"there is no option {quoted(str(content))} of PS3.15 E.3{near}", str(content))
        return HasOption(content)
    if not isinstance(content, list) or not content:
        raise Mistake(f"{key} is a list of conditions: {key} = [{{ … }}, {{ … }}]", key)
    parts = tuple(condition_of(part, depth + 1) for part in content)
    return All(parts) if key == "all" else AnyOf(parts)


def _test(written: dict[str, Any]) -> Comparison:
    named = written["attribute"]
    if not isinstance(named, str):
        raise Mistake('attribute is a keyword, a tag or a path in quotes: attribute = "Modality"')
    subject, vr = _subject(named)
    operators = [key for key in written if key != "attribute"]
    known = ", ".join(Operator)
    if len(operators) != 1 or operators[0] not in list(Operator):
        wrong = next((key for key in operators if key not in list(Operator)), "")
        near = nearest(wrong, list(Operator)) if wrong else ""
        raise Mistake(f"{quoted(named)} needs one comparison of {known}{near}", wrong or named)
    operator = Operator(operators[0])
    content = written[operator]
    if operator in _OF_PRESENCE:
        if content is not True:
            raise Mistake(f"{operator} is true, or stands in not = {{ … }}", named)
        return Comparison(subject, operator)
    if vr in _WITHOUT_TEXT:
        raise Mistake(f"{quoted(named)} is {vr}, of which it can only be said whether it is missing or empty", named)
    return Comparison(
        subject, operator, tuple(_operand(operator, one, subject) for one in _operands(operator, content))
    )


def _subject(named: str) -> tuple[Subject, str]:
    numbered = _NUMBERED.fullmatch(named)
    try:
        place = attribute_named(numbered[1] if numbered else named)
    except BadAttribute as error:
        raise Mistake(str(error), named) from None
    number = int(numbered[2]) if numbered else 0
    return Subject(place.tag, place.path, place.creator, number, is_sequence=place.vr == "SQ"), place.vr


def _operands(operator: Operator, content: object) -> list[object]:
    """What is written behind an operator, as a list: in and only want one, equals has one value."""
    if isinstance(content, list):
        if operator is Operator.EQUALS:
            raise Mistake("equals has one value; of several, in = […] asks for any")
        if not 0 < len(content) <= _MOST_OPERANDS:
            raise Mistake(f"{operator} has 1 to {_MOST_OPERANDS} values")
        return content
    if operator in {Operator.IN, Operator.ONLY}:
        raise Mistake(f'{operator} is a list: {operator} = ["…", "…"]')
    return [content]


def _operand(operator: Operator, one: object, subject: Subject) -> str | float:
    if isinstance(one, int | float) and not isinstance(one, bool) and operator in _OF_ANY_NUMBER:
        return one
    if not isinstance(one, str) or not one.strip():
        raise Mistake(f"{operator} compares with texts in quotes{', or numbers' * (operator in _OF_ANY_NUMBER)}")
    if operator is Operator.MATCHES:
        check_pattern(one)
        return one
    if subject.tag == _SOP_CLASS and operator in _OF_ANY_NUMBER:
        try:
            return sop_class_named(one.strip())
        except ValueError as error:
            raise Mistake(str(error), one) from None
    return one.strip().upper()


_SOP_CLASS = 0x00080016
