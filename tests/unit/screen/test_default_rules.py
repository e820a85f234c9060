"""The shipped rules: originals of known kinds pass, everything else is rejected by a named rule."""

import pytest
from pydicom import Dataset, Sequence
from pydicom.uid import UID
from tests.data import objects
from tests.data.encoding import SYNTAXES
from tests.unit.screen.headers import header_of

from sendit.deid import PROFILES
from sendit.pixels import Cleaning, Rectangle
from sendit.screen import Decision, Screen, Verdict, decision_of_file, default_rules

CT, MR, US, SC = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2", "4", "6.1", "7"))
DX, RDSR = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.88.67"
ORIGINAL = ["ORIGINAL", "PRIMARY", "AXIAL"]


def made(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in {"SOPClassUID": CT, "Modality": "CT", "ImageType": ORIGINAL, **values}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def decided(dataset: Dataset, profile: str = "research") -> Decision:
    return Screen(default_rules(), PROFILES[profile].options).decide(header_of(dataset))


def rule_for(dataset: Dataset, profile: str = "research") -> str | None:
    decision = decided(dataset, profile)
    return decision.rule if decision.verdict is Verdict.REJECT else None


@pytest.mark.parametrize("kind", ["ct", "mr", "pt", "nm", "cr", "dx", "mg", "rtplan", "rtdose", "rtstruct"])
@pytest.mark.parametrize("profile", list(PROFILES))
def test_originals_of_accepted_kinds_pass_by_the_rule_of_their_name(kind: str, profile: str) -> None:
    decision = decided(objects.KINDS[kind](), profile)
    assert (decision.verdict, decision.rule) == (Verdict.ACCEPT, kind)


def test_a_structured_report_passes_only_where_structured_content_is_cleaned() -> None:
    report = objects.KINDS["basic_text_sr"]()
    assert decided(report, "research").rule == "sr"
    assert rule_for(report, "research") is None
    assert rule_for(report, "basic") == rule_for(report, "strict") == "structured-report"


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("us", "ultrasound"),
        ("secondary_capture", "secondary-capture"),
        ("encapsulated_pdf", "burned-in-annotation"),
        ("unknown_sop_class", "not-accepted"),
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
        ({"BurnedInAnnotation": ["NO", "YES"]}, "burned-in-annotation"),
        ({"SOPClassUID": US, "Modality": "US"}, "ultrasound"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1", "Modality": "US"}, "ultrasound"),
        ({"SOPClassUID": US, "Modality": "US", "ImageType": ["DERIVED", "PRIMARY", "SCREEN"]}, "screen-save"),
        ({"SOPClassUID": US, "Modality": "IVUS"}, "ultrasound-of-another-kind"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.2", "Modality": "US"}, "ultrasound-of-another-kind"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6", "Modality": "US"}, "ultrasound-of-another-kind"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6", "Modality": "CT"}, "ultrasound-of-another-kind"),
        ({"Modality": "US"}, "ultrasound-of-another-kind"),
        ({"SOPClassUID": SC, "Modality": "OT"}, "secondary-capture"),
        ({"SOPClassUID": f"{SC}.4", "Modality": "CT"}, "secondary-capture"),
        ({"ConversionType": "WSD"}, "secondary-capture"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screen-save"),
        ({"ImageType": ["DERIVED", "SECONDARY", "OTHER", "DOSE_INFO"]}, "screen-save"),
        ({"SeriesDescription": "Dose Report"}, "screen-save"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1", "Modality": "DOC"}, "encapsulated-document"),
        ({"SOPClassUID": RDSR, "Modality": "SR"}, "dose-report"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.59", "Modality": "KO"}, "not-accepted"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1", "Modality": "PR"}, "presentation-state"),
        ({"SOPClassUID": "1.2.3.4", "Modality": "CT"}, "not-accepted"),
        ({"SOPClassUID": None}, "not-accepted"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "not-original"),
        ({"ImageType": ["DERIVED", "PRIMARY"]}, "not-original"),
        ({"ImageType": ["ORIGINAL", "SECONDARY"]}, "not-original"),
        ({"ImageType": ["PRIMARY", "ORIGINAL"]}, "not-original"),
        ({"ImageType": ["", "ORIGINAL", "PRIMARY"]}, "not-original"),
        ({"ImageType": ["MIXED", "PRIMARY"]}, "not-original"),
        ({"ImageType": None}, "not-original"),
        ({"SOPClassUID": DX, "Modality": "DX", "ImageType": ["DERIVED", "SECONDARY"]}, "not-original"),
        ({"PhotometricInterpretation": "RGB"}, "colour"),
        ({"PhotometricInterpretation": ["MONOCHROME2", "RGB"]}, "colour"),
        ({"Modality": "OT"}, "not-accepted"),
        ({"Modality": ["CT", "OT"]}, "not-accepted"),
        ({"Modality": None}, "not-accepted"),
        ({"Modality": ""}, "not-accepted"),
    ],
)
def test_what_is_rejected_and_by_which_rule(values: dict[str, object], rule: str) -> None:
    assert rule_for(made(**values)) == rule


@pytest.mark.parametrize("kind", ["rtplan", "rtstruct", "basic_text_sr"])
@pytest.mark.parametrize("keyword", ["PixelData", "FloatPixelData", "DoubleFloatPixelData"])
@pytest.mark.parametrize("described", [False, True])
def test_pixels_of_an_object_that_is_no_image_are_rejected(kind: str, keyword: str, described: bool) -> None:
    screen = Screen(default_rules(), PROFILES["research"].options)
    plain, spoilt = objects.KINDS[kind](), objects.KINDS[kind]()
    setattr(spoilt, keyword, bytes(64))
    if keyword == "PixelData":
        spoilt[keyword].VR = "OW"
    if described:
        spoilt.Rows, spoilt.Columns, spoilt.BitsAllocated, spoilt.SamplesPerPixel = 2, 16, 16, 1
    rules = [screen.decide(header_of(one)).rule for one in (plain, spoilt, plain)]
    assert rules == [rules[0], "pixels-where-none-belong", rules[0]]


@pytest.mark.parametrize("between", [" ", "", "_", "  ", "-", " - ", "."])
@pytest.mark.parametrize(
    "words", [("Screen", "Save"), ("SCREEN", "CAPTURE"), ("dose", "report"), ("Patient", "Protocol")]
)
def test_a_screen_save_is_known_whatever_stands_between_its_words(words: tuple[str, str], between: str) -> None:
    assert rule_for(made(SeriesDescription=f"a {between.join(words)}")) == "screen-save"


def region(left: int, top: int, right: int, bottom: int, form: int = 1, data: int = 1) -> Dataset:
    inner = Dataset()
    inner.RegionSpatialFormat, inner.RegionDataType = form, data
    inner.RegionLocationMinX0, inner.RegionLocationMinY0 = left, top
    inner.RegionLocationMaxX1, inner.RegionLocationMaxY1 = right, bottom
    return inner


def ultrasound(*regions: Dataset, **values: object) -> Dataset:
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "Rows": 480, "Columns": 640}
    dataset = made(SOPClassUID=US, Modality="US", ImageType=None, **colour, **values)
    dataset.SequenceOfUltrasoundRegions = Sequence(regions)
    return dataset


