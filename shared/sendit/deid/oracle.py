"""The rules of PS3.15 Annex E applied to a data set, element by element and plain to read.

This is the version that a faster engine has to agree with. It makes a new data set and puts into it what a
rule says may be there; nothing gets into the output by being overlooked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from sendit.deid.dicom.dictionary import dictionary_vr, name_of
from sendit.deid.dicom.elements import Element, elements_of
from sendit.deid.dicom.read import dataset_codecs
from sendit.deid.dicom.text import components, decoded, identity_text, needs_bytes_searched, unpadded
from sendit.deid.dicom.uids import REGISTERED, uid_values
from sendit.deid.dicom.vrs import DATE_VRS, NUMERIC_STRING_VRS, STRING_VRS, agrees, concrete_vr
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.marks import MARKS, add_marks
from sendit.deid.rules.describing import (
    DESCRIBING,
    IMAGE_TYPE,
    IMAGE_TYPE_DESCRIBING,
    REQUIRED_SOUND,
    may_hold_initials,
    sound_vr,
)
from sendit.deid.rules.retain import OFFSET_TABLES, in_removed_group, retained_action
from sendit.deid.rules.tables import Action, rules
from sendit.deid.values.dates import moved
from sendit.deid.values.dummies import dummy, dummy_component

if TYPE_CHECKING:
    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.identity.keys import Keyring
    from sendit.deid.identity.matcher import Matcher
    from sendit.deid.rules.profile import Profile

Elements = dict[BaseTag, Element]

MOST_LISTED = 10_000
"""So many attributes are listed by path; a hostile object may have a million with long paths."""

_MOST_NUMBERS = 100_000
"""Of more numbers none is replaced: taking them apart would cost too much, and the gate looks at them."""

PATIENT_NAME, PATIENT_ID, ACCESSION_NUMBER = 0x00100010, 0x00100020, 0x00080050
_PSEUDONYM_VRS = {PATIENT_NAME: "PN", PATIENT_ID: "LO", ACCESSION_NUMBER: "SH"}


@dataclass(slots=True)
class Actions:
    """What was done, for the report: counts of everything, paths of what was changed up to a bound."""

    counts: Counter[str] = field(default_factory=Counter)
    changed: list[tuple[str, str]] = field(default_factory=list)
    omitted: int = 0

    def note(self, path: str, action: Action) -> None:
        """Counts an element."""
        self.counts[action] += 1
        if action is Action.KEEP:
            return
        if len(self.changed) < MOST_LISTED:
            self.changed.append((path, str(action)))
        else:
            self.omitted += 1


class Oracle:
    """One object's rules: a profile, the keys, and whose object it is."""

    def __init__(
        self,
        profile: Profile,
        keys: Keyring,
        entity: Entity,
        identifiers: Identifiers,
        matcher: Matcher,
    ) -> None:
        self._profile = profile
        self._keys = keys
        self._entity = entity
        self._matcher = matcher
        self.identifiers = identifiers
        self.actions = Actions()

    def deidentified(self, original: Dataset) -> Dataset:
        """The object's data set de-identified, with pseudonyms and marks."""
        result = self._dataset(original, ("ascii",), path="", whole=False)
        for tag in (PATIENT_NAME, PATIENT_ID):
            _set(result, tag, _PSEUDONYM_VRS[tag], self.identifiers.patient.encode("ascii"))
            if tag not in original:
                self.actions.note(name_of(tag), Action.PSEUDONYM)
        for tag in add_marks(result, self._profile):
            self.actions.note(name_of(tag), Action.MARK)
        return Dataset(result)

    def removed_whole(self, trailer: Dataset) -> None:
        """Accounts for the elements behind the pixel data, of which none goes into the output."""
        for tag, _ in elements_of(trailer):
            self.actions.note(name_of(tag), Action.REMOVE)

    def remapped_uid(self, original: str) -> str:
        """The UID that takes the place of `original`: itself if it is registered."""
        return original if not original or original in REGISTERED else self._keys.uid(original)

    def _dataset(self, original: Dataset, inherited: tuple[str, ...], *, path: str, whole: bool) -> Elements:
        """One level; `whole` inside a sequence whose action is D, where no value stays as it is."""
        codecs = dataset_codecs(original, inherited)
        result: Elements = {}
        for tag, element in elements_of(original):
            where = path + name_of(tag)
            if path and tag in OFFSET_TABLES:
                action = Action.REMOVE  # they say where the object's own frames are
            elif isinstance(element, DataElement):
                action = self._sequence(result, element, codecs, where, whole)
            else:
                action = self._value(result, element, codecs, whole)
            self.actions.note(where, action)
        return result

    def _sequence(
        self, result: Elements, element: DataElement, codecs: tuple[str, ...], path: str, whole: bool
    ) -> Action:
        """Items are kept in number and order; what is in them follows the rules of this level and below."""
        tag = int(element.tag)
        rule = rules().get(tag)
        if tag in REQUIRED_SOUND and dictionary_vr(tag) != "SQ":
            raise DeidError(Refusal.MALFORMED)
        if in_removed_group(tag) or tag in MARKS or dictionary_vr(tag) != "SQ":
            return Action.REMOVE
        action = rule.basic if rule else Action.KEEP
        if action is Action.REMOVE:
            return action
        items = [] if action is Action.EMPTY else list(element.value)
        whole = whole or action is Action.DUMMY
        made = [
            Dataset(self._dataset(item, codecs, path=f"{path}[{index}].", whole=whole))
            for index, item in enumerate(items)
        ]
        result[BaseTag(tag)] = DataElement(BaseTag(tag), "SQ", Sequence(made), already_converted=True)
        return action

    def _value(self, result: Elements, element: RawDataElement, codecs: tuple[str, ...], whole: bool) -> Action:
        tag, vr, value = int(element.tag), element.VR or "UN", element.value or b""
        if in_removed_group(tag) or tag in MARKS:
            return Action.REMOVE
        rule = rules().get(tag)
        if rule is None:
            return self._unlisted_value(result, tag, vr, value, codecs, whole)
        action = rule.basic
        if rule.modified_dates and self._profile.modified_dates and self._put_moved(result, tag, vr, value):
            return Action.SHIFT
        return self._put(result, tag, vr, value, action, codecs)

    def _unlisted_value(
        self, result: Elements, tag: int, vr: str, value: bytes, codecs: tuple[str, ...], whole: bool
    ) -> Action:
        """An element of which Table E.1-1 does not speak."""
        if tag in REQUIRED_SOUND and not whole:
            vr = sound_vr(tag, vr, value, codecs)
        action = retained_action(tag, vr, value, codecs)
        if action is Action.KEEP and whole:
            action = Action.DUMMY
        elif action is Action.KEEP:
            # not empty: the attribute may be of Type 1, and a dummy is legal for every Type
            echoless = self._without_echoes(tag, vr, value, codecs)
            if echoless != value:
                _set(result, tag, vr, echoless)
                return Action.DUMMY
        elif action is Action.STRUCTURE:
            action = Action.KEEP
        return self._put(result, tag, vr, value, action, codecs)

    def _without_echoes(self, tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> bytes:
        """The value with a dummy for each part that repeats the object's identity, which no keep list foresees.

        What says what the pixels are is left as it is: the gate refuses the image rather than alter it.
        """
        if tag in DESCRIBING or vr not in STRING_VRS or not value:
            return value
        if vr in NUMERIC_STRING_VRS:
            if value.count(b"\\") > _MOST_NUMBERS or not self._matcher.in_spelled_numbers(value):
                return value
            parts = unpadded(value).split(b"\\")
            return b"\\".join(b"0" if self._matcher.is_one_of_the_numbers(part) else part for part in parts)
        text = decoded(value, vr, codecs)
        if text is None:
            return value
        values = components(text, vr)
        kept = IMAGE_TYPE_DESCRIBING if tag == IMAGE_TYPE else 0
        echoing = {part for part in values[kept:] if self._echoes(tag, vr, part)}
        if needs_bytes_searched(value):
            # a backslash may be half a character here, so there are no parts to be told from each other
            return dummy(tag, vr) if echoing or self._matcher.in_bytes(value) else value
        if not echoing:
            return value
        if len(values) == 1:
            return dummy(tag, vr)
        new = [dummy_component(vr) if at >= kept and part in echoing else part for at, part in enumerate(values)]
        return "\\".join(new).encode("ascii")

    def _echoes(self, tag: int, vr: str, part: str) -> bool:
        """Whether one value of a text repeats the object's identity."""
        return self._matcher.in_text(part, short=may_hold_initials(tag, vr))

    def _put(
        self, result: Elements, tag: int, vr: str, value: bytes, action: Action, codecs: tuple[str, ...]
    ) -> Action:
        """Carries out an action that needs no more than the value; tells what came of it."""
        if action is Action.REMOVE:
            return action
        expected = dictionary_vr(tag)
        if expected is None or expected == "SQ":
            return Action.REMOVE
        if not agrees(vr, expected):
            # a rule speaks of the attribute, whatever VR a writer chose for it
            vr = concrete_vr(expected, signed=False)
        empty = not unpadded(value) if vr in STRING_VRS else not value
        if tag in _PSEUDONYM_VRS and not empty:
            return self._put_pseudonym(result, tag, value, codecs)
        if empty or action is Action.EMPTY:
            _set(result, tag, vr, b"")
        elif action is Action.REMAP or vr == "UI":
            new = [self.remapped_uid(uid) for uid in uid_values(value)]
            _set(result, tag, "UI", "\\".join(new).encode("ascii"))
            action = Action.REMAP
        elif action is Action.DUMMY:
            _set(result, tag, vr, dummy(tag, vr))
        else:
            _set(result, tag, vr, unpadded(value) if vr in STRING_VRS else value)
        return action

    def _put_pseudonym(self, result: Elements, tag: int, value: bytes, codecs: tuple[str, ...]) -> Action:
        """A nested Accession Number of another order has no pseudonym of its own and is emptied."""
        vr = _PSEUDONYM_VRS[tag]
        if tag == ACCESSION_NUMBER:
            own = identity_text(value, codecs) == self._entity.accession
            _set(result, tag, vr, self.identifiers.accession.encode("ascii") if own else b"")
            return Action.PSEUDONYM if own else Action.EMPTY
        _set(result, tag, vr, self.identifiers.patient.encode("ascii"))
        return Action.PSEUDONYM

    def _put_moved(self, result: Elements, tag: int, vr: str, value: bytes) -> bool:
        """Moves a date of the VR that PS3.6 gives it; false if it cannot be moved exactly."""
        text = decoded(value, vr, ("ascii",)) if vr in DATE_VRS else None
        if text is None or dictionary_vr(tag) != vr:
            return False
        new = moved(vr, components(text, vr), self.identifiers.shift_days)
        if new is None:
            return False
        _set(result, tag, vr, "\\".join(new).encode("ascii"))
        return True


def _set(result: Elements, tag: int, vr: str, value: bytes) -> None:
    result[BaseTag(tag)] = RawDataElement(BaseTag(tag), vr, len(value), value, 0, False, True)
