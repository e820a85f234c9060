"""Made-up objects of the kinds that the screen turns away: they may show the patient, not only name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import uid as sop
from tests.data.headers import (
    PATIENT,
    Patient,
    code,
    imaging,
    item,
    merged,
    reference,
    series_uid,
    study_uid,
    uid,
)
from tests.data.pixels import pixels

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

UNKNOWN_SOP_CLASS = "1.2.826.0.1.3680043.8.498.99.1.1"
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


def us(
    instance: int = 1,
    *,
    patient: Patient = PATIENT,
    study: int = 1,
    series: int = 1,
    rows: int = 64,
    columns: int = 64,
) -> Dataset:
    """Return an ultrasound image."""
    own = item(
        ImageType=["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"],
        LossyImageCompression="00",
        TransducerData=["C5-1", "PROBE-5521", ""],
    )
    header = imaging(sop.UltrasoundImageStorage, "US", instance, patient, study, series, ("ORIGINAL", "PRIMARY"))
    return merged(header, own, pixels(rows, columns, bits=8, stored=8))


def secondary_capture(
    instance: int = 1,
    *,
    patient: Patient = PATIENT,
    study: int = 1,
    series: int = 1,
    rows: int = 64,
    columns: int = 64,
) -> Dataset:
    """Return a secondary capture, such as a screenshot of a report."""
    own = item(
        ConversionType="WSD",
        DateOfSecondaryCapture=patient.study_date,
        TimeOfSecondaryCapture="101500",
        SecondaryCaptureDeviceID="CAPTURE-31",
        SecondaryCaptureDeviceManufacturer="Made Up Capture",
    )
    image_type = ("DERIVED", "SECONDARY")
    header = imaging(sop.SecondaryCaptureImageStorage, "OT", instance, patient, study, series, image_type)
    del header.IrradiationEventUID
    return merged(header, own, pixels(rows, columns, bits=8, stored=8))


def encapsulated_pdf(instance: int = 1, *, patient: Patient = PATIENT, study: int = 1, series: int = 1) -> Dataset:
    """Return a PDF document."""
    own = item(
        ConversionType="WSD",
        BurnedInAnnotation="YES",
        DocumentTitle="Letter to Referrant about Exemplar",
        ConceptNameCodeSequence=[code("18748-4", "LN", "Diagnostic imaging study")],
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=PDF + b"\0" * (len(PDF) % 2),
        AcquisitionDateTime=f"{patient.study_date}081900.333",
    )
    return merged(imaging(sop.EncapsulatedPDFStorage, "DOC", instance, patient, study, series, None), own)


def basic_text_sr(instance: int = 1, *, patient: Patient = PATIENT, study: int = 1, series: int = 1) -> Dataset:
    """Return a verified text report with a named observer and an image reference."""
    image = reference(sop.CTImageStorage, uid(patient.id, study, "CT", 1, sop.CTImageStorage, 1))
    evidence = item(
        StudyInstanceUID=study_uid(patient, study),
        ReferencedSeriesSequence=[
            item(SeriesInstanceUID=series_uid(patient, study, "CT", 1), ReferencedSOPSequence=[image])
        ],
    )
    observer = item(
        RelationshipType="HAS OBS CONTEXT",
        ValueType="PNAME",
        ConceptNameCodeSequence=[code("121008", "DCM", "Person Observer Name")],
        PersonName="Readwell^Rob",
    )
    finding = item(
        RelationshipType="CONTAINS",
        ValueType="TEXT",
        ConceptNameCodeSequence=[code("121071", "DCM", "Finding")],
        TextValue="Adalind Exemplar has a lighthouse lung, as her sister the mayor feared.",
    )
    own = item(
        ValueType="CONTAINER",
        ContinuityOfContent="SEPARATE",
        ConceptNameCodeSequence=[code("18748-4", "LN", "Diagnostic Imaging Report")],
        CompletionFlag="COMPLETE",
        VerificationFlag="VERIFIED",
        VerifyingObserverSequence=[
            item(
                VerifyingObserverName="Readwell^Rob",
                VerifyingObserverIdentificationCodeSequence=[],
                VerifyingOrganization=patient.institution,
                VerificationDateTime=f"{patient.study_date}111500",
            )
        ],
        CurrentRequestedProcedureEvidenceSequence=[evidence],
        PerformedProcedureCodeSequence=[],
        ReferencedRequestSequence=[
            item(
                StudyInstanceUID=study_uid(patient, study),
                ReferencedStudySequence=[],
                AccessionNumber=patient.accession,
                PlacerOrderNumberImagingServiceRequest="PLACER-6612",
                FillerOrderNumberImagingServiceRequest="FILLER-6613",
                RequestedProcedureID="RP-20771",
                RequestedProcedureDescription="Thorax for lighthouse lung",
                RequestedProcedureCodeSequence=[],
            )
        ],
        ContentSequence=[observer, finding],
    )
    header = imaging(sop.BasicTextSRStorage, "SR", instance, patient, study, series, None)
    return merged(header, own)


def unknown_sop_class(instance: int = 1, *, patient: Patient = PATIENT, study: int = 1, series: int = 1) -> Dataset:
    """Return an image of a SOP class that no edition of the standard knows."""
    header = imaging(UNKNOWN_SOP_CLASS, "OT", instance, patient, study, series, ("ORIGINAL", "PRIMARY"))
    return merged(header, pixels(32, 32))