@pytest.mark.parametrize("burned_in", [None, "NO", "YES"])
def test_an_ultrasound_is_cleaned_outside_its_regions(burned_in: str | None) -> None:
    decision = decided(ultrasound(region(100, 60, 539, 419), region(0, 420, 99, 479), BurnedInAnnotation=burned_in))
    assert (decision.verdict, decision.rule) == (Verdict.CLEAN, "ultrasound")
    assert decision.cleanings == (Cleaning(keep=(Rectangle(100, 60, 540, 420), Rectangle(0, 420, 100, 480)), margin=2),)


@pytest.mark.parametrize(
    "regions",
    [
        [],
        [region(0, 0, 639, 479)],
        [region(0, 0, 639, 239), region(0, 240, 639, 479)],
        [region(1, 1, 639, 479)],
        [region(0, 23, 639, 479)],
        [region(0, 0, 640, 100)],
        [region(10, 10, 5, 100)],
        [region(10, 10, 50, 100), Dataset()],
        [region(0, 0, 639, 59, form=0, data=0)],
    ],
    ids=[
        "none",
        "all of the frame",
        "together all of the frame",
        "all but a border",
        "nearly all",
        "outside",
        "inverted",
        "without edges",
        "of nothing",
    ],
)
def test_an_ultrasound_whose_regions_leave_nothing_to_blank_is_rejected(regions: list[Dataset]) -> None:
    assert rule_for(ultrasound(*regions)) == "ultrasound"


