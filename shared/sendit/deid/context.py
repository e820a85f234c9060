"""Everything that an element's outcome depends on beside its own bytes, and the outcomes that are known already."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sendit.deid.dicom.creators import creator_for
from sendit.deid.dicom.dictionary import name_of
from sendit.deid.dicom.write import element_bytes, item_bytes
from sendit.deid.engine import Engine
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.gate import Gate
from sendit.deid.identity.collector import collected, may_identify, uids_or_dates_of
from sendit.deid.identity.evidence import NO_EVIDENCE, Evidence
from sendit.deid.identity.matcher import Matcher
from sendit.deid.look import Seen
from sendit.deid.marks import mark_elements
from sendit.deid.place import Notes, Place
from sendit.deid.report import Done
from sendit.deid.rules.actions import Action
from sendit.deid.rules.compiled import Rules, rules_for
from sendit.deid.treatment import PATIENT_ID, PATIENT_NAME, PSEUDONYM_VRS, Treatment

if TYPE_CHECKING:
    from collections.abc import Callable

    from sendit.deid.dicom.element import Element, Item
    from sendit.deid.identity.collector import Found
    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.identity.keys import Keyring
    from sendit.deid.rules.profile import Profile

_MOST_REMEMBERED, _LONGEST_REMEMBERED = 500, 1_024
_MOST_IN_A_SLOT, _MOST_LISTED_REMEMBERED = 16, 16
Key = TypeVar("Key")
Known = TypeVar("Known")
_NONE: frozenset[str] = frozenset()
_NOTHING_SEEN = Seen()


class Judged(NamedTuple):
    """One top-level element as it may leave, empty if it may not, after the gate has looked at it.

    `uids` are the unregistered UIDs in it, `dotted` the dotted numbers in its texts, `runs` those in its other bytes:
    they are compared with the object's own UIDs when all of those are known.
    """

    encoded: bytes
    done: Done
    uids: frozenset[str] = _NONE
    dotted: frozenset[str] = _NONE
    runs: frozenset[str] = _NONE


@dataclass(frozen=True)
class Kind:
    """What objects must share, so that the same element has the same outcome in them."""

    profile: Profile
    keys: Keyring
    sop_class_uid: str
    codecs: tuple[str, ...]
    signed: bool
    implicit: bool
    big_endian: bool

    @cached_property
    def rules(self) -> Rules:
        """What happens to which attribute."""
        return rules_for(self.profile, self.sop_class_uid)

    def evidence_of(self, element: Element, creators: dict[int, str]) -> Evidence:
        """What identifies in one top-level element; the object's is that of all of them together.

        Raises:
            DeidError: `malformed`, more than any real object holds.
        """
        if not may_identify(element):
            return NO_EVIDENCE
        return collected([element], self.rules, self.codecs, creators)


class Context:
    """The rules, the identity and the evidence of one object, or of all the slices of its series."""

    def __init__(
        self,
        kind: Kind,
        entity: Entity,
        identifiers: Identifiers,
        evidence: Evidence,
        own_uids: frozenset[str] = _NONE,
    ) -> None:
        """Makes ready what is looked for.

        Raises:
            DeidError: `gate_identifier_left`, the pseudonym is one of the object's own identifiers.
        """
        self.kind = kind
        self.identifiers = identifiers
        self.values_searched = len(evidence) - len(evidence.uids)
        rules = kind.rules
        matcher = Matcher(evidence)
        options = {"implicit": kind.implicit, "by_position": evidence.by_position}
        self.treatment = Treatment(kind.profile, kind.keys, entity, identifiers, matcher, own_uids)
        self._engine = Engine(kind.profile, rules, self.treatment, **options)
        self._gate = Gate(rules, matcher, **options)
        self._known: dict[tuple[bytes, str, str | None] | None, Judged] = {}
        if matcher.evidence.is_one(identifiers.patient):
            raise DeidError(Refusal.GATE_IDENTIFIER_LEFT)  # a pseudonym that is another identifier of the object
        self.additions = self._additions()

    def place(self, elements: Item) -> Place:
        """The top level of an object of these elements."""
        return self._engine.place(self.kind.codecs, elements)

    def judged(self, element: Element, raw: bytes | None, place: Place) -> Judged:
        """What becomes of a top-level element that was read from the bytes `raw`; None: it is not to be remembered.

        Raises:
            DeidError: `malformed`, `gate_identifier_left` or `gate_unreadable`.
        """
        tag = element.tag
        creator = creator_for(tag, place.creators) if tag >> 16 & 1 else None
        if self._engine.always_goes(tag, creator):
            return _gone(tag)
        key = None if raw is None else (raw, element.vr, creator)
        known = self._known.get(key)
        if known is not None:
            return known
        if element.items is not None:
            judged = self._sequence(element, place)
        else:
            action, encoded = self._engine.follow(self._engine.course(element, place), element, place)
            seen = self._gate.check(encoded, element, place.codecs, place.creators) if encoded else _NOTHING_SEEN
            judged = _judged(encoded, _done(tag, action, seen.elements), seen)
        if len(judged.done.changed) <= _MOST_LISTED_REMEMBERED:
            _remember(self._known, key, judged, _MOST_REMEMBERED)
        return judged

    def judge_of(self, sample: Element, place: Place) -> Callable[[Element, bytes | None], Judged]:
        """The same for all elements that share tag, VR and place with a sample: what depends on these is found once.

        They are remembered apart: they differ from image to image, and would push out others.
        """
        if self._engine.always_goes(sample.tag, creator_for(sample.tag, place.creators)):
            return lambda _, __: _gone(sample.tag)
        known: dict[bytes | None, Judged] = {}
        afresh = self._judge_afresh(sample, place)

        def judge(element: Element, raw: bytes | None) -> Judged:
            judged = known.get(raw)
            if judged is None:
                judged = afresh(element)
                if len(judged.done.changed) <= _MOST_LISTED_REMEMBERED:
                    _remember(known, raw, judged, _MOST_IN_A_SLOT)
            return judged

        return judge

    def _judge_afresh(self, sample: Element, place: Place) -> Callable[[Element], Judged]:
        if sample.items is not None:
            return partial(self._sequence, place=place)
        tag, follow, course = sample.tag, self._engine.follow, self._engine.course(sample, place)
        check = self._gate.check_of(sample, place.codecs, place.creators)

        def judge(element: Element) -> Judged:
            action, encoded = follow(course, element, place)
            seen = check(encoded, element) if encoded else _NOTHING_SEEN
            return _judged(encoded, _done(tag, action, seen.elements), seen)

        return judge

    def _sequence(self, element: Element, place: Place) -> Judged:
        notes = Notes()
        encoded = self._engine.encoded(element, place, notes)
        if not encoded:
            return Judged(encoded, notes.done())
        seen = self._gate.check(encoded, element, place.codecs, place.creators)
        return _judged(encoded, notes.done(seen.elements), seen)

    def ignores(self, element: Element, creators: dict[int, str]) -> bool:
        """Whether a top-level element goes by its tag alone and can hold no evidence."""
        return not may_identify(element) and self._engine.always_goes(element.tag, creator_for(element.tag, creators))

    def evidence_of(self, sample: Element, creators: dict[int, str]) -> Callable[[Element, bytes | None], Found] | None:
        """What finds evidence in elements that share tag, VR and place with a sample; None where there can be none."""
        if not may_identify(sample):
            return None
        alone = uids_or_dates_of(sample, self.kind.rules)
        if alone is not None:
            return lambda element, _: alone(element.value)
        known: dict[bytes | None, Found] = {}

        def evidence_in(element: Element, raw: bytes | None) -> Found:
            found = known.get(raw)
            if found is None:
                evidence = self.kind.evidence_of(element, creators)
                found = frozenset(evidence.uids), evidence.but_uids()
                _remember(known, raw, found, _MOST_IN_A_SLOT)
            return found

        return evidence_in

    def _additions(self) -> dict[int, Judged]:
        """What the output has by tag whatever the object had: pseudonyms and marks."""
        implicit = self.kind.implicit
        result: dict[int, Judged] = {}
        top = self.kind.rules.top
        for tag in (PATIENT_NAME, PATIENT_ID):
            rule = top.rule(tag)
            if rule is None or not rule.clause.startswith("profile "):
                value = self.identifiers.patient.encode("ascii")
                encoded = element_bytes(tag, PSEUDONYM_VRS[tag], value, implicit=implicit)
                result[tag] = Judged(encoded, Done(changed=((name_of(tag), str(Action.PSEUDONYM)),), searched=1))
        for tag, vr, content in mark_elements(self.kind.profile):
            if isinstance(content, tuple):
                items = (
                    b"".join(element_bytes(at, of, value, implicit=implicit) for at, of, value in item)
                    for item in content
                )
                content = b"".join(map(item_bytes, items))
            encoded = element_bytes(tag, vr, content, implicit=implicit)
            result[tag] = Judged(encoded, Done(changed=((name_of(tag), str(Action.MARK)),)))
        return result


def raw_of(element: Element, data: bytes) -> bytes | None:
    """The bytes from which a top-level element was read; None if they are too many to remember it by."""
    start, end = element.start, element.end
    return data[start:end] if end - start <= _LONGEST_REMEMBERED else None


def _remember(known: dict[Key | None, Known], key: Key | None, outcome: Known, most: int) -> None:
    if key is not None:
        if len(known) >= most:
            known.clear()
        known[key] = outcome


def _judged(encoded: bytes, done: Done, seen: Seen) -> Judged:
    return Judged(encoded, done, seen.uids, seen.dotted, seen.runs)


@lru_cache(maxsize=4096)
def _gone(tag: int) -> Judged:
    """What became of a top-level element that goes whatever it holds."""
    return Judged(b"", _done(tag, Action.REMOVE, 0))


@lru_cache(maxsize=4096)
def _done(tag: int, action: Action, searched: int) -> Done:
    """The account of one top-level element."""
    if action is Action.KEEP:
        return Done(kept=1, searched=searched)
    return Done(changed=((name_of(tag), str(action)),), searched=searched)


class Contexts:
    """The contexts of the last few series."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._contexts: OrderedDict[object, Context] = OrderedDict()

    def context(self, kind: Kind, entity: Entity, identifiers: Identifiers, evidence: Evidence) -> Context:
        """The context of an object, new if it is of another series."""
        key = (kind, entity.accession, identifiers, evidence.but_uids())
        context = self._contexts.pop(key, None)
        if context is None:
            context = Context(kind, entity, identifiers, evidence)
            if len(self._contexts) >= self._most:
                self._contexts.popitem(last=False)
        self._contexts[key] = context
        return context
