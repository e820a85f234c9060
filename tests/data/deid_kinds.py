"""Made-up objects of the SOP classes that sendit's own kinds (`tests.data.objects`) leave out, valid for dciodvfy.

They are here for what de-identification may break: Type 1 dates, references, functional groups, content trees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import uid as sop
from tests.data.deid_kinds_documents import ecg, enhanced_sr, key_object, presentation_state
from tests.data.deid_kinds_enhanced import enhanced_ct, enhanced_mr, segmentation
from tests.data.headers import PATIENT, code, imaging, item, merged, uid
from tests.data.objects import KINDS
from tests.data.pixels import pixels

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import Dataset


def xa() -> Dataset:
    """Return a multi-frame angiogram."""
    header = imaging(sop.XRayAngiographicImageStorage, "XA", 1, PATIENT, 1, 1, ("ORIGINAL", "PRIMARY", "SINGLE PLANE"))
    own = item(
        LossyImageCompression="00",
        PixelIntensityRelationship="LIN",
        KVP="80",
        RadiationSetting="GR",
        XRayTubeCurrent=300,
        ExposureTime=8,
        Exposure=2,
        PositionerMotion="STATIC",
        PositionerPrimaryAngle="0",
        PositionerSecondaryAngle="0",
        TableMotion="STATIC",
        FrameTime="66",
        FrameIncrementPointer=0x00181063,
        NumberOfFrames=2,
        RecommendedDisplayFrameRate=15,
        ImagerPixelSpacing=["0.2", "0.2"],
    )
    return merged(header, own, pixels(16, 16, bits=8, stored=8, frames=2))


def us_multiframe() -> Dataset:
    """Return a clip of ultrasound."""
    header = imaging(
        sop.UltrasoundMultiFrameImageStorage, "US", 1, PATIENT, 1, 1, ("ORIGINAL", "PRIMARY", "ABDOMINAL", "0001")
    )
    own = item(
        LossyImageCompression="00",
        TransducerData=["C5-1", "PROBE-5521", ""],
        FrameTime="40",
        FrameIncrementPointer=0x00181063,
        NumberOfFrames=2,
    )
    return merged(header, own, pixels(16, 16, bits=8, stored=8, frames=2))


def _color(sop_class: str, modality: str) -> Dataset:
    header = imaging(sop_class, modality, 1, PATIENT, 1, 1, ("ORIGINAL", "PRIMARY"))
    del header.IrradiationEventUID
    own = item(
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
        Rows=8,
        Columns=8,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
        LossyImageCompression="00",
        AcquisitionContextSequence=[],
    )
    own.add_new(0x7FE00010, "OB", bytes(range(192)))
    return merged(header, own)


def vl_photographic() -> Dataset:
    """Return a photograph."""
    return _color(sop.VLPhotographicImageStorage, "XC")


def vl_microscopic() -> Dataset:
    """Return an image of a specimen under the microscope."""
    specimen = item(
        SpecimenIdentifier="S19-3371-A",
        SpecimenUID=uid("specimen"),
        IssuerOfTheSpecimenIdentifierSequence=[],
        SpecimenPreparationSequence=[],
        SpecimenShortDescription="Lung of Adalind",
    )
    ds = _color(sop.VLMicroscopicImageStorage, "GM")
    ds.update(
        item(
            ContainerIdentifier="S19-3371",
            IssuerOfTheContainerIdentifierSequence=[],
            ContainerTypeCodeSequence=[code("433466003", "SCT", "Microscope slide")],
            SpecimenDescriptionSequence=[specimen],
        )
    )
    return ds


def vl_endoscopic() -> Dataset:
    """Return an endoscopic image."""
    return _color(sop.VLEndoscopicImageStorage, "ES")


DEID_KINDS: dict[str, Callable[[], Dataset]] = {
    **KINDS,
    "enhanced_ct": enhanced_ct,
    "enhanced_mr": enhanced_mr,
    "segmentation": segmentation,
    "xa": xa,
    "us_multiframe": us_multiframe,
    "vl_photographic": vl_photographic,
    "vl_microscopic": vl_microscopic,
    "vl_endoscopic": vl_endoscopic,
    "presentation_state": presentation_state,
    "key_object": key_object,
    "enhanced_sr": enhanced_sr,
    "ecg": ecg,
}
"""Every builder by its name."""
