"""The gate (DESIGN §7): the output is read again, and refused if anything of the original's identity is left.

It reads with pydicom's own reader, not with the one that read the original, so that one mistake in this
package does not hide another. What is exempt, and why:

* a pseudonym is compared as a whole value only: it may rightly contain a short original id;
* a dummy says nothing;
* a term of fewer than four characters in a Code String, or in what describes the pixels, is no initial;
* an identifier of fewer than six digits is not looked for among numbers, where 1500 is a window width;
* a Code Value of a coding scheme of the standard is a number that means the same for every patient;
* an identifier of which every word is in the shipped vocabulary (HEAD, PHILIPS) is not looked for in what the
  vocabulary may rightly fill: coded strings and the keep list;
* a date is compared with the date that stood in its own place: moved, it may by chance equal another.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.filereader import read_dataset
from pydicom.uid import ImplicitVRLittleEndian

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.elements import elements_of, items_of
from sendit.deid.dicom.read import dataset_codecs, raw_value
from sendit.deid.dicom.text import components, decoded, known_codecs, needs_bytes_searched, unpadded
from sendit.deid.dicom.uids import uid_values
from sendit.deid.dicom.vrs import NUMERIC_STRING_VRS, STRING_VRS, concrete_vr
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.marks import MARKS
from sendit.deid.oracle import ACCESSION_NUMBER, PATIENT_ID, PATIENT_NAME
from sendit.deid.rules.describing import may_hold_initials
from sendit.deid.values.dummies import DUMMY_VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import Dataset

    from sendit.deid.identity.matcher import Matcher

_PSEUDONYMS = frozenset({PATIENT_ID, PATIENT_NAME, ACCESSION_NUMBER})
_SPECIFIC_CHARACTER_SET = 0x00080005
_CODE_VALUE, _CODING_SCHEME = 0x00080100, 0x00080102
_STANDARD_SCHEMES = frozenset({b"DCM", b"FMA", b"LN", b"NCIt", b"SCT", b"SNM3", b"SRT", b"UCUM", b"UMLS"})
_DATES = frozenset({"DA", "DT"})
_META_START = 128 + 4 + 12  # preamble, DICM, and the group length itself


@dataclass(slots=True)
class GateFacts:
    """How much was looked for, and in how many elements."""

    values_searched: int = 0
    elements_searched: int = 0


def check_header(output: bytes, original: Dataset, matcher: Matcher, uids: Mapping[int, str]) -> GateFacts:
    """Checks the bytes of an output up to its pixel data. `uids` are the new UIDs by tag.

    Raises:
        DeidError: `gate_uid_mismatch` or `gate_identifier_left`.
    """
    meta_uid, read = _read_again(output)
    if meta_uid != uids[0x00080018]:
        raise DeidError(Refusal.GATE_UID_MISMATCH)
    if any(uid_values(raw_value(read, tag)) != [uid] for tag, uid in uids.items()):
        raise DeidError(Refusal.GATE_UID_MISMATCH)
    facts = GateFacts(values_searched=len(matcher.evidence))
    _check(read, original, ("ascii",), matcher, facts)
    return facts


def _read_again(output: bytes) -> tuple[str, Dataset]:
    """The Media Storage SOP Instance UID and the undecoded data set of an output."""
    stream = io.BytesIO(output)
    try:
        meta = dcmread(stream).file_meta
        stream.seek(_META_START + int(meta.FileMetaInformationGroupLength))
        dataset = read_dataset(stream, meta.TransferSyntaxUID == ImplicitVRLittleEndian, True)
        return str(meta.MediaStorageSOPInstanceUID), dataset
    except Exception:  # noqa: BLE001  whatever pydicom stumbles over must not leave, nor be quoted
        raise DeidError(Refusal.GATE_UNREADABLE) from None


def _check(output: Dataset, original: Dataset, inherited: tuple[str, ...], matcher: Matcher, facts: GateFacts) -> None:
    """Walks output and original side by side: rules keep the items of a sequence in number and order."""
    codecs = dataset_codecs(output, inherited)
    for tag, element in elements_of(output):
        if tag in MARKS:
            continue
        facts.elements_searched += 1
        vr = element.VR if element.VR and element.VR != "UN" else dictionary_vr(tag) or "UN"
        vr = concrete_vr(vr, signed=False)
        if vr == "SQ":
            items, before = output[tag].value, items_of(original, tag)
            if items and len(items) != len(before):
                raise DeidError(Refusal.GATE_UNREADABLE)
            for item, origin in zip(items, before, strict=False):
                _check(item, origin, codecs, matcher, facts)
        elif _is_left(tag, vr, element.value or b"", output, original, codecs, matcher):
            raise DeidError(Refusal.GATE_IDENTIFIER_LEFT)


def _is_left(
    tag: int,
    vr: str,
    value: bytes,
    output: Dataset,
    original: Dataset,
    codecs: tuple[str, ...],
    matcher: Matcher,
) -> bool:
    """Whether an element still holds something of the original's identity."""
    if vr not in STRING_VRS:
        return matcher.in_bytes(value) or matcher.in_numbers(vr, value)
    if vr == "UI":
        return any(uid in matcher.evidence.uids for uid in uid_values(value))
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
        before = unpadded(raw_value(original, tag)).decode("latin-1")
        days = {old.strip()[:8] for old in before.split("\\")}
        return any(part[:8] in days for part in values)
    if tag in _PSEUDONYMS:
        return any(matcher.evidence.is_one(part) for part in values)
    if tag == _CODE_VALUE and unpadded(raw_value(output, _CODING_SCHEME)) in _STANDARD_SCHEMES:
        return False
    if values and needs_bytes_searched(value) and matcher.in_bytes(value):
        return True
    short = may_hold_initials(tag, vr)
    return any(matcher.in_text(part, short=short) for part in values)
