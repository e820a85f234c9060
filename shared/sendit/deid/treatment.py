"""What becomes of one value: each action of the rules, carried out on the bytes of one element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.text import components, decoded, identity_text, needs_bytes_searched, unpadded
from sendit.deid.dicom.uids import REGISTERED, is_uid, uid_values
from sendit.deid.dicom.vrs import DATE_VRS, NUMERIC_STRING_VRS, STRING_VRS, TEXT_VRS, agrees, concrete_vr
from sendit.deid.identity.matcher import uids_in
from sendit.deid.rules.actions import Action
from sendit.deid.rules.describing import DESCRIBING, IMAGE_TYPE, IMAGE_TYPE_DESCRIBING, may_hold_initials
from sendit.deid.rules.options import Option
from sendit.deid.rules.retain import has_too_many, is_sound
from sendit.deid.values.ages import capped
from sendit.deid.values.dates import moved
from sendit.deid.values.descriptors import cleaned
from sendit.deid.values.dummies import dummy, dummy_component

if TYPE_CHECKING:
    from collections.abc import Callable

    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.identity.keys import Keyring
    from sendit.deid.identity.matcher import Matcher
    from sendit.deid.rules.profile import Profile
    from sendit.deid.rules.rule import Rule

PATIENT_NAME, PATIENT_ID, ACCESSION_NUMBER = 0x00100010, 0x00100020, 0x00080050
PSEUDONYM_VRS = {PATIENT_NAME: "PN", PATIENT_ID: "LO", ACCESSION_NUMBER: "SH"}

_MOST_NUMBERS = 100_000
"""Of more numbers none is replaced: taking them apart would cost too much, and the gate looks at them."""
_HASH_CHARACTERS = 12
_MOST_UIDS = 64
_NEED_A_FALLBACK = frozenset({Action.KEEP, Action.CLEAN, Action.HASH})

Changed = tuple[Action, str, bytes]
"""What was done, and the VR and the value that came of it; for `remove` nothing is to be written."""

_REMOVED: Changed = (Action.REMOVE, "", b"")


class Treatment:
    """The values of one object's elements: whose they are, what its profile keeps, and what may not be left.

    `own_uids` are looked for in texts only where it is known that one of them stands there.
    """

    def __init__(
        self,
        profile: Profile,
        keys: Keyring,
        entity: Entity,
        identifiers: Identifiers,
        matcher: Matcher,
        own_uids: frozenset[str] = frozenset(),
    ) -> None:
        self._keys = keys
        self._accession = entity.accession
        self._matcher = matcher
        self._own_uids = own_uids
        self._uids: dict[str, str] = {}
        self._keeps_uids = Option.RETAIN_UIDS in profile.options
        self.identifiers = identifiers

    def uid(self, original: str) -> str:
        """The UID that takes the place of `original`: itself if it is registered, or is one and UIDs are retained."""
        new = self._uids.get(original)
        if new is None:
            kept = not original or original in REGISTERED or (self._keeps_uids and is_uid(original))
            new = original if kept else self._keys.uid(original)
            if len(self._uids) >= _MOST_UIDS:
                self._uids.clear()
            self._uids[original] = new
        return new

    def by_rule(self, rule: Rule, tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> Changed:
        """What a rule makes of a public attribute's value; what it cannot be carried out on gets its fallback.

        The rule speaks of the attribute: a wrong VR becomes that of PS3.6. Empty stays empty.
        """
        action = rule.action
        expected = dictionary_vr(tag)
        if action is Action.REMOVE or expected is None or expected == "SQ":
            return _REMOVED
        declared, agreed = vr, agrees(vr, expected)
        if not agreed:
            vr = concrete_vr(expected, signed=False)
            action = rule.fallback if action is Action.KEEP else action
        if action is Action.REMOVE:
            return _REMOVED
        empty = not unpadded(value) if vr in STRING_VRS else not value
        if tag in PSEUDONYM_VRS and not empty and not rule.clause.startswith("profile "):
            return self._pseudonym(tag, value, codecs)
        if empty or action is Action.EMPTY:
            return (Action.EMPTY if action is Action.EMPTY or not empty else action), vr, b""
        if action is Action.REPLACE:
            return action, vr, rule.value.encode("ascii")
        if vr == "UI":
            return self._uid(rule, value)
        done = self._carried_out(action, rule, tag, declared if agreed else "", vr, value, codecs)
        return done if done is not None else self._fallen_back(rule.fallback, tag, vr)

    def unlisted(self, action: Action, tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> Changed:
        """What comes of an attribute of which no rule speaks, its action chosen by `retained_action`."""
        if action is Action.REMOVE:
            return _REMOVED
        expected = dictionary_vr(tag)
        if expected is None or expected == "SQ":
            return _REMOVED
        if not agrees(vr, expected):
            vr = concrete_vr(expected, signed=False)
        empty = not unpadded(value) if vr in STRING_VRS else not value
        if empty or action is Action.EMPTY:
            return (Action.KEEP if action is Action.STRUCTURE else action), vr, b""
        if vr == "UI" or action is Action.REMAP:
            return _remapped(value, self.uid)
        if action is Action.DUMMY:
            return action, vr, dummy(tag, vr)
        if action is Action.KEEP:
            return self._kept(tag, vr, value, codecs)
        return Action.KEEP, vr, unpadded(value) if vr in STRING_VRS else value

    def private(self, rule: Rule, tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> Changed:
        """What comes of a private value that a rule retains: it goes if it is not what the rule says it is."""
        if rule.action is Action.REMOVE:
            return _REMOVED
        if vr == "UN":
            vr = concrete_vr(rule.vr, signed=False)
        if not (agrees(vr, rule.vr) if rule.vr else vr != "UN"):
            return _REMOVED
        if vr in STRING_VRS and not unpadded(value):
            return Action.KEEP, vr, b""
        if rule.action is Action.EMPTY:
            return Action.EMPTY, vr, b""
        if vr == "UI":
            return _remapped(value, self.uid)
        done = self._carried_out(rule.action, rule, tag, vr, vr, value, codecs)
        if done is None or done[0] is Action.DUMMY:
            return _REMOVED
        return done

    def _carried_out(
        self, action: Action, rule: Rule, tag: int, declared: str, vr: str, value: bytes, codecs: tuple[str, ...]
    ) -> Changed | None:
        """None if the action cannot be carried out on this value."""
        if action is Action.DUMMY:
            return action, vr, dummy(tag, vr)
        if action is Action.KEEP:
            if not declared or not is_sound(vr, value, codecs) or has_too_many(tag, vr, value):
                return None
            # a date is compared with dates alone, and where they are retained none is evidence
            return (action, vr, unpadded(value)) if vr in DATE_VRS else self._kept(tag, vr, value, codecs)
        if action is Action.SHIFT:
            return self._moved(vr, value) if declared == vr else None
        if action is Action.CLEAN:
            return self._cleaned(rule, tag, vr, value, codecs)
        if action is Action.HASH:
            text = decoded(value, vr, codecs) if vr in TEXT_VRS else None
            token = None if text is None else self._keys.token("hash", text.encode(), _HASH_CHARACTERS)
            return None if token is None else (action, vr, f"H-{token.upper()}".encode("ascii"))
        return None

    def _fallen_back(self, fallback: Action, tag: int, vr: str) -> Changed:
        if fallback is Action.EMPTY:
            return fallback, vr, b""
        return (fallback, vr, dummy(tag, vr)) if fallback is Action.DUMMY else _REMOVED

    def _uid(self, rule: Rule, value: bytes) -> Changed:
        """A UI is kept, if a rule says so and it holds UIDs, or else remapped, unless it is removed."""
        action = rule.action
        if action is Action.KEEP and all(not uid or is_uid(uid) for uid in uid_values(value)):
            return action, "UI", unpadded(value)
        if action in _NEED_A_FALLBACK and action is not rule.fallback:
            action = rule.fallback
        if action is Action.REMOVE:
            return _REMOVED
        if action is Action.EMPTY:
            return action, "UI", b""
        # what a rule remaps is remapped though other UIDs are retained
        return _remapped(value, lambda uid: uid if not uid or uid in REGISTERED else self._keys.uid(uid))

    def _pseudonym(self, tag: int, value: bytes, codecs: tuple[str, ...]) -> Changed:
        """A nested Accession Number of another order has no pseudonym of its own and is emptied."""
        vr = PSEUDONYM_VRS[tag]
        if tag != ACCESSION_NUMBER:
            return Action.PSEUDONYM, vr, self.identifiers.patient.encode("ascii")
        if identity_text(value, codecs) == self._accession:
            return Action.PSEUDONYM, vr, self.identifiers.accession.encode("ascii")
        return Action.EMPTY, vr, b""

    def _moved(self, vr: str, value: bytes) -> Changed | None:
        """Dates moved, each of them; None if one of them is not exactly one moment."""
        text = decoded(value, vr, ("ascii",)) if vr in DATE_VRS else None
        new = None if text is None else moved(vr, components(text, vr), self.identifiers.shift_days)
        return None if new is None else (Action.SHIFT, vr, "\\".join(new).encode("ascii"))

    def _cleaned(self, rule: Rule, tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> Changed | None:
        """What may stay of a text; of a text of which nothing stays, what its fallback asks for."""
        if vr != "AS" and vr not in TEXT_VRS:
            return None
        text = decoded(value, vr, codecs)
        if text is None:
            return None
        if vr == "AS":
            new = "\\".join(capped(part) for part in components(text, vr))
        elif vr == "PN":
            return None
        else:
            new = "\\".join(self._clean_part(part) for part in components(text, vr)).rstrip("\\")
        if not new.strip("\\"):
            return None
        try:
            encoded = new.encode(codecs[0] if needs_bytes_searched(value) else "ascii")
        except UnicodeEncodeError:
            return None
        return Action.CLEAN, vr, encoded

    def _clean_part(self, part: str) -> str:
        clean = cleaned(part, self._matcher)
        return "" if self._has_own_uid(clean) else clean

    def _kept(self, tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> Changed:
        """The value, with a dummy for each part that repeats the object's identity, which no list foresees.

        A dummy, not empty: the attribute may be of Type 1. What says what the pixels are is left as it is: the
        gate refuses the image rather than alter it.
        """
        if vr not in STRING_VRS:
            return Action.KEEP, vr, value
        plain = unpadded(value)
        if tag in DESCRIBING or not plain or vr == "UI":
            return Action.KEEP, vr, plain
        if vr in NUMERIC_STRING_VRS:
            if plain.count(b"\\") > _MOST_NUMBERS or not self._matcher.in_spelled_numbers(plain):
                return Action.KEEP, vr, plain
            parts = [b"0" if self._matcher.is_one_of_the_numbers(part) else part for part in plain.split(b"\\")]
            return Action.DUMMY, vr, b"\\".join(parts)
        new = self._without_echoes(tag, vr, plain, codecs)
        return (Action.KEEP if new == plain else Action.DUMMY), vr, new

    def _without_echoes(self, tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> bytes:
        text = decoded(value, vr, codecs)
        if text is None:
            return value
        values = components(text, vr)
        first = IMAGE_TYPE_DESCRIBING if tag == IMAGE_TYPE else 0
        echoing = {part for part in values[first:] if self._echoes(tag, vr, part)}
        if needs_bytes_searched(value):
            # a backslash may be half a character here, so there are no parts to be told from each other
            return dummy(tag, vr) if echoing or self._matcher.in_bytes(value) else value
        if not echoing:
            return value
        if len(values) == 1:
            return dummy(tag, vr)
        new = [dummy_component(vr) if at >= first and part in echoing else part for at, part in enumerate(values)]
        return "\\".join(new).encode("ascii")

    def _echoes(self, tag: int, vr: str, part: str) -> bool:
        """Whether one value of a text repeats the object's identity."""
        return self._matcher.in_text(part, short=may_hold_initials(tag, vr)) or self._has_own_uid(part)

    def _has_own_uid(self, text: str) -> bool:
        return bool(self._own_uids) and uids_in(self._matcher.dotted_in(text), self._own_uids)


def _remapped(value: bytes, new: Callable[[str], str]) -> Changed:
    before = uid_values(value)
    after = [new(uid) for uid in before]
    # bytes outside ASCII are no UID of the registry, so they do not come through
    return (Action.KEEP if after == before else Action.REMAP), "UI", "\\".join(after).encode("ascii", "replace")
