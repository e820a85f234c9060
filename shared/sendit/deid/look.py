"""What the gate looks for in the values of an attribute: all that follows from its tag and its VR, found out once.

What is left for each value is a `Look`: a function that says whether something of the original's identity is left in
it. What is exempt, and why:

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
from collections.abc import Callable
from typing import TYPE_CHECKING

from sendit.deid.dicom.text import components, decoded, known_codecs, needs_bytes_searched, unpadded
from sendit.deid.dicom.uids import REGISTERED, uid_values
from sendit.deid.dicom.vrs import NUMERIC_STRING_VRS, STRING_VRS, TEXT_VRS
from sendit.deid.identity.collector import is_retained
from sendit.deid.rules.actions import Action
from sendit.deid.rules.describing import may_hold_initials
from sendit.deid.treatment import PSEUDONYM_VRS
from sendit.deid.values.dummies import DUMMY_VALUES

if TYPE_CHECKING:
    from sendit.deid.dicom.element import Element
    from sendit.deid.identity.matcher import Matcher
    from sendit.deid.rules.compiled import Level
    from sendit.deid.rules.rule import Rule

SPECIFIC_CHARACTER_SET = 0x00080005

_CODE_VALUE, _CODING_SCHEME = 0x00080100, 0x00080102
_STANDARD_SCHEMES = frozenset({b"DCM", b"FMA", b"LN", b"NCIt", b"SCT", b"SNM3", b"SRT", b"UCUM", b"UMLS"})
_DATES = frozenset({"DA", "DT"})
_RUN = re.compile(rb"[0-9.]{10,}+")
_SHORTEST_RUN = 10


_NONE: frozenset[str] = frozenset()


class Seen:
    """How many elements were looked at, and where in them the object's own UIDs may stand.

    `uids` are the unregistered ones in UI elements, `dotted` the dotted numbers in texts, `runs` runs of digits and
    dots in other bytes. `known` counts the elements of sequences that were found to be in order.
    """

    __slots__ = ("dotted", "elements", "known", "runs", "uids")

    def __init__(self) -> None:
        self.known: dict[tuple[int, Level, tuple[str, ...], bytes] | None, int] = {}
        self.elements = 0
        self.uids = self.dotted = self.runs = _NONE


Written = tuple[int, str, bytes | memoryview, int]
"""Tag, VR, empty in Implicit VR, and value of an element as it was written, and where it ends."""

Look = Callable[["Matcher", bytes, "Element | None", list[Written], tuple[str, ...], Seen], bool]
"""Of the value, beside the element from which it came, in its level as it was written, with the codecs of its text."""


def look_of(tag: int, vr: str, rule: Rule | None) -> Look:
    """What is looked for in the values of an attribute of any VR but SQ, by the rule for it."""
    if vr not in STRING_VRS:
        return _look_at_bytes(vr)
    if vr == "UI":
        return _take_uids
    if vr in NUMERIC_STRING_VRS:
        return lambda matcher, value, _, __, ___, ____: matcher.in_spelled_numbers(value)
    if tag == SPECIFIC_CHARACTER_SET:
        # ISO 2022 IR 87 is a term of the standard, whoever's id 2022 is
        return lambda _, value, __, ___, ____, _____: not known_codecs(value)
    if vr == "TM" or (vr in _DATES and rule is not None and is_retained(rule)):
        return lambda _, value, __, ___, codecs, ____: decoded(value, vr, codecs) is None
    if vr in _DATES:
        return _look_for_the_date_before
    if tag in PSEUDONYM_VRS:
        return _look_for_the_whole
    return _look_at_text(tag, vr, rule)


def _look_at_bytes(vr: str) -> Look:
    def look(
        matcher: Matcher, value: bytes, _: Element | None, __: list[Written], ___: tuple[str, ...], seen: Seen
    ) -> bool:
        if len(value) >= _SHORTEST_RUN and b"." in value:
            seen.runs |= _runs_in(value)
        return matcher.in_bytes(value) or matcher.in_numbers(vr, value)

    return look


def _take_uids(
    _: Matcher, value: bytes, __: Element | None, ___: list[Written], ____: tuple[str, ...], seen: Seen
) -> bool:
    """They are compared with the object's own when all of those are known."""
    seen.uids |= {uid for uid in uid_values(value) if uid and uid not in REGISTERED}
    return False


def _values_of(vr: str, value: bytes, codecs: tuple[str, ...]) -> list[str] | None:
    text = decoded(value, vr, codecs)
    if text is None:
        return None
    return [part for part in components(text, vr) if part and part not in DUMMY_VALUES]


def _look_for_the_date_before(
    matcher: Matcher, value: bytes, before: Element | None, _: list[Written], codecs: tuple[str, ...], __: Seen
) -> bool:
    values = _values_of("DA", value, codecs)
    if values is None:
        return True
    old = unpadded(before.value).decode("latin-1") if before is not None else ""
    days = {one.strip()[:8] for one in old.split("\\")}
    return any(part[:8] in days and part[:8] in matcher.evidence.dates for part in values)


def _look_for_the_whole(
    matcher: Matcher, value: bytes, _: Element | None, __: list[Written], codecs: tuple[str, ...], ___: Seen
) -> bool:
    values = _values_of("LO", value, codecs)
    return values is None or any(matcher.evidence.is_one(part) for part in values)


def _look_at_text(tag: int, vr: str, rule: Rule | None) -> Look:
    short = may_hold_initials(tag, vr)
    # in what was cleaned, nothing is exempt
    strict = vr in TEXT_VRS and rule is not None and rule.action is Action.CLEAN

    def look(
        matcher: Matcher,
        value: bytes,
        _: Element | None,
        beside: list[Written],
        codecs: tuple[str, ...],
        seen: Seen,
    ) -> bool:
        values = _values_of(vr, value, codecs)
        if values is None:
            return True
        for part in values:
            seen.dotted |= matcher.dotted_in(part)
        if tag == _CODE_VALUE and any(
            other == _CODING_SCHEME and unpadded(bytes(scheme)) in _STANDARD_SCHEMES for other, _, scheme, _ in beside
        ):
            return False
        if values and needs_bytes_searched(value) and matcher.in_bytes(value):
            return True
        found = matcher.echoes if strict else matcher.in_text
        return any(found(part, short=short) for part in values)

    return look


def _runs_in(value: bytes) -> set[str]:
    """The runs of digits and dots in bytes of any kind, or in the two bytes of UTF-16, that may hold UIDs."""
    spelled = (value, value.replace(b"\0", b"")) if b"\0" in value else (value,)
    return {found.decode("ascii") for one in spelled for found in _RUN.findall(one) if b"." in found}
