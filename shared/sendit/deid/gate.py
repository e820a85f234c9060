"""The gate (DESIGN §7): what was encoded is read again, and refused if anything of the original's identity is left.

It reads with a reader of its own, not with the one that read the original, so that one mistake does not hide
another. What is exempt, and why:

* a pseudonym is compared as a whole value only: it may rightly contain a short original id;
* a dummy says nothing;
* a term of fewer than four characters in a Code String, or in what describes the pixels, is no initial;
* an identifier of fewer than six digits is not looked for among numbers, where 1500 is a window width;
* a Code Value of a coding scheme of the standard is a number that means the same for every patient;
* an identifier of which every word is in the shipped vocabulary (HEAD, PHILIPS) is not looked for in what the
  vocabulary may rightly fill: coded strings and the keep list. In cleaned text nothing is exempt;
* a date is compared with the date that stood in its own place: moved, it may by chance equal another;
* what the profile retains by an option (UIDs, institutions, devices, dates) is no evidence in the first place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import unpack_from
from typing import TYPE_CHECKING

from sendit.deid.content import content_rule_of, forced_by, holds_content
from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.text import components, decoded, known_codecs, needs_bytes_searched, unpadded
from sendit.deid.dicom.uids import REGISTERED, uid_values
from sendit.deid.dicom.vrs import NUMERIC_STRING_VRS, STRING_VRS, TEXT_VRS, concrete_vr
from sendit.deid.dicom.write import element_bytes
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.identity.evidence import is_retained
from sendit.deid.marks import MARKS
from sendit.deid.rules.actions import Action
from sendit.deid.rules.describing import may_hold_initials
from sendit.deid.treatment import PSEUDONYM_VRS
from sendit.deid.values.dummies import DUMMY_VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sendit.deid.dicom.elements import Element, Item
    from sendit.deid.identity.matcher import Matcher
    from sendit.deid.rules.compiled import Level, Rules
    from sendit.deid.rules.rule import Rule

_SPECIFIC_CHARACTER_SET = 0x00080005
_CODE_VALUE, _CODING_SCHEME = 0x00080100, 0x00080102
_STANDARD_SCHEMES = frozenset({b"DCM", b"FMA", b"LN", b"NCIt", b"SCT", b"SNM3", b"SRT", b"UCUM", b"UMLS"})
_DATES = frozenset({"DA", "DT"})
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_ITEM = (0xFFFE, 0xE000)
_RUN = re.compile(rb"[0-9.]{10,}+")

Written = tuple[int, str, memoryview]


@dataclass(slots=True)
class Seen:
    """How many elements were looked at, and where in them the object's own UIDs may stand.

    `uids` are the unregistered ones in UI elements, `dotted` the dotted numbers in texts, `runs` runs of digits and
    dots in other bytes.
    """

    elements: int
    uids: set[str]
    dotted: set[str]
    runs: set[str]


class Gate:
    """Looks for one object's identity in what is about to leave."""

    def __init__(self, rules: Rules, matcher: Matcher, *, implicit: bool, by_position: bool) -> None:
        self._rules = rules
        self._matcher = matcher
        self._implicit = implicit
        self._by_position = by_position

    def check(self, encoded: bytes, original: Element, codecs: tuple[str, ...], creators: dict[int, str]) -> Seen:
        """Checks a top-level element as it was encoded, beside the one from which it came.

        Raises:
            DeidError: `gate_identifier_left` or `gate_unreadable`.
        """
        seen = Seen(0, set(), set(), set())
        written = list(self._read(memoryview(encoded)))
        if len(written) != 1 or written[0][0] != original.tag:
            raise DeidError(Refusal.GATE_UNREADABLE)
        if original.tag not in MARKS:
            self._check_one(written[0], original, written, self._rules.top, codecs, creators, {}, seen)
        return seen

    def _check(
        self,
        encoded: memoryview,
        original: Item,
        level: Level,
        codecs: tuple[str, ...],
        creators: dict[int, str],
        forced: Mapping[int, Rule],
        seen: Seen,
    ) -> None:
        written = list(self._read(encoded))
        origins = {element.tag: element for element in original}
        for tag, _, value in written:
            if tag == _SPECIFIC_CHARACTER_SET:
                codecs = tuple(known_codecs(bytes(value))) or ("ascii",)
            elif tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:  # noqa: PLR2004  PS3.5 7.8.1
                creators = {**creators, tag: unpadded(bytes(value)).decode("latin-1")}
        for one in written:
            if one[0] not in MARKS:
                self._check_one(one, origins.get(one[0]), written, level, codecs, creators, forced, seen)

    def _check_one(
        self,
        one: Written,
        before: Element | None,
        beside: list[Written],
        level: Level,
        codecs: tuple[str, ...],
        creators: dict[int, str],
        forced: Mapping[int, Rule],
        seen: Seen,
    ) -> None:
        tag, declared, value = one
        seen.elements += 1
        vr, rule = self._judged_as(tag, declared, level, creators, forced)
        if vr == "SQ":
            self._check_items(value, before, level.child(tag & 0xFFFF00FF if tag >> 16 & 1 else tag), codecs, seen)
        elif self._is_left(tag, vr, bytes(value), before, beside, codecs, rule, seen):
            raise DeidError(Refusal.GATE_IDENTIFIER_LEFT)

    def _check_items(
        self, encoded: memoryview, before: Element | None, level: Level, codecs: tuple[str, ...], seen: Seen
    ) -> None:
        items = list(_items(encoded))
        origins: list[tuple[Item, Mapping[int, Rule]]] = []
        content = holds_content(level.path[-1], self._rules)
        originals = (before.items or []) if before is not None else []
        for item in originals:
            rule = content_rule_of(self._rules, item, self._by_position) if content else None
            # where all items stay, one of a content sequence whose values are all dummies stays, too
            if rule is None or rule.action is not Action.REMOVE or len(items) == len(originals):
                origins.append((item, forced_by(rule, level) if content else {}))
        if items and len(items) != len(origins):
            raise DeidError(Refusal.GATE_UNREADABLE)
        for encoded_item, (item, forced) in zip(items, origins, strict=False):
            self._check(encoded_item, item, level, codecs, {}, forced, seen)

    def _judged_as(
        self, tag: int, declared: str, level: Level, creators: dict[int, str], forced: Mapping[int, Rule]
    ) -> tuple[str, Rule | None]:
        """The VR by which a value is read, and the rule for it."""
        if tag >> 16 & 1:
            creator = creators.get(tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8)
            rule = None if creator is None else level.private(creator, tag & 0xFFFF00FF)
            known = "LO" if tag & 0xFFFF <= 0xFF else rule.vr if rule is not None else ""
        else:
            rule, known = forced[tag] if tag in forced else level.rule(tag), dictionary_vr(tag) or ""
        vr = declared if declared not in {"", "UN"} else known or "UN"
        return concrete_vr(vr, signed=False), rule

    def _is_left(
        self,
        tag: int,
        vr: str,
        value: bytes,
        before: Element | None,
        beside: list[Written],
        codecs: tuple[str, ...],
        rule: Rule | None,
        seen: Seen,
    ) -> bool:
        """Whether an element still holds something of the original's identity."""
        matcher = self._matcher
        if vr not in STRING_VRS:
            seen.runs.update(_runs_in(value))
            return matcher.in_bytes(value) or matcher.in_numbers(vr, value)
        if vr == "UI":
            seen.uids.update(uid for uid in uid_values(value) if uid and uid not in REGISTERED)
            return False  # compared with the object's own when all of them are known
        if vr in NUMERIC_STRING_VRS:
            return matcher.in_spelled_numbers(value)
        if tag == _SPECIFIC_CHARACTER_SET:
            return not known_codecs(value)  # ISO 2022 IR 87 is a term of the standard, whoever's id 2022 is
        text = decoded(value, vr, codecs)
        if text is None:
            return True
        values = [part for part in components(text, vr) if part and part not in DUMMY_VALUES]
        if vr == "TM":
            return False
        if vr in _DATES:
            if rule is not None and is_retained(rule):
                return False
            old = unpadded(before.value).decode("latin-1") if before is not None else ""
            days = {one.strip()[:8] for one in old.split("\\")} & matcher.evidence.dates
            return any(part[:8] in days for part in values)
        if tag in PSEUDONYM_VRS:
            return any(matcher.evidence.is_one(part) for part in values)
        for part in values:
            seen.dotted.update(matcher.dotted_in(part))
        if tag == _CODE_VALUE and any(
            other == _CODING_SCHEME and unpadded(bytes(scheme)) in _STANDARD_SCHEMES for other, _, scheme in beside
        ):
            return False
        if values and needs_bytes_searched(value) and matcher.in_bytes(value):
            return True
        short = may_hold_initials(tag, vr)
        # in what was cleaned, nothing is exempt
        strict = vr in TEXT_VRS and rule is not None and rule.action is Action.CLEAN
        look = matcher.echoes if strict else matcher.in_text
        return any(look(part, short=short) for part in values)

    def _read(self, encoded: memoryview) -> Iterator[Written]:
        """The elements of one level, of which every length is defined and nothing is left over."""
        at = 0
        while at < len(encoded):
            if len(encoded) - at < 8:
                raise DeidError(Refusal.GATE_UNREADABLE)
            group, number = unpack_from("<HH", encoded, at)
            vr = b"" if self._implicit else bytes(encoded[at + 4 : at + 6])
            if self._implicit:
                length, start = unpack_from("<L", encoded, at + 4)[0], at + 8
            elif vr not in _LONG:
                length, start = unpack_from("<H", encoded, at + 6)[0], at + 8
            elif len(encoded) - at >= 12:
                length, start = unpack_from("<L", encoded, at + 8)[0], at + 12
            else:
                raise DeidError(Refusal.GATE_UNREADABLE)
            at = start + length
            if at > len(encoded):
                raise DeidError(Refusal.GATE_UNREADABLE)
            yield group << 16 | number, vr.decode("latin-1"), encoded[start:at]


