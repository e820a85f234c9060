"""Everything that an element's outcome depends on beside its own bytes, and the outcomes that are known already."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sendit.deid.dicom.creators import creator_for
from sendit.deid.dicom.dictionary import name_of
from sendit.deid.dicom.write import element_bytes, item_bytes
from sendit.deid.engine import Engine, Notes
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.gate import Gate
from sendit.deid.identity.evidence import Evidence, collected, may_identify
from sendit.deid.identity.matcher import Matcher
from sendit.deid.marks import mark_elements
from sendit.deid.report import Done
from sendit.deid.rules.actions import Action
from sendit.deid.rules.compiled import rules_for
from sendit.deid.treatment import PATIENT_ID, PATIENT_NAME, PSEUDONYM_VRS, Treatment

if TYPE_CHECKING:
    from sendit.deid.dicom.elements import Element
    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.identity.keys import Keyring
    from sendit.deid.rules.profile import Profile

_MOST_REMEMBERED, _LONGEST_REMEMBERED = 500, 1_024
_MOST_LISTED_REMEMBERED = 16
_NONE: frozenset[str] = frozenset()
_NO_EVIDENCE = Evidence()


@dataclass(frozen=True, slots=True)
class Judged:
    """One top-level element as it may leave, empty if it may not, after the gate has looked at it.

    `uids` are the unregistered UIDs in it, `dotted` the dotted numbers in its texts, `runs` those in its other bytes:
    they are compared with the object's own UIDs when all of those are known.
    """

    encoded: bytes
    done: Done
    uids: frozenset[str] = _NONE
    dotted: frozenset[str] = _NONE
    runs: frozenset[str] = _NONE


@dataclass(frozen=True, slots=True)
class Kind:
    """What objects must share, so that the same element has the same outcome in them."""

    profile: Profile
    keys: Keyring
    sop_class_uid: str
    codecs: tuple[str, ...]
    signed: bool
    implicit: bool
    big_endian: bool

    def evidence_of(self, element: Element, creators: dict[int, str]) -> Evidence:
        """What identifies in one top-level element; the object's is that of all of them together.

        Raises:
            DeidError: `malformed`, more than any real object holds.
        """
        if not may_identify(element):
            return _NO_EVIDENCE
        return collected([element], rules_for(self.profile, self.sop_class_uid), self.codecs, creators)


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
        rules = rules_for(kind.profile, kind.sop_class_uid)
        matcher = Matcher(evidence)
        options = {"implicit": kind.implicit, "by_position": evidence.by_position}
        self.treatment = Treatment(kind.profile, kind.keys, entity, identifiers, matcher, own_uids)
        self._engine = Engine(kind.profile, rules, self.treatment, **options)
        self._gate = Gate(rules, matcher, **options)
        self._known: dict[tuple[bytes, str, str | None], Judged] = {}
        self._known_in_slots: dict[tuple[bytes, str, str | None], Judged] = {}
        self._stays: set[tuple[int, str | None]] = set()  # what does not go by tag and creator alone
        self._gone: dict[tuple[int, str | None], Judged] = {}
        self._evidence: dict[tuple[bytes, str | None], Evidence] = {}
        if matcher.evidence.is_one(identifiers.patient):
            raise DeidError(Refusal.GATE_IDENTIFIER_LEFT)  # a pseudonym that is another identifier of the object
        self.additions = self._additions()

    def judged(self, element: Element, raw: bytes, creators: dict[int, str], *, in_slot: bool = False) -> Judged:
        """What becomes of a top-level element that was read from the bytes `raw`.

        What stands in a slot of a series is remembered apart: it differs from image to image and would push out others.

        Raises:
            DeidError: `malformed`, `gate_identifier_left` or `gate_unreadable`.
        """
        creator = creator_for(element.tag, creators)
        gone = self._gone.get((element.tag, creator))
        if gone is not None:
            return gone
        key = (raw, element.vr, creator)
        remembered = self._known_in_slots if in_slot else self._known
        known = remembered.get(key) if len(raw) <= _LONGEST_REMEMBERED else None
        if known is not None:
            return known
        if (element.tag, creator) not in self._stays and self._engine.always_goes(element, creator):
            gone = Judged(b"", Done(changed=((name_of(element.tag), str(Action.REMOVE)),)))
            if len(self._gone) < _MOST_REMEMBERED:
                self._gone[element.tag, creator] = gone
            return gone
        if len(self._stays) < _MOST_REMEMBERED:
            self._stays.add((element.tag, creator))
        notes = Notes()
        codecs = self.kind.codecs
        encoded = self._engine.encoded(element, codecs, creator, notes)
        if encoded:
            seen = self._gate.check(encoded, element, codecs, creators)
            found = (frozenset(seen.uids), frozenset(seen.dotted), frozenset(seen.runs))
            judged = Judged(encoded, notes.done(seen.elements), *found)
        else:
            judged = Judged(encoded, notes.done())
        if len(raw) <= _LONGEST_REMEMBERED and len(judged.done.changed) <= _MOST_LISTED_REMEMBERED:
            if len(remembered) >= _MOST_REMEMBERED:
                remembered.clear()
            remembered[key] = judged
        return judged

    def ignores(self, element: Element, creators: dict[int, str]) -> bool:
        """Whether a top-level element goes by its tag alone and can hold no evidence."""
        return not may_identify(element) and self._engine.always_goes(element, creator_for(element.tag, creators))

    def evidence_of(self, element: Element, raw: bytes, creators: dict[int, str]) -> Evidence:
        """What identifies in one top-level element, remembered."""
        if not may_identify(element):
            return _NO_EVIDENCE
        key = raw, creator_for(element.tag, creators)
        known = self._evidence.get(key)
        if known is None:
            known = self.kind.evidence_of(element, creators)
            if len(raw) <= _LONGEST_REMEMBERED:
                if len(self._evidence) >= _MOST_REMEMBERED:
                    self._evidence.clear()
                self._evidence[key] = known
        return known

    def _additions(self) -> dict[int, Judged]:
        """What the output has by tag whatever the object had: pseudonyms and marks."""
        implicit = self.kind.implicit
        result: dict[int, Judged] = {}
        top = rules_for(self.kind.profile, self.kind.sop_class_uid).top
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
