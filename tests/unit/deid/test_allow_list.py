from __future__ import annotations

import pytest
from pydicom.datadict import tag_for_keyword
from tests.data.deid_objects import BASE, deidentified, element, instance, read_back, sequence

from sendit.deid.rules.compiled import Level, rules_for
from sendit.deid.rules.describing import DESCRIBING
from sendit.deid.rules.profile import PROFILES

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
UNKNOWN = "1.2.3.4"


def tag(keyword: str) -> int:
    found = tag_for_keyword(keyword)
    assert found is not None
    return found


def strict(sop_class: str, *path: str) -> Level:
    level = rules_for(PROFILES["strict"], sop_class).top
    for keyword in path:
        level = level.child(tag(keyword))
    return level


HOW_IT_WAS_MADE = [
    "KVP", "SliceThickness", "ConvolutionKernel", "SpacingBetweenSlices", "RepetitionTime", "EchoTime", "FlipAngle",
    "RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "PatientPosition", "PixelSpacing",
    "ImageOrientationPatient", "BodyPartExamined", "ExposureTime", "Manufacturer", "Modality", "Rows",
]  # fmt: skip


@pytest.mark.parametrize("keyword", HOW_IT_WAS_MADE)
@pytest.mark.parametrize("sop_class", [CT, ENHANCED_CT, DX, UNKNOWN])
def test_what_says_how_the_image_was_made_stays_in_every_class(sop_class: str, keyword: str) -> None:
    assert strict(sop_class).allows(tag(keyword))


@pytest.mark.parametrize(
    "keyword",
    [
        "SoftwareVersions",
        "PatientBodyMassIndex",
        "DetectorTimeSinceLastExposure",
        "TypeOfPatientID",
        "RequestingServiceCodeSequence",
        "PrivateDataElementCharacteristicsSequence",
        "ExposuresOnDetectorSinceManufactured",
        "RTImageLabel",
        "SubjectLocation",
    ],
)
def test_what_no_iod_asks_for_and_no_reader_needs_goes(keyword: str) -> None:
    assert not strict(CT).allows(tag(keyword))
    assert rules_for(PROFILES["basic"], CT).top.allows(tag(keyword))


def test_what_one_iod_asks_for_another_does_not() -> None:
    groups = tag("SharedFunctionalGroupsSequence")
    assert strict(ENHANCED_CT).allows(groups)
    assert not strict(CT).allows(groups)
    assert not strict(UNKNOWN).allows(groups)
    assert strict(ENHANCED_CT).allows(tag("SoftwareVersions"))  # Type 1 there


def test_inside_a_sequence_the_iod_asks_for_other_attributes() -> None:
    frame_content = ("PerFrameFunctionalGroupsSequence", "FrameContentSequence")
    assert strict(ENHANCED_CT, *frame_content).allows(tag("DimensionIndexValues"))
    assert not strict(ENHANCED_CT).allows(tag("DimensionIndexValues"))
    assert not strict(ENHANCED_CT, *frame_content).allows(tag("SoftwareVersions"))


@pytest.mark.parametrize("keyword", ["CodeValue", "CodingSchemeDesignator", "CodeMeaning"])
def test_code_of_a_sequence_that_stays_stays(keyword: str) -> None:
    assert strict(UNKNOWN, "AnatomicRegionSequence").allows(tag(keyword))


def test_what_describes_the_pixels_is_always_allowed() -> None:
    for sop_class in (CT, UNKNOWN):
        assert all(strict(sop_class, "IconImageSequence").allows(one) for one in DESCRIBING)


def test_strict_object_holds_what_its_iod_and_its_pixels_need_and_no_more() -> None:
    code = element(0x00080100, "SH", "T-D1100") + element(0x00080102, "SH", "SRT") + element(0x00080104, "LO", "Head")
    given = (
        element(0x00180060, "DS", "120"),
        element(0x00181210, "SH", "B30f"),
        element(0x00181020, "LO", "VB20"),
        element(0x00101022, "DS", "31.5"),
        element(0x00181271, "FD", bytes(8)),
        element(0x00187012, "DS", "17.5"),
        sequence(0x00082218, code + element(0x00181020, "LO", "VB20")),
        sequence(0x00081032, code),
    )
    strict_one = read_back(deidentified(instance(*given), "strict")[1])
    basic_one = read_back(deidentified(instance(*given), "basic")[1])
    assert (strict_one.KVP, strict_one.ConvolutionKernel) == (120, "B30f")
    region = strict_one.AnatomicRegionSequence[0]
    assert (region.CodeValue, region.CodeMeaning) == ("T-D1100", "Head")
    gone = ("SoftwareVersions", "PatientBodyMassIndex", "DetectorTimeSinceLastExposure", "ProcedureCodeSequence")
    for keyword in gone:
        assert keyword in basic_one
        assert keyword not in strict_one
    assert "SoftwareVersions" in basic_one.AnatomicRegionSequence[0]
    assert "SoftwareVersions" not in region
    enhanced = instance(*given, base=BASE | {0x00080016: ("UI", ENHANCED_CT)})
    assert read_back(deidentified(enhanced, "strict")[1]).SoftwareVersions == "VB20"
