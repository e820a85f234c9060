"""%header: what becomes of each action and each way to name attributes."""

import tomllib

import pytest

from sendit.deid import LARGEST_FILE, PROFILES, read_profile
from sendit.recipes import Imported, RecipeError, imported


def of(*lines: str, groups: str = "") -> Imported:
    return imported("\n".join(["FORMAT dicom", groups, "%header", *lines]).encode(), "deid.site")


def attributes(found: Imported) -> dict[str, object]:
    content: dict[str, object] = tomllib.loads(found.profile).get("attributes", {})
    return content


def said(found: Imported) -> str:
    return "\n".join(remark.sentence for remark in found.remarks)


@pytest.mark.parametrize(
    ("line", "keyword", "action"),
    [
        ("REMOVE PatientComments", "PatientComments", "remove"),
        ("REMOVE patientcomments", "PatientComments", "remove"),
        ("REMOVE (0010,4000)", "PatientComments", "remove"),
        ("REMOVE 00104000 # with a comment", "PatientComments", "remove"),
        ("BLANK StudyDescription", "StudyDescription", "empty"),
        ("KEEP BodyPartExamined", "BodyPartExamined", "keep"),
        ("REPLACE StationName CT 1 # one", "StationName", {"action": "replace", "value": "CT 1"}),
        ("REMOVE RequestAttributesSequence__ScheduledProcedureStepID",
         "RequestAttributesSequence.ScheduledProcedureStepID", "remove"),
    ],
)  # fmt: skip
def test_an_action_on_one_attribute_is_carried_over(line: str, keyword: str, action: object) -> None:
    found = of(line)
    assert attributes(found) == {keyword: action}
    assert found.left == ()


def test_a_private_attribute_is_known_by_its_creator() -> None:
    found = of('KEEP (0033,"MITRA OBJECT UTF8 ATTRIBUTES 1.0",1E)', 'REMOVE 0019,"A: B/C",10', "REMOVE (0019,1023)")
    assert tomllib.loads(found.profile)["private"] == {
        "MITRA OBJECT UTF8 ATTRIBUTES 1.0": {"(0033,xx1E)": "keep"},
        "A: B/C": {"(0019,xx10)": "remove"},
    }
    (left,) = found.left
    assert "needs its creator" in left.sentence
    assert left.line == 6


@pytest.mark.parametrize(
    ("line", "some", "but_not"),
    [
        ("REMOVE endswith:Time", {"StudyTime", "ScheduledProcedureStepStartTime"}, "TimezoneOffsetFromUTC"),
        ("BLANK startswith:PatientTelephone", {"PatientTelephoneNumbers"}, "PatientName"),
        ("REMOVE contains:Trial", {"ClinicalTrialSiteID"}, "PatientSex"),
        ("REMOVE contains:Trial|Occup", {"ClinicalTrialSiteID", "Occupation"}, "PatientSex"),
        ("REMOVE contains:^Clinical.rial", {"ClinicalTrialSiteID"}, "PatientSex"),
        ("BLANK select:VR:TM", {"StudyTime"}, "StudyDate"),
        ("REMOVE select:group:0032", {"RequestingPhysician"}, "StudyDate"),
        ("REMOVE contains:(0032", {"RequestingPhysician"}, "StudyDate"),
    ],
)
def test_a_pattern_is_looked_for_in_the_dictionary(line: str, some: set[str], but_not: str) -> None:
    found = of(line)
    if "(" in line:
        assert "regular expression" in said(found)
        return
    assert some <= set(attributes(found))
    assert but_not not in attributes(found)


def test_what_a_pattern_fits_and_no_profile_decides_on_is_named() -> None:
    found = of("REMOVE contains:UID")
    sentences = "\n".join(remark.sentence for remark in found.left)
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        assert keyword in sentences
        assert keyword not in attributes(found)
    assert attributes(found)["FrameOfReferenceUID"] == "remove"


