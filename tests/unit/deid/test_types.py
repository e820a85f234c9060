from __future__ import annotations

import re

import pytest
from tools.standard.types_from_highdicom import merged, modules, places_of

from sendit.deid.rules.actions import Action
from sendit.deid.rules.tables import RESOLVED, rows, table
from sendit.deid.rules.types import (
    OPTIONAL,
    REQUIRED_ALL_THE_SAME,
    iod_of,
    is_compound,
    required_all_the_same,
    resolved,
    type_of,
)

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
MR = "1.2.840.10008.5.1.4.1.1.4"
PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"
TWELVE_LEAD_ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"
WAVEFORM_PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.9.100.1"

COMPOUND = sorted({row["Basic Prof."] for row in rows().values() if is_compound(row["Basic Prof."])})
LEGAL = {
    "1": {Action.DUMMY, Action.REMAP},
    "1C": {Action.DUMMY, Action.REMAP},
    "2": {Action.EMPTY, Action.DUMMY, Action.REMAP},
    "2C": {Action.EMPTY, Action.DUMMY, Action.REMAP},
    OPTIONAL: {Action.REMOVE, Action.EMPTY, Action.DUMMY, Action.REMAP},
}
CHOICES = {
    # "a zero length value, or a non-zero length value that may be a dummy value"
    "X/Z": {Action.REMOVE, Action.EMPTY, Action.DUMMY},
    "X/D": {Action.REMOVE, Action.DUMMY},
    "Z/D": {Action.EMPTY, Action.DUMMY},
    "X/Z/D": {Action.REMOVE, Action.EMPTY, Action.DUMMY},
    "X/Z/U*": {Action.REMOVE, Action.EMPTY, Action.REMAP},
}


@pytest.mark.parametrize("kind", LEGAL)
@pytest.mark.parametrize("cell", COMPOUND)
def test_choice_is_one_of_the_row_and_legal_for_the_type(cell: str, kind: str) -> None:
    assert resolved(cell, kind) in CHOICES[cell] & LEGAL[kind]


@pytest.mark.parametrize(
    ("cell", "kind", "action"),
    [
        ("X/Z", "1", "dummy"), ("X/Z", "1C", "dummy"), ("X/Z", "2", "empty"), ("X/Z", "2C", "empty"),
        ("X/Z", "3", "remove"),
        ("X/D", "1", "dummy"), ("X/D", "2", "dummy"), ("X/D", "3", "remove"),
        ("Z/D", "1", "dummy"), ("Z/D", "2C", "empty"), ("Z/D", "3", "dummy"),
        ("X/Z/D", "1C", "dummy"), ("X/Z/D", "2", "empty"), ("X/Z/D", "3", "remove"),
        ("X/Z/U*", "1", "remap"), ("X/Z/U*", "1C", "remap"), ("X/Z/U*", "2", "remap"), ("X/Z/U*", "3", "remove"),
    ],
)  # fmt: skip
def test_compound_action_follows_the_type(cell: str, kind: str, action: str) -> None:
    assert resolved(cell, kind) == action


@pytest.mark.parametrize(
    ("cell", "action"), [("X/Z", "empty"), ("X/D", "dummy"), ("Z/D", "dummy"), ("X/Z/D", "dummy"), ("X/Z/U*", "remap")]
)
def test_compound_action_of_an_unknown_type_is_the_safe_one(cell: str, action: str) -> None:
    assert resolved(cell, None) == action


@pytest.mark.parametrize("cell", ["X", "Z", "D", "U"])
def test_simple_action_is_the_same_for_every_type(cell: str) -> None:
    assert {resolved(cell, kind) for kind in (*LEGAL, None)} == {RESOLVED[cell]}


@pytest.mark.parametrize(
    ("sop_class", "path", "tag", "kind"),
    [
        (CT, (), 0x00080023, "2C"),  # Content Date
        (ENHANCED_CT, (), 0x00080023, "1"),
        (CT, (), 0x00181000, OPTIONAL),  # Device Serial Number
        (ENHANCED_CT, (), 0x00181000, "1"),
        (CT, (), 0x00081110, OPTIONAL),  # Referenced Study Sequence
        (CT, (), 0x00100020, "2"),
        (CT, (), 0x0040A032, OPTIONAL),  # Observation DateTime, no part of the IOD
        (BASIC_TEXT_SR, (), 0x00081111, "2"),  # Referenced Performed Procedure Step Sequence
        (TWELVE_LEAD_ECG, (), 0x0040B020, "1"),  # Waveform Annotation Sequence, of a module that may be absent
        (CT, (0x00081072,), 0x00080080, "1C"),  # Institution Name of an operator
        (CT, (0x00400275, 0x00081072), 0x00080080, "1C"),  # by the immediate parent
        (CT, (0x00081072, 0x00400275), 0x00080080, OPTIONAL),
        ("1.2.3", (), 0x00080023, None),
        ("", (), 0x00080023, None),
        (WAVEFORM_PRESENTATION_STATE, (), 0x00080080, None),  # modules are missing, and one might ask for it
        (WAVEFORM_PRESENTATION_STATE, (), 0x00100020, "2"),
    ],
)
def test_type_of_an_attribute(sop_class: str, path: tuple[int, ...], tag: int, kind: str | None) -> None:
    assert type_of(sop_class, path, tag) == kind


