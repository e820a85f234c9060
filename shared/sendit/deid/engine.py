"""The rules applied to the elements of one object: undecoded elements in, encoded elements out.

An element's outcome depends on its own bytes and on what a `Context` holds, on nothing else: not on other
objects, nor on the order of work. That is what allows `series` to remember outcomes. It puts into the output what a
rule says may be there; nothing gets there by being overlooked.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from sendit.deid.content import content_rule_of, forced_by, holds_content
from sendit.deid.course import private_course, public_course, removed
from sendit.deid.dicom.creators import CREATORS, block_of, creator_for, creator_text
from sendit.deid.dicom.dictionary import dictionary_vr, name_of
from sendit.deid.dicom.form import LONGEST_ALIKE, MOST_ALIKE
from sendit.deid.dicom.text import codecs_of
from sendit.deid.dicom.write import element_bytes, item_bytes
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.likewise import Likewise
from sendit.deid.marks import MARKS
from sendit.deid.place import Notes, Place
from sendit.deid.rules.actions import Action
from sendit.deid.rules.describing import REQUIRED_SOUND
from sendit.deid.rules.options import Option
from sendit.deid.rules.retain import OFFSET_TABLES, in_removed_group
from sendit.deid.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sendit.deid.course import Codecs, Course
    from sendit.deid.dicom.element import Element, Item
    from sendit.deid.rules.compiled import Level, Rules
    from sendit.deid.rules.profile import Profile
    from sendit.deid.treatment import Changed, Treatment

_NOTHING_FORCED: Mapping[int, Rule] = {}
_REMOVED = Rule(Action.REMOVE, Action.REMOVE, "")
_SEQUENCE_HEAD, _ITEM_HEAD = 12, 8
_MOST_CLASSES, _MOST_COURSES = 16, 2_000
"""So many are remembered, of so many SOP classes: a hostile object may have as many attributes as it likes."""


_Attribute = tuple["Level", int, str, "str | None"]
"""Its level, tag, VR and, if it is private, creator."""


class Engine:
    """One profile for objects of one SOP class, one identity, one encoding."""

    def __init__(self, profile: Profile, rules: Rules, treatment: Treatment, *, implicit: bool, by_position: bool):
        self._rules = rules
        self._courses, self._actions, self._going = _known_of(rules)
        self._treatment = treatment
        self._implicit = implicit
        self._by_position = by_position
        self._private = Option.RETAIN_SAFE_PRIVATE in profile.options or any(one.creator for one in profile.overrides)

    def always_goes(self, tag: int, creator: str | None) -> bool:
        """Whether a top-level element goes by its tag and creator alone, whatever it holds."""
        key = tag, creator
        goes = self._going.get(key)
        if goes is None:
            goes = self._goes(tag, creator)
            if len(self._going) < _MOST_COURSES:
                self._going[key] = goes
        return goes

    def _goes(self, tag: int, creator: str | None) -> bool:
        if tag >> 16 & 1:
            if self._private and tag & 0xFFFF in CREATORS:
                return False
            return self._private_rule(tag, self._rules.top, creator).action is Action.REMOVE
        if in_removed_group(tag) or tag in MARKS:
            return True
        rule = self._rules.top.rule(tag)
        return rule is not None and rule.action is Action.REMOVE and tag not in REQUIRED_SOUND

    def place(self, codecs: Codecs, elements: Item) -> Place:
        """The top level of an object."""
        return Place(self._rules.top, codecs, elements, "", False, _NOTHING_FORCED)

    def encoded(self, element: Element, place: Place, notes: Notes) -> bytes:
        """An element as it may leave, empty if it may not.

        Raises:
            DeidError: `malformed`, the object cannot do without it and its value is not sound.
        """
        if element.items is not None:
            return self._sequence(element, place, notes)
        course = self.course(element, place)
        action, encoded = self.follow(course, element, place)
        if notes.trace is not None:
            notes.trace.take(element, course, place, action, encoded)
        if action is Action.KEEP:
            notes.kept += 1
        else:
            notes.take(place.path + name_of(element.tag), action)
        return encoded

    def follow(self, course: Course, element: Element, place: Place) -> tuple[Action, bytes]:
        """What is done to an element of which this is the course, and how it may leave, empty if it may not.

        Raises:
            DeidError: `malformed`, the object cannot do without it and its value is not sound.
        """
        action, vr, value = course(self._treatment, element.value, place.codecs)
        if action is Action.REMOVE:
            return action, b""
        return action, element_bytes(element.tag, vr, value, implicit=self._implicit)

    def course(self, element: Element, place: Place) -> Course:
        """What becomes of elements that are no sequences and share tag, VR and place with this one."""
        tag = element.tag
        creator = creator_for(tag, place.creators) if tag >> 16 & 1 else None
        if place.forced or place.whole:
            return self._course(element, place, creator)
        key = place.level, tag, element.vr, creator
        course = self._courses.get(key)
        if course is None:
            course = self._course(element, place, creator)
            if len(self._courses) < _MOST_COURSES:
                self._courses[key] = course
        return course

    def _course(self, element: Element, place: Place, creator: str | None) -> Course:
        """What becomes of an attribute here, whatever stands in the others."""
        tag, vr, level = element.tag, element.vr, place.level
        if tag >> 16 & 1:
            if place.whole or not self._private:
                return removed
            if tag & 0xFFFF in CREATORS:
                return partial(_creator, vr)
            return private_course(self._private_rule(tag, level, creator), tag, vr)
        if _goes_here(tag, level):
            return removed
        rule = place.forced[tag] if tag in place.forced else level.rule(tag)
        return public_course(rule, tag, vr, whole=place.whole, allowed=level.allows(tag))

    def _private_rule(self, tag: int, level: Level, creator: str | None) -> Rule:
        if creator is None or not self._private:
            return _REMOVED
        return level.private(creator, tag & 0xFFFF00FF) or _REMOVED

    def _sequence(self, element: Element, place: Place, notes: Notes) -> bytes:
        """Items are kept in number and order; what is in them follows the rules of this level and below."""
        tag, path = element.tag, place.path + name_of(element.tag)
        if tag >> 16 & 1:
            action = self._private_action(tag, place)
        elif place.forced:
            action = self._sequence_action(tag, place)
        else:
            known = self._actions.get((place.level, tag))
            action = self._sequence_action(tag, place) if known is None else known
            if known is None and len(self._actions) < _MOST_COURSES:
                self._actions[place.level, tag] = action
        if action is Action.KEEP:
            notes.kept += 1
        else:
            notes.take(path, action)
        if action is Action.REMOVE:
            return b""
        if action is Action.EMPTY:
            encoded = element_bytes(tag, "SQ", b"", implicit=self._implicit)
            if notes.trace is not None:
                notes.trace.at += len(encoded)
            return encoded
        child = place.level.child(tag & 0xFFFF00FF if tag >> 16 & 1 else tag)
        return self._items(element, child, place.codecs, path, place.whole or action is Action.DUMMY, notes)

    def _private_action(self, tag: int, place: Place) -> Action:
        if place.whole:
            return Action.REMOVE
        rule = self._private_rule(tag, place.level, creator_for(tag, place.creators))
        return Action.KEEP if rule.action is Action.KEEP and rule.vr == "SQ" else Action.REMOVE

    def _sequence_action(self, tag: int, place: Place) -> Action:
        level = place.level
        if _goes_here(tag, level):
            return Action.REMOVE
        if dictionary_vr(tag) != "SQ":
            if tag in REQUIRED_SOUND:
                raise DeidError(Refusal.MALFORMED)
            return Action.REMOVE
        rule = level.rule(tag)
        action = Action.KEEP if rule is None else rule.action
        if rule is None and not level.allows(tag):
            action = Action.REMOVE
        if tag in place.forced:
            action = place.forced[tag].action
        if action in _OF_VALUES:
            action = Action.KEEP if rule is None else rule.fallback
        return action

    def _items(self, element: Element, child: Level, codecs: Codecs, path: str, whole: bool, notes: Notes) -> bytes:
        """All items, or what became of those of another sequence in the same element that are the very same ones."""
        items = element.items if element.items is not None else []
        content = not whole and holds_content(element.tag, self._rules)
        key = id(items), child, codecs, whole
        known = notes.known.get(key)
        if known is not None and notes.trace is None:
            encoded, kept, changed = known
            notes.kept += kept
            for inside, action in changed:
                notes.take(path + inside, action)
            return encoded
        kept, listed = notes.kept, len(notes.changed)
        if notes.trace is not None:
            notes.trace.at += _SEQUENCE_HEAD
        encode = partial(self._item, level=child, codecs=codecs, whole=whole, content=content)
        if len(items) > 1 and not (whole or content or self._implicit):
            likewise = Likewise(encode, self.follow, notes)
            parts = [likewise.item(item, f"{path}[{index}]") for index, item in enumerate(items)]
        else:
            parts = [encode(item, f"{path}[{index}]", notes) for index, item in enumerate(items)]
        encoded = element_bytes(element.tag, "SQ", b"".join(parts), implicit=self._implicit)
        if len(encoded) <= LONGEST_ALIKE and len(notes.known) < MOST_ALIKE and not notes.omitted:
            changed = [(one[len(path) :], Action(action)) for one, action in notes.changed[listed:]]
            notes.known[key] = encoded, notes.kept - kept, changed
        return encoded

    def _item(
        self, item: Item, path: str, notes: Notes, *, level: Level, codecs: Codecs, whole: bool, content: bool
    ) -> bytes:
        forced: Mapping[int, Rule] = _NOTHING_FORCED
        if content:
            concept = content_rule_of(self._rules, item, self._by_position)
            if concept is not None and concept.action is Action.REMOVE:
                notes.take(path, Action.REMOVE)
                return b""
            forced = forced_by(concept, level)
        place = Place(level, codecs_of(item, codecs), item, f"{path}.", whole, forced)
        trace = notes.trace
        if trace is not None:
            trace.at += _ITEM_HEAD
        start = 0 if trace is None else trace.at
        encoded = [self.encoded(element, place, notes) for element in item]
        if self._private and any([element.tag >> 16 & 1 for element in item]):
            before, tags = encoded, [element.tag for element in item]
            encoded = [part for _, part in without_idle_creators(list(zip(tags, encoded, strict=True)))]
            if trace is not None:
                trace.left_out(start, before, encoded)
        return item_bytes(b"".join(encoded))


_OF_VALUES = frozenset({Action.SHIFT, Action.HASH, Action.REPLACE})


def _creator(vr: str, _: Treatment, value: bytes, __: Codecs) -> Changed:
    """A private creator stays until it is known whether anything of its block does."""
    text = creator_text(vr, value)
    return (Action.KEEP, "LO", text.encode("ascii")) if text else (Action.REMOVE, "", b"")


def _goes_here(tag: int, level: Level) -> bool:
    """Whether a public tag goes here whatever it holds; of a nested offset table: it tells of its frames."""
    return in_removed_group(tag) or tag in MARKS or (tag in OFFSET_TABLES and bool(level.path))


@lru_cache(maxsize=_MOST_CLASSES)
def _known_of(
    rules: Rules,
) -> tuple[dict[_Attribute, Course], dict[tuple[Level, int], Action], dict[tuple[int, str | None], bool]]:
    """The courses and what happens to sequences, as far as is known, and what always goes: the same in a SOP class."""
    return {}, {}, {}


def without_idle_creators(encoded: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Leaves out the private creators of whose block nothing stays."""
    if not any(tag >> 16 & 1 and part for tag, part in encoded):
        return encoded
    used = {block_of(tag) for tag, part in encoded if part and tag >> 16 & 1}
    return [
        (tag, b"" if tag >> 16 & 1 and tag & 0xFFFF in CREATORS and tag not in used else part) for tag, part in encoded
    ]
