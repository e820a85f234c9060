"""Field expressions of a recipe, and the attributes that they mean.

What deid looks for in the elements of an object is looked for here in PS3.6: keywords, names and tags. Private
attributes have none there; they are known by their creator alone.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from pydicom.datadict import (  # type: ignore[attr-defined]  # the homes of the dictionaries are private
    DicomDictionary,
    RepeatersDictionary,
)

from sendit.deid import BadAttribute, Place, attribute_named
from sendit.deid.rules.attribute import nearest, parse_private, quoted, vr_of
from sendit.recipes.records import Action, Recipe

EVERYTHING = frozenset({"all", "allfields"})

_EXPANDERS = ("contains", "startswith", "endswith", "except", "select")
_EXPANDED = re.compile(r'([^:"]*):(.*)')
_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")
_PRIVATE = re.compile(r"""\(?([0-9A-Fa-f]{4}),["']([^"']+)["'],(?:[0-9A-Fa-f]{2})?([0-9A-Fa-f]{2})\)?""")
_IN_ITEM = re.compile(r"__\d+__")
_LIKE, _NEAR, _MOST_REMEMBERED = 3, 0.75, 4_000
_LONGEST_PATTERN, _MOST_REPEATS, _MOST_ATTRIBUTES = 1_000, 1, 1_500
_HARMLESS = re.compile(r"[\w '.,|^$&/<>:;#!=~%@\-]*(?:[.\w][*+?][\w '.,|^$&/<>:;#!=~%@\-]*)*")


class CannotExpand(ValueError):
    """A field expression that means no attributes of PS3.6, or more than can be listed; the text says why."""


@dataclass(frozen=True, slots=True)
class Meant:
    """The attributes of a field expression. Those of a pattern are all that fit; private ones may fit, too."""

    places: tuple[Place, ...]
    is_pattern: bool = False


def meant_by(field: str, recipe: Recipe) -> Meant:
    """The attributes that a field expression means.

    Raises:
        CannotExpand: it means none that can be named.
    """
    if field.lower().startswith("values"):
        raise CannotExpand("attributes are chosen by their values, which only an object has")
    if field.lower().startswith("fields"):
        name = field.partition(":")[2]
        if name not in recipe.fields:
            raise CannotExpand(f"there is no %fields {quoted(name)}{nearest(name, recipe.fields)}")
        return _of_group(recipe.fields[name], recipe)
    expanded = _EXPANDED.fullmatch(field)
    if expanded is not None:
        return Meant(_matching(expanded[1].lower(), expanded[2]), is_pattern=True)
    return Meant((_named(field),))


def is_everything(field: str) -> bool:
    """Whether a field expression means all attributes, or all but some."""
    return field.lower() in EVERYTHING or field.lower().startswith("except:")


@lru_cache(_MOST_REMEMBERED)
def public_place(name: str) -> Place:
    """A public attribute by keyword, tag or path; where there is none, one that begins alike is named.

    Raises:
        BadAttribute: there is none. All keywords are not compared, for a recipe may hold thousands that do not exist.
    """
    for part in name.split("."):
        if not _TAG.fullmatch(part) and _keywords().get(part.lower()) != part:
            alike = [keyword for fold, keyword in _keywords().items() if fold.startswith(part[:_LIKE].lower())]
            raise BadAttribute(f"there is no attribute {quoted(part)}{nearest(part, alike, cutoff=_NEAR)}")
    return attribute_named(name)


def _of_group(actions: Iterable[Action], recipe: Recipe) -> Meant:
    places: dict[Place, None] = {}
    is_pattern = False
    for action in actions:
        if is_everything(action.field) or action.field.lower().startswith("fields"):
            raise CannotExpand(f"its group says {quoted(action.field)} on line {action.line}, which is no list")
        try:
            found = meant_by(action.field, recipe)
        except CannotExpand as error:
            raise CannotExpand(f"its group, on line {action.line}: {error}") from None
        places |= dict.fromkeys(found.places)
        is_pattern = is_pattern or found.is_pattern
    if not places:
        raise CannotExpand("its group is empty")
    return Meant(tuple(places), is_pattern)


def _named(field: str) -> Place:
    """One attribute: a keyword in whatever case, a tag, keywords joined by __, or a private one with its creator."""
    private = _PRIVATE.fullmatch(field)
    if _IN_ITEM.search(field):
        raise CannotExpand("it names one item of a sequence, and a profile speaks of all items alike")
    try:
        if private is not None:
            return parse_private(private[2], f"({private[1]},xx{private[3]})")
        tag = _TAG.fullmatch(field)
        if tag is not None:
            return public_place(f"({tag[1]},{tag[2]})")
        by_fold = _keywords()
        return public_place(".".join(by_fold.get(part.lower(), part) for part in field.split("__")))
    except BadAttribute as error:
        raise CannotExpand(str(error)) from None


@lru_cache(_MOST_REMEMBERED)
def _matching(expander: str, expression: str) -> tuple[Place, ...]:
    if expander not in _EXPANDERS:
        raise CannotExpand(f"{quoted(expander)} is no way to choose attributes{nearest(expander, _EXPANDERS)}")
    if expander == "select":
        places = _selected(expression)
    else:
        pattern = _pattern(expander, expression)
        places = [place for place, names in _names() if any(pattern.search(name) for name in names)]
    if not places:
        raise CannotExpand("no attribute of PS3.6 fits")
    if len(places) > _MOST_ATTRIBUTES:
        raise CannotExpand(f"{len(places)} attributes fit, and at most {_MOST_ATTRIBUTES} are listed one by one")
    return tuple(places)


def _pattern(expander: str, expression: str) -> re.Pattern[str]:
    """A pattern that takes no long time on any name of PS3.6."""
    repeats = sum(map(expression.count, "*+?"))
    if len(expression) > _LONGEST_PATTERN or repeats > _MOST_REPEATS or not _HARMLESS.fullmatch(expression):
        raise CannotExpand("its regular expression is not one that can be looked for in PS3.6: words, | . ^ $ alone")
    if not all(expression.lower().split("|")):
        raise CannotExpand("its regular expression fits everything")
    whole = {"startswith": f"^({expression})", "endswith": f"({expression})$"}.get(expander, expression)
    try:
        return re.compile(whole, re.IGNORECASE)
    except re.error as error:
        raise CannotExpand(f"its regular expression is none: {error}") from None


def _selected(expression: str) -> list[Place]:
    kind, _, value = expression.partition(":")
    if kind.lower() == "vr":
        vr = value[:2].upper()
        return [place for place, _ in _names() if vr in vr_of(place.tag).split(" or ")]
    if kind.lower() == "group" and re.fullmatch(r"[0-9A-Fa-f]{1,4}", value):
        return [place for place, _ in _names() if place.tag >> 16 == int(value, 16)]
    raise CannotExpand(f"{quoted(expression)} is neither VR:XX nor group:GGGG")


@cache
def _names() -> tuple[tuple[Place, tuple[str, ...]], ...]:
    """Every attribute of PS3.6 that has a keyword, with all that deid compares with a pattern."""
    repeating = {int(mask.replace("x", "0"), 16): entry for mask, entry in RepeatersDictionary.items()}
    return tuple(
        (
            Place(tag),
            (entry[4], entry[2], f"({tag >> 16:04X},{tag & 0xFFFF:04X})", f"{tag:08X}"),
        )
        for tag, entry in sorted({**repeating, **DicomDictionary}.items())
        if entry[4]
    )


@cache
def _keywords() -> Mapping[str, str]:
    return {names[0].lower(): names[0] for _, names in _names()}
