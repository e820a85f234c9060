"""The header modules that every made-up object shares, filled as completely as a careful modality would.

Nobody in here exists. Every value is written out or derived from the arguments alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid

if TYPE_CHECKING:
    from collections.abc import Sequence

CREATOR = "SENDIT MADE UP 1"
PROCEDURE_STEP = UID("1.2.840.10008.3.1.2.3.3")  # Modality Performed Procedure Step
DETACHED_STUDY = UID("1.2.840.10008.3.1.2.3.1")


@dataclass(frozen=True, slots=True)
class Patient:
    """An invented patient, as the header of an image would describe them."""

    name: str = "Exemplar^Adalind^Quirine^Dr^PhD"
    id: str = "MRN-7730915"
    issuer: str = "NOWHERE GENERAL"
    birth_date: str = "19520317"
    sex: str = "F"
    age: str = "067Y"
    accession: str = "ACC-5519023"
    institution: str = "Nowhere General Hospital"
    address: str = "12 Imaginary Lane, Nowhere 99999"
    referring: str = "Referrant^Rosamund"
    performing: str = "Performund^Piet"
    operator: str = "Operatrix^Olga"
    study_date: str = "20190607"


PATIENT = Patient()


def uid(*parts: object) -> UID:
    """Return the UID that belongs to these parts; never one that sendit itself would make (no 2.25. root)."""
    return generate_uid(entropy_srcs=["sendit-test-data", *(str(part) for part in parts)])


def item(**values: Any) -> Dataset:
    """Return a dataset with these keywords, for a sequence item or a module.

    Raises:
        KeyError: If a keyword is not the standard's.
    """
    ds = Dataset()
    for keyword, value in values.items():
        if tag_for_keyword(keyword) is None:
            raise KeyError(keyword)
        setattr(ds, keyword, value)
    return ds


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a code sequence item (PS3.3 8.8)."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def reference(sop_class: str, instance: str) -> Dataset:
    """Return a SOP instance reference (PS3.3 10.8)."""
    return item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=instance)


def study_uid(patient: Patient, study: int) -> UID:
    """Return the Study Instance UID of a patient's n-th study."""
    return uid(patient.id, "study", study)


def series_uid(patient: Patient, study: int, modality: str, series: int) -> UID:
    """Return the Series Instance UID of the n-th series of a modality in a study."""
    return uid(patient.id, "study", study, modality, "series", series)


def frame_of_reference_uid(patient: Patient, study: int) -> UID:
    """Return the Frame of Reference UID, one per study."""
    return uid(patient.id, "study", study, "frame of reference")


def patient_module(patient: Patient) -> Dataset:
    """Return the Patient, Patient Study and Visit attributes."""
    return item(
        PatientName=patient.name,
        PatientID=patient.id,
        IssuerOfPatientID=patient.issuer,
        TypeOfPatientID="TEXT",
        PatientBirthDate=patient.birth_date,
        PatientBirthTime="041530",
        PatientSex=patient.sex,
        OtherPatientIDsSequence=[
            item(PatientID="OTHER-448812", IssuerOfPatientID="ELSEWHERE CLINIC", TypeOfPatientID="TEXT")
        ],
        OtherPatientNames="Maidenname^Adalind",
        PatientBirthName="Birthname^Adalind",
        PatientMotherBirthName="Mothername^Ottoline",
        PatientAddress="7 Fictive Court, Nowhere 99998",
        PatientTelephoneNumbers="+1-555-0100",
        PatientAge=patient.age,
        PatientSize="1.68",
        PatientWeight="61.5",
        EthnicGroup="UNSTATED",
        Occupation="LIGHTHOUSE KEEP",
        MilitaryRank="CORPORAL",
        CountryOfResidence="Nowhereland",
        RegionOfResidence="Upper Nowhere",
        PatientReligiousPreference="Pastafarian",
        AdditionalPatientHistory="Fell off the lighthouse stairs in May",
        MedicalAlerts="Latex",
        Allergies="Penicillin",
        SmokingStatus="NO",
        PatientComments="Sister of the mayor of Nowhere",
        AdmissionID="ADM-660177",
        AdmittingDate=patient.study_date,
        AdmittingTime="071500",
        CurrentPatientLocation="Ward 9 Bed 3",
        PatientInstitutionResidence="Ward 9",
    )


