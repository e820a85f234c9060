"""The original's own identifying values, as the gate looks for them in the output."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydicom.dataelem import DataElement
from pydicom.tag import Tag

from sendit.deid.elements import elements_of
from sendit.deid.read import dataset_codecs
from sendit.deid.tables import vocabulary
from sendit.deid.text import components, decoded, unpadded
from sendit.deid.uids import REGISTERED, uid_values

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SHORTEST_SEARCHED = 4
"""Shorter values are compared with whole elements: inside a text they would be found by chance."""

SHORTEST_IN_BULK = 6
"""Shorter byte strings are found by chance among numbers."""

_KEYWORDS = """
    PatientID IssuerOfPatientID OtherPatientIDs PatientBirthName PatientMotherBirthName MedicalRecordLocator
    PatientAddress PatientTelephoneNumbers PatientTelecomInformation MilitaryRank BranchOfService
    AccessionNumber StudyID AdmissionID ServiceEpisodeID RequestedProcedureID PerformedProcedureStepID
    ScheduledProcedureStepID PlacerOrderNumberImagingServiceRequest FillerOrderNumberImagingServiceRequest
    InstitutionName InstitutionAddress InstitutionalDepartmentName
    PerformedLocation RequestingService CurrentPatientLocation
    ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers PersonAddress PersonTelephoneNumbers
    StationName PerformedStationName ScheduledStationName StationAETitle PerformedStationAETitle
    ScheduledStationAETitle RetrieveAETitle TreatmentMachineName
    DeviceSerialNumber DetectorID PlateID CassetteID GantryID GeneratorID XRaySourceID XRayDetectorID
    UniqueDeviceIdentifier ResponsibleOrganization CameraOwnerName
    ClinicalTrialSubjectID ClinicalTrialSubjectReadingID ClinicalTrialSiteName
"""
IDENTIFYING = frozenset(int(Tag(keyword)) for keyword in _KEYWORDS.split())
_NAME_SEPARATORS = re.compile(r"[\s^=\\,;.]+")
_HALF_SEPARATORS = re.compile(r"[\W_]+")
_BYTE_STRINGS = frozenset({"DA", "DT"})


@dataclass(slots=True)
class Evidence:
    """Casefolded texts, UIDs, dates and byte strings that may not be left."""

    searched: set[str] = field(default_factory=set)
    compared: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)
    encoded: set[bytes] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.searched) + len(self.compared) + len(self.uids) + len(self.dates)

    def echoed_in(self, text: str) -> bool:
        """Whether a text is, or contains as whole tokens, an identifier that is no word of the vocabulary."""
        text = folded(text)
        if text in self.compared and text not in vocabulary():
            return True
        wanted = [value for value in self.searched | self.dates if value in text]
        return any(_contains_token(text, value) and not _is_vocabulary(value) for value in wanted)


def folded(text: str) -> str:
    """A text as it is compared: one spelling of every character, no case, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def collected(dataset: Dataset) -> Evidence:
    """The identifying values of a data set at every level."""
    evidence = Evidence()
    _collect(dataset, ("ascii",), evidence)
    return evidence


def _collect(dataset: Dataset, inherited: tuple[str, ...], evidence: Evidence) -> None:
    codecs = dataset_codecs(dataset, inherited)
    for tag, element in elements_of(dataset):
        if isinstance(element, DataElement):
            for item in element.value:
                _collect(item, codecs, evidence)
            continue
        vr, value = element.VR or "UN", element.value or b""
        if vr == "UI":
            evidence.uids.update(uid for uid in uid_values(value) if uid and uid not in REGISTERED)
        elif vr in _BYTE_STRINGS:
            evidence.dates.update(found.decode("ascii") for found in re.findall(rb"(?<!\d)\d{8}", value))
        elif vr == "PN" or tag in IDENTIFYING:
            _collect_texts(value, vr, codecs, evidence)


def _collect_texts(value: bytes, vr: str, codecs: tuple[str, ...], evidence: Evidence) -> None:
    """A name word by word, anything else value by value; what cannot be decoded in both likely readings."""
    text = decoded(value, vr, codecs)
    raw = unpadded(value)
    readings = [text] if text is not None else [raw.decode("latin-1"), raw.decode("utf-8", "ignore")]
    for reading in readings:
        parts = components(reading, vr)
        if vr == "PN":
            groups = [group for part in parts for group in part.split("=")]
            parts += [*groups, *(word for group in groups for word in _NAME_SEPARATORS.split(group))]
        for part in parts:
            _add(part.strip(), evidence)
            if vr == "PN":
                # a double name may be left by one of its halves
                for half in _HALF_SEPARATORS.split(part):
                    _add(half, evidence)


def _add(text: str, evidence: Evidence) -> None:
    known = folded(text)
    if len(known) >= SHORTEST_SEARCHED:
        evidence.searched.add(known)
    elif known and not known.isdigit():
        # a number of one to three digits names nobody and is the value of half of all counters
        evidence.compared.add(known)
    for codec in ("utf-8", "latin-1"):
        encoded = text.encode(codec, "ignore")
        if len(encoded) >= SHORTEST_IN_BULK:
            evidence.encoded.add(encoded)


def _contains_token(text: str, value: str) -> bool:
    """Whether `value` stands in `text` with no letter or digit directly before or behind it."""
    start = text.find(value)
    while start >= 0:
        end = start + len(value)
        if not text[max(start - 1, 0) : start].isalnum() and not text[end : end + 1].isalnum():
            return True
        start = text.find(value, start + 1)
    return False


def _is_vocabulary(value: str) -> bool:
    return all(word in vocabulary() for word in value.replace("_", " ").split())
