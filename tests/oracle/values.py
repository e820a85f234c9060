"""What takes the place of one value, with nothing known but whose object it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.oracle.model import Value
from tests.oracle.retained import are_uids, has_too_many, is_sound

from sendit.deid.dicom.text import components, decoded, identity_text, needs_bytes_searched, unpadded
from sendit.deid.dicom.uids import REGISTERED, is_uid, uid_values
from sendit.deid.dicom.vrs import DATE_VRS, NUMERIC_STRING_VRS, STRING_VRS, TEXT_VRS
from sendit.deid.identity.matcher import uids_in
from sendit.deid.rules.actions import Action
from sendit.deid.rules.describing import DESCRIBING, IMAGE_TYPE, IMAGE_TYPE_DESCRIBING, may_hold_initials
from sendit.deid.values.ages import capped
from sendit.deid.values.dates import moved
from sendit.deid.values.descriptors import cleaned
from sendit.deid.values.dummies import dummy, dummy_component

if TYPE_CHECKING:
    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.identity.keys import Keyring
    from sendit.deid.identity.matcher import Matcher
    from sendit.deid.rules.compiled import Rule

PATIENT_NAME, PATIENT_ID, ACCESSION_NUMBER = 0x00100010, 0x00100020, 0x00080050
_PSEUDONYM_VRS = {PATIENT_NAME: "PN", PATIENT_ID: "LO", ACCESSION_NUMBER: "SH"}
_CLEANED_VRS = (TEXT_VRS - {"PN"}) | {"AS"}
_MOST_NUMBERS = 100_000


class Values:
    """The values that one object's values become."""

    def __init__(
        self, keys: Keyring, entity: Entity, identifiers: Identifiers, matcher: Matcher, *, keeps_uids: bool
    ) -> None:
        self._keys = keys
        self._keeps_uids = keeps_uids
        self._entity = entity
        self._identifiers = identifiers
        self._matcher = matcher

    def patient(self, tag: int) -> Value:
        """The pseudonym of the patient."""
        return Value(_PSEUDONYM_VRS[tag], self._identifiers.patient.encode("ascii"))

    def pseudonym(self, tag: int, value: bytes, vr: str, codecs: tuple[str, ...]) -> Value | None:
        """What Patient ID, Patient's Name and Accession Number become if they hold something; None for others.

        A nested Accession Number of another order has no pseudonym of its own and is emptied.
        """
        if tag not in _PSEUDONYM_VRS or not unpadded(value):
            return None
        if tag != ACCESSION_NUMBER:
            return self.patient(tag)
        own = identity_text(value, codecs) == self._entity.accession
        return Value("SH", self._identifiers.accession.encode("ascii") if own else b"")

    def remapped(self, uid: str) -> str:
        """The UID that takes the place of `uid`: itself if it is registered, or is one and UIDs are retained."""
        kept = not uid or uid in REGISTERED or (self._keeps_uids and is_uid(uid))
        return uid if kept else self._keys.uid(uid)

    def _surely_remapped(self, uid: str) -> str:
        return uid if not uid or uid in REGISTERED else self._keys.uid(uid)

    def moved(self, vr: str, value: bytes) -> bytes | None:
        """The days of a DA or DT moved; None if one of them is no single moment."""
        text = decoded(value, vr, ("ascii",)) if vr in DATE_VRS else None
        new = None if text is None else moved(vr, components(text, vr), self._identifiers.shift_days)
        return None if new is None else "\\".join(new).encode("ascii")

    def made(
        self, tag: int, vr: str, value: bytes, action: Action, rule: Rule, codecs: tuple[str, ...]
    ) -> bytes | None:
        """What an action makes of a value that is not empty; None if it cannot be carried out on it, or removes it."""
        if action is Action.EMPTY:
            return b""
        if action is Action.REPLACE:
            return rule.value.encode("ascii")
        if vr == "UI":
            return self._uid_made(value, action, rule)
        if action is Action.DUMMY:
            return dummy(tag, vr)
        if action is Action.KEEP and is_sound(vr, value, codecs) and not has_too_many(tag, vr, value):
            return unpadded(value) if vr in STRING_VRS else value
        if action is Action.HASH and vr in TEXT_VRS:
            text = decoded(value, vr, codecs)
            return None if text is None else b"H-" + self._keys.token("hash", text.encode(), 12).upper().encode("ascii")
        if action is Action.CLEAN and vr in _CLEANED_VRS:
            return self._cleaned(tag, vr, value, rule, codecs)
        return None

    def _uid_made(self, value: bytes, action: Action, rule: Rule) -> bytes | None:
        """A UI is kept, or else remapped, whatever the action is that does not remove it."""
        if action is Action.KEEP and are_uids(value):
            return unpadded(value)
        if action is Action.REMOVE or (action in {Action.KEEP, Action.CLEAN, Action.HASH} and action != rule.fallback):
            return None
        # what a rule remaps is remapped though other UIDs are retained
        remap = self.remapped if rule.clause == "DESIGN 7" else self._surely_remapped
        return "\\".join(remap(uid) for uid in uid_values(value)).encode("ascii")

    def _cleaned(self, tag: int, vr: str, value: bytes, rule: Rule, codecs: tuple[str, ...]) -> bytes | None:
        text = decoded(value, vr, codecs)
        if text is None:
            return None
        parts = components(text, vr)
        parts = [capped(part) for part in parts] if vr == "AS" else [cleaned(part, self._matcher) for part in parts]
        while vr != "AS" and parts and not parts[-1]:
            parts.pop()
        if not any(parts):
            return {Action.DUMMY: dummy(tag, vr), Action.EMPTY: b""}.get(rule.fallback)
        try:
            return "\\".join(parts).encode(codecs[0])
        except UnicodeEncodeError:
            return None

    def without_echoes(self, tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> bytes:
        """The value with a dummy for each part that repeats the object's identity, which no keep list foresees.

        What says what the pixels are is left as it is: the gate refuses the image rather than alter it.
        """
        if tag in DESCRIBING or vr not in STRING_VRS:
            return value
        value = unpadded(value)
        if vr in NUMERIC_STRING_VRS:
            if value.count(b"\\") > _MOST_NUMBERS or not self._matcher.in_spelled_numbers(value):
                return value
            numbers = unpadded(value).split(b"\\")
            return b"\\".join(b"0" if self._matcher.is_one_of_the_numbers(part) else part for part in numbers)
        text = decoded(value, vr, codecs)
        if text is None:
            return value
        parts = components(text, vr)
        first = IMAGE_TYPE_DESCRIBING if tag == IMAGE_TYPE else 0
        echoing = [at for at, part in enumerate(parts) if at >= first and self.is_echo(tag, vr, part)]
        if needs_bytes_searched(value):
            return dummy(tag, vr) if echoing or self._matcher.in_bytes(value) else value
        if not echoing:
            return value
        if len(parts) == 1:
            return dummy(tag, vr)
        new = [dummy_component(vr) if at in echoing else part for at, part in enumerate(parts)]
        return "\\".join(new).encode("ascii")

    def is_echo(self, tag: int, vr: str, part: str) -> bool:
        """Whether one value of a text repeats the object's identity."""
        return self._matcher.in_text(part, short=may_hold_initials(tag, vr)) or holds_uid(self._matcher, part)


def holds_uid(matcher: Matcher, text: str) -> bool:
    """Whether a text holds one of the object's own UIDs."""
    return uids_in(matcher.dotted_in(text), frozenset(matcher.evidence.uids))
