"""Whose object it is, before and after: pure values, importable without pydicom."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entity:
    """What the object's own header says about whose it is, DICOM padding stripped."""

    issuer: str
    patient_id: str
    study_uid: str
    accession: str

    @property
    def patient_key(self) -> str:
        """The patient as one unambiguous text: issuer + Patient ID, or the study where there is no Patient ID.

        JSON, because no choice of issuer and id can then be spelled like another.
        """
        parts = ["patient", self.issuer, self.patient_id] if self.patient_id else ["study", self.study_uid]
        return json.dumps(parts, ensure_ascii=True, separators=(",", ":"))

    def __repr__(self) -> str:
        """Nothing: an entity holds identifiers and must survive being logged by mistake."""
        return "Entity(…)"


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What an entity becomes: pseudonyms that are legal for their VRs, and how far its dates move.

    `patient` is written to Patient ID and Patient's Name, `accession` ('' if the original is empty) to
    Accession Number; dates move EARLIER by `shift_days` (1…365), or later where it is negative (-1…-365).
    """

    patient: str
    accession: str
    shift_days: int

    def __post_init__(self) -> None:
        if not _is_identifier(self.patient, 64) or not self.patient:
            raise ValueError("the patient pseudonym must be 1 to 64 printable ASCII characters without \\ ^ =")
        if not _is_identifier(self.accession, 16):
            raise ValueError("the accession pseudonym must be at most 16 printable ASCII characters")
        if not 1 <= abs(self.shift_days) <= 365:
            raise ValueError("the date shift must be 1 to 365 days, either way")

    def __repr__(self) -> str:
        """The pseudonym only: the shift would undo itself if it were logged."""
        return f"Identifiers({self.patient!r})"


def _is_identifier(text: str, longest: int) -> bool:
    """Whether the text is legal for LO, SH and PN alike and needs no Specific Character Set."""
    legal = all(" " <= character <= "~" and character not in "\\^=" for character in text)
    return legal and len(text) <= longest and text == text.strip()