def study_module(patient: Patient, study: int) -> Dataset:
    """Return the General Study attributes."""
    return item(
        StudyInstanceUID=study_uid(patient, study),
        StudyDate=patient.study_date,
        StudyTime="081512.123",
        StudyID=f"S{study:05d}",
        AccessionNumber=patient.accession,
        IssuerOfAccessionNumberSequence=[item(LocalNamespaceEntityID="NOWHERE RIS")],
        StudyDescription="Thorax for Adalind, follow-up",
        ReferringPhysicianName=patient.referring,
        ReferringPhysicianIdentificationSequence=[
            item(
                PersonIdentificationCodeSequence=[code("DOC-3371", "99NOWHERE", "Referrant Rosamund")],
                PersonAddress="Practice 4, Nowhere",
                PersonTelephoneNumbers="+1-555-0101",
                InstitutionName="Referrant Practice",
            )
        ],
        ConsultingPhysicianName="Consultor^Cleo",
        PhysiciansOfRecord="Recordine^Ruth",
        NameOfPhysiciansReadingStudy="Readwell^Rob",
        AdmittingDiagnosesDescription="Suspected lighthouse lung",
        ProcedureCodeSequence=[code("THX1", "99NOWHERE", "Thorax survey")],
        ReferencedStudySequence=[reference(DETACHED_STUDY, uid(patient.id, "earlier study", study))],
        RequestingPhysician="Requesta^Quinn",
        RequestingService="Pulmonology of Nowhere",
        RequestedProcedureDescription="Thorax without contrast",
        TimezoneOffsetFromUTC="+0100",
    )


def series_module(patient: Patient, study: int, modality: str, series: int) -> Dataset:
    """Return the General Series attributes."""
    step = uid(patient.id, study, "performed step")
    return item(
        Modality=modality,
        SeriesInstanceUID=series_uid(patient, study, modality, series),
        SeriesNumber=series,
        SeriesDate=patient.study_date,
        SeriesTime="081630.456",
        SeriesDescription="Axial 5mm room 3 Olga",
        ProtocolName="THORAX_NOWHERE_V2",
        PerformingPhysicianName=patient.performing,
        OperatorsName=patient.operator,
        BodyPartExamined="CHEST",
        PerformedProcedureStepID="PPS-9917",
        PerformedProcedureStepStartDate=patient.study_date,
        PerformedProcedureStepStartTime="081500.789",
        PerformedProcedureStepEndDate=patient.study_date,
        PerformedProcedureStepEndTime="083000.789",
        PerformedProcedureStepDescription="Thorax, arms up, patient anxious",
        CommentsOnThePerformedProcedureStep="Patient asked for Doctor Referrant",
        PerformedProtocolCodeSequence=[code("P5", "99NOWHERE", "Protocol five")],
        ReferencedPerformedProcedureStepSequence=[reference(PROCEDURE_STEP, step)],
        RequestAttributesSequence=[
            item(
                RequestedProcedureID="RP-20771",
                AccessionNumber=patient.accession,
                StudyInstanceUID=study_uid(patient, study),
                ReferencedStudySequence=[reference(DETACHED_STUDY, uid(patient.id, "requested", study))],
                RequestedProcedureDescription="Thorax for lighthouse lung",
                RequestedProcedureCodeSequence=[code("RPC1", "99NOWHERE", "Thorax request")],
                ReasonForTheRequestedProcedure="Cough since May",
                ScheduledProcedureStepID="SPS-20772",
                ScheduledProcedureStepDescription="Thorax at eight",
                ScheduledProtocolCodeSequence=[code("SPC1", "99NOWHERE", "Thorax schedule")],
            )
        ],
    )


