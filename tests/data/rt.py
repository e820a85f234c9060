"""Made-up radiotherapy objects: plan, dose and structure set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import uid as sop
from tests.data.headers import (
    PATIENT,
    Patient,
    code,
    frame_of_reference_uid,
    imaging,
    item,
    merged,
    reference,
    series_uid,
    study_uid,
    uid,
)
from tests.data.pixels import gradient, plane

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def _rt(sop_class: str, modality: str, instance: int, patient: Patient, study: int, series: int) -> Dataset:
    ds = imaging(sop_class, modality, instance, patient, study, series, None)
    del ds.ContentDate, ds.ContentTime
    return merged(
        ds,
        item(
            OperatorsName=patient.operator,
            FrameOfReferenceUID=frame_of_reference_uid(patient, study),
            PositionReferenceIndicator="SN",
            ApprovalStatus="APPROVED",
            ReviewDate=patient.study_date,
            ReviewTime="141500",
            ReviewerName="Reviewine^Rhea",
        ),
    )


def rtplan(instance: int = 1, *, patient: Patient = PATIENT, study: int = 1, series: int = 1) -> Dataset:
    """Return a plan of one static photon beam."""
    limits = [
        item(RTBeamLimitingDeviceType="ASYMX", NumberOfLeafJawPairs=1),
        item(RTBeamLimitingDeviceType="ASYMY", NumberOfLeafJawPairs=1),
    ]
    positions = [
        item(RTBeamLimitingDeviceType="ASYMX", LeafJawPositions=["-50", "50"]),
        item(RTBeamLimitingDeviceType="ASYMY", LeafJawPositions=["-50", "50"]),
    ]
    first = item(
        ControlPointIndex=0,
        CumulativeMetersetWeight="0",
        NominalBeamEnergy="6",
        BeamLimitingDevicePositionSequence=positions,
        GantryAngle="0",
        GantryRotationDirection="NONE",
        BeamLimitingDeviceAngle="0",
        BeamLimitingDeviceRotationDirection="NONE",
        PatientSupportAngle="0",
        PatientSupportRotationDirection="NONE",
        TableTopEccentricAngle="0",
        TableTopEccentricRotationDirection="NONE",
        TableTopVerticalPosition=None,
        TableTopLongitudinalPosition=None,
        TableTopLateralPosition=None,
        IsocenterPosition=["0", "0", "0"],
        SourceToSurfaceDistance="900",
    )
    beam = item(
        Manufacturer="Made Up Linacs",
        InstitutionName=patient.institution,
        DeviceSerialNumber="LINAC-771",
        TreatmentMachineName="LINAC_NOWHERE",
        PrimaryDosimeterUnit="MU",
        SourceAxisDistance="1000",
        BeamLimitingDeviceSequence=limits,
        BeamNumber=1,
        BeamName="Field one",
        BeamDescription="AP for Adalind",
        BeamType="STATIC",
        RadiationType="PHOTON",
        TreatmentDeliveryType="TREATMENT",
        NumberOfWedges=0,
        NumberOfCompensators=0,
        NumberOfBoli=0,
        NumberOfBlocks=0,
        FinalCumulativeMetersetWeight="1",
        NumberOfControlPoints=2,
        ControlPointSequence=[first, item(ControlPointIndex=1, CumulativeMetersetWeight="1")],
        ReferencedPatientSetupNumber=1,
    )
    group = item(
        FractionGroupNumber=1,
        NumberOfFractionsPlanned=20,
        NumberOfBeams=1,
        NumberOfBrachyApplicationSetups=0,
        ReferencedBeamSequence=[item(ReferencedBeamNumber=1, BeamDose="2", BeamMeterset="200")],
    )
    own = item(
        RTPlanLabel="Exemplar plan",
        RTPlanName="Adalind left lung",
        RTPlanDescription="Boost agreed with Consultor",
        RTPlanDate=patient.study_date,
        RTPlanTime="131500",
        RTPlanGeometry="PATIENT",
        PlanIntent="CURATIVE",
        TreatmentSites="LEFT LUNG",
        PatientSetupSequence=[item(PatientSetupNumber=1, PatientPosition="HFS")],
        FractionGroupSequence=[group],
        BeamSequence=[beam],
        ReferencedStructureSetSequence=[
            reference(sop.RTStructureSetStorage, rtstruct(patient=patient, study=study).SOPInstanceUID)
        ],
    )
    return merged(_rt(sop.RTPlanStorage, "RTPLAN", instance, patient, study, series), own)


def rtdose(
    instance: int = 1,
    *,
    patient: Patient = PATIENT,
    study: int = 1,
    series: int = 1,
    frames: int = 3,
    rows: int = 16,
    columns: int = 16,
) -> Dataset:
    """Return a multi-frame dose grid of 16 bits."""
    plan = uid(patient.id, study, "RTPLAN", 1, sop.RTPlanStorage, 1)
    own = item(
        ImageType=["DERIVED", "PRIMARY"],
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        NumberOfFrames=frames,
        FrameIncrementPointer=0x3004000C,
        Rows=rows,
        Columns=columns,
        BitsAllocated=16,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=0,
        DoseUnits="GY",
        DoseType="PHYSICAL",
        DoseComment="Computed overnight for Exemplar",
        DoseSummationType="PLAN",
        GridFrameOffsetVector=[str(5 * frame) for frame in range(frames)],
        DoseGridScaling="0.001",
        TissueHeterogeneityCorrection="IMAGE",
        ReferencedRTPlanSequence=[reference(sop.RTPlanStorage, plan)],
    )
    own.add_new(0x7FE00010, "OW", gradient(rows, columns, 16, frames))
    geometry = plane(patient, study, instance)
    del geometry.PatientPosition, geometry.SliceLocation
    ds = _rt(sop.RTDoseStorage, "RTDOSE", instance, patient, study, series)
    for keyword in ("ApprovalStatus", "ReviewDate", "ReviewTime", "ReviewerName"):
        delattr(ds, keyword)
    return merged(ds, geometry, own)


def rtstruct(instance: int = 1, *, patient: Patient = PATIENT, study: int = 1, series: int = 1) -> Dataset:
    """Return a structure set of one contour on one CT slice."""
    image = uid(patient.id, study, "CT", 1, sop.CTImageStorage, 1)
    image_reference = reference(sop.CTImageStorage, image)
    contour = item(
        ContourImageSequence=[image_reference],
        ContourGeometricType="CLOSED_PLANAR",
        NumberOfContourPoints=3,
        ContourData=["0", "0", "5", "10", "0", "5", "10", "10", "5"],
    )
    referenced_series = item(
        SeriesInstanceUID=series_uid(patient, study, "CT", 1), ContourImageSequence=[image_reference]
    )
    referenced_study = reference("1.2.840.10008.3.1.2.3.1", study_uid(patient, study))
    referenced_study.RTReferencedSeriesSequence = [referenced_series]
    own = item(
        StructureSetLabel="Exemplar set",
        StructureSetName="Adalind lung",
        StructureSetDescription="Drawn by Reviewine",
        StructureSetDate=patient.study_date,
        StructureSetTime="121500",
        ReferencedFrameOfReferenceSequence=[
            item(
                FrameOfReferenceUID=frame_of_reference_uid(patient, study),
                RTReferencedStudySequence=[referenced_study],
            )
        ],
        StructureSetROISequence=[
            item(
                ROINumber=1,
                ReferencedFrameOfReferenceUID=frame_of_reference_uid(patient, study),
                ROIName="Lung of Adalind",
                ROIDescription="By hand, Reviewine",
                ROIGenerationAlgorithm="MANUAL",
            )
        ],
        ROIContourSequence=[item(ReferencedROINumber=1, ROIDisplayColor=[255, 0, 0], ContourSequence=[contour])],
        RTROIObservationsSequence=[
            item(
                ObservationNumber=1,
                ReferencedROINumber=1,
                ROIObservationLabel="Left",
                RTROIIdentificationCodeSequence=[code("L1", "99NOWHERE", "Left lung")],
                RTROIInterpretedType="ORGAN",
                ROIInterpreter="Interpreta^Ines",
            )
        ],
    )
    return merged(_rt(sop.RTStructureSetStorage, "RTSTRUCT", instance, patient, study, series), own)
