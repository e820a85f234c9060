"""The gate (DESIGN §7): what was encoded is read again, and refused if anything of the original's identity is left.

It reads with a reader of its own, not with the one that read the original, so that one mistake does not hide
another. What it looks for in a value, and what is exempt, says `look`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sendit.deid.content import CONTENT_SEQUENCES, content_rule_of, forced_by, holds_content
from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.form import LONGEST_ALIKE, MOST_ALIKE, NEVER_ALONE, FormedItem
from sendit.deid.dicom.text import known_codecs, unpadded
from sendit.deid.dicom.vrs import concrete_vr
from sendit.deid.dicom.write import element_bytes
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.look import SPECIFIC_CHARACTER_SET, Seen, look_of
from sendit.deid.marks import MARKS
from sendit.deid.passed import Passed
from sendit.deid.rules.actions import Action
from sendit.deid.written import HEAD, NEVER_SHORT, element_at, elements_in, items_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sendit.deid.dicom.element import Element, Item
    from sendit.deid.dicom.form import Form
    from sendit.deid.identity.matcher import Matcher
    from sendit.deid.look import Look, Written
    from sendit.deid.passed import Alone
    from sendit.deid.rules.compiled import Level, Rules
    from sendit.deid.rules.rule import Rule

    Check = Callable[[bytes, Element], Seen]

_LENGTH_AT = 6
_LITTLE = 4096
"""So few bytes are sooner copied than looked at through a view."""
_MOST_CLASSES, _MOST_LOOKS = 16, 2_000
_MOST_PASSED = 8


class Gate:
    """Looks for one object's identity in what is about to leave."""

    def __init__(self, rules: Rules, matcher: Matcher, *, implicit: bool, by_position: bool) -> None:
        self._rules = rules
        self._looks = _looks_of(rules)
        self._matcher = matcher
        self._implicit = implicit
        self._by_position = by_position

    def check(self, encoded: bytes, original: Element, codecs: tuple[str, ...], creators: Mapping[int, str]) -> Seen:
        """Checks a top-level element as it was encoded, beside the one from which it came.

        Raises:
            DeidError: `gate_identifier_left` or `gate_unreadable`.
        """
        seen = Seen()
        written = element_at(0, encoded if len(encoded) <= _LITTLE else memoryview(encoded), implicit=self._implicit)
        if written[0] != original.tag or written[3] != len(encoded):
            raise DeidError(Refusal.GATE_UNREADABLE)
        self._check_all([written], {original.tag: original}, self._rules.top, codecs, creators, _NOTHING_FORCED, seen)
        return seen

    def check_of(self, sample: Element, codecs: tuple[str, ...], creators: Mapping[int, str]) -> Check:
        """The same for all elements that share tag, VR and place with a sample: what is looked for is found out once.

        Once for each head (tag and VR) that is written: another one is read like any other element.
        """
        tag, matcher = sample.tag, self._matcher
        looks: dict[bytes, tuple[str, Look]] = {}

        def check(encoded: bytes, original: Element) -> Seen:
            known = looks.get(encoded[:_LENGTH_AT])
            if known is None:
                seen = self.check(encoded, original, codecs, creators)
                vr = "" if self._implicit else encoded[4:_LENGTH_AT].decode("latin-1")
                look = None if vr in NEVER_SHORT or tag in MARKS else self._look_for(self._rules.top, tag, vr, creators)
                if look is not None:
                    looks[encoded[:_LENGTH_AT]] = vr, look
                return seen
            if len(encoded) != HEAD + (encoded[_LENGTH_AT] | encoded[_LENGTH_AT + 1] << 8):
                raise DeidError(Refusal.GATE_UNREADABLE)
            vr, look = known
            seen, value = Seen(), encoded[HEAD:]
            seen.elements = 1
            if look(matcher, value, original, [(tag, vr, value, len(encoded))], codecs, seen):
                raise DeidError(Refusal.GATE_IDENTIFIER_LEFT)
            return seen

        return check

    def _check(
        self,
        encoded: bytes | memoryview,
        original: Item,
        level: Level,
        codecs: tuple[str, ...],
        forced: Mapping[int, Rule],
        seen: Seen,
    ) -> None:
        written, codecs, creators = self._level(encoded, codecs)
        origins = {element.tag: element for element in original}
        self._check_all(written, origins, level, codecs, creators, forced, seen)

    def _level(
        self, encoded: bytes | memoryview, codecs: tuple[str, ...]
    ) -> tuple[list[Written], tuple[str, ...], dict[int, str]]:
        """The elements of an item, the codecs of its text, and its private creators."""
        written = elements_in(encoded, implicit=self._implicit)
        creators: dict[int, str] = {}
        for tag, _, value, _ in written:
            if tag == SPECIFIC_CHARACTER_SET:
                codecs = tuple(known_codecs(bytes(value))) or ("ascii",)
            elif tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
                creators[tag] = unpadded(bytes(value)).decode("latin-1")
        return written, codecs, creators

    def _check_all(
        self,
        written: list[Written],
        origins: Mapping[int, Element],
        level: Level,
        codecs: tuple[str, ...],
        creators: Mapping[int, str],
        forced: Mapping[int, Rule],
        seen: Seen,
    ) -> None:
        matcher = self._matcher
        for tag, declared, value, _ in written:
            if tag in MARKS:
                continue
            seen.elements += 1
            if tag in forced:
                look = _look_at(tag, declared, dictionary_vr(tag), forced[tag])
            else:
                look = self._look_for(level, tag, declared, creators)
            before = origins.get(tag)
            if look is None:
                self._check_items(value, before, level.child(tag & 0xFFFF00FF if tag >> 16 & 1 else tag), codecs, seen)
            elif look(matcher, bytes(value), before, written, codecs, seen):
                raise DeidError(Refusal.GATE_IDENTIFIER_LEFT)

    def _check_items(
        self, encoded: bytes | memoryview, before: Element | None, level: Level, codecs: tuple[str, ...], seen: Seen
    ) -> None:
        originals = before.items if before is not None and before.items is not None else _NO_ITEMS
        key = (id(originals), level, codecs, bytes(encoded)) if len(encoded) <= LONGEST_ALIKE else None
        if key in seen.known:  # another sequence with the very same items
            seen.elements += seen.known[key]
            return
        elements = seen.elements
        items = list(items_in(encoded))
        origins: list[tuple[Item, Mapping[int, Rule]]] = []
        content = holds_content(level.path[-1], self._rules)
        for item in originals:
            rule = content_rule_of(self._rules, item, self._by_position) if content else None
            # where all items stay, one of a content sequence whose values are all dummies stays, too
            if rule is None or rule.action is not Action.REMOVE or len(items) == len(originals):
                origins.append((item, forced_by(rule, level) if content else _NOTHING_FORCED))
        if items and len(items) != len(origins):
            raise DeidError(Refusal.GATE_UNREADABLE)
        passed: dict[Form, list[Passed]] = {}
        for encoded_item, (item, forced) in zip(items, origins, strict=False):
            if not content and isinstance(item, FormedItem) and item.form.shared:
                self._check_formed(encoded_item, item, level, codecs, passed, seen)
            else:
                self._check(encoded_item, item, level, codecs, forced, seen)
        if key is not None and len(seen.known) < MOST_ALIKE:
            seen.known[key] = seen.elements - elements

    def _check_formed(
        self,
        encoded: bytes | memoryview,
        item: FormedItem,
        level: Level,
        codecs: tuple[str, ...],
        passed: dict[Form, list[Passed]],
        seen: Seen,
    ) -> None:
        """Checks an item by what it differs in from one of its form that has passed."""
        known = passed.setdefault(item.form, [])
        if any(one.lets_pass(encoded, item, self._matcher, seen) for one in known):
            return
        elements = seen.elements
        self._check(encoded, item, level, codecs, _NOTHING_FORCED, seen)
        if len(known) < _MOST_PASSED:
            alone = list(self._alone(encoded, item, level, codecs, 0))
            known.append(Passed(encoded, item, alone, seen.elements - elements))

    def _alone(
        self, encoded: bytes | memoryview, original: Item, level: Level, codecs: tuple[str, ...], at: int
    ) -> Iterator[Alone]:
        """The elements in an item that stands at a position that are looked at without regard to others."""
        written, codecs, creators = self._level(encoded, codecs)
        origins = {element.tag: element for element in original}
        for tag, declared, value, end in written:
            if tag >> 16 & 1 or tag in NEVER_ALONE or tag in CONTENT_SEQUENCES or tag in MARKS or declared == "UN":
                continue
            look, before, start = (
                self._look_for(level, tag, declared, creators),
                origins.get(tag),
                at + end - len(value),
            )
            if look is not None:
                yield start, at + end, look, before, codecs
                continue
            for inner, item in zip(items_in(value), before.items if before and before.items else (), strict=False):
                yield from self._alone(inner, item, level.child(tag), codecs, start + HEAD)
                start += HEAD + len(inner)

    def _look_for(self, level: Level, tag: int, declared: str, creators: Mapping[int, str]) -> Look | None:
        """What to look for in an element for which no content item makes rules; None in a sequence."""
        creator = creators.get(tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8) if tag >> 16 & 1 else None
        key = level, tag, declared, creator
        return self._looks[key] if key in self._looks else self._look(level, tag, declared, creator)

    def _look(self, level: Level, tag: int, declared: str, creator: str | None) -> Look | None:
        if tag >> 16 & 1:
            rule = None if creator is None else level.private(creator, tag & 0xFFFF00FF)
            known = "LO" if tag & 0xFFFF <= 0xFF else rule.vr if rule is not None else None
        else:
            rule, known = level.rule(tag), dictionary_vr(tag)
        look = _look_at(tag, declared, known, rule)
        if len(self._looks) < _MOST_LOOKS:
            self._looks[level, tag, declared, creator] = look
        return look


_NOTHING_FORCED: Mapping[int, Rule] = {}
_NO_ITEMS: list[Item] = []


@lru_cache(maxsize=_MOST_CLASSES)
def _looks_of(rules: Rules) -> dict[tuple[Level, int, str, str | None], Look | None]:
    """The looks that are known, shared by all objects of a SOP class."""
    return {}


def _look_at(tag: int, declared: str, known: str | None, rule: Rule | None) -> Look | None:
    """What to look for, by the VR by which a value is to be read; None in a sequence."""
    vr = concrete_vr(declared if declared not in {"", "UN"} else known or "UN", signed=False)
    return None if vr == "SQ" else look_of(tag, vr, rule)


def check_file_head(head: bytes, sop_class_uid: str, sop_instance_uid: str) -> None:
    """Checks that File Meta names the object that follows it.

    Raises:
        DeidError: `gate_uid_mismatch`.
    """
    for tag, uid in ((0x00020002, sop_class_uid), (0x00020003, sop_instance_uid)):
        if element_bytes(tag, "UI", uid.encode("ascii"), implicit=False) not in head:
            raise DeidError(Refusal.GATE_UID_MISMATCH)
