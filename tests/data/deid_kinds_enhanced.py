"""Made-up objects with functional groups: enhanced CT, enhanced MR, and a segmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import uid as sop
from tests.data.headers import PATIENT, code, frame_of_reference_uid, imaging, item, merged, reference, series_uid, uid
from tests.data.pixels import IDENTITY, pixels

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DAY = PATIENT.study_date
MOMENT = f"{DAY}081900.333"
DIMENSIONS = uid("dimensions")
CT_SERIES = series_uid(PATIENT, 1, "CT", 1)
CT_IMAGE = uid(PATIENT.id, 1, "CT", 1, sop.CTImageStorage, 1)


def _enhanced(
    sop_class: str, modality: str, frames: int, shared: Dataset, frame_type: list[str], rescale: str = "US"
) -> Dataset:
    header = imaging(sop_class, modality, 1, PATIENT, 1, 1, frame_type)
    del header.PatientOrientation, header.IrradiationEventUID
    per_frame = [
        item(
            FrameContentSequence=[
                item(
                    FrameReferenceDateTime=MOMENT,
                    FrameAcquisitionDateTime=MOMENT,
                    FrameAcquisitionDuration=1.0,
                    FrameAcquisitionNumber=1,
                    FrameComments="Frame of Adalind",
                    StackID="1",
                    InStackPositionNumber=frame + 1,
                    DimensionIndexValues=[frame + 1],
                )
            ],
            PlanePositionSequence=[item(ImagePositionPatient=["-22.4", "-22.4", str(5 * frame)])],
        )
        for frame in range(frames)
    ]
    common = item(
        PixelMeasuresSequence=[item(PixelSpacing=["0.7", "0.7"], SliceThickness="5", SpacingBetweenSlices="5")],
        PlaneOrientationSequence=[item(ImageOrientationPatient=IDENTITY)],
        FrameAnatomySequence=[item(FrameLaterality="U", AnatomicRegionSequence=[code("T-D3000", "SRT", "Chest")])],
        PixelValueTransformationSequence=[item(RescaleIntercept="0", RescaleSlope="1", RescaleType=rescale)],
        FrameVOILUTSequence=[item(WindowCenter="40", WindowWidth="400")],
    )
    own = item(
        FrameOfReferenceUID=frame_of_reference_uid(PATIENT, 1),
        PositionReferenceIndicator="SN",
        NumberOfFrames=frames,
        ContentDate=DAY,
        ContentTime="081900",
        AcquisitionDuration=1.0,
        AcquisitionContextSequence=[],
        ContentQualification="RESEARCH",
        BurnedInAnnotation="NO",
        LossyImageCompression="00",
        PresentationLUTShape="IDENTITY",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
        PixelPresentation="MONOCHROME",
        InstanceNumber=1,
        DimensionOrganizationSequence=[item(DimensionOrganizationUID=DIMENSIONS)],
        DimensionIndexSequence=[
            item(
                DimensionOrganizationUID=DIMENSIONS,
                DimensionIndexPointer=0x00209057,
                FunctionalGroupPointer=0x00209111,
            )
        ],
        SharedFunctionalGroupsSequence=[merged(common, shared)],
        PerFrameFunctionalGroupsSequence=per_frame,
    )
    return merged(header, own, pixels(16, 16, frames=frames))


def enhanced_ct() -> Dataset:
    """Return a multi-frame CT with functional groups."""
    kind = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    shared = item(
        CTImageFrameTypeSequence=[
            item(
                FrameType=kind,
                PixelPresentation="MONOCHROME",
                VolumetricProperties="VOLUME",
                VolumeBasedCalculationTechnique="NONE",
            )
        ],
        CTAcquisitionTypeSequence=[
            item(AcquisitionType="SPIRAL", ConstantVolumeFlag="NO", FluoroscopyFlag="NO")
        ],
        CTAcquisitionDetailsSequence=[
            item(
                RotationDirection="CW",
                RevolutionTime=0.5,
                SingleCollimationWidth=0.6,
                TotalCollimationWidth=38.4,
                TableHeight=150.0,
                GantryDetectorTilt=0.0,
                DataCollectionDiameter=500.0,
            )
        ],
        CTReconstructionSequence=[
            item(
                ReconstructionAlgorithm="FILTER_BACK_PROJ",
                ConvolutionKernel="B31f",
                ConvolutionKernelGroup="SOFT_TISSUE",
                ReconstructionFieldOfView=[360.0, 360.0],
                ReconstructionPixelSpacing=[0.7, 0.7],
                ReconstructionAngle=360.0,
                ImageFilter="NONE",
            )
        ],
        CTExposureSequence=[
            item(
                ExposureTimeInms=500.0,
                XRayTubeCurrentInmA=200.0,
                ExposureInmAs=100.0,
                ExposureModulationType="NONE",
                CTDIvol=5.0,
            )
        ],
        CTXRayDetailsSequence=[
            item(
 KVP=120.0, FocalSpots=[1.2], FilterType="NONE", FilterMaterial="ALUMINUM"
            )
        ],
        CTGeometrySequence=[item(DistanceSourceToDetector=949.0, DistanceSourceToDataCollectionCenter=541.0)],
        CTTableDynamicsSequence=[item(TableSpeed=1.0, TableFeedPerRotation=1.0, SpiralPitchFactor=1.0)],
        CTPositionSequence=[
            item(
                TablePosition=10.0,
                DataCollectionCenterPatient=[0.0, 0.0, 0.0],
                ReconstructionTargetCenterPatient=[0.0, 0.0, 0.0],
            )
        ],
        IrradiationEventIdentificationSequence=[item(IrradiationEventUID=uid("irradiation"))],
    )  # fmt: skip
    ds = _enhanced(sop.EnhancedCTImageStorage, "CT", 2, shared, kind, "HU")
    ds.PatientPosition = "HFS"
    return ds


def enhanced_mr() -> Dataset:
    """Return a multi-frame MR with functional groups."""
    kind = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    shared = item(
        MRImageFrameTypeSequence=[
            item(
                FrameType=kind,
                PixelPresentation="MONOCHROME",
                VolumetricProperties="VOLUME",
                VolumeBasedCalculationTechnique="NONE",
                ComplexImageComponent="MAGNITUDE",
                AcquisitionContrast="T1",
            )
        ]
    )
    ds = _enhanced(sop.EnhancedMRImageStorage, "MR", 2, shared, kind)
    ds.update(
        item(
            PatientPosition="HFS",
            ComplexImageComponent="MAGNITUDE",
            AcquisitionContrast="T1",
            AcquisitionNumber=1,
            ResonantNucleus="1H",
            KSpaceFiltering="NONE",
            MagneticFieldStrength=1.5,
            ApplicableSafetyStandardAgency="IEC",
            ApplicableSafetyStandardDescription="IEC 60601",
        )
    )
    return ds


def segmentation() -> Dataset:
    """Return a binary segmentation of one segment, derived from a CT slice."""
    source = reference(sop.CTImageStorage, CT_IMAGE)
    source.PurposeOfReferenceCodeSequence = [code("121322", "DCM", "Source image for image processing operation")]
    frame = item(
        FrameContentSequence=[item(DimensionIndexValues=[1, 1])],
        DerivationImageSequence=[
            item(
                DerivationCodeSequence=[code("113076", "DCM", "Segmentation")],
                SourceImageSequence=[source],
            )
        ],
        PlanePositionSequence=[item(ImagePositionPatient=["-22.4", "-22.4", "5"])],
        SegmentIdentificationSequence=[item(ReferencedSegmentNumber=1)],
    )
    tissue = code("85756007", "SCT", "Tissue")
    header = imaging(sop.SegmentationStorage, "SEG", 1, PATIENT, 1, 1, ["DERIVED", "PRIMARY"])
    del header.PatientOrientation, header.IrradiationEventUID, header.AcquisitionNumber
    own = item(
        FrameOfReferenceUID=frame_of_reference_uid(PATIENT, 1),
        PositionReferenceIndicator="SN",
        NumberOfFrames=1,
        LossyImageCompression="00",
        SegmentationType="BINARY",
        ContentLabel="SEGMENTATION",
        ContentDescription="Drawn for Adalind",
        ContentCreatorName="Reviewine^Rhea",
        SegmentSequence=[
            item(
                SegmentNumber=1,
                SegmentLabel="Lung",
                SegmentDescription="Adalind's lung",
                SegmentAlgorithmType="MANUAL",
                SegmentedPropertyCategoryCodeSequence=[tissue],
                SegmentedPropertyTypeCodeSequence=[code("39607008", "SCT", "Lung")],
            )
        ],
        ReferencedSeriesSequence=[
            item(SeriesInstanceUID=CT_SERIES, ReferencedInstanceSequence=[reference(sop.CTImageStorage, CT_IMAGE)])
        ],
        DimensionOrganizationSequence=[item(DimensionOrganizationUID=DIMENSIONS)],
        DimensionIndexSequence=[
            item(DimensionOrganizationUID=DIMENSIONS, DimensionIndexPointer=pointer, FunctionalGroupPointer=group)
            for pointer, group in ((0x0062000B, 0x0062000A), (0x00200032, 0x00209113))
        ],
        SharedFunctionalGroupsSequence=[
            item(
                PixelMeasuresSequence=[item(PixelSpacing=["0.7", "0.7"], SliceThickness="5")],
                PlaneOrientationSequence=[item(ImageOrientationPatient=IDENTITY)],
            )
        ],
        PerFrameFunctionalGroupsSequence=[frame],
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=16,
        Columns=16,
        BitsAllocated=1,
        BitsStored=1,
        HighBit=0,
        PixelRepresentation=0,
    )
    own.add_new(0x7FE00010, "OB", bytes(range(32)))
    return merged(header, own)
