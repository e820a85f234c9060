"""Small made-up DICOM objects of every kind that sendit accepts or refuses, with complete headers.

Each function returns a fresh pydicom Dataset in little endian; `to_bytes` encodes it. Same arguments, same
bytes. The patients are invented (`tests.data.headers.PATIENT`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import uid as sop
from tests.data.encoding import SYNTAXES, to_bytes
from tests.data.headers import (
    PATIENT,
    Patient,
    code,
    frame_of_reference_uid,
    imaging,
    item,
    merged,
)
from tests.data.pixels import IDENTITY, pixels, plane
from tests.data.refused import basic_text_sr, encapsulated_pdf, secondary_capture, unknown_sop_class, us
from tests.data.rt import rtdose, rtplan, rtstruct
from tests.data.xray import cr, dx, mg

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import Dataset

__all__ = [
    "KINDS", "PATIENT", "SYNTAXES", "Patient", "basic_text_sr", "cr", "ct", "dx", "encapsulated_pdf", "mg",
    "mr", "multiframe", "nm", "pt", "rtdose", "rtplan", "rtstruct", "secondary_capture", "to_bytes",
    "unknown_sop_class", "us",
]  # fmt: skip

ORIGINAL = ("ORIGINAL", "PRIMARY", "AXIAL")


def ct(
    instance: int = 1,
    *,
    patient: Patient = PATIENT,
    study: int = 1,
    series: int = 1,
    rows: int = 64,
    columns: int = 64,
    image_type: tuple[str, ...] = ORIGINAL,
) -> Dataset:
    """Return an axial CT slice."""
    own = item(
        KVP="120",
        ScanOptions="HELICAL MODE",
        DataCollectionDiameter="500",
        ReconstructionDiameter="360",
        GantryDetectorTilt="0",
        TableHeight="150",
        RotationDirection="CW",
        ExposureTime=500,
        XRayTubeCurrent=200,
        Exposure=100,
        FilterType="BODY FILTER",
        ConvolutionKernel="STANDARD",
        RescaleIntercept="-1024",
        RescaleSlope="1",
        RescaleType="HU",
        WindowCenter=["40"],
        WindowWidth=["400"],
        DistanceSourceToDetector="949",
        DistanceSourceToPatient="541",
    )
    header = imaging(sop.CTImageStorage, "CT", instance, patient, study, series, image_type)
    return merged(header, plane(patient, study, instance), own, pixels(rows, columns))


def mr(
    instance: int = 1,
    *,
    patient: Patient = PATIENT,
    study: int = 1,
    series: int = 1,
    rows: int = 64,
    columns: int = 64,
) -> Dataset:
    """Return an axial MR slice."""
    own = item(
        ScanningSequence="SE",
        SequenceVariant="NONE",
        ScanOptions="PFP",
        MRAcquisitionType="2D",
        SequenceName="se2d1",
        AngioFlag="N",
        RepetitionTime="500",
        EchoTime="12",
        NumberOfAverages="1",
        ImagingFrequency="63.8",
        ImagedNucleus="1H",
        EchoNumbers=1,
        MagneticFieldStrength="1.5",
        NumberOfPhaseEncodingSteps=64,
        EchoTrainLength=1,
        PercentSampling="100",
        PixelBandwidth="130",
        FlipAngle="90",
        SAR="0.1",
        WindowCenter="600",
        WindowWidth="1200",
    )
    image_type = ("ORIGINAL", "PRIMARY", "OTHER")
    header = imaging(sop.MRImageStorage, "MR", instance, patient, study, series, image_type)
    return merged(header, plane(patient, study, instance), own, pixels(rows, columns))


def _tracer(patient: Patient) -> Dataset:
    return item(
        Radiopharmaceutical="Fluorodeoxyglucose",
        RadiopharmaceuticalStartTime="070012.5",
        RadiopharmaceuticalStartDateTime=f"{patient.study_date}070012.5",
        RadionuclideTotalDose="370000000",
        RadionuclideHalfLife="6586.2",
        RadionuclidePositronFraction="0.97",
        RadionuclideCodeSequence=[code("C-111A1", "SRT", "^18^Fluorine")],
        RadiopharmaceuticalCodeSequence=[code("C-B1031", "SRT", "Fluorodeoxyglucose F^18^")],
    )


def _gantry() -> Dataset:
    recumbent = code("F-10450", "SRT", "recumbent")
    recumbent.PatientOrientationModifierCodeSequence = [code("F-10340", "SRT", "supine")]
    return item(
        PatientOrientationCodeSequence=[recumbent],
        PatientGantryRelationshipCodeSequence=[code("F-10470", "SRT", "headfirst")],
    )


def pt(
    instance: int = 1,
    *,
    patient: Patient = PATIENT,
    study: int = 1,
    series: int = 1,
    rows: int = 64,
    columns: int = 64,
) -> Dataset:
    """Return a PET slice."""
    own = item(
        Units="BQML",
        CountsSource="EMISSION",
        SeriesType=["STATIC", "IMAGE"],
        NumberOfSlices=10,
        CorrectedImage=["DECY", "ATTN"],
        DecayCorrection="START",
        DecayFactor="1.01",
        CollimatorType="NONE",
        ReconstructionMethod="OSEM",
        RadiopharmaceuticalInformationSequence=[_tracer(patient)],
        RescaleIntercept="0",
        RescaleSlope="1.5",
        FrameReferenceTime="0",
        ActualFrameDuration=180000,
        ImageIndex=instance,
        WindowCenter="2000",
        WindowWidth="4000",
    )
    image_type = ("ORIGINAL", "PRIMARY")
    header = imaging(sop.PositronEmissionTomographyImageStorage, "PT", instance, patient, study, series, image_type)
    geometry = plane(patient, study, instance)
    del geometry.PatientPosition  # said in full by the orientation codes
    return merged(header, geometry, own, _gantry(), pixels(rows, columns, stored=16))


def nm(
    instance: int = 1,
    *,
    patient: Patient = PATIENT,
    study: int = 1,
    series: int = 1,
    frames: int = 2,
    rows: int = 64,
    columns: int = 64,
) -> Dataset:
    """Return a static multi-frame nuclear medicine image, one detector per frame vector entry."""
    own = item(
        FrameOfReferenceUID=frame_of_reference_uid(patient, study),
        PositionReferenceIndicator="SN",
        NumberOfFrames=frames,
        FrameIncrementPointer=[0x00540010, 0x00540020],
        EnergyWindowVector=[1] * frames,
        DetectorVector=[1] * frames,
        NumberOfEnergyWindows=1,
        NumberOfDetectors=1,
        PixelSpacing=["4.8", "4.8"],
        CountsAccumulated=100000,
        ActualFrameDuration=60000,
        EnergyWindowInformationSequence=[
            item(
                EnergyWindowName="Tc99m",
                EnergyWindowRangeSequence=[item(EnergyWindowLowerLimit="126", EnergyWindowUpperLimit="154")],
            )
        ],
        RadiopharmaceuticalInformationSequence=[_tracer(patient)],
        DetectorInformationSequence=[
            item(
                CollimatorType="PARA",
                CollimatorGridName="LEHR",
                FieldOfViewShape="RECTANGLE",
                ImageOrientationPatient=IDENTITY,
                ImagePositionPatient=["-150", "-150", "0"],
            )
        ],
    )
    image_type = ("ORIGINAL", "PRIMARY", "STATIC", "EMISSION")
    header = imaging(sop.NuclearMedicineImageStorage, "NM", instance, patient, study, series, image_type)
    pixel = pixels(rows, columns, stored=16, frames=frames)
    return merged(header, own, _gantry(), pixel)


def multiframe(frames: int, rows: int, columns: int) -> Dataset:
    """Return a multi-frame object of an accepted modality (NM): frames × rows × columns of 16 bits."""
    return nm(900, frames=frames, rows=rows, columns=columns)


KINDS: dict[str, Callable[..., Dataset]] = {
    "ct": ct,
    "mr": mr,
    "pt": pt,
    "nm": nm,
    "cr": cr,
    "dx": dx,
    "mg": mg,
    "rtplan": rtplan,
    "rtdose": rtdose,
    "rtstruct": rtstruct,
    "us": us,
    "secondary_capture": secondary_capture,
    "encapsulated_pdf": encapsulated_pdf,
    "basic_text_sr": basic_text_sr,
    "unknown_sop_class": unknown_sop_class,
}
"""Every builder by its name."""