def _runs_in(value: bytes) -> set[str]:
    """The runs of digits and dots in bytes of any kind, or in the two bytes of UTF-16, that may hold UIDs."""
    if b"." not in value:
        return set()
    spelled = (value, value.replace(b"\0", b"")) if b"\0" in value else (value,)
    return {found.decode("ascii") for one in spelled for found in _RUN.findall(one) if b"." in found}


def check_file_head(head: bytes, sop_class_uid: str, sop_instance_uid: str) -> None:
    """Checks that File Meta names the object that follows it.

    Raises:
        DeidError: `gate_uid_mismatch`.
    """
    for tag, uid in ((0x00020002, sop_class_uid), (0x00020003, sop_instance_uid)):
        if element_bytes(tag, "UI", uid.encode("ascii"), implicit=False) not in head:
            raise DeidError(Refusal.GATE_UID_MISMATCH)


def _items(encoded: memoryview) -> Iterator[memoryview]:
    at = 0
    while at < len(encoded):
        if len(encoded) - at < 8 or unpack_from("<HH", encoded, at) != _ITEM:
            raise DeidError(Refusal.GATE_UNREADABLE)
        start = at + 8
        at = start + unpack_from("<L", encoded, at + 4)[0]
        if at > len(encoded):
            raise DeidError(Refusal.GATE_UNREADABLE)
        yield encoded[start:at]
