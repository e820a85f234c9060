"""The attributes that say what the pixels are and where they lie: altered, they make another image of them.

Nothing that is found in them by chance changes them. Those of `REQUIRED_SOUND` are never left out either:
what cannot be kept as it is, is put right where that is certain (PS3.6 knows the VR), and else the whole
image is refused.
"""

from __future__ import annotations

from pydicom.tag import Tag

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.text import unpadded
from sendit.deid.dicom.vrs import STRING_VRS, agrees, concrete_vr
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.rules.retain import is_sound

_REQUIRED_SOUND = """
    SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns
    BitsAllocated BitsStored HighBit PixelRepresentation PixelAspectRatio
    SmallestImagePixelValue LargestImagePixelValue PixelPaddingValue PixelPaddingRangeLimit
    FloatPixelPaddingValue DoubleFloatPixelPaddingValue FloatPixelPaddingRangeLimit DoubleFloatPixelPaddingRangeLimit
    PixelSpacing ImagerPixelSpacing NominalScannedPixelSpacing SliceThickness SpacingBetweenSlices SliceLocation
    ImagePositionPatient ImageOrientationPatient ImagePositionVolume ImageOrientationVolume
    RescaleIntercept RescaleSlope RescaleType WindowCenter WindowWidth VOILUTFunction
    ModalityLUTSequence VOILUTSequence LUTDescriptor LUTData ModalityLUTType
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
    BluePaletteColorLookupTableDescriptor AlphaPaletteColorLookupTableDescriptor
    RedPaletteColorLookupTableData GreenPaletteColorLookupTableData
    BluePaletteColorLookupTableData AlphaPaletteColorLookupTableData
    SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
    SegmentedBluePaletteColorLookupTableData SegmentedAlphaPaletteColorLookupTableData
    RealWorldValueFirstValueMapped RealWorldValueLastValueMapped RealWorldValueIntercept RealWorldValueSlope
    RealWorldValueLUTData DoubleFloatRealWorldValueFirstValueMapped DoubleFloatRealWorldValueLastValueMapped
    DoseGridScaling GridFrameOffsetVector FrameIncrementPointer
"""
_GEOMETRY = """
    PatientPosition PatientOrientation Laterality ImageLaterality FrameLaterality ViewPosition
    PixelIntensityRelationship PixelIntensityRelationshipSign ScanningSequence Modality
    PresentationLUTShape PixelPresentation SpecificCharacterSet
"""
REQUIRED_SOUND = frozenset(int(Tag(keyword)) for keyword in _REQUIRED_SOUND.split())
DESCRIBING = REQUIRED_SOUND | {int(Tag(keyword)) for keyword in _GEOMETRY.split()}

_CODES = frozenset({0x00080100, 0x00080102})  # Code Value, Coding Scheme Designator: mm, ms, LN

IMAGE_TYPE = 0x00080008
IMAGE_TYPE_DESCRIBING = 2
"""So many values of Image Type say what kind of image it is (PS3.3 C.7.6.1.1.2)."""

_SAME_BYTES = frozenset({"OW", "SS", "US"})
_SINGLE = frozenset({0x00280002, 0x00280006, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103})


def may_hold_initials(tag: int, vr: str) -> bool:
    """Whether one to three letters that are also somebody's are taken for theirs: not where they are a term."""
    return vr != "CS" and tag not in DESCRIBING and tag not in _CODES


def sound_vr(tag: int, vr: str, value: bytes, codecs: tuple[str, ...]) -> str:
    """The VR that PS3.6 gives an attribute of `REQUIRED_SOUND`, if the bytes are a sound value of it.

    Raises:
        DeidError: `malformed`; without the attribute the pixels would mean something else.
    """
    expected = dictionary_vr(tag) or ""
    if not agrees(vr, expected):
        wanted = concrete_vr(expected, signed=False)
        if not ({vr, wanted} <= _SAME_BYTES or {vr, wanted} <= STRING_VRS or not value):
            raise DeidError(Refusal.MALFORMED)
        vr = wanted
    empty = not (unpadded(value) if vr in STRING_VRS else value)
    if not empty and (not is_sound(vr, value, codecs) or (tag in _SINGLE and len(value) != 2)):
        raise DeidError(Refusal.MALFORMED)
    return vr