def test_no_type_is_known_where_a_module_of_the_iod_is_not() -> None:
    for iod in table("types.json")["incomplete"]:
        (sop_class, *_) = (uid for uid, name in table("types.json")["sop_classes"].items() if name == iod)
        assert {type_of(sop_class, path, 0x00700086) for path in ((), (0x00081072,))} == {None}
    assert type_of(PRESENTATION_STATE, (), 0x00181000) == OPTIONAL


@pytest.mark.parametrize(
    ("sop_class", "path", "tag", "action"),
    [
        (BASIC_TEXT_SR, (0x0040A370,), 0x00401001, "empty"),  # Requested Procedure ID
        (BASIC_TEXT_SR, (0x00400275, 0x0040A370), 0x00401001, "empty"),
        (BASIC_TEXT_SR, (0x0040A370, 0x00400275), 0x00401001, None),
        (BASIC_TEXT_SR, (), 0x00401001, None),
        (PRESENTATION_STATE, (), 0x00700082, "dummy"),  # Presentation Creation Date
        (PRESENTATION_STATE, (), 0x00700083, "dummy"),  # and Time
        (PRESENTATION_STATE, (0x00700001,), 0x00700083, None),
        (CT, (), 0x00700082, None),
        ("", (), 0x00700082, None),
        (PRESENTATION_STATE, (), 0x00081030, None),
    ],
)
def test_attribute_that_the_table_removes_and_the_iod_requires(
    sop_class: str, path: tuple[int, ...], tag: int, action: str | None
) -> None:
    assert required_all_the_same(sop_class, path, tag) == action


def test_what_is_required_all_the_same_is_removed_by_the_table_and_leaves_no_value() -> None:
    for tag, (_, _, action, reason) in REQUIRED_ALL_THE_SAME.items():
        assert rows()[tag]["Basic Prof."] == "X"
        assert action in {Action.EMPTY, Action.DUMMY}
        assert "PS3.3" in reason


def test_types_name_their_source_and_are_only_of_compound_rows() -> None:
    content = table("types.json")
    assert content["highdicom"] in content["source"]
    compound = {f"{tag:08X}" for tag, row in rows().items() if is_compound(row["Basic Prof."])}
    tags = {tag for places in content["iods"].values() for place in places.values() for tag in place}
    assert tags <= compound
    assert {kind for places in content["iods"].values() for place in places.values() for kind in place.values()} <= {
        "1", "1C", "2", "2C",
    }  # fmt: skip
    assert set(content["incomplete"]) <= set(content["iods"]) == set(content["sop_classes"].values())
    assert all(re.fullmatch(r"1\.2\.840\.10008\.[0-9.]+", uid) for uid in content["sop_classes"])


def test_image_classes_are_known() -> None:
    assert iod_of(CT) == "ct-image"
    assert iod_of(MR) == "mr-image"
    assert iod_of("1.2.3") is None
    assert len(table("types.json")["sop_classes"]) >= 170


def test_extraction_takes_the_strictest_type_of_an_attribute_in_its_parent() -> None:
    first = places_of(
        [
            {"keyword": "Modality", "type": "1", "path": []},
            {"keyword": "InstitutionName", "type": "3", "path": []},
            {"keyword": "CodeValue", "type": "1C", "path": ["ViewCodeSequence"]},
            {"keyword": "CodeValue", "type": "2", "path": ["AnatomicRegionSequence", "ViewCodeSequence"]},
            {"keyword": "OverlayRows", "type": "1", "path": []},
            {"keyword": "ImageDisplayFormat", "type": "None", "path": []},
        ]
    )
    assert first == {"": {0x00080060: "1"}, "00540220": {0x00080100: "1C"}}
    second = places_of(
        [
            {"keyword": "InstitutionName", "type": "2C", "path": []},
            {"keyword": "CodeValue", "type": "1", "path": ["ViewCodeSequence"]},
        ]
    )
    both = {"": {0x00080060: "1", 0x00080080: "2C"}, "00540220": {0x00080100: "1"}}
    assert merged([first, second]) == merged([second, first]) == both
    content = modules({"an-iod": ["a", "b"]}, {"a": first, "b": second})
    assert content["lists"] == ["00080060", "00080100", "00080080"]
    assert content["modules"] == {"a": {"": 0, "00540220": 1}, "b": {"": 2, "00540220": 1}}
