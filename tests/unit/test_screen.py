"""The minimal screen: originals of accepted kinds pass, everything else is rejected by a named rule."""

import pytest
from pydicom import Dataset
from tests.data import objects

from sendit.screen import screen, screen_file

CT, US, SC = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.7"


ORIGINAL = ["ORIGINAL", "PRIMARY", "AXIAL"]
DX = "1.2.840.10008.5.1.4.1.1.1.1"


def header(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in {"SOPClassUID": CT, "Modality": "CT", "ImageType": ORIGINAL, **values}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def rule_for(dataset: Dataset) -> str | None:
    rejection = screen(dataset)
    return rejection.rule if rejection else None


@pytest.mark.parametrize("kind", ["ct", "mr", "pt", "nm", "cr", "dx", "mg", "rtplan", "rtdose", "rtstruct"])
def test_originals_of_accepted_kinds_pass(kind: str) -> None:
    assert rule_for(objects.KINDS[kind]()) is None


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("us", "ultrasound"),
        ("basic_text_sr", "structured-report"),
        ("unknown_sop_class", "sop-class-not-accepted"),
    ],
)
def test_kinds_that_may_show_or_hold_names_are_rejected_by_their_rule(kind: str, rule: str) -> None:
    assert rule_for(objects.KINDS[kind]()) == rule


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"BurnedInAnnotation": "YES"}, "burned-in-annotation"),
        ({"BurnedInAnnotation": "yes "}, "burned-in-annotation"),
        ({"BurnedInAnnotation": "MAYBE"}, "burned-in-annotation"),
        (
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR", "BurnedInAnnotation": "YES"},
            "burned-in-annotation",
        ),
        ({"SOPClassUID": US, "Modality": "US"}, "ultrasound"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1", "Modality": "US"}, "ultrasound"),
        ({"Modality": "US"}, "ultrasound"),
        ({"SOPClassUID": SC, "Modality": "OT"}, "secondary-capture"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.4", "Modality": "CT"}, "secondary-capture"),
        ({"ConversionType": "WSD"}, "secondary-capture"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screen-save"),
        ({"ImageType": ["DERIVED", "SECONDARY", "OTHER", "DOSE_INFO"]}, "screen-save"),
        ({"SeriesDescription": "Dose Report"}, "screen-save"),
        ({"BurnedInAnnotation": "NO", "SeriesDescription": "Dose Report"}, "screen-save"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1", "Modality": "DOC"}, "encapsulated-document"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.67", "Modality": "SR"}, "structured-report"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.12.1", "Modality": "XA"}, "sop-class-not-accepted"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1", "Modality": "PR"}, "sop-class-not-accepted"),
        ({"SOPClassUID": "1.2.3.4", "Modality": "CT"}, "sop-class-not-accepted"),
        ({"SOPClassUID": None}, "sop-class-not-accepted"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "not-original"),
        ({"ImageType": ["DERIVED", "PRIMARY"]}, "not-original"),
        ({"ImageType": ["ORIGINAL", "SECONDARY"]}, "not-original"),
        ({"ImageType": ["MIXED", "PRIMARY"]}, "not-original"),
        ({"ImageType": None}, "not-original"),
        ({"SOPClassUID": DX, "Modality": "DX", "ImageType": ["DERIVED", "SECONDARY"]}, "not-original"),
        ({"PhotometricInterpretation": "RGB"}, "colour"),
        ({"Modality": "OT"}, "modality-not-accepted"),
        ({"Modality": None}, "modality-not-accepted"),
        ({"Modality": ""}, "modality-not-accepted"),
    ],
)
def test_what_is_rejected_and_by_which_rule(values: dict[str, object], rule: str) -> None:
    assert rule_for(header(**values)) == rule


def test_a_directory_is_known_by_its_file_meta() -> None:
    rejection = screen_file("1.2.840.10008.1.3.10", "")
    assert rejection is not None
    assert rejection.rule == "media-directory"
    assert screen_file(CT, CT) is None
    assert screen_file("", CT) is None


def test_a_file_that_names_two_sop_classes_is_rejected() -> None:
    rejection = screen_file(SC, CT)
    assert rejection is not None
    assert rejection.rule == "sop-class-disagrees"


@pytest.mark.parametrize(
    "values",
    [
        {"BurnedInAnnotation": "NO"},
        {"BurnedInAnnotation": ""},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"SOPClassUID": DX, "Modality": "DX", "ImageType": ["DERIVED", "PRIMARY"]},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "Modality": "CR", "ImageType": None},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.5", "Modality": "RTPLAN", "ImageType": None},
    ],
)
def test_what_says_no_or_nothing_passes(values: dict[str, object]) -> None:
    assert rule_for(header(**values)) is None


def test_a_reason_holds_no_value_of_the_header() -> None:
    rejection = screen(header(Modality="DOE^JOHN"))
    assert rejection is not None
    assert "DOE" not in rejection.reason + rejection.rule
