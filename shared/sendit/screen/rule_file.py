"""A user's rules: a TOML text on top of the shipped rules, or instead of them (docs/screening.md).

Every mistake is refused with its line: rules that are not understood to the last word are not used.
"""

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from typing import Any

from sendit.deid import TomlError
from sendit.deid.rules.attribute import nearest, quoted
from sendit.deid.rules.toml_lines import Lines
from sendit.deid.rules.toml_text import content_of, text_of
from sendit.screen.cleaning_text import CLEANING_KEYS, check_keys_of_cleaning, cleaning_of
from sendit.screen.condition_text import condition_of
from sendit.screen.conditions import Condition
from sendit.screen.mistake import Mistake
from sendit.screen.rules import NOT_ACCEPTED, VALUE_TOO_LONG, Look, Rule, RuleSet, Verdict

_KEYS = ("from", "without", "rule", "look")
_BASES = ("default", "nothing")
_KEYS_OF_A_RULE = ("accept", "clean", "reject", "when", "overrides", *CLEANING_KEYS)
_KEYS_OF_A_LOOK = ("when",)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_RESERVED_NAMES = frozenset({NOT_ACCEPTED, VALUE_TOO_LONG, "media-directory", "sop-class-disagrees", "burned-in-text"})
_LONGEST_REASON = 200


@cache
def default_rules() -> RuleSet:
    """The rules that ship with sendit: originals of known kinds pass, everything else is rejected by a named rule."""
    text = text_of((files("sendit.screen") / "data" / "default_rules.toml").read_bytes())
    return _Reader(text, content_of(text)).rule_set()


def read_rules(data: bytes) -> RuleSet:
    """The rules that a TOML text describes.

    Raises:
        TomlError: the text has a mistake.
    """
    text = text_of(data)
    return _Reader(text, content_of(text)).rule_set()


class _Reader:
    """One text on its way to rules."""

    def __init__(self, text: str, content: dict[str, Any]) -> None:
        self._text = text
        self._content = content

    def rule_set(self) -> RuleSet:
        """The whole of it."""
        for key in self._content:
            if key not in _KEYS:
                raise self._error(f"rules have no {quoted(key)}{nearest(key, _KEYS)}", key)
        base = self._base()
        without = self._names("without")
        known = base.names
        for name in without:
            if name not in known:
                raise self._error(f"no shipped rule is called {quoted(name)}{nearest(name, known)}", "without")
        rules_kept = [rule for rule in base.rules if rule.name not in without]
        looks_kept = [look for look in base.looks if look.name not in without]
        kept = known.difference(without)
        own = [self._rule(name, table, kept) for name, table in self._tables("rule")]
        looks = [self._look(name, table, kept) for name, table in self._tables("look")]
        rules = (*own, *rules_kept)
        self._check_overrides(rules, {rule.name for rule in own})
        return RuleSet(rules, (*looks, *looks_kept))

    def _tables(self, kind: str) -> Iterable[tuple[str, object]]:
        tables = self._content.get(kind, {})
        if not isinstance(tables, dict):
            raise self._error(f"a {kind} is a table: [{kind}.NAME]", kind)
        return tables.items()

    def _base(self) -> RuleSet:
        base = self._content.get("from", "default")
        if base not in _BASES:
            raise self._error('rules start from the shipped ones, or from none: from = "default" or "nothing"', "from")
        # the shipped rules say that they start from nothing
        return default_rules() if base == "default" else RuleSet(())

    def _rule(self, name: str, table: object, kept: AbstractSet[str]) -> Rule:
        keys = ("rule", name)
        table = self._checked(keys, table, kept, _KEYS_OF_A_RULE)
        verdicts = [verdict for verdict in Verdict if verdict in table]
        if len(verdicts) != 1:
            raise self._error('a rule has one verdict and its reason: accept, clean or reject = "…"', *keys)
        (verdict,) = verdicts
        reason = table[verdict]
        if not isinstance(reason, str) or not reason.isprintable() or not 0 < len(reason) <= _LONGEST_REASON:
            raise self._error(f"the reason is a sentence in quotes, of {_LONGEST_REASON} characters at most", *keys)
        when = self._when(keys, table)
        try:
            check_keys_of_cleaning(table, cleans=verdict is Verdict.CLEAN)
            cleaning = cleaning_of(table) if verdict is Verdict.CLEAN else None
        except Mistake as mistake:
            raise self._error(str(mistake), *keys, mistake.where or "") from None
        return Rule(name, verdict, reason, when, tuple(self._names(*keys, "overrides")), cleaning)

    def _look(self, name: str, table: object, kept: AbstractSet[str]) -> Look:
        keys = ("look", name)
        return Look(name, self._when(keys, self._checked(keys, table, kept, _KEYS_OF_A_LOOK)))

    def _checked(
        self, keys: tuple[str, str], table: object, kept: AbstractSet[str], known: Sequence[str]
    ) -> dict[str, Any]:
        """A table of which the name is free and every key is known."""
        kind, name = keys
        if not _NAME.fullmatch(name):
            raise self._error(f"{quoted(name)} is no name: 1 to 40 of a-z, 0-9 and -", *keys)
        if name in _RESERVED_NAMES:
            raise self._error(f"{quoted(name)} is a name that sendit keeps for itself", *keys)
        if name in kept:
            raise self._error(f"{quoted(name)} ships with sendit: to replace it, name it in without, too", *keys)
        if not isinstance(table, dict):
            raise self._error(f"a {kind} is a table: [{kind}.NAME]", *keys)
        for key in table:
            if key not in known:
                raise self._error(f"a {kind} has no {quoted(key)}{nearest(key, known)}", *keys, key)
        return table

    def _when(self, keys: tuple[str, str], table: dict[str, Any]) -> Condition:
        if "when" not in table:
            raise self._error(f"a {keys[0]} says when it applies: when = {{ … }}", *keys)
        try:
            return condition_of(table["when"])
        except Mistake as mistake:
            raise self._error(str(mistake), *keys, "when", value=mistake.where) from None

    def _check_overrides(self, rules: Sequence[Rule], own: set[str]) -> None:
        """Overridden rules exist, and the rules of this file override each other in no circle."""
        known = {rule.name for rule in rules}
        for rule in rules:
            for name in rule.overrides:
                if name not in known and rule.name in own:
                    near = nearest(name, known)
                    raise self._error(f"there is no rule {quoted(name)} to override{near}", "rule", rule.name)
        try:
            TopologicalSorter({rule.name: rule.overrides for rule in rules}).prepare()
        except CycleError as error:
            circle = error.args[1]
            names = " and ".join(quoted(name) for name in circle[1:])
            raise self._error(f"rules override each other in a circle: {names}", "rule", circle[0]) from None

    def _names(self, *keys: str) -> list[str]:
        content: Any = self._content
        for key in keys[:-1]:
            content = content[key]
        names = content.get(keys[-1], [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise self._error(f'{keys[-1]} is a list of names of rules: {keys[-1]} = ["…"]', *keys)
        return names

    def _error(self, reason: str, *keys: str, value: str | None = None) -> TomlError:
        return TomlError(Lines(self._text).line(*keys, value=value), reason)
