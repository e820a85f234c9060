"""Which attributes hold values that identify somebody, wherever else those values may turn up.

Persons (VR PN) are not listed: every one of them identifies. The others are the numbers, names of places and
devices, addresses and telephone numbers of Table E.1-1; its free texts are removed, but are no identifiers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydicom.tag import Tag

from sendit.deid.identity.spelling import distinctive_words

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYWORDS = """
    PatientID IssuerOfPatientID OtherPatientIDs PatientBirthName PatientMotherBirthName MedicalRecordLocator
    PatientBirthDateInAlternativeCalendar PatientDeathDateInAlternativeCalendar PatientAlternativeCalendar
    PatientAddress PatientTelephoneNumbers PatientTelecomInformation MilitaryRank BranchOfService
    InsurancePlanIdentification PatientInstitutionResidence ScheduledPatientInstitutionResidence
    AccessionNumber StudyID AdmissionID ServiceEpisodeID RequestedProcedureID PerformedProcedureStepID
    ScheduledProcedureStepID PlacerOrderNumberImagingServiceRequest FillerOrderNumberImagingServiceRequest
    IssuerOfAdmissionID IssuerOfServiceEpisodeID StudyIDIssuer ResultsID ResultsIDIssuer
    InterpretationID InterpretationIDIssuer
    InstitutionName InstitutionAddress InstitutionalDepartmentName
    PerformedLocation RequestingService CurrentPatientLocation ScheduledStudyLocation
    ScheduledProcedureStepLocation RequestedProcedureLocation OrderEntererLocation
    ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers PersonAddress PersonTelephoneNumbers
    PersonTelecomInformation OrderCallbackPhoneNumber OrderCallbackTelecomInformation
    AddressTrial TelephoneNumberTrial DistributionAddress TopicAuthor
    HumanPerformerOrganization VerifyingOrganization
    StationName PerformedStationName ScheduledStationName StationAETitle PerformedStationAETitle
    ScheduledStationAETitle ScheduledStudyLocationAETitle RetrieveAETitle TreatmentMachineName
    NetworkID RequestingAE ReceivingAE DestinationAE Originator ModifyingSystem ModifyingDeviceID
    DeviceSerialNumber DetectorID PlateID CassetteID GantryID GeneratorID XRaySourceID XRayDetectorID
    SecondaryCaptureDeviceID HardcopyCreationDeviceID LensSerialNumber SourceSerialNumber
    UniqueDeviceIdentifier ManufacturerDeviceIdentifier DeviceAlternateIdentifier
    ResponsibleOrganization CameraOwnerName
    SpecimenAccessionNumber SpecimenIdentifier ContainerIdentifier ContainerComponentID SlideIdentifier
    BarcodeValue
    ClinicalTrialSubjectID ClinicalTrialSubjectReadingID ClinicalTrialSiteName
    ClinicalTrialCoordinatingCenterName IssuerOfClinicalTrialSubjectID
"""
IDENTIFYING = frozenset(int(Tag(keyword)) for keyword in _KEYWORDS.split())

_NAMES_OF_PLACES = """
    InstitutionName InstitutionalDepartmentName ResponsibleOrganization HumanPerformerOrganization
    VerifyingOrganization ClinicalTrialSiteName ClinicalTrialCoordinatingCenterName
"""
_NAMES = frozenset(int(Tag(keyword)) for keyword in _NAMES_OF_PLACES.split())
_ADDRESSED = """
    PatientAddress InstitutionAddress ReferringPhysicianAddress PersonAddress AddressTrial DistributionAddress
"""
_ADDRESSES = frozenset(int(Tag(keyword)) for keyword in _ADDRESSED.split())
_CALLED = """
    PatientTelephoneNumbers ReferringPhysicianTelephoneNumbers PersonTelephoneNumbers OrderCallbackPhoneNumber
    TelephoneNumberTrial PatientTelecomInformation PersonTelecomInformation OrderCallbackTelecomInformation
"""
_TELEPHONES = frozenset(int(Tag(keyword)) for keyword in _CALLED.split())
_TELLS_ITSELF = _NAMES | _ADDRESSES | _TELEPHONES

_TELEPHONE_NUMBER = re.compile(r"[0-9][0-9 ()./-]{5,}")
_LONGEST_PREFIX = 3
_SHORTEST_TELEPHONE_NUMBER = 7
_SHORTEST_OF_AN_ADDRESS = 5


def telling_parts(tag: int, text: str) -> Iterator[str]:
    """What tells an identifying value by itself, though it is a part of it.

    A word of an institution's name (Kreisspital Nord is known as Kreisspital, though not as Nord) or of an address,
    and a telephone number without the prefix of its country.
    """
    if tag not in _TELLS_ITSELF:
        return
    if tag in _TELEPHONES:
        for found in _TELEPHONE_NUMBER.finditer(text):
            digits = re.sub("[^0-9]", "", found.group())
            for prefix in range(1, _LONGEST_PREFIX + 1):
                local = digits[prefix:].lstrip("0")
                if len(local) >= _SHORTEST_TELEPHONE_NUMBER:
                    yield local
        return
    shortest = _SHORTEST_OF_AN_ADDRESS if tag in _ADDRESSES else 0
    yield from (word for word in distinctive_words(text) if len(word) >= shortest)