def test_regions_are_those_of_each_image() -> None:
    screen = Screen(default_rules())
    images = [ultrasound(region(0, 0, 99, edge)) for edge in (10, 20, 10)]
    edges = [screen.decide(header_of(image)).cleanings[0].keep[0].bottom for image in images]
    assert edges == [11, 21, 11]


def test_an_ultrasound_of_which_a_twentieth_lies_outside_is_cleaned() -> None:
    assert decided(ultrasound(region(0, 24, 639, 479))).verdict is Verdict.CLEAN


class TestWhatTheOriginalGotWrong:
    """Its filters joined conditions without precedence, so that these passed, or were dropped without a word."""

    def test_an_mr_with_burned_in_annotation_is_rejected(self) -> None:
        mr = made(SOPClassUID=MR, Modality="MR", BurnedInAnnotation="YES")
        assert rule_for(mr) == "burned-in-annotation"

    def test_an_ultrasound_of_an_unlisted_vendor_is_rejected(self) -> None:
        us = made(SOPClassUID=US, Modality="US", Manufacturer="Nobody Knows", BurnedInAnnotation="NO")
        assert rule_for(us) == "ultrasound"

    def test_an_angiography_is_rejected_by_name(self) -> None:
        xa = made(SOPClassUID="1.2.840.10008.5.1.4.1.1.12.1", Modality="XA", BurnedInAnnotation="NO")
        assert rule_for(xa) == "not-accepted"

    def test_a_dose_report_that_says_no_burned_in_annotation_is_rejected(self) -> None:
        page = made(BurnedInAnnotation="NO", SeriesDescription="Dose Report")
        assert rule_for(page) == "screen-save"


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
    assert rule_for(made(**values)) is None


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_encoding_makes_no_difference(syntax: UID) -> None:
    for dataset, rule in ((made(BurnedInAnnotation="YES"), "burned-in-annotation"), (made(), "ct")):
        assert Screen(default_rules()).decide(header_of(dataset, syntax)).rule == rule


def test_a_directory_is_known_by_its_file_meta() -> None:
    decision = decision_of_file("1.2.840.10008.1.3.10", "")
    assert decision is not None
    assert (decision.verdict, decision.rule) == (Verdict.REJECT, "media-directory")
    assert decision_of_file(CT, CT) is None
    assert decision_of_file("", CT) is None


def test_a_file_that_names_two_sop_classes_is_rejected() -> None:
    decision = decision_of_file(SC, CT)
    assert decision is not None
    assert decision.rule == "sop-class-disagrees"


def test_a_decision_holds_no_value_of_the_header() -> None:
    decision = decided(made(Modality="DOE^JOHN", SeriesDescription="DOE DOSE REPORT"))
    assert "DOE" not in repr(decision)


def test_what_was_decided_is_remembered_by_what_the_rules_ask_for() -> None:
    screen = Screen(default_rules())
    datasets = [
        made(),
        made(BurnedInAnnotation="YES"),
        made(Modality="MR"),
        made(),
        made(SeriesDescription="Dose Report"),
    ]
    decisions = [screen.decide(header_of(dataset)).rule for dataset in (*datasets, *datasets)]
    assert decisions == ["ct", "burned-in-annotation", "not-accepted", "ct", "screen-save"] * 2


def test_an_attribute_that_came_as_a_sequence_is_not_taken_for_an_empty_one() -> None:
    hiding = made()
    hiding.add_new(0x00280301, "SQ", Sequence([Dataset()]))
    for order in ((made(BurnedInAnnotation=""), hiding), (hiding, made(BurnedInAnnotation=""))):
        screen = Screen(default_rules())
        found = {one is hiding: screen.decide(header_of(one)).verdict for one in order}
        assert found == {True: Verdict.REJECT, False: Verdict.ACCEPT}


@pytest.mark.parametrize("text", [b"\0YES", b"NO\0YES "])
def test_what_stands_behind_a_nul_counts_too(text: bytes) -> None:
    dataset = made()
    dataset.add_new(0x00280301, "UN", text)
    assert rule_for(dataset) == "burned-in-annotation"


def test_an_ultrasound_of_which_nothing_would_be_left_is_rejected() -> None:
    assert rule_for(ultrasound(region(0, 0, 0, 0))) == "ultrasound"
