"""The objects that the bench measures with, headed as a scanner in service heads them: invented from end to end.

The complete headers of `tests.data` without what registration desks leave empty, and with what they lack: values
that differ from slice to slice, makers' private blocks, dose, functional groups. Same arguments, same bytes.
"""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from pydicom import uid as sop
from tests.data import objects
from tests.data.headers import PATIENT, Patient, code, frame_of_reference_uid, imaging, item, reference, uid
from tests.data.pixels import IDENTITY, pixels

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_RARE = (
    "IssuerOfAccessionNumberSequence", "ConsultingPhysicianName", "PhysiciansOfRecord", "AdmittingDiagnosesDescription",
    "IssuerOfPatientID", "TypeOfPatientID", "PatientBirthTime", "PatientBirthName", "PatientMotherBirthName",
    "MilitaryRank", "CountryOfResidence", "RegionOfResidence", "Occupation", "SmokingStatus",
    "PatientReligiousPreference", "PatientComments", "PatientInstitutionResidence", "OtherPatientNames",
    "ImageComments",
)  # fmt: skip
_FAMILIES = ("Brundlewick", "Oversloot", "Nakatomiya", "Quennevall", "Tarrasque", "Ystradgyn", "Zelenkova", "Imaginaro")
_GIVEN = ("Adalind", "Benedikta", "Corentin", "Dragomir", "Eulalie")
_MINUTE = 60
BANNER = 80
"""Rows above the region of the ultrasound clip."""


