"""The gate (DESIGN §7): the output is read again, with pydicom, and refused if anything of the identity is left.

What is exempt beyond what the rules of the gate say: a date that a rule keeps as it is, and Private Creators, which
stand there only if they are, letter by letter, one of a table or of the profile.
"""

from __future__ import annotations

import io
from operator import itemgetter
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.filereader import read_dataset
from pydicom.uid import ImplicitVRLittleEndian
from tests.oracle.marks import MARKS
from tests.oracle.model import DataSet, Items, Value, items_of, value_of
from tests.oracle.read import SPECIFIC_CHARACTER_SET, codecs_of
from tests.oracle.values import ACCESSION_NUMBER, PATIENT_ID, PATIENT_NAME, holds_uid

from sendit.deid.dicom import quiet  # noqa: F401  pydicom must be quiet before it reads anything
from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.text import components, decoded, known_codecs, needs_bytes_searched, unpadded
from sendit.deid.dicom.uids import uid_values
from sendit.deid.dicom.vrs import NUMERIC_STRING_VRS, STRING_VRS, concrete_vr
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.rules.describing import may_hold_initials
from sendit.deid.values.dummies import DUMMY_VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import Dataset
    from tests.oracle.rulebook import Path, Trace

    from sendit.deid.identity.matcher import Matcher

_PSEUDONYMS = frozenset({PATIENT_ID, PATIENT_NAME, ACCESSION_NUMBER})
_SHORTEST_UID = 10
_CODE_VALUE, _CODING_SCHEME = 0x00080100, 0x00080102
_STANDARD_SCHEMES = frozenset({b"DCM", b"FMA", b"LN", b"NCIt", b"SCT", b"SNM3", b"SRT", b"UCUM", b"UMLS"})
_META_START = 128 + 4 + 12


class Gate:
    """Compares an output with its original."""

    def __init__(self, matcher: Matcher, trace: Trace) -> None:
        self._matcher = matcher
        self._trace = trace

    def check(self, output: bytes, original: DataSet, uids: Mapping[int, str]) -> None:
        """Checks the bytes of an output up to its pixel data. `uids` are the new UIDs by tag.

        Raises:
            DeidError: `gate_unreadable`, `gate_uid_mismatch` or `gate_identifier_left`.
        """
        meta_uid, read = _read_again(output)
        if meta_uid != uids[0x00080018] or any(uid_values(value_of(read, tag)) != [uids[tag]] for tag in uids):
            raise DeidError(Refusal.GATE_UID_MISMATCH)
        self._check(read, original, ("ascii",), ())

    def _check(self, output: DataSet, original: DataSet, inherited: tuple[str, ...], path: Path) -> None:
        codecs = codecs_of(output, inherited)
        for tag, element in output.items():
            if tag in MARKS or (tag >> 16 & 1 and tag & 0xFFFF < 0x1000):
                continue
            element = self._trace.private.get((path, tag), element)
            if isinstance(element, Items):
                before = items_of(original, tag)
                kept = self._trace.items.get((path, tag), [])
                if len(kept) != len(element.items):
                    raise DeidError(Refusal.GATE_UNREADABLE)
                for number, (item, at) in enumerate(zip(element.items, kept, strict=True)):
                    self._check(item, before[at], codecs, (*path, (tag, number)))
            elif self._is_left(tag, element, output, original, codecs, kept=(path, tag) in self._trace.kept):
                raise DeidError(Refusal.GATE_IDENTIFIER_LEFT)

    def _is_left(
        self, tag: int, element: Value, output: DataSet, original: DataSet, codecs: tuple[str, ...], *, kept: bool
    ) -> bool:
        """Whether an element still holds something of the original's identity."""
        matcher, vr, value = self._matcher, element.vr, element.value
        if vr not in STRING_VRS:
            spelled = (value, value.replace(b"\0", b""))
            uids = [uid.encode("latin-1") for uid in matcher.evidence.uids if len(uid) >= _SHORTEST_UID]
            return (
                matcher.in_bytes(value)
                or matcher.in_numbers(vr, value)
                or any(uid in one for uid in uids for one in spelled)
            )
        if vr == "UI":
            return any(uid in matcher.evidence.uids for uid in uid_values(value))
        if vr in NUMERIC_STRING_VRS:
            return matcher.in_spelled_numbers(value)
        if tag == SPECIFIC_CHARACTER_SET:
            return not known_codecs(value)
        text = decoded(value, vr, codecs)
        if text is None:
            return True
        parts = [part for part in components(text, vr) if part and part not in DUMMY_VALUES]
        if vr == "TM" or (vr in {"DA", "DT"} and kept):
            return False
        if vr in {"DA", "DT"}:
            before = unpadded(value_of(original, tag)).decode("latin-1")
            return not {part[:8] for part in parts}.isdisjoint({old.strip()[:8] for old in before.split("\\")})
        if tag in _PSEUDONYMS:
            return any(matcher.evidence.is_one(part) for part in parts)
        if any(holds_uid(matcher, part) for part in parts):
            return True
        if tag == _CODE_VALUE and unpadded(value_of(output, _CODING_SCHEME)) in _STANDARD_SCHEMES:
            return False
        if parts and needs_bytes_searched(value) and matcher.in_bytes(value):
            return True
        short = may_hold_initials(tag, vr)
        return any(matcher.in_text(part, short=short) for part in parts)


def _read_again(output: bytes) -> tuple[str, DataSet]:
    """The Media Storage SOP Instance UID and the undecoded data set of an output."""
    stream = io.BytesIO(output)
    try:
        meta = dcmread(stream).file_meta
        stream.seek(_META_START + int(meta.FileMetaInformationGroupLength))
        dataset = read_dataset(stream, meta.TransferSyntaxUID == ImplicitVRLittleEndian, True)
        return str(meta.MediaStorageSOPInstanceUID), _undecoded(dataset)
    except Exception:  # noqa: BLE001  whatever pydicom stumbles over must not leave, nor be quoted
        raise DeidError(Refusal.GATE_UNREADABLE) from None


def _undecoded(dataset: Dataset) -> DataSet:
    result: DataSet = {}
    # all of them first, and undecoded: to take a sequence apart, pydicom decodes some of its neighbours
    for tag, raw in sorted(dataset.items(), key=itemgetter(0)):
        stated = raw.VR if raw.VR and raw.VR != "UN" else dictionary_vr(int(tag)) or "UN"
        if stated == "SQ":
            result[int(tag)] = Items([_undecoded(item) for item in dataset[tag].value])
        else:
            result[int(tag)] = Value(concrete_vr(stated, signed=False), raw.value or b"")
    return result
