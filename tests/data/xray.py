"""Made-up projection X-ray objects: CR, DX and MG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import uid as sop
from tests.data.headers import PATIENT, Patient, code, imaging, item, merged
from tests.data.pixels import pixels

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

IMAGE_TYPE = ("ORIGINAL", "PRIMARY")


def cr(
    instance: int = 1,
    *,
    patient: Patient = PATIENT,
    study: int = 1,
    series: int = 1,
    rows: int = 64,
    columns: int = 64,
) -> Dataset:
    """Return a computed radiograph of the chest."""
    own = item(
        ViewPosition="PA",
        KVP="117",
        PlateID="PLATE-0417",
        CassetteID="CASS-12",
        CassetteOrientation="PORTRAIT",
        CassetteSize="35CMX43CM",
        DistanceSourceToDetector="1800",
        ExposureTime=12,
        XRayTubeCurrent=250,
        Sensitivity="200",
        ImagerPixelSpacing=["0.2", "0.2"],
        BurnedInAnnotation="NO",
        WindowCenter="2048",
        WindowWidth="4096",
    )
    header = imaging(sop.ComputedRadiographyImageStorage, "CR", instance, patient, study, series, IMAGE_TYPE)
    return merged(header, own, pixels(rows, columns))


def _digital(orientation: list[str], laterality: str) -> Dataset:
    return item(
        PatientOrientation=orientation,
        PresentationIntentType="FOR PRESENTATION",
        ImageLaterality=laterality,
        PixelIntensityRelationship="LOG",
        PixelIntensityRelationshipSign=-1,
        RescaleIntercept="0",
        RescaleSlope="1",
        RescaleType="US",
        PresentationLUTShape="IDENTITY",
        LossyImageCompression="00",
        BurnedInAnnotation="NO",
        WindowCenter="2048",
        WindowWidth="4096",
        DetectorType="DIRECT",
        DetectorID="DET-554120",
        DateOfLastDetectorCalibration="20190601",
        TimeOfLastDetectorCalibration="055500",
        ImagerPixelSpacing=["0.2", "0.2"],
        KVP="70",
        ExposureTime=12,
        XRayTubeCurrent=250,
        AcquisitionContextSequence=[],
    )


def dx(
    instance: int = 1,
    *,
    patient: Patient = PATIENT,
    study: int = 1,
    series: int = 1,
    rows: int = 64,
    columns: int = 64,
) -> Dataset:
    """Return a digital radiograph of the chest, for presentation."""
    region = code("51185008", "SCT", "Chest")
    view = code("399348003", "SCT", "postero-anterior")
    own = item(
        ImageType=[*IMAGE_TYPE, ""],
        PositionerType="NONE",
        ViewPosition="PA",
        AnatomicRegionSequence=[region],
        ViewCodeSequence=[view],
    )
    header = imaging(sop.DigitalXRayImageStorageForPresentation, "DX", instance, patient, study, series, IMAGE_TYPE)
    return merged(header, _digital(["L", "F"], "U"), own, pixels(rows, columns))


def mg(
    instance: int = 1,
    *,
    patient: Patient = PATIENT,
    study: int = 1,
    series: int = 1,
    rows: int = 64,
    columns: int = 64,
) -> Dataset:
    """Return a right cranio-caudal mammogram, for presentation."""
    view = code("399162004", "SCT", "cranio-caudal")
    view.ViewModifierCodeSequence = []
    own = item(
        ImageType=[*IMAGE_TYPE, ""],
        ViewPosition="CC",
        OrganExposed="BREAST",
        PositionerType="MAMMOGRAPHIC",
        BreastImplantPresent="NO",
        PartialView="NO",
        BodyPartExamined="BREAST",
        AnatomicRegionSequence=[code("76752008", "SCT", "Breast")],
        ViewCodeSequence=[view],
        BodyPartThickness="45",
        CompressionForce="90",
    )
    header = imaging(
        sop.DigitalMammographyXRayImageStorageForPresentation,
        "MG", instance, patient, study, series, IMAGE_TYPE,
    )  # fmt: skip
    return merged(header, _digital(["P", "L"], "R"), own, pixels(rows, columns))
