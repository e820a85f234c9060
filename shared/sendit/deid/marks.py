"""The marks that say what was done (PS3.15 E.1.1 step 8, E.3.6): honest, and the only ones of their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from sendit.deid.rules.tables import EDITION

if TYPE_CHECKING:
    from sendit.deid.dicom.elements import Element
    from sendit.deid.rules.profile import Profile

PATIENT_IDENTITY_REMOVED = 0x00120062
DEIDENTIFICATION_METHOD = 0x00120063
DEIDENTIFICATION_METHOD_CODES = 0x00120064
TEMPORAL_INFORMATION_MODIFIED = 0x00280303

MARKS = frozenset(
    {
        PATIENT_IDENTITY_REMOVED,
        DEIDENTIFICATION_METHOD,
        DEIDENTIFICATION_METHOD_CODES,
        TEMPORAL_INFORMATION_MODIFIED,
    }
)


def add_marks(elements: dict[BaseTag, Element], profile: Profile) -> tuple[int, ...]:
    """Puts the marks of a profile into the elements of a data set; the tags it has put."""
    _put(elements, PATIENT_IDENTITY_REMOVED, "CS", "YES")
    _put(elements, DEIDENTIFICATION_METHOD, "LO", f"sendit {profile.name}, PS3.15 {EDITION} Annex E")
    _put(elements, TEMPORAL_INFORMATION_MODIFIED, "CS", "MODIFIED" if profile.modified_dates else "REMOVED")
    items = []
    for value, meaning in profile.codes:
        item: dict[BaseTag, Element] = {}
        _put(item, 0x00080100, "SH", value)
        _put(item, 0x00080102, "SH", "DCM")
        _put(item, 0x00080104, "LO", meaning)
        items.append(Dataset(item))
    tag = BaseTag(DEIDENTIFICATION_METHOD_CODES)
    elements[tag] = DataElement(tag, "SQ", Sequence(items), already_converted=True)
    return tuple(sorted(MARKS))


def _put(elements: dict[BaseTag, Element], tag: int, vr: str, value: str) -> None:
    raw = value.encode("ascii")
    elements[BaseTag(tag)] = RawDataElement(BaseTag(tag), vr, len(raw), raw, 0, False, True)