def equipment_module(patient: Patient) -> Dataset:
    """Return the General Equipment attributes."""
    return item(
        Manufacturer="Made Up Imaging",
        ManufacturerModelName="Pretender 64",
        InstitutionName=patient.institution,
        InstitutionAddress=patient.address,
        InstitutionalDepartmentName="Radiology West",
        StationName="PRETEND3",
        DeviceSerialNumber="SN-8841207",
        DeviceUID=uid("device", 8841207),
        SoftwareVersions=["MU.1", "2.0"],
        DateOfLastCalibration=patient.study_date,
        TimeOfLastCalibration="060000",
    )


def instance_module(patient: Patient, sop_class: str, sop_instance: UID, instance: int) -> Dataset:
    """Return the SOP Common attributes, and the dates and times at which the instance came about."""
    return item(
        SOPClassUID=sop_class,
        SOPInstanceUID=sop_instance,
        SpecificCharacterSet="ISO_IR 100",
        InstanceCreationDate=patient.study_date,
        InstanceCreationTime="082001.111",
        InstanceCreatorUID=uid("creator"),
        InstanceNumber=instance,
        ContentDate=patient.study_date,
        ContentTime=f"0820{instance % 60:02d}.222",
    )


def acquisition_module(patient: Patient, study: int, sop_class: str, instance: int) -> Dataset:
    """Return the General Image attributes of an acquired image."""
    localizer = uid(patient.id, study, "localizer")
    return item(
        AcquisitionNumber=1,
        AcquisitionDate=patient.study_date,
        AcquisitionTime=f"0819{instance % 60:02d}.333",
        AcquisitionDateTime=f"{patient.study_date}0819{instance % 60:02d}.333+0100",
        ImageComments="Seen by Readwell, call Ward 9",
        ReferencedImageSequence=[
            item(
                ReferencedSOPClassUID=sop_class,
                ReferencedSOPInstanceUID=localizer,
                PurposeOfReferenceCodeSequence=[code("121311", "DCM", "Localizer")],
            )
        ],
        PatientOrientation=["L", "P"],
        IrradiationEventUID=uid(patient.id, study, "irradiation", instance),
    )


def add_private_block(ds: Dataset, patient: Patient) -> None:
    """Add a vendor's private blocks: text, a date, a name, a UID, bytes and a nested sequence."""
    block = ds.private_block(0x0029, CREATOR, create=True)
    block.add_new(0x01, "LO", f"Private note on {patient.id}")
    block.add_new(0x02, "DA", patient.study_date)
    block.add_new(0x03, "PN", patient.name)
    block.add_new(0x04, "UI", uid(patient.id, "private"))
    block.add_new(0x05, "OB", b"CSA-like payload of " + patient.id.encode() + b"\0\0")
    nested = item(PatientID=patient.id, StudyDate=patient.study_date)
    nested.private_block(0x0029, CREATOR, create=True).add_new(0x06, "ST", patient.address)
    block.add_new(0x07, "SQ", [nested])
    second = ds.private_block(0x0019, "SENDIT MADE UP 2", create=True)
    second.add_new(0x10, "DS", "12.5")
    second.add_new(0x11, "UN", b"Unread " + patient.institution.encode()[:25] + b"\0")


def merged(*parts: Dataset) -> Dataset:
    """Return one dataset with every part's elements; a later part wins."""
    ds = Dataset()
    for part in parts:
        ds.update(part)
    return ds


def imaging(
    sop_class: str,
    modality: str,
    instance: int,
    patient: Patient,
    study: int,
    series: int,
    image_type: Sequence[str] | None,
) -> Dataset:
    """Return a complete header without the modality's own modules; acquisition only with an image type."""
    sop_instance = uid(patient.id, study, modality, series, sop_class, instance)
    ds = merged(
        patient_module(patient),
        study_module(patient, study),
        series_module(patient, study, modality, series),
        equipment_module(patient),
        instance_module(patient, sop_class, sop_instance, instance),
    )
    if image_type is not None:
        ds.update(acquisition_module(patient, study, sop_class, instance))
        ds.ImageType = list(image_type)
    add_private_block(ds, patient)
    return ds
