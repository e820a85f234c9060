"""Made-up objects without pixels: a presentation state, a key object selection, an enhanced report, an ECG."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from pydicom import uid as sop
from tests.data.headers import PATIENT, code, imaging, item, merged, reference, series_uid, study_uid, uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DAY = PATIENT.study_date
IMAGE = reference(sop.CTImageStorage, uid(PATIENT.id, 1, "CT", 1, sop.CTImageStorage, 1))
SERIES = series_uid(PATIENT, 1, "CT", 1)
EVIDENCE = item(
    StudyInstanceUID=study_uid(PATIENT, 1),
    ReferencedSeriesSequence=[item(SeriesInstanceUID=SERIES, ReferencedSOPSequence=[IMAGE])],
)


def _document(sop_class: str, modality: str) -> Dataset:
    return imaging(sop_class, modality, 1, PATIENT, 1, 1, None)


def presentation_state() -> Dataset:
    """Return how a CT slice is to be shown, with an annotation that names the patient."""
    text = item(
        AnchorPointAnnotationUnits="PIXEL",
        UnformattedTextValue="Adalind, see Referrant",
        AnchorPoint=[3.0, 4.0],
        AnchorPointVisibility="Y",
    )
    line = item(
        GraphicAnnotationUnits="PIXEL",
        GraphicDimensions=2,
        NumberOfGraphicPoints=2,
        GraphicData=[1.0, 1.0, 9.0, 9.0],
        GraphicType="POLYLINE",
        GraphicFilled="N",
    )
    own = item(
        PresentationCreationDate=DAY,
        PresentationCreationTime="101500",
        ContentLabel="ADALIND",
        ContentDescription="Drawn for Adalind",
        ContentCreatorName="Reviewine^Rhea",
        ReferencedSeriesSequence=[item(SeriesInstanceUID=SERIES, ReferencedImageSequence=[IMAGE])],
        DisplayedAreaSelectionSequence=[
            item(
                DisplayedAreaTopLeftHandCorner=[1, 1],
                DisplayedAreaBottomRightHandCorner=[64, 64],
                PresentationSizeMode="SCALE TO FIT",
                PresentationPixelAspectRatio=["1", "1"],
            )
        ],
        GraphicLayerSequence=[
            item(GraphicLayer="NOTES", GraphicLayerOrder=1, GraphicLayerDescription="Notes of Reviewine")
        ],
        GraphicAnnotationSequence=[
            item(
                ReferencedImageSequence=[IMAGE],
                GraphicLayer="NOTES",
                TextObjectSequence=[text],
                GraphicObjectSequence=[line],
            )
        ],
        PresentationLUTShape="IDENTITY",
    )
    return merged(_document(sop.GrayscaleSoftcopyPresentationStateStorage, "PR"), own)


def _observer() -> Dataset:
    return item(
        RelationshipType="HAS OBS CONTEXT",
        ValueType="PNAME",
        ConceptNameCodeSequence=[code("121008", "DCM", "Person Observer Name")],
        PersonName="Readwell^Rob",
    )


def _image_item() -> Dataset:
    return item(RelationshipType="CONTAINS", ValueType="IMAGE", ReferencedSOPSequence=[IMAGE])


def key_object() -> Dataset:
    """Return a selection of one key image, with a remark that names the patient."""
    remark = item(
        RelationshipType="CONTAINS",
        ValueType="TEXT",
        ConceptNameCodeSequence=[code("113012", "DCM", "Key Object Description")],
        TextValue="Adalind's best image, for Referrant",
    )
    own = item(
        ValueType="CONTAINER",
        ContinuityOfContent="SEPARATE",
        ConceptNameCodeSequence=[code("113000", "DCM", "Of Interest")],
        ContentTemplateSequence=[item(MappingResource="DCMR", TemplateIdentifier="2010")],
        CurrentRequestedProcedureEvidenceSequence=[EVIDENCE],
        ReferencedPerformedProcedureStepSequence=[],
        ContentSequence=[_observer(), remark, _image_item()],
    )
    return merged(_document(sop.KeyObjectSelectionDocumentStorage, "KO"), own)


def enhanced_sr() -> Dataset:
    """Return a report with items of every type that may name somebody."""

    def content(kind: str, concept: tuple[str, str, str], relation: str = "CONTAINS", **value: object) -> Dataset:
        return item(RelationshipType=relation, ValueType=kind, ConceptNameCodeSequence=[code(*concept)], **value)

    measured = item(
        MeasurementUnitsCodeSequence=[code("mm", "UCUM", "millimeter")],
        NumericValue="12.5",
    )
    findings = content("CONTAINER", ("121070", "DCM", "Findings"), ContinuityOfContent="SEPARATE")
    findings.ContentSequence = [
        content("TEXT", ("121071", "DCM", "Finding"), TextValue="Adalind has a nodule of 12 mm in the left lung"),
        content("NUM", ("410668003", "SCT", "Length"), MeasuredValueSequence=[measured]),
        content("CODE", ("363698007", "SCT", "Finding Site"), ConceptCodeSequence=[code("39607008", "SCT", "Lung")]),
        _image_item(),
    ]
    own = item(
        ValueType="CONTAINER",
        ContinuityOfContent="SEPARATE",
        ConceptNameCodeSequence=[code("18748-4", "LN", "Diagnostic Imaging Report")],
        CompletionFlag="COMPLETE",
        VerificationFlag="UNVERIFIED",
        CurrentRequestedProcedureEvidenceSequence=[EVIDENCE],
        ReferencedPerformedProcedureStepSequence=[],
        PerformedProcedureCodeSequence=[],
        ContentSequence=[
            _observer(),
            content("DATE", ("111060", "DCM", "Study Date"), "HAS OBS CONTEXT", Date=DAY),
            content("TIME", ("111061", "DCM", "Study Time"), "HAS OBS CONTEXT", Time="081512"),
            content("UIDREF", ("110180", "DCM", "Study Instance UID"), "HAS OBS CONTEXT", UID=study_uid(PATIENT, 1)),
            content("DATETIME", ("111526", "DCM", "DateTime Started"), "HAS ACQ CONTEXT", DateTime=f"{DAY}081512"),
            findings,
        ],
    )
    return merged(_document(sop.EnhancedSRStorage, "SR"), own)


def ecg() -> Dataset:
    """Return one lead of a general ECG, with an annotation."""
    channel = item(
        ChannelSourceSequence=[code("2:2", "MDC", "Lead II")],
        ChannelSensitivity="1",
        ChannelSensitivityUnitsSequence=[code("uV", "UCUM", "microvolt")],
        ChannelSensitivityCorrectionFactor="1",
        ChannelBaseline="0",
        ChannelSampleSkew="0",
        WaveformBitsStored=16,
        ChannelLabel="Lead of Adalind",
    )
    group = item(
        WaveformOriginality="ORIGINAL",
        NumberOfWaveformChannels=1,
        NumberOfWaveformSamples=16,
        SamplingFrequency="500",
        MultiplexGroupLabel="RHYTHM",
        ChannelDefinitionSequence=[channel],
        WaveformBitsAllocated=16,
        WaveformSampleInterpretation="SS",
    )
    group.add_new(0x54001010, "OW", pack("<16h", *range(16)))
    own = item(
        AcquisitionDateTime=f"{DAY}081900",
        AcquisitionContextSequence=[],
        WaveformSequence=[group],
        WaveformAnnotationSequence=[
            item(
                UnformattedTextValue="Rhythm of Adalind, read by Readwell",
                ReferencedWaveformChannels=[1, 1],
                AnnotationGroupNumber=0,
            )
        ],
    )
    return merged(_document(sop.GeneralECGWaveformStorage, "ECG"), own)
