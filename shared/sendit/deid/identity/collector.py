"""Where an object says whose it is: the identifying values of its elements, collected."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from sendit.deid.content import content_rule_of, forced_by, holds_content
from sendit.deid.dicom.creators import creator_for, creators_of
from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.form import FormedItem
from sendit.deid.dicom.text import codecs_of, readings
from sendit.deid.dicom.uids import REGISTERED, uid_values
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.identity.evidence import NOTHING_ELSE, Evidence
from sendit.deid.identity.identifying import IDENTIFYING, telling_parts
from sendit.deid.rules.actions import Action
from sendit.deid.rules.options import Option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sendit.deid.dicom.element import Element, Item
    from sendit.deid.dicom.form import Form
    from sendit.deid.rules.compiled import Level, Rules
    from sendit.deid.rules.rule import Rule

_VALUE = re.compile(r"[^\\]+")
_MOST_BYTES = 1024 * 1024
_DATES = frozenset({"DA", "DT"})
_KINDS = _DATES | {"PN", "UI"}
_TEXT = "text"
_ASKED_FOR = ("PS3.15 E.3.", "profile ")
REFERENCED_CONTENT_ITEM = 0x0040DB73
"""Referenced Content Item Identifier: it counts the items of a content tree."""
_NONE: frozenset[str] = frozenset()
Found = tuple[frozenset[str], object]
"""The UIDs that identify in an element, and what else does, to be compared."""
_At = tuple["Level", tuple[str, ...]]
"""Where an element stands, and the codecs of its text."""


def collected(elements: list[Element], rules: Rules, codecs: tuple[str, ...], creators: dict[int, str]) -> Evidence:
    """The identifying values of top-level elements at every level, except for those that the rules retain.

    Raises:
        DeidError: `malformed`, more of them than a real object holds.
    """
    evidence = Evidence()
    _Collector(rules, evidence).collect(elements, rules.top, codecs, creators, {})
    return evidence


def uids_or_dates_of(sample: Element, rules: Rules) -> Callable[[bytes], Found] | None:
    """What finds the evidence in the values of a public top-level attribute that holds UIDs or dates and nothing else.

    None for any other attribute.
    """
    tag, kinds = sample.tag, _kinds(sample.tag, sample.vr)
    if sample.items is not None or tag >> 16 & 1 or not (kinds == {"UI"} or (kinds and kinds <= _DATES)):
        return None
    rule, options = rules.top.rule(tag), rules.profile.options
    kept = Option.RETAIN_UIDS in options if kinds == {"UI"} else rule is None and Option.RETAIN_FULL_DATES in options
    if kept or (rule is not None and is_retained(rule)):
        return lambda _: (_NONE, NOTHING_ELSE)
    if kinds == {"UI"}:
        return lambda value: (frozenset(_unregistered(value)), NOTHING_ELSE)
    return _dates_of


def _dates_of(value: bytes) -> Found:
    evidence = Evidence()
    evidence.add_dates(value)
    return _NONE, _dates_alone(frozenset(evidence.dates))


@lru_cache(maxsize=256)
def _dates_alone(dates: frozenset[str]) -> object:
    return Evidence(dates=set(dates)).but_uids()


def may_identify(element: Element) -> bool:
    """Whether there can be evidence in an element, by its kind."""
    return element.items is not None or bool(_kinds(element.tag, element.vr))


@lru_cache(maxsize=16_384)
def _kinds(tag: int, vr: str) -> frozenset[str]:
    """As what the values of an attribute identify: names, dates, UIDs, or texts; whatever VR a writer chose for it."""
    vrs = {vr, dictionary_vr(tag)}
    identifies = tag in IDENTIFYING or "PN" in vrs
    return frozenset({one for one in vrs if one in _KINDS} | ({_TEXT} if identifies else set()))


class _Collector:
    """Walks an object for its evidence."""

    def __init__(self, rules: Rules, evidence: Evidence) -> None:
        self._rules = rules
        self._evidence = evidence
        self._collected: set[tuple[int, Level, tuple[str, ...]]] = set()  # items that are alike are the same
        self._places: dict[int, _At] | None = None  # of the elements of the first item of a form
        self._keeps_uids = Option.RETAIN_UIDS in rules.profile.options
        self._keeps_dates = Option.RETAIN_FULL_DATES in rules.profile.options

    def collect(
        self,
        elements: Item,
        level: Level,
        codecs: tuple[str, ...],
        creators: dict[int, str],
        forced: Mapping[int, Rule],
    ) -> None:
        """Takes what identifies in the elements of one level and below."""
        evidence = self._evidence
        for element in elements:
            tag = element.tag
            if element.items is not None:
                self._collect_items(element, level, codecs)
                continue
            evidence.by_position = evidence.by_position or tag == REFERENCED_CONTENT_ITEM
            kinds = _kinds(tag, element.vr)
            if not kinds:
                continue
            if self._places is not None:
                self._places[id(element)] = level, codecs
            if tag >> 16 & 1:
                creator = creator_for(tag, creators)
                rule = None if creator is None else level.private(creator, tag & 0xFFFF00FF)
            else:
                rule = forced[tag] if tag in forced else level.rule(tag)
            if rule is not None and is_retained(rule):
                continue
            value = element.value
            if _TEXT in kinds:
                _collect_texts(tag, value, "PN" in kinds, codecs, evidence)
            if "UI" in kinds and not self._keeps_uids:
                evidence.uids.update(_unregistered(value))
            if not kinds.isdisjoint(_DATES) and (rule is not None or not self._keeps_dates):
                evidence.add_dates(value)

    def _collect_items(self, element: Element, level: Level, codecs: tuple[str, ...]) -> None:
        tag = element.tag
        child = level.child(tag & 0xFFFF00FF if tag >> 16 & 1 else tag)
        key = id(element.items), child, codecs
        if key in self._collected:
            return
        self._collected.add(key)
        content = holds_content(tag, self._rules)
        known: dict[Form, dict[int, _At]] = {}
        for item in element.items or ():
            formed = item if isinstance(item, FormedItem) and item.form.shared and not content else None
            if formed is not None and formed.form in known:
                at = known[formed.form]
                for number in at.keys() & formed.differing:
                    self.collect([formed.leaves[number]], *at[number], {}, {})
                continue
            forced: Mapping[int, Rule] = {}
            if content:
                forced = forced_by(content_rule_of(self._rules, item, by_position=False), child)
            if formed is not None:
                self._places = {}
            self.collect(item, child, codecs_of(item, codecs), creators_of(item), forced)
            if formed is not None:
                known[formed.form] = self._leaves_noted(formed)

    def _leaves_noted(self, first: FormedItem) -> dict[int, _At]:
        """Where those leaves of an item stand, by their numbers, in which there can be evidence."""
        places, self._places = self._places or {}, None
        return {number: places[id(leaf)] for number, leaf in enumerate(first.leaves) if id(leaf) in places}


def is_retained(rule: Rule) -> bool:
    """Whether an option or a profile asks for the value by name; what is kept for any other reason stays evidence."""
    return rule.action is Action.KEEP and rule.clause.startswith(_ASKED_FOR)


def _unregistered(value: bytes) -> list[str]:
    return [uid for uid in uid_values(value) if uid and uid not in REGISTERED]


def _collect_texts(tag: int, value: bytes, name: bool, codecs: tuple[str, ...], evidence: Evidence) -> None:
    """A name group by group, anything else value by value, in every likely reading of its bytes."""
    if len(value) > _MOST_BYTES:
        raise DeidError(Refusal.MALFORMED)
    for reading in readings(value, codecs):
        for found in _VALUE.finditer(reading):
            part = found.group()
            evidence.add(part)
            for word in telling_parts(tag, part):
                evidence.add(word)
            if name:
                for group in part.split("="):
                    evidence.add_name(group)
