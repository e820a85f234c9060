"""What becomes of one value of one object: what its actions need to know of whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.dicom.text import components, decoded, identity_text, needs_bytes_searched, unpadded
from sendit.deid.dicom.uids import REGISTERED, is_uid, uid_values
from sendit.deid.identity.matcher import uids_in
from sendit.deid.rules.actions import Action
from sendit.deid.rules.describing import IMAGE_TYPE, IMAGE_TYPE_DESCRIBING, may_hold_initials
from sendit.deid.rules.options import Option
from sendit.deid.values.ages import capped
from sendit.deid.values.dates import moved
from sendit.deid.values.descriptors import cleaned
from sendit.deid.values.dummies import dummy, dummy_component

if TYPE_CHECKING:
    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.identity.keys import Keyring
    from sendit.deid.identity.matcher import Matcher
    from sendit.deid.rules.profile import Profile

PATIENT_NAME, PATIENT_ID, ACCESSION_NUMBER = 0x00100010, 0x00100020, 0x00080050
PSEUDONYM_VRS = {PATIENT_NAME: "PN", PATIENT_ID: "LO", ACCESSION_NUMBER: "SH"}

_MOST_NUMBERS = 100_000
"""Of more numbers none is replaced: taking them apart would cost too much, and the gate looks at them."""
_HASH_CHARACTERS = 12
_MOST_UIDS = 64

Changed = tuple[Action, str, bytes]
"""What was done, and the VR and the value that came of it; for `remove` nothing is to be written."""


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
        return original if self._keeps_uids and is_uid(original) else self._replaced(original)

    def remapped(self, value: bytes, *, retained: bool = True) -> Changed:
        """Other UIDs for those of a UI; `retained` ones stay, if the profile says so, but not where a rule remaps."""
        new = self.uid if retained else self._replaced
        before = uid_values(value)
        after = [new(uid) for uid in before]
        # bytes outside ASCII are no UID of the registry, so they do not come through
        return (Action.KEEP if after == before else Action.REMAP), "UI", "\\".join(after).encode("ascii", "replace")

    def _replaced(self, original: str) -> str:
        new = self._uids.get(original)
        if new is None:
            new = original if not original or original in REGISTERED else self._keys.uid(original)
            if len(self._uids) >= _MOST_UIDS:
                self._uids.clear()
            self._uids[original] = new
        return new

    def pseudonym(self, tag: int, value: bytes, codecs: tuple[str, ...]) -> Changed:
        """The pseudonym for a name or an identifier.

        A nested Accession Number of another order has none of its own and is emptied.
        """
        vr = PSEUDONYM_VRS[tag]
        if tag != ACCESSION_NUMBER:
            return Action.PSEUDONYM, vr, self.identifiers.patient.encode("ascii")
        if identity_text(value, codecs) == self._accession:
            return Action.PSEUDONYM, vr, self.identifiers.accession.encode("ascii")
        return Action.EMPTY, vr, b""

    def moved(self, vr: str, value: bytes) -> Changed | None:
        """Dates moved, each of them; None if one of them is not exactly one moment."""
        text = decoded(value, vr, ("ascii",))
        new = None if text is None else moved(vr, components(text, vr), self.identifiers.shift_days)
        return None if new is None else (Action.SHIFT, vr, "\\".join(new).encode("ascii"))

    def cleaned(self, vr: str, value: bytes, codecs: tuple[str, ...]) -> Changed | None:
        """What may stay of an age or a text; None if nothing does."""
        text = decoded(value, vr, codecs)
        if text is None:
            return None
        if vr == "AS":
            new = "\\".join(capped(part) for part in components(text, vr))
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

    def hashed(self, vr: str, value: bytes, codecs: tuple[str, ...]) -> Changed | None:
        """A keyed token in place of a text; None if nobody can read it."""
        text = decoded(value, vr, codecs)
        if text is None:
            return None
        token = self._keys.token("hash", text.encode(), _HASH_CHARACTERS)
        return Action.HASH, vr, f"H-{token.upper()}".encode("ascii")

    def kept_numbers(self, vr: str, plain: bytes) -> Changed:
        """The numbers of an unpadded DS or IS, with a dummy for each that repeats the object's identity."""
        if plain.count(b"\\") > _MOST_NUMBERS or not self._matcher.in_spelled_numbers(plain):
            return Action.KEEP, vr, plain
        parts = [b"0" if self._matcher.is_one_of_the_numbers(part) else part for part in plain.split(b"\\")]
        return Action.DUMMY, vr, b"\\".join(parts)

    def kept_text(self, tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> Changed:
        """A text, with a dummy for each value that repeats the object's identity: it may be of Type 1, so not empty."""
        plain = unpadded(value)
        new = self._without_echoes(tag, vr, plain, codecs) if plain else plain
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
