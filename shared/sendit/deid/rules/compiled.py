"""A profile made ready for the objects of one SOP class: what happens to which attribute, and what says so.

Asked in this order: the profile's own overrides (one for exactly this path before one for every level); then
Table E.1-1. Where several options speak of one attribute, one that retains it (K) goes before one that cleans it
(C), and Modified Dates before other cleaning: the user asked for the value, and cleaning would take it away.
Where no option speaks, the Basic Profile's action is done, its compound ones by the attribute's Type (`rules.types`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.rules.actions import Action
from sendit.deid.rules.allowed import allowed
from sendit.deid.rules.content import content_rule
from sendit.deid.rules.options import BASIC, STANDING, Option
from sendit.deid.rules.private import BLOCK, creator_of, private_vr, safe_private
from sendit.deid.rules.rule import Rule
from sendit.deid.rules.tables import NEVER_SHIFTED, row_of
from sendit.deid.rules.types import is_compound, required_all_the_same, resolved, type_of

if TYPE_CHECKING:
    from sendit.deid.rules.profile import Override, Profile

__all__ = ["Level", "Rule", "Rules", "rules_for"]

_MOST_LEVELS = 4096
"""More than any IOD has sequences; a hostile object may have as many as it likes."""
_MOST_REMEMBERED = 100_000
"""So many rules are remembered in all levels together; the others are looked up again."""
_AGE = 0x00101010
_ALWAYS_POSSIBLE = frozenset({Action.REMOVE, Action.EMPTY, Action.DUMMY})


class Rules:
    """The rules of one profile for one SOP class."""

    def __init__(self, profile: Profile, sop_class_uid: str) -> None:
        self.profile = profile
        self.sop_class_uid = sop_class_uid
        self.levels = 0
        self.remembered = 0
        self._safe_private = safe_private(profile.options)
        self._overrides: dict[tuple[str, int], dict[tuple[int, ...], Override]] = {}
        for one in profile.overrides:
            key = (creator_of(one.creator), one.tag & BLOCK if one.creator else one.tag)
            self._overrides.setdefault(key, {})[one.path] = one
        self.top = Level(self, ())

    def content(self, code_value: str, scheme: str, value_type: str = "") -> Rule | None:
        """What happens to a content item by Table E.3.4-1; None if the profile or the table does not speak of it.

        Rows speak of a concept with a value type: without one, what removes most of what they say.
        """
        return content_rule(self.profile.options, code_value, scheme, value_type)

    def at(self, path: tuple[int, ...], tag: int) -> Rule | None:
        """The rule for a public attribute inside the sequences of `path`."""
        row = row_of(tag)
        override = self._override("", path, tag)
        if override is not None:
            return self._overridden(override, Action.REMOVE if row is None else self._basic(path, tag, row))
        return None if row is None else self._of_row(path, tag, row)

    def private(self, path: tuple[int, ...], creator: str, tag: int) -> Rule | None:
        """The rule for a private attribute of a creator inside the sequences of `path`; the block does not matter."""
        creator, tag = creator_of(creator), tag & BLOCK
        override = self._override(creator, path, tag)
        if override is not None:
            return replace(self._overridden(override, Action.REMOVE), vr=private_vr(creator, tag))
        return self._safe_private.get((creator, tag))

    def _override(self, creator: str, path: tuple[int, ...], tag: int) -> Override | None:
        by_path = self._overrides.get((creator, tag))
        return None if by_path is None else by_path.get(path) or by_path.get(())

    def _overridden(self, override: Override, basic: Action) -> Rule:
        fallback = override.action if override.action in _ALWAYS_POSSIBLE else basic
        return Rule(override.action, fallback, f"profile {self.profile.name}", override.value)

    def _basic(self, path: tuple[int, ...], tag: int, row: dict[str, str]) -> Action:
        cell = row[BASIC.column]
        required = required_all_the_same(self.sop_class_uid, path, tag)
        if required is not None:
            return required
        return resolved(cell, type_of(self.sop_class_uid, path, tag) if is_compound(cell) else None)

    def _of_row(self, path: tuple[int, ...], tag: int, row: dict[str, str]) -> Rule:
        basic = self._basic(path, tag, row)
        cells = {option: row[STANDING[option].column] for option in self.profile.options}
        for option, cell in cells.items():
            if cell == "K":
                action = Action.CLEAN if tag == _AGE else Action.KEEP
                return Rule(action, basic, f"PS3.15 {STANDING[option].clause}")
        if cells.get(Option.RETAIN_MODIFIED_DATES) == "C" and tag not in NEVER_SHIFTED:
            return Rule(Action.SHIFT, basic, f"PS3.15 {STANDING[Option.RETAIN_MODIFIED_DATES].clause}")
        for option, cell in cells.items():
            if cell == "C" and option is not Option.RETAIN_MODIFIED_DATES:
                return Rule(Action.CLEAN, basic, f"PS3.15 {STANDING[option].clause}")
        return Rule(basic, basic, "PS3.15 Table E.1-1")


class Level:
    """The rules inside one path of sequences, each looked up once."""

    __slots__ = ("_children", "_rules", "_seen", "path")

    def __init__(self, rules: Rules, path: tuple[int, ...]) -> None:
        self.path = path
        self._rules = rules
        self._seen: dict[int, Rule | None] = {}
        self._children: dict[int, Level] = {}

    def rule(self, tag: int) -> Rule | None:
        """The rule for a public attribute; None if neither the profile nor Table E.1-1 speaks of it."""
        if tag in self._seen:
            return self._seen[tag]
        rule = self._rules.at(self.path, tag)
        if (rule is not None or dictionary_vr(tag) is not None) and self._rules.remembered < _MOST_REMEMBERED:
            self._rules.remembered += 1
            self._seen[tag] = rule
        return rule

    def private(self, creator: str, tag: int) -> Rule | None:
        """The rule for a private attribute (gggg,00ee) of a creator; None: it goes."""
        return self._rules.private(self.path, creator, tag)

    def allows(self, tag: int) -> bool:
        """Whether an attribute of which no rule speaks may stay at all here: in strict, what the IOD needs."""
        rules = self._rules
        return not rules.profile.allow_list or allowed(rules.sop_class_uid, self.path, tag)

    def child(self, tag: int) -> Level:
        """The level of the items of a sequence."""
        level = self._children.get(tag)
        if level is None:
            level = Level(self._rules, (*self.path, tag))
            if self._rules.levels < _MOST_LEVELS:
                self._rules.levels += 1
                self._children[tag] = level
        return level


@lru_cache(maxsize=64)
def rules_for(profile: Profile, sop_class_uid: str) -> Rules:
    """The rules of a profile for objects of a SOP class."""
    return Rules(profile, sop_class_uid)
