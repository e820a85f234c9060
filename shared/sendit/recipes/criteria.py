"""One criterion of a filter as a condition of the screen, and conditions joined.

An outcome is a condition as it is written in TOML, or what is known without any image (True, False), or None: nothing
is known, and whatever it is joined with stands alone.
"""

import re
import warnings

from sendit.deid import BadAttribute, Place
from sendit.recipes.fields import public_place
from sendit.recipes.parse import OF_PRESENCE, OPERATORS
from sendit.recipes.records import Test
from sendit.screen.condition_text import condition_of
from sendit.screen.mistake import Mistake

Outcome = dict[str, object] | bool | None

_HEX_TAG = re.compile(r"0x([0-9A-Fa-f]{4})([0-9A-Fa-f]{4})")
_SPECIAL = re.compile(r"[.^$*+?{}\[\]\\()]")
_PLUS_IN_WORDS = re.compile(r"\w\+\w")
_HOLDS_WHERE_MISSING = frozenset({"missing", "notcontains", "notequals"})
_NEGATING = frozenset({"present", "notcontains", "notequals"})
_KEYS = {"and": "all", "or": "any"}
_MOST_DOTS, _MOST_ALTERNATIVES = 100, 1_000
_FILE_META = 0x0002


class CannotCompare(ValueError):
    """A criterion that the screen cannot ask; the text says why."""


def written_test(test: Test) -> tuple[Outcome, str]:
    """The condition for a test, and a sentence if it is not all that the recipe says.

    Raises:
        CannotCompare: there is no such condition.
    """
    if test.operator not in OPERATORS:
        raise CannotCompare("there is no such operator")
    if not test.field:
        raise CannotCompare("it names no field")
    holds_where_missing = test.operator in _HOLDS_WHERE_MISSING
    try:
        place = _place(test.field)
    except BadAttribute as error:
        if not test.field.isalnum() or _HEX_TAG.fullmatch(test.field):  # deid finds tags, private ones too
            raise CannotCompare(str(error)) from None
        always = "always" if holds_where_missing else "never"
        return holds_where_missing, f"{error}; for deid, too, it is missing everywhere, so that this {always} holds"
    if place.tag >> 16 == _FILE_META:
        always = "always" if holds_where_missing else "never"
        return holds_where_missing, f"filters do not see File Meta, nor did those of deid, so that this {always} holds"
    condition, sentence = _condition(place.name, test)
    _check(condition)
    return (negated(condition) if test.operator in _NEGATING else condition), sentence


def _place(field: str) -> Place:
    tag = _HEX_TAG.fullmatch(field)
    return public_place(f"({tag[1]},{tag[2]})" if tag else field)


def _condition(name: str, test: Test) -> tuple[dict[str, object], str]:
    if test.operator in OF_PRESENCE:
        if test.value:
            raise CannotCompare(f"nothing follows the field of {test.operator}")
        return {"attribute": name, "empty" if test.operator == "empty" else "missing": True}, ""
    if not test.value:
        raise CannotCompare("it has no value")
    alternatives = [part.strip() for part in test.value.split("|") if part.strip()]
    if not alternatives or len(alternatives) > _MOST_ALTERNATIVES:
        raise CannotCompare(f"it has 1 to {_MOST_ALTERNATIVES} values")
    several = len(alternatives) > 1
    if test.operator.endswith("equals"):
        return {"attribute": name, **({"in": alternatives} if several else {"equals": alternatives[0]})}, ""
    if not _SPECIAL.search(test.value):
        return {"attribute": name, "contains": alternatives if several else alternatives[0]}, ""
    sentence = ""
    if _PLUS_IN_WORDS.search(test.value):
        sentence = "a + inside a value is no and: to deid it is a part of a regular expression, and here, too"
    return {"attribute": name, "matches": _pattern(test.value)}, sentence


def _pattern(value: str) -> str:
    """The regular expression of a value; an empty alternative at its end or middle, which fits everything, goes."""
    pattern = re.sub(r"\|\|+", "|", value).strip("| ") if not re.search(r"[\\\[(]", value) else value
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise CannotCompare(f"its value is a regular expression that cannot be used: {error}") from None
    if found.search(""):
        raise CannotCompare("its value is a regular expression that fits everything")
    return pattern


def _check(condition: dict[str, object]) -> None:
    """Whether the screen takes the condition as it stands, and TOML its line."""
    try:
        condition_of(condition)
    except Mistake as mistake:
        raise CannotCompare(str(mistake)) from None
    if str(condition).count(".") > _MOST_DOTS:
        raise CannotCompare(f"it has more than {_MOST_DOTS} dots")


def negated(condition: dict[str, object]) -> dict[str, object]:
    """The condition that holds where this one does not."""
    inner = condition.get("not")
    return inner if isinstance(inner, dict) else {"not": condition}


def joined(joint: str, left: Outcome, right: Outcome) -> Outcome:
    """Two outcomes by and, or or; lists of the same kind become one."""
    if left is None or right is None:
        return right if left is None else left
    decides = joint == "or"
    if isinstance(left, bool) or isinstance(right, bool):
        if left is decides or right is decides:
            return decides
        return right if isinstance(left, bool) else left
    key = _KEYS[joint]
    return {key: [*_parts(left, key), *_parts(right, key)]}


def _parts(condition: dict[str, object], key: str) -> list[object]:
    parts = condition.get(key)
    return parts if isinstance(parts, list) else [condition]


def nesting(condition: dict[str, object]) -> int:
    """How deep conditions are nested."""
    deepest, waiting = 0, [(condition, 1)]
    while waiting:
        one, depth = waiting.pop()
        deepest = max(deepest, depth)
        for inner in one.values():
            parts = inner if isinstance(inner, list) else [inner]
            waiting += [(part, depth + 1) for part in parts if isinstance(part, dict)]
    return deepest
