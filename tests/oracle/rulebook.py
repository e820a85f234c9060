"""The rules of PS3.15 Annex E applied to a data set, element by element and plain to read.

It makes a new data set and puts into it what a rule says may be there; nothing gets into the output by being
overlooked. Read safely where the rules leave room:

* empty stays empty, whatever the action but REMOVE; REPLACE replaces a value, it does not invent one;
* a value that a rule keeps must have the VR of PS3.6 (or be a UID), else the fallback is done; if it repeats the
  object's identity, it gets a dummy as values of the keep list do (dates and UIDs excepted: no evidence is kept);
* a UI that is kept must hold UIDs: a name under the VR UI is remapped, under Retain UIDs as well;
* inside a sequence whose action is D (`whole`), KEEP, CLEAN and SHIFT become DUMMY, and private elements go;
* SHIFT, HASH and REPLACE are no actions for a sequence, and REMAP none for what is no UI: the fallback is done,
  or else the element goes; a fallback that would keep something (KEEP, CLEAN, SHIFT, HASH) means that it goes;
* PN is no text to clean: the fallback is done;
* what is cleaned is written in the first of the object's character sets; if that cannot hold it, the fallback is done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.oracle.content import (
    REFERENCED_CONTENT_ITEM,
    concept_rule,
    holds_content,
    is_override,
    sequence_action,
    value_rule,
)
from tests.oracle.marks import MARKS, marks_of
from tests.oracle.model import DataSet, Items, Value, holds
from tests.oracle.private import creator_tag, private_rule, private_vr
from tests.oracle.read import codecs_of
from tests.oracle.retained import OFFSET_TABLES, in_removed_group, retained_action, sound_vr
from tests.oracle.values import PATIENT_ID, PATIENT_NAME, Values

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.text import unpadded
from sendit.deid.dicom.uids import uid_values
from sendit.deid.dicom.vrs import DATE_VRS, STRING_VRS, TEXT_VRS, agrees, concrete_vr
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.rules.actions import Action
from sendit.deid.rules.compiled import Level, Rule, rules_for
from sendit.deid.rules.describing import REQUIRED_SOUND

if TYPE_CHECKING:
    from sendit.deid.rules.profile import Profile

Path = tuple[tuple[int, int], ...]
"""Sequences and numbers of items, in the output."""

_ITEMS_FOLLOW_THEIR_RULES = frozenset({Action.KEEP, Action.CLEAN, Action.REMAP})
_DUMMY_WHERE_WHOLE = frozenset({Action.KEEP, Action.CLEAN, Action.SHIFT})


@dataclass(slots=True)
class Trace:
    """What the gate must know: which items of a sequence were kept, which values a rule kept, and what is private.

    Of a private element nobody but the rule knows the VR where it is written without one.
    """

    items: dict[tuple[Path, int], list[int]] = field(default_factory=dict)
    kept: set[tuple[Path, int]] = field(default_factory=set)
    private: dict[tuple[Path, int], Value | Items] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the object an element stands, and what holds for all elements there."""

    level: Level
    path: Path
    codecs: tuple[str, ...]
    whole: bool
    in_content: bool = False
    concept: Rule | None = None


