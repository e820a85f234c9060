"""The original's own identifying values, as the rules and the gate look for them in what is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from sendit.deid.content import content_rule_of, forced_by, holds_content
from sendit.deid.dicom.creators import creator_for, creators_of
from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.form import FormedItem
from sendit.deid.dicom.read import codecs_of
from sendit.deid.dicom.text import readings
from sendit.deid.dicom.uids import REGISTERED, uid_values
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.identity.identifying import IDENTIFYING, telling_parts
from sendit.deid.identity.spelling import SHORTEST_SEARCHED, folded, is_east_asian, words_of
from sendit.deid.rules.actions import Action
from sendit.deid.rules.options import Option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sendit.deid.dicom.element import Element, Item
    from sendit.deid.dicom.form import Form
    from sendit.deid.rules.compiled import Level, Rules
    from sendit.deid.rules.rule import Rule

MOST_VALUES = 20_000
"""More distinct names and identifiers, or dates, than any real object holds."""

_VALUE = re.compile(r"[^\\]+")
_NAME_PART = re.compile(r"[^\s^=\\,;.]+")
_HALF = re.compile(r"[^\W_]+")
_MOST_BYTES = 1024 * 1024
_LONGEST = 1024
"""Of a longer value its beginning is enough to know it by."""
_DATE = re.compile(rb"(?<!\d)(\d{4})([.\-/]?)(\d\d)\2(\d\d)")
_DATES = frozenset({"DA", "DT"})
_KINDS = _DATES | {"PN", "UI"}
_TEXT = "text"
_ASKED_FOR = ("PS3.15 E.3.", "profile ")
REFERENCED_CONTENT_ITEM = 0x0040DB73
"""Referenced Content Item Identifier: it counts the items of a content tree."""


@dataclass(slots=True)
class Evidence:
    """What may not be left.

    `searched` and `compared` are folded values of at least, and of fewer than, four characters; `phrases` are
    other spellings of names; `texts` are the values as they were written; `dates` are YYYYMMDD.
    `by_position`: a content item is referred to by where it stands among the others.
    """

    searched: set[str] = field(default_factory=set)
    compared: set[str] = field(default_factory=set)
    phrases: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)
    by_position: bool = False
    _names: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.searched) + len(self.compared) + len(self.uids) + len(self.dates)

    def take(self, other: Evidence) -> None:
        """Takes what another holds.

        Raises:
            DeidError: `malformed`, there are too many.
        """
        self.searched |= other.searched
        self.compared |= other.compared
        self.phrases |= other.phrases
        self.texts |= other.texts
        self.uids |= other.uids
        self.dates |= other.dates
        self.by_position = self.by_position or other.by_position
        if len(self.texts) > MOST_VALUES or len(self.dates) > MOST_VALUES:
            raise DeidError(Refusal.MALFORMED)

    def but_uids(self) -> tuple[object, ...]:
        """All but the UIDs, which alone differ among the slices of a series, as a key to look things up by."""
        return (
            frozenset(self.searched),
            frozenset(self.compared),
            frozenset(self.phrases),
            frozenset(self.texts),
            frozenset(self.dates),
            self.by_position,
        )

    def is_one(self, text: str) -> bool:
        """Whether a text is, as a whole, one of the values."""
        text = folded(text)
        return text in self.searched or text in self.compared

    def add(self, text: str) -> None:
        """Takes one value.

        Raises:
            DeidError: `malformed`, there are too many.
        """
        text = text[:_LONGEST].strip()
        if text in self.texts:
            return
        self.texts.add(text)
        known = folded(text)
        if len(known) >= SHORTEST_SEARCHED:
            self.searched.add(known)
        elif known and not known.isdigit() and not (len(known) == 1 and known.isascii()):
            # one letter names nobody, nor does a number of one to three digits, the value of half of all counters
            self.compared.add(known)
        if len(self.texts) > MOST_VALUES:
            raise DeidError(Refusal.MALFORMED)

    def add_name(self, group: str) -> None:
        """Takes one component group of a person's name: whole, word by word, and family name last."""
        if group in self._names:
            return
        self._names.add(group)
        self.add(group)
        for word in _NAME_PART.finditer(group):
            self.add(word.group())
            # a double name may be left by one of its halves
            for half in _HALF.finditer(word.group()):
                self.add(half.group())
        parts = [" ".join(words) for part in group[:_LONGEST].split("^") if (words := words_of(folded(part)))]
        for phrase in (parts, parts[::-1], parts[:2], parts[1::-1], parts[1:] + parts[:1]):
            long_enough = sum(map(len, phrase)) >= SHORTEST_SEARCHED or is_east_asian("".join(phrase))
            if long_enough and len(phrase) > 1:
                self.phrases.add(" ".join(phrase))

    def add_dates(self, value: bytes) -> None:
        """Takes the dates of a DA or DT.

        Raises:
            DeidError: `malformed`, there are too many.
        """
        for found in _DATE.finditer(value):
            self.dates.add(b"".join(found.group(1, 3, 4)).decode("ascii"))
            if len(self.dates) > MOST_VALUES:
                raise DeidError(Refusal.MALFORMED)


NO_EVIDENCE = Evidence()
"""Of an element in which there can be none; nothing is added to it."""
NOTHING_ELSE = NO_EVIDENCE.but_uids()
Found = tuple[frozenset[str], object]
"""The UIDs that identify in an element, and what else does, to be compared."""
_NONE: frozenset[str] = frozenset()
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
        places: dict[Form, dict[int, _At]] = {}
        for item in element.items or ():
            form = item.form if isinstance(item, FormedItem) and not content else None
            if isinstance(item, FormedItem) and form in places:
                for number in places[form].keys() & item.differing:
                    self.collect([item.leaves[number]], *places[form][number], {}, {})
                continue
            forced: Mapping[int, Rule] = {}
            if content:
                forced = forced_by(content_rule_of(self._rules, item, by_position=False), child)
            self._places = {} if form is not None and item is form.first else self._places
            self.collect(item, child, codecs_of(item, codecs), creators_of(item), forced)
            if form is not None and item is form.first:
                at = self._places or {}
                places[form] = {number: at[id(leaf)] for number, leaf in enumerate(form.first.leaves) if id(leaf) in at}
                self._places = None


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
