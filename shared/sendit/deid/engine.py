"""The rules applied to the elements of one object: undecoded elements in, encoded elements out.

An element's outcome depends on its own bytes and on what a `Context` holds, on nothing else: not on other
objects, nor on the order of work. That is what allows `series` to remember outcomes. It puts into the output what a
rule says may be there; nothing gets there by being overlooked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.content import content_rule_of, forced_by, holds_content
from sendit.deid.dicom.creators import CREATORS, block_of, creator_for, creator_text, creators_of
from sendit.deid.dicom.dictionary import dictionary_vr, name_of
from sendit.deid.dicom.read import codecs_of
from sendit.deid.dicom.write import element_bytes, item_bytes
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.marks import MARKS
from sendit.deid.report import MOST_CHARACTERS, MOST_LISTED, Done
from sendit.deid.rules.actions import Action
from sendit.deid.rules.describing import REQUIRED_SOUND, sound_vr
from sendit.deid.rules.options import Option
from sendit.deid.rules.retain import OFFSET_TABLES, in_removed_group, retained_action
from sendit.deid.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sendit.deid.dicom.elements import Element, Item
    from sendit.deid.rules.compiled import Level, Rules
    from sendit.deid.rules.profile import Profile
    from sendit.deid.treatment import Changed, Treatment

_NOTHING_FORCED: Mapping[int, Rule] = {}
_REMOVED = Rule(Action.REMOVE, Action.REMOVE, "")


class Notes:
    """What was done inside one top-level element."""

    __slots__ = ("changed", "characters_left", "kept", "omitted")

    def __init__(self) -> None:
        self.kept = 0
        self.characters_left = MOST_CHARACTERS
        self.changed: list[tuple[str, str]] = []
        self.omitted: dict[str, int] = {}

    def take(self, path: str, action: Action) -> None:
        """Counts an element, and lists it if it was changed."""
        if action is Action.KEEP:
            self.kept += 1
        elif len(self.changed) < MOST_LISTED and len(path) <= self.characters_left:
            self.characters_left -= len(path)
            self.changed.append((path, str(action)))
        else:
            self.omitted[str(action)] = self.omitted.get(str(action), 0) + 1

    def done(self, searched: int = 0) -> Done:
        """The account so far; `searched` elements were looked at by the gate."""
        return Done(self.kept, tuple(self.changed), tuple(self.omitted.items()), searched)


class Engine:
    """One profile for objects of one SOP class, one identity, one encoding."""

    def __init__(self, profile: Profile, rules: Rules, treatment: Treatment, *, implicit: bool, by_position: bool):
        self._rules = rules
        self._treatment = treatment
        self._implicit = implicit
        self._by_position = by_position
        self._private = Option.RETAIN_SAFE_PRIVATE in profile.options or any(one.creator for one in profile.overrides)

    def always_goes(self, element: Element, creator: str | None) -> bool:
        """Whether an element goes by its tag and creator alone, whatever it holds."""
        tag = element.tag
        if tag >> 16 & 1:
            if self._private and tag & 0xFFFF in CREATORS:
                return False
            return self._private_rule(tag, self._rules.top, creator, whole=False).action is Action.REMOVE
        if in_removed_group(tag) or tag in MARKS:
            return True
        rule = self._rules.top.rule(tag)
        return rule is not None and rule.action is Action.REMOVE and tag not in REQUIRED_SOUND

    def encoded(self, element: Element, codecs: tuple[str, ...], creator: str | None, notes: Notes) -> bytes:
        """A top-level element as it may leave, empty if it may not; `creator` is that of a private one.

        Raises:
            DeidError: `malformed`, the object cannot do without it and its value is not sound.
        """
        return self._element(
            element, self._rules.top, codecs, creator, name_of(element.tag), False, _NOTHING_FORCED, notes
        )

    def _element(
        self,
        element: Element,
        level: Level,
        codecs: tuple[str, ...],
        creator: str | None,
        path: str,
        whole: bool,
        forced: Mapping[int, Rule],
        notes: Notes,
    ) -> bytes:
        tag = element.tag
        if tag >> 16 & 1:
            if element.items is not None:
                return self._private_sequence(element, level, codecs, creator, path, whole, notes)
            action, vr, value = self._private_value(element, level, codecs, creator, whole)
        elif level.path and tag in OFFSET_TABLES:
            action = Action.REMOVE  # they say where the object's own frames are
        elif in_removed_group(tag) or tag in MARKS:
            action = Action.REMOVE
        elif element.items is not None:
            return self._sequence(element, level, codecs, path, whole, forced, notes)
        else:
            action, vr, value = self._value(element, level, codecs, whole, forced)
        notes.take(path, action)
        return b"" if action is Action.REMOVE else element_bytes(tag, vr, value, implicit=self._implicit)

    def _sequence(
        self,
        element: Element,
        level: Level,
        codecs: tuple[str, ...],
        path: str,
        whole: bool,
        forced: Mapping[int, Rule],
        notes: Notes,
    ) -> bytes:
        """Items are kept in number and order; what is in them follows the rules of this level and below."""
        tag = element.tag
        if dictionary_vr(tag) != "SQ":
            if tag in REQUIRED_SOUND:
                raise DeidError(Refusal.MALFORMED)
            notes.take(path, Action.REMOVE)
            return b""
        rule = level.rule(tag)
        action = Action.KEEP if rule is None else rule.action
        if rule is None and not level.allows(tag):
            action = Action.REMOVE
        if tag in forced:
            action = forced[tag].action
        if action in {Action.SHIFT, Action.HASH, Action.REPLACE}:
            action = Action.KEEP if rule is None else rule.fallback
        notes.take(path, action)
        if action is Action.REMOVE:
            return b""
        if action is Action.EMPTY:
            return element_bytes(tag, "SQ", b"", implicit=self._implicit)
        return self._items(element, level.child(tag), codecs, path, whole or action is Action.DUMMY, notes)

    def _private_sequence(
        self,
        element: Element,
        level: Level,
        codecs: tuple[str, ...],
        creator: str | None,
        path: str,
        whole: bool,
        notes: Notes,
    ) -> bytes:
        rule = self._private_rule(element.tag, level, creator, whole)
        if rule.action is not Action.KEEP or rule.vr != "SQ":
            notes.take(path, Action.REMOVE)
            return b""
        notes.take(path, Action.KEEP)
        return self._items(element, level.child(element.tag & 0xFFFF00FF), codecs, path, whole, notes)

    def _items(
        self, element: Element, child: Level, codecs: tuple[str, ...], path: str, whole: bool, notes: Notes
    ) -> bytes:
        tag = element.tag
        encoded: list[bytes] = []
        for index, item in enumerate(element.items or ()):
            where = f"{path}[{index}]"
            forced: Mapping[int, Rule] = _NOTHING_FORCED
            if not whole and holds_content(tag, self._rules):
                concept = content_rule_of(self._rules, item, self._by_position)
                if concept is not None and concept.action is Action.REMOVE:
                    notes.take(where, Action.REMOVE)
                    continue
                forced = forced_by(concept, child)
            encoded.append(item_bytes(self._item(item, child, codecs, where, whole, forced, notes)))
        return element_bytes(tag, "SQ", b"".join(encoded), implicit=self._implicit)

    def _item(
        self,
        item: Item,
        level: Level,
        codecs: tuple[str, ...],
        path: str,
        whole: bool,
        forced: Mapping[int, Rule],
        notes: Notes,
    ) -> bytes:
        codecs = codecs_of(item, codecs)
        creators = creators_of(item, codecs) if self._private else {}
        encoded = [
            (
                element.tag,
                self._element(
                    element,
                    level,
                    codecs,
                    creator_for(element.tag, creators),
                    f"{path}.{name_of(element.tag)}",
                    whole,
                    forced,
                    notes,
                ),
            )
            for element in item
        ]
        return b"".join(part for _, part in without_idle_creators(encoded))

    def _value(
        self, element: Element, level: Level, codecs: tuple[str, ...], whole: bool, forced: Mapping[int, Rule]
    ) -> Changed:
        tag, vr, value = element.tag, element.vr, element.value
        rule = forced[tag] if tag in forced else level.rule(tag)
        if rule is not None:
            if whole and rule.action in _LETTING_PASS:
                rule = _WHOLE
            return self._treatment.by_rule(rule, tag, vr, value, codecs)
        if tag in REQUIRED_SOUND and not whole:
            vr = sound_vr(tag, vr, value, codecs)
        action = retained_action(tag, vr, value, codecs) if level.allows(tag) else Action.REMOVE
        if action is Action.KEEP and whole:
            action = Action.DUMMY
        return self._treatment.unlisted(action, tag, vr, value, codecs)

    def _private_value(
        self, element: Element, level: Level, codecs: tuple[str, ...], creator: str | None, whole: bool
    ) -> Changed:
        """A private creator stays until it is known whether anything of its block does."""
        tag = element.tag
        if self._private and not whole and tag & 0xFFFF in CREATORS:
            text = creator_text(element, codecs)
            return (Action.KEEP, "LO", text.encode("ascii")) if text else (Action.REMOVE, "", b"")
        rule = self._private_rule(tag, level, creator, whole)
        return self._treatment.private(rule, tag, element.vr, element.value, codecs)

    def _private_rule(self, tag: int, level: Level, creator: str | None, whole: bool) -> Rule:
        if creator is None or whole or not self._private:
            return _REMOVED
        return level.private(creator, tag & 0xFFFF00FF) or _REMOVED


_LETTING_PASS = frozenset({Action.KEEP, Action.CLEAN, Action.SHIFT})
_WHOLE = Rule(Action.DUMMY, Action.DUMMY, "PS3.15 Table E.1-1, D of a sequence")


def without_idle_creators(encoded: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Leaves out the private creators of whose block nothing stays."""
    if not any(tag >> 16 & 1 and part for tag, part in encoded):
        return encoded
    used = {block_of(tag) for tag, part in encoded if part and tag >> 16 & 1}
    return [
        (tag, b"" if tag >> 16 & 1 and tag & 0xFFFF in CREATORS and tag not in used else part) for tag, part in encoded
    ]
