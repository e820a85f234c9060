"""Which attributes hold values that identify somebody, wherever else those values may turn up.

Persons (VR PN) are not listed: every one of them identifies. The others are the numbers, names of places and
devices, addresses and telephone numbers of Table E.1-1; its free texts are removed, but are no identifiers.
"""

from __future__ import annotations

from pydicom.tag import Tag

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
NAMES_OF_PLACES = frozenset(int(Tag(keyword)) for keyword in _NAMES_OF_PLACES.split())
"""Those of which one word may tell the whole: Kreisspital Nord is known as Kreisspital, though not as Nord."""