class Rulebook:
    """One object's rules: a profile, and what becomes of values."""

    def __init__(self, profile: Profile, sop_class_uid: str, values: Values) -> None:
        self._profile = profile
        self._rules = rules_for(profile, sop_class_uid)
        self._values = values
        self._by_position = False
        self.trace = Trace()

    def deidentified(self, original: DataSet) -> DataSet:
        """The object's data set de-identified, with pseudonyms and marks."""
        self._by_position = holds(original, REFERENCED_CONTENT_ITEM)
        top = self._rules.top
        result = self._dataset(original, Place(top, (), codecs_of(original, ("ascii",)), whole=False))
        for tag in (PATIENT_NAME, PATIENT_ID):
            if not is_override(top.rule(tag)):
                result[tag] = self._values.patient(tag)
        return result | marks_of(self._profile)

    def _dataset(self, original: DataSet, place: Place) -> DataSet:
        result: DataSet = {}
        for tag, element in original.items():
            if tag >> 16 & 1:
                new = self._private(tag, element, original, place)
                if new is not None:
                    self.trace.private[place.path, tag] = new
                    creator = creator_tag(tag)
                    result[creator] = Value("LO", original[creator].value.rstrip(b" \0"))  # type: ignore[union-attr]
            elif (place.path and tag in OFFSET_TABLES) or tag in MARKS:
                new = None
            elif isinstance(element, Items):
                new = self._sequence(tag, element, place)
            else:
                new = None if in_removed_group(tag) else self._value(tag, element, place)
            if new is not None:
                result[tag] = new
        return result

    def _sequence(self, tag: int, element: Items, place: Place) -> Items | None:
        if tag in REQUIRED_SOUND and dictionary_vr(tag) != "SQ":
            raise DeidError(Refusal.MALFORMED)
        if in_removed_group(tag) or dictionary_vr(tag) != "SQ":
            return None
        asked = sequence_action(tag, place.concept, place.level) if place.in_content else None
        rule = place.level.rule(tag)
        if asked is not None:
            return self._items(tag, element, asked, place)
        if rule is None:
            return self._items(tag, element, Action.KEEP, place) if place.level.allows(tag) else None
        action = rule.action
        if action in {Action.SHIFT, Action.HASH, Action.REPLACE}:
            action = rule.fallback
        return self._items(tag, element, action, place)

    def _items(self, tag: int, element: Items, action: Action, place: Place) -> Items | None:
        """Items keep their order; what is in them follows the rules of their level."""
        if action is Action.EMPTY:
            return Items([])
        if action not in _ITEMS_FOLLOW_THEIR_RULES | {Action.DUMMY}:
            return None
        whole = place.whole or action is Action.DUMMY
        in_content = holds_content(tag, self._profile.options) and not whole
        child = place.level.child(tag & 0xFFFF00FF if tag >> 16 & 1 else tag)
        made: list[DataSet] = []
        kept: list[int] = []
        for number, item in enumerate(element.items):
            concept = concept_rule(item, self._rules) if in_content else None
            if concept is not None and concept.action is Action.REMOVE and not self._by_position:
                continue
            path = (*place.path, (tag, len(made)))
            codecs = codecs_of(item, place.codecs)
            inside = Place(child, path, codecs, whole, in_content, concept)
            made.append(self._dataset(item, inside))
            kept.append(number)
        self.trace.items[place.path, tag] = kept
        return Items(made)

    def _value(self, tag: int, element: Value, place: Place) -> Value | None:
        rule = place.level.rule(tag)
        if place.in_content:
            rule = value_rule(tag, place.concept, place.level, self._profile.options) or rule
        if rule is None:
            return self._unlisted(tag, element, place)
        expected = dictionary_vr(tag)
        if expected is None or expected == "SQ":
            return None
        action, vr = rule.action, element.vr
        if place.whole and action in _DUMMY_WHERE_WHOLE:
            action = Action.DUMMY
        agreed = agrees(vr, expected)
        if not agreed:
            # a rule speaks of the attribute, whatever VR a writer chose for it
            vr = concrete_vr(expected, signed=False)
            action = rule.fallback if action is Action.KEEP and vr != "UI" else action
        if action is not Action.REMOVE and _is_empty(vr, element.value):
            return Value(vr, b"")
        if action is Action.SHIFT:
            moved = self._values.moved(vr, element.value) if agreed else None
            if moved is not None:
                return Value(vr, moved)
            action = rule.fallback
        if not is_override(rule) and action is not Action.REMOVE:
            pseudonym = self._values.pseudonym(tag, element.value, vr, place.codecs)
            if pseudonym is not None:
                return pseudonym
        return self._done(tag, vr, element.value, action, rule, place)

    def _done(self, tag: int, vr: str, value: bytes, action: Action, rule: Rule, place: Place) -> Value | None:
        """Carries out an action, or the rule's fallback."""
        if action is not Action.REMOVE and _is_empty(vr, value):
            return Value(vr, b"")
        new = self._values.made(tag, vr, value, action, rule, place.codecs)
        if new is None and action not in {Action.REMOVE, rule.fallback}:
            action = rule.fallback
            if action not in {Action.KEEP, Action.CLEAN, Action.SHIFT, Action.HASH}:
                new = self._values.made(tag, vr, value, action, rule, place.codecs)
        if new is not None and action is Action.KEEP:
            self.trace.kept.add((place.path, tag))
            if vr not in DATE_VRS | {"UI"} and not tag >> 16 & 1:
                new = self._values.without_echoes(tag, vr, new, place.codecs)
        return None if new is None else Value(vr, new)

    def _unlisted(self, tag: int, element: Value, place: Place) -> Value | None:
        """An element of which no rule speaks."""
        vr, value = element.vr, element.value
        if tag in REQUIRED_SOUND and not place.whole:
            vr = sound_vr(tag, vr, value, place.codecs)
        if not place.level.allows(tag):
            return None
        action = retained_action(tag, vr, value, place.codecs)
        if action is Action.REMOVE:
            return None
        if action is Action.KEEP and place.whole:
            action = Action.DUMMY
        elif action is Action.KEEP:
            value = self._values.without_echoes(tag, vr, value, place.codecs)
        if action is Action.STRUCTURE:
            action = Action.KEEP
        if _is_empty(vr, value):
            return Value(vr, b"")
        if action is Action.KEEP:
            return Value(vr, unpadded(value) if vr in STRING_VRS else value)
        new = self._values.made(tag, vr, value, action, _UNLISTED, place.codecs)
        return None if new is None else Value(vr, new)

    def _private(self, tag: int, element: Value | Items, original: DataSet, place: Place) -> Value | Items | None:
        """An element that a rule keeps for its creator; one that repeats the object's identity goes."""
        rule = None if place.whole else private_rule(tag, original, place.level)
        if rule is None:
            return None
        vr = private_vr(rule, element)
        if vr is None:
            return None
        if isinstance(element, Items):
            return self._items(tag, element, rule.action, place)
        if rule.action is Action.REPLACE and vr not in TEXT_VRS and not _is_empty(vr, element.value):
            return None  # nobody has said whether the text is legal there
        if vr == "UI" and rule.action in {Action.KEEP, Action.REMAP}:
            # not all or nothing: UIDs among other things stay if they are retained, the other things do not
            uids = [self._values.remapped(uid) for uid in uid_values(element.value)]
            return Value(vr, "\\".join(uids).encode("ascii"))
        if rule.action is Action.SHIFT:
            moved = self._values.moved(vr, element.value)
            return None if moved is None else Value(vr, moved)
        new = self._done(tag, vr, element.value, rule.action, rule, place)
        if new is not None and rule.action is Action.KEEP:
            echoless = self._values.without_echoes(tag, vr, new.value, place.codecs)
            return new if echoless == new.value else None
        return new


_UNLISTED = Rule(Action.KEEP, Action.REMOVE, "DESIGN 7")


def _is_empty(vr: str, value: bytes) -> bool:
    return not (unpadded(value) if vr in STRING_VRS else value)