@pytest.mark.parametrize(
    ("lines", "action"),
    [
        (("REMOVE StudyComments", "KEEP StudyComments"), "keep"),
        (("KEEP StudyComments", "BLANK StudyComments", "REPLACE StudyComments x"), "keep"),
        (("REMOVE StudyComments", "BLANK StudyComments"), "remove"),
        (("BLANK StudyComments", "REMOVE StudyComments"), "remove"),
        (("REMOVE contains:Comments", "REPLACE StudyComments x"), {"action": "replace", "value": "x"}),
        (("REPLACE StudyComments x", "REMOVE StudyComments"), {"action": "replace", "value": "x"}),
        (("REPLACE StudyComments x", "BLANK StudyComments"), "empty"),
        (("BLANK StudyComments", "REPLACE StudyComments x"), {"action": "replace", "value": "x"}),
        (("BLANK StudyComments", "REPLACE StudyComments var:x"), "empty"),
        (("REMOVE StudyComments", "ADD StudyComments func:x"), "remove"),
        (("REMOVE StudyComments", "ADD StudyComments x"), {"action": "replace", "value": "x"}),
        (("KEEP StudyComments", "ADD StudyComments var:x"), "empty"),
    ],
)
def test_several_lines_on_one_attribute_work_as_in_deid(lines: tuple[str, ...], action: object) -> None:
    assert attributes(of(*lines))["StudyComments"] == action


def test_dates_are_moved_by_days_of_our_own() -> None:
    found = of("REMOVE endswith:Date", "JITTER StudyDate 31", "JITTER SeriesDate var:jitter", "JITTER Modality 1")
    assert attributes(found)["StudyDate"] == attributes(found)["SeriesDate"] == "shift"
    assert attributes(found)["ContentDate"] == "remove"
    notes = [remark for remark in found.remarks if "days are not the recipe's" in remark.sentence]
    assert [(note.line, note.carried) for note in notes] == [(5, True), (6, True), (7, True)]
    (left,) = found.left
    assert left.line == 7
    assert "shift moves dates" in left.sentence


def test_a_date_that_many_patients_share_is_not_moved() -> None:
    found = of("JITTER CalibrationDate 31")
    assert attributes(found) == {}
    assert "would tell how far their dates are moved" in found.left[0].sentence


def test_weaker_than_the_standard_is_said() -> None:
    found = of("KEEP PatientComments")
    assert found.left == ()
    assert "every image will say that its profile is weaker" in said(found)
    assert read_profile(found.profile.encode()).profile.weaker


def test_no_identifier_is_kept() -> None:
    found = of("KEEP PatientID")
    assert attributes(found) == {}
    assert "allow_identifiers" in found.left[0].sentence


def test_keeping_what_always_stays_is_carried_over() -> None:
    found = of("KEEP Rows", "KEEP PixelData")
    assert found.left == ()
    assert attributes(found) == {}


@pytest.mark.parametrize("field", ["ALL", "allfields", "except:Manufacturer|Modality"])
def test_removing_everything_starts_from_strict_and_says_what_stays(field: str) -> None:
    found = of(f"REMOVE {field}", "KEEP KVP")
    assert tomllib.loads(found.profile)["from"] == "strict"
    assert attributes(found) == {"KVP": "keep"}
    assert "what the kind of object requires" in found.left[0].sentence


@pytest.mark.parametrize("other", ["REPLACE PatientComments x", "BLANK PatientComments", "JITTER PatientComments 1"])
def test_the_line_that_keeps_is_named_though_it_comes_later(other: str) -> None:
    found = of(other, "KEEP PatientComments")
    assert attributes(found) == {"PatientComments": "keep"}
    (weaker,) = [remark for remark in found.remarks if "PS3.15" in remark.sentence]
    (first,) = [remark.line for remark in of("KEEP PatientComments").remarks if "PS3.15" in remark.sentence]
    assert (weaker.line, weaker.sentence.startswith("KEEP")) == (first + 1, True)


