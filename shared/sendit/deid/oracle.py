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

from sendit.deid.dates import moved
from sendit.deid.dictionary import dictionary_vr, name_of
from sendit.deid.dummies import dummy
from sendit.deid.elements import Element, elements_of
from sendit.deid.marks import MARKS, add_marks
from sendit.deid.read import dataset_codecs
from sendit.deid.retain import in_removed_group, retained_action
from sendit.deid.tables import Action, rules
from sendit.deid.text import components, decoded, unpadded
from sendit.deid.uids import REGISTERED, uid_values
from sendit.deid.vrs import DATE_VRS, NUMERIC_STRING_VRS, STRING_VRS, agrees, concrete_vr

if TYPE_CHECKING:
    from sendit.deid.entity import Entity, Identifiers
    from sendit.deid.evidence import Evidence
    from sendit.deid.keys import Keyring
    from sendit.deid.profile import Profile

Elements = dict[BaseTag, Element]

PATIENT_NAME, PATIENT_ID, ACCESSION_NUMBER = 0x00100010, 0x00100020, 0x00080050
_PSEUDONYM_VRS = {PATIENT_NAME: "PN", PATIENT_ID: "LO", ACCESSION_NUMBER: "SH"}


@dataclass(slots=True)
class Tally:
    """What was done, for the report: counts of everything, paths of what was changed."""

    counts: Counter[str] = field(default_factory=Counter)
    changed: list[tuple[str, str]] = field(default_factory=list)

    def note(self, path: str, action: Action) -> None:
        """Counts an element."""
        self.counts[action] += 1
        if action is not Action.KEEP:
            self.changed.append((path, str(action)))


class Oracle:
    """One object's rules: a profile, the keys, and whose object it is."""

    def __init__(
        self,
        profile: Profile,
        keys: Keyring,
        entity: Entity,
        identifiers: Identifiers,
        evidence: Evidence,
    ) -> None:
        self._profile = profile
        self._keys = keys
        self._entity = entity
        self._evidence = evidence
        self.identifiers = identifiers
        self.tally = Tally()

    def deidentified(self, original: Dataset) -> Dataset:
        """The object's data set de-identified, with pseudonyms and marks."""
        result = self._dataset(original, ("ascii",), path="", whole=False)
        for tag in (PATIENT_NAME, PATIENT_ID):
            _put(result, tag, _PSEUDONYM_VRS[tag], self.identifiers.patient.encode("ascii"))
            if tag not in original:
                self.tally.note(name_of(tag), Action.PSEUDONYM)
        for tag in add_marks(result, self._profile):
            self.tally.note(name_of(tag), Action.MARK)
        return Dataset(result)

    def removed_whole(self, trailer: Dataset) -> None:
        """Accounts for the elements behind the pixel data, of which none goes into the output."""
        for tag, _ in elements_of(trailer):
            self.tally.note(name_of(tag), Action.REMOVE)

    def remapped_uid(self, original: str) -> str:
        """The UID that takes the place of `original`: itself if it is registered."""
        return original if not original or original in REGISTERED else self._keys.uid(original)

    def _dataset(self, original: Dataset, inherited: tuple[str, ...], *, path: str, whole: bool) -> Elements:
        """One level; `whole` inside a sequence whose action is D, where no value stays as it is."""
        codecs = dataset_codecs(original, inherited)
        result: Elements = {}
        for tag, element in elements_of(original):
            where = path + name_of(tag)
            if isinstance(element, DataElement):
                action = self._sequence(result, element, codecs, where, whole)
            else:
                action = self._value(result, element, codecs, whole)
            self.tally.note(where, action)
        return result

    def _sequence(
        self, result: Elements, element: DataElement, codecs: tuple[str, ...], path: str, whole: bool
    ) -> Action:
        """Items are kept in number and order; what is in them follows the rules of this level and below."""
        tag = int(element.tag)
        rule = rules().get(tag)
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
            action = retained_action(tag, vr, value, codecs)
            if action is Action.KEEP and (whole or self._echoes(vr, value, codecs)):
                # not empty: the attribute may be of Type 1, and a dummy is legal for every Type
                action = Action.DUMMY
            elif action is Action.STRUCTURE:
                action = Action.KEEP
        elif rule.modified_dates and self._profile.modified_dates:
            if self._put_moved(result, tag, vr, value):
                return Action.SHIFT
            action = rule.basic
        else:
            action = rule.basic
        return self._put(result, tag, vr, value, action)

    def _echoes(self, vr: str, value: bytes, codecs: tuple[str, ...]) -> bool:
        """Whether a text that may stay repeats the object's own identity, which no keep list foresees."""
        text = decoded(value, vr, codecs) if vr in STRING_VRS - NUMERIC_STRING_VRS else None
        return text is not None and any(self._evidence.echoed_in(part) for part in components(text, vr))

    def _put(self, result: Elements, tag: int, vr: str, value: bytes, action: Action) -> Action:
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
            return self._put_pseudonym(result, tag, value)
        if empty or action is Action.EMPTY:
            _put(result, tag, vr, b"")
        elif action is Action.REMAP or vr == "UI":
            new = [self.remapped_uid(uid) for uid in uid_values(value)]
            _put(result, tag, "UI", "\\".join(new).encode("ascii"))
            action = Action.REMAP
        elif action is Action.DUMMY:
            _put(result, tag, vr, dummy(tag, vr))
        else:
            _put(result, tag, vr, unpadded(value) if vr in STRING_VRS else value)
        return action

    def _put_pseudonym(self, result: Elements, tag: int, value: bytes) -> Action:
        """A nested Accession Number of another order has no pseudonym of its own and is emptied."""
        vr = _PSEUDONYM_VRS[tag]
        if tag == ACCESSION_NUMBER:
            own = unpadded(value).decode("latin-1").strip() == self._entity.accession
            _put(result, tag, vr, self.identifiers.accession.encode("ascii") if own else b"")
            return Action.PSEUDONYM if own else Action.EMPTY
        _put(result, tag, vr, self.identifiers.patient.encode("ascii"))
        return Action.PSEUDONYM

    def _put_moved(self, result: Elements, tag: int, vr: str, value: bytes) -> bool:
        """Moves a date of the VR that PS3.6 gives it; false if it cannot be moved exactly."""
        text = decoded(value, vr, ("ascii",)) if vr in DATE_VRS else None
        if text is None or dictionary_vr(tag) != vr:
            return False
        new = moved(vr, components(text, vr), self.identifiers.shift_days)
        if new is None:
            return False
        _put(result, tag, vr, "\\".join(new).encode("ascii"))
        return True


def _put(result: Elements, tag: int, vr: str, value: bytes) -> None:
    result[BaseTag(tag)] = RawDataElement(BaseTag(tag), vr, len(value), value, 0, False, True)