def patient(number: int) -> Patient:
    """Return the n-th of as many invented patients as are asked for."""
    family, given = _FAMILIES[number % len(_FAMILIES)], _GIVEN[number // len(_FAMILIES) % len(_GIVEN)]
    return replace(
        PATIENT,
        name=f"{family}{'abcdefghij'[number // 40 % 10]}^{given}^^Dr",
        id=f"MRN-{7730915 + 7919 * number}",
        birth_date=f"19{40 + number % 50}{1 + number % 12:02d}{1 + number % 28:02d}",
        sex="FM"[number % 2],
        accession=f"ACC-{5519023 + 104729 * number}"[:16],
        study_date=f"2019{1 + number % 12:02d}{1 + number * 5 % 28:02d}",
    )


def ct(instance: int, whose: Patient = PATIENT, *, side: int = 512) -> Dataset:
    """Return one CT slice: about 170 elements at the top and 60 in sequences, 16 bits a pixel."""
    ds = objects.ct(instance, patient=whose, rows=2, columns=2)
    _thin(ds)
    _vary(ds, instance, whose)
    ds.update(
        item(
            XRayTubeCurrent=180 + instance * 7 % 60,
            Exposure=90 + instance * 3 % 30,
            WindowCenter=[str(40 + instance % 3), "-600"],
            WindowWidth=[str(400 + instance % 5), "1500"],
            WindowCenterWidthExplanation=["MEDIASTINUM", "LUNG"],
            SpiralPitchFactor=0.984,
            SingleCollimationWidth=0.625,
            TotalCollimationWidth=40.0,
            TableSpeed=78.7,
            TableFeedPerRotation=39.4,
            RevolutionTime=0.5,
            CTDIvol=7.5 + instance % 10 / 10,
            CTDIPhantomTypeCodeSequence=[code("113691", "DCM", "IEC Body Dosimetry Phantom")],
            ExposureModulationType="XYZ_EC",
            EstimatedDoseSaving=22.5,
            FocalSpots=["1.2"],
            GeneratorPower="24",
            ReconstructionTargetCenterPatient=[0.0, -12.5, instance * 5.0],
            DataCollectionCenterPatient=[0.0, 0.0, instance * 5.0],
            SmallestImagePixelValue=0,
            LargestImagePixelValue=4095,
            LossyImageCompression="00",
            SourceImageSequence=[reference(sop.CTImageStorage, uid(whose.id, "source", instance))],
            AnatomicRegionSequence=[code("51185008", "SCT", "Chest")],
            RequestingPhysician=whose.referring,
        )
    )
    draw = random.Random(instance)  # noqa: S311  noise, not secrets
    for group, creator, count in (
        (0x0009, "GEMS_IDEN_01", 8),
        (0x0043, "GEMS_PARM_01", 24),
        (0x0027, "GEMS_IMAG_01", 8),
    ):
        _private(ds, group, creator, count, draw)
    ds.update(pixels(2, 2, stored=16))
    ds.Rows, ds.Columns, ds.PixelData = side, side, _noise(instance, side * side * 2)
    return ds


def mr(instance: int, whose: Patient = PATIENT) -> Dataset:
    """Return one MR slice: 300 private elements, two of them binary headers of 100 kB, and private sequences."""
    ds = objects.mr(instance, patient=whose, rows=2, columns=2)
    _thin(ds)
    _vary(ds, instance, whose)
    draw = random.Random(instance)  # noqa: S311
    _private(ds, 0x0019, "SIEMENS MR HEADER", 24, draw)
    _private(ds, 0x0051, "SIEMENS MR HEADER", 20, draw)
    _private(ds, 0x2001, "Philips Imaging DD 001", 90, draw)
    _private(ds, 0x2005, "Philips MR Imaging DD 001", 120, draw)
    block = ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    for offset, kind in ((0x10, "IMAGE NUM 4"), (0x20, "MR")):
        block.add_new(offset - 8, "CS", kind)
        block.add_new(offset - 7, "LO", "20190607")
        block.add_new(offset, "OB", _csa(instance + offset, 100_000))
    nested = ds.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
    for offset in (0x02, 0x83):
        nested.add_new(offset, "SQ", [_private_item(draw, whose) for _ in range(3)])
    ds.update(pixels(2, 2, stored=16))
    ds.Rows, ds.Columns, ds.PixelData = 256, 256, _noise(instance, 256 * 256 * 2)
    return ds


def enhanced_ct(frames: int, whose: Patient = PATIENT, *, side: int = 512) -> Dataset:
    """Return an Enhanced CT: shared functional groups, and 14 elements in the per-frame groups of each frame."""
    ds = imaging(sop.EnhancedCTImageStorage, "CT", 1, whose, 1, 1, ("ORIGINAL", "PRIMARY", "VOLUME", "NONE"))
    _thin(ds)
    ds.update(
        item(
            FrameOfReferenceUID=frame_of_reference_uid(whose, 1),
            PositionReferenceIndicator="SN",
            NumberOfFrames=frames,
            PixelPresentation="MONOCHROME",
            VolumetricProperties="VOLUME",
            VolumeBasedCalculationTechnique="NONE",
            PresentationLUTShape="IDENTITY",
            LossyImageCompression="00",
            BurnedInAnnotation="NO",
            AcquisitionDuration=12.5,
            DimensionOrganizationSequence=[item(DimensionOrganizationUID=uid(whose.id, "dimensions"))],
            SharedFunctionalGroupsSequence=[_shared()],
            PerFrameFunctionalGroupsSequence=[_of_frame(frame, whose) for frame in range(frames)],
        )
    )
    ds.update(pixels(2, 2, stored=16))
    ds.Rows, ds.Columns, ds.PixelData = side, side, _noise(0, side * side * 2) * frames
    return ds


def ultrasound(frames: int, whose: Patient = PATIENT) -> Dataset:
    """Return an ultrasound clip in colour, 1024 × 768, whose one region leaves a banner of 80 rows."""
    ds = imaging(sop.UltrasoundMultiFrameImageStorage, "US", 1, whose, 1, 1, ("ORIGINAL", "PRIMARY", "ABDOMINAL"))
    region = item(
        RegionSpatialFormat=1,
        RegionDataType=1,
        RegionFlags=0,
        RegionLocationMinX0=0,
        RegionLocationMinY0=BANNER,
        RegionLocationMaxX1=1023,
        RegionLocationMaxY1=767,
        PhysicalUnitsXDirection=3,
        PhysicalUnitsYDirection=3,
        PhysicalDeltaX=0.02,
        PhysicalDeltaY=0.02,
    )
    ds.update(item(NumberOfFrames=frames, FrameTime="40", FrameIncrementPointer=0x00181063, LossyImageCompression="00"))
    ds.update(pixels(2, 2, bits=8, stored=8))
    ds.SequenceOfUltrasoundRegions = [region]
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
    ds.Rows, ds.Columns, ds.PixelData = 768, 1024, _noise(0, 1024 * 768 * 3) * frames
    return ds


def with_elements(wanted: int, whose: Patient = PATIENT) -> Dataset:
    """Return a CT of hardly any pixels with so many elements, those of its per-frame groups counted."""
    ds = objects.ct(1, patient=whose, rows=16, columns=16)
    if wanted <= count(ds):
        needed = {*range(0x00080005, 0x00080061), 0x00100010, 0x00100020, 0x0020000D, 0x0020000E, 0x7FE00010}
        for spare in [tag for tag in ds.keys() if tag not in needed and tag >> 16 != 0x0028]:  # noqa: SIM118
            if count(ds) <= wanted:
                break
            del ds[spare]
        return ds
    each = count(_of_frame(0, whose))
    ds.PerFrameFunctionalGroupsSequence = [_of_frame(frame, whose) for frame in range((wanted - count(ds)) // each)]
    return ds


def count(ds: Dataset) -> int:
    """Return how many elements a dataset holds at all its levels."""
    return sum(1 + (sum(count(inner) for inner in one.value) if one.VR == "SQ" else 0) for one in ds)


def _thin(ds: Dataset) -> None:
    for keyword in _RARE:
        if keyword in ds:
            del ds[keyword]
    for group in (0x0019, 0x0029):
        for tag in [tag for tag in ds.keys() if tag >> 16 == group]:  # noqa: SIM118
            del ds[tag]


def _vary(ds: Dataset, instance: int, whose: Patient) -> None:
    """Give the slice its own position, times and radiation event, as the scanner that counts on does."""
    minute, second = 20 + instance // _MINUTE % 30, instance % _MINUTE
    position = f"{instance * 1.25 - 160.5:.4f}"
    ds.SliceLocation = position
    ds.ImagePositionPatient = ["-179.6484375", "-171.3", position]
    ds.InstanceCreationTime = f"08{minute + 1:02d}{second:02d}.{instance % 1000:03d}"
    ds.AcquisitionTime = f"08{minute:02d}{second:02d}.{instance * 7 % 1000:03d}"
    ds.ContentTime = f"08{minute:02d}{second:02d}.{instance * 13 % 1000:03d}"
    ds.AcquisitionDateTime = f"{whose.study_date}{ds.AcquisitionTime}"


def _private(ds: Dataset, group: int, creator: str, count: int, draw: random.Random) -> None:
    """Add a maker's block of numbers and short texts, some the same in each slice and some not."""
    block = ds.private_block(group, creator, create=True)
    for offset in range(count):
        vr = ("DS", "IS", "LO", "FL", "SS", "SH", "UL", "CS")[offset % 8]
        values: dict[str, object] = {
            "DS": f"{draw.random() * 1000:.6f}",
            "IS": str(draw.randrange(10_000)),
            "LO": f"value {offset} of {creator[:12]}",
            "FL": float(offset) + 0.5,
            "SS": draw.randrange(-1000, 1000),
            "SH": f"K{draw.randrange(1000)}",
            "UL": draw.randrange(1 << 30),
            "CS": "NORMAL",
        }
        block.add_new(offset + 1, vr, values[vr])


def _private_item(draw: random.Random, whose: Patient) -> Dataset:
    inner = item(StudyDate=whose.study_date, PatientID=whose.id, SeriesDescription="Axial")
    _private(inner, 0x2005, "Philips MR Imaging DD 005", 12, draw)
    return inner


def _csa(seed: int, length: int) -> bytes:
    """Return what looks like a CSA header: named, counted fields of text, then a protocol in plain words."""
    fields = bytearray(b"SV10\4\3\2\1" + struct.pack("<II", 96, 77))
    for number in range(96):
        name = f"FieldOfScanner{number}".encode().ljust(64, b"\0")
        fields += name + struct.pack("<i4siii", 1, b"DS\0\0", 6, 6, 77)
        for _ in range(6):
            fields += struct.pack("<iiii", 12, 12, 77, 12) + f"{seed * number % 9973:.6f}"[:12].encode().ljust(
                12, b"\0"
            )
    text = "".join(
        f"sSliceArray.asSlice[{n}].sPosition.dTra\t = \t{n * 1.3 - seed:.4f}\n" for n in range(2000)
    ).encode()
    return (bytes(fields) + b"### ASCCONV BEGIN ###\n" + text).ljust(length, b"\0")[:length]


def _shared() -> Dataset:
    return item(
        PixelMeasuresSequence=[item(PixelSpacing=["0.7", "0.7"], SliceThickness="1.25")],
        PlaneOrientationSequence=[item(ImageOrientationPatient=IDENTITY)],
        FrameAnatomySequence=[
            item(FrameLaterality="U", AnatomicRegionSequence=[code("51185008", "SCT", "Chest")]),
        ],
        PixelValueTransformationSequence=[
            item(RescaleIntercept="-1024", RescaleSlope="1", RescaleType="HU"),
        ],
    )


def _of_frame(frame: int, whose: Patient) -> Dataset:
    moment = f"{whose.study_date}0820{frame // 10 % 60:02d}.{frame % 1000:03d}"
    return item(
        FrameContentSequence=[
            item(
                FrameAcquisitionDateTime=moment,
                FrameReferenceDateTime=moment,
                FrameAcquisitionDuration=500.0,
                StackID="1",
                InStackPositionNumber=frame + 1,
                DimensionIndexValues=[1, frame + 1],
            )
        ],
        PlanePositionSequence=[item(ImagePositionPatient=["-179.6", "-171.3", f"{frame * 1.25:.2f}"])],
        FrameVOILUTSequence=[item(WindowCenter=str(40 + frame % 3), WindowWidth="400")],
        IrradiationEventIdentificationSequence=[item(IrradiationEventUID=uid(whose.id, "irradiation"))],
    )


def _noise(seed: int, length: int) -> bytes:
    return random.Random(seed).randbytes(length)  # noqa: S311