@pytest.mark.parametrize("line", ["KEEP ALL", "REPLACE ALL x", "ADD ALL func:x", "JITTER ALL 1", "KEEP except:Patient"])
def test_nothing_else_is_said_of_everything(line: str) -> None:
    found = of(line)
    assert tomllib.loads(found.profile)["from"] == "research"
    assert attributes(found) == {}
    assert len(found.left) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ADD PatientIdentityRemoved YES", "is written by sendit"),
        ("ADD ClinicalTrialSiteName A", "never added"),
        ("ADD StudyID func:x", "func:x comes from a programme; nothing is added"),
        ("ADD contains:Date 1", "chosen by a pattern"),
        ("REPLACE AccessionNumber var:id", "var:id comes from a programme"),
        ("REPLACE FrameOfReferenceUID deid_func:pydicom_uuid prefix=1", "it is replaced by another UID"),
        ("REPLACE PatientAge 10", "'10' is no value of VR AS; it is emptied"),
        ("REMOVE ALL func:is_name", "on a condition"),
        ("REMOVE StudyID func:x", "on a condition"),
        ("REMOVE values:patient", "chosen by their values"),
        ("REMOVE fields:nobody", "there is no %fields 'nobody'"),
        ("REMOVE jitter", "there is no attribute 'jitter'"),
        ("REMOVE PatientsName", "nearest is 'PatientName'"),
        ("REMOVE (0040,0275)__0__(0040,0009)", "one item of a sequence"),
        ("REMOVE allexcept:Date", "no way to choose attributes"),
        ("REMOVE contains:(a+)+$", "regular expression"),
        ("REMOVE contains:a|", "fits everything"),
        ("REMOVE contains:.", "attributes fit, and at most"),
        ("REMOVE contains:Zebra", "no attribute of PS3.6 fits"),
        ("REMOVE select:colour:red", "neither VR:XX nor group:GGGG"),
        ("REMOVE", "REMOVE names no field"),
        ("REPLACE StudyID", "REPLACE StudyID has no value"),
        ("RENAME StudyID x", "'RENAME' is no action of %header"),
        ("LABEL x", "'LABEL' is no action of %header"),
        ("KEEP OverlayData", "clean-graphics"),
    ],
)
def test_what_cannot_be_carried_over_is_named_with_its_line(line: str, words: str) -> None:
    found = of("KEEP Rows", line)
    assert [remark.line for remark in found.left] == [5]
    assert words in found.left[0].sentence


def test_what_deid_passed_over_is_carried_over_with_a_note() -> None:
    found = of("remove StudyComments")
    assert attributes(found) == {"StudyComments": "remove"}
    assert "in capitals alone" in said(found)


def test_a_group_of_fields_is_all_its_lines() -> None:
    groups = "%fields patient\nFIELD PatientComments\nFIELD startswith:OtherPatient\n%fields all\nFIELD ALL\n%fields no"
    found = of("REMOVE fields:patient", groups=groups)
    assert {"PatientComments", "OtherPatientNames", "OtherPatientIDs"} <= set(attributes(found))
    assert found.left == ()
    assert "which is no list" in of("REMOVE fields:all", groups=groups).left[0].sentence
    assert "is empty" in of("REMOVE fields:no", groups=groups).left[0].sentence


def test_labels_and_stray_lines_are_named() -> None:
    found = imported(b"KEEP Rows\n%labels\nADD Kind x\n%filter blacklist\ncontains Modality CT\n", "x")
    assert [remark.line for remark in found.left] == [1, 3, 5]


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"x" * (LARGEST_FILE + 1), 1, "at most"),
        (b"FORMAT dicom\n\xff", 2, "not UTF-8"),
        (b"FORMAT dicom\n%header\nKEEP \0", 3, "control character"),
        (b"FORMAT dicom\n%header\nKEEP \x1b[31m", 3, "control character"),
        (b"FORMAT nifti\n", 1, "only FORMAT dicom"),
        (b"\n%headers\n", 2, "nearest is 'header'"),
        (b"%filter\n", 1, "has a name"),
        (b"%header\n" + b"KEEP " + b"x" * 4_000, 2, "at most 4000 characters"),
        (b"\n" * 10_001, 10_001, "at most 10000 lines"),
        (b"%header\n" + b"KEEP contains:x\n" * 501, 502, "at most 500 patterns"),
        (b"%filter x\n" + b"LABEL x\n" * 2_001, 2_002, "at most 2000 labels"),
        (b"%filter x\nLABEL x\n" + b"+ missing Rows\n" * 501, 503, "at most 500 lines of criteria"),
    ],
)
def test_what_is_no_recipe_is_refused_with_its_line(data: bytes, line: int, words: str) -> None:
    with pytest.raises(RecipeError) as refused:
        imported(data, "x")
    assert refused.value.line == line
    assert words in refused.value.reason


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("deid.dicom", "deid-dicom"),
        ("research", "research-2"),
        ("Größe", "groe"),
        ("…", "recipe"),
        ("a" * 80, "a" * 40),
    ],
)
def test_the_profile_is_named_after_the_file(file_name: str, name: str) -> None:
    found = imported(b"FORMAT dicom", file_name)
    assert found.name == name
    read = read_profile(found.profile.encode()).profile
    assert (read.name, read.options) == (name, PROFILES["research"].options)


@pytest.mark.parametrize("text", [b"", b"\n# a comment\n", b"Dear colleague,\nthis is no recipe at all.\n"])
def test_what_is_no_recipe_is_refused(text: bytes) -> None:
    with pytest.raises(RecipeError, match="neither FORMAT dicom nor a section"):
        imported(text, "letter.txt")
