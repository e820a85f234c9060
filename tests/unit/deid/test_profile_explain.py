"""What happens to an attribute, and which clause says so: explained as the engine does it."""

import pytest

from sendit.deid import (
    PROFILES,
    BadAttribute,
    Profile,
    Verdict,
    attribute_named,
    explained,
    read_profile,
    sop_class_named,
    storage_classes,
)
from sendit.deid.rules.actions import Action

CT = "1.2.840.10008.5.1.4.1.1.2"
SITE = read_profile(
    b'name = "site"\nfrom = "research"\n[attributes]\nStationName = { action = "replace", value = "CT1" }\n'
    b'"AnatomicRegionSequence.CodeMeaning" = "empty"\n[private."MINE"]\n"(0019,xx23)" = "keep"'
).profile


def verdict(attribute: str, profile: str | Profile = "research", sop_class_uid: str = CT) -> Verdict:
    found = profile if isinstance(profile, Profile) else PROFILES[profile]
    ((only, uids),) = explained(found, attribute_named(attribute), sop_class_uid).verdicts
    assert uids == (sop_class_uid,)
    return only


@pytest.mark.parametrize(
    ("attribute", "profile", "action", "clause", "reason"),
    [
        ("PatientComments", "basic", Action.REMOVE, "PS3.15 Table E.1-1", "row 'Patient Comments': Basic X"),
        ("(0010,4000)", "basic", Action.REMOVE, "PS3.15 Table E.1-1", "row 'Patient Comments': Basic X"),
        ("PatientComments", "research", Action.CLEAN, "PS3.15 E.3.5", "Basic X, clean-descriptors C"),
        ("StudyDate", "research", Action.SHIFT, "PS3.15 E.3.6", "retain-longitudinal-modified-dates C"),
        ("DateOfManufacture", "research", Action.REMOVE, "PS3.15 Table E.1-1", "the same for many patients"),
        ("PatientSex", "research", Action.KEEP, "PS3.15 E.3.7", "retain-patient-characteristics K"),
        ("FrameOfReferenceUID", "basic", Action.REMAP, "PS3.15 Table E.1-1", "Basic U"),
        ("PatientName", "basic", Action.PSEUDONYM, "PS3.15 Table E.1-1, Z", "the same in every image"),
        ("PatientIdentityRemoved", "basic", Action.MARK, "PS3.15 E.1.1", "it says what was done"),
        ("MediaStorageSOPInstanceUID", "basic", Action.REMOVE, "PS3.10 7.1", "made anew"),
        ("OverlayData", "research", Action.REMOVE, "PS3.15 Table E.1-1", "whole groups"),
        ("(60xx,3000)", "basic", Action.REMOVE, "PS3.15 Table E.1-1", "whole groups"),
        ("RescaleSlope", "strict", Action.KEEP, "sendit, outside Table E.1-1", "what the pixels are"),
        ("Manufacturer", "basic", Action.KEEP, "sendit, keep list", "the maker of a device"),
        ("KVP", "basic", Action.KEEP, "sendit, outside Table E.1-1", "DS: neither text nor UIDs"),
        ("TextValue", "basic", Action.DUMMY, "sendit, keep list", "free text of a content item"),
        ("StackID", "strict", Action.REMOVE, "sendit", "allow-list"),
        ("DimensionOrganizationUID", "basic", Action.REMAP, "PS3.15 Table E.1-1", "Basic U"),
        ("PurposeOfReferenceCodeSequence", "basic", Action.KEEP, "sendit, outside Table E.1-1", "each attribute in"),
        ("(0018,FFF2)", "basic", Action.REMOVE, "sendit, outside Table E.1-1", "PS3.6 does not know it"),
        ("GEMS_ACQU_01 (0019,xx23)", "research", Action.KEEP, "PS3.15 E.3.10", "Table Speed [mm/rotation]"),
        ("GEMS_ACQU_01 (0019,xx23)", "basic", Action.REMOVE, "PS3.15 Table E.1-1, private", "without retain-safe-priv"),
        ("MINE (0019,xx23)", "research", Action.REMOVE, "PS3.15 Table E.1-1, private", "does not list it"),
        (
            "RequestAttributesSequence.CodeValue",
            "basic",
            Action.REMOVE,
            "PS3.15 Table E.1-1",
            "it goes with",
        ),
    ],
)
def test_each_kind_of_rule_names_its_clause(
    attribute: str, profile: str, action: Action, clause: str, reason: str
) -> None:
    found = verdict(attribute, profile)
    assert found.action is action
    assert found.clause.startswith(clause)
    assert reason in found.reason


def test_an_override_is_named_with_what_would_be_done_without_it() -> None:
    found = verdict("StationName", SITE)
    assert (found.action, found.value, found.clause) == (Action.REPLACE, "CT1", "profile site")
    assert found.override == SITE.overrides[0]
    assert found.reason == "without that, row 'Station Name': Basic X/Z/D"
    assert verdict("AnatomicRegionSequence.CodeMeaning", SITE).action is Action.EMPTY
    assert verdict("ViewCodeSequence.CodeMeaning", SITE).action is Action.KEEP
    assert verdict("CodeMeaning", SITE).override is None
    assert verdict("MINE (0019,xx23)", SITE).action is Action.KEEP


def test_sop_classes_are_told_apart_where_the_type_makes_a_difference() -> None:
    found = explained(PROFILES["basic"], attribute_named("SeriesDate"))
    assert {one.action for one, _ in found.verdicts} == {Action.REMOVE, Action.DUMMY}
    assert sorted(uid for _, uids in found.verdicts for uid in uids) == sorted(["", *storage_classes()])
    assert len(explained(PROFILES["basic"], attribute_named("PatientComments")).verdicts) == 1


def test_a_sop_class_is_named_by_uid_or_keyword() -> None:
    assert sop_class_named("CTImageStorage") == CT == sop_class_named(CT)
    with pytest.raises(ValueError, match="nearest is 'CTImageStorage'"):
        sop_class_named("CTImageStorag")
    with pytest.raises(ValueError, match="there is no storage SOP class ''"):
        sop_class_named("")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PatientComents", "there is no attribute 'PatientComents'; nearest is 'PatientComments'"),
        ("", "there is no attribute ''"),
        ("....", "there is no attribute ''"),
        ("\x1b[31m", "there is no attribute '\\x1b[31m'"),
        ("(0019,1023)", "'(0019,1023)' is private: it needs its creator, and xx for the block"),
        ("GEMS_ACQU_01 (0019,1023)", "'(0019,1023)' is no private tag: spell it (gggg,xxee)"),
        ("KVP.KVP", "'KVP' is no sequence (DS); a path leads through sequences"),
    ],
)
def test_what_is_no_attribute_is_refused_with_the_nearest(text: str, message: str) -> None:
    with pytest.raises(BadAttribute) as error:
        attribute_named(text)
    assert str(error.value).startswith(message)


def test_attributes_are_named_as_they_can_be_written_again() -> None:
    for text in ("PatientComments", "RequestAttributesSequence.CodeValue", "GEMS_ACQU_01 (0019,xx23)", "OverlayData"):
        assert attribute_named(text).name == text
    assert attribute_named("(0018,FFF2)").name == "(0018,FFF2)"
