"""A profile file at work: each action through the public face, as `sendit profile show` explains it."""

import io
from typing import Any

import pytest
from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]
from pydicom.dataset import Dataset
from tests.data.deid_objects import BASE, CT_STORAGE, KEYS, element, instance, read_back, sequence

from sendit.deid import PROFILES, DeidError, Place, Profile, attribute_named, deidentify, explained, read_profile
from sendit.deid.rules.actions import Action
from sendit.deid.rules.compiled import Rules
from sendit.deid.rules.explain import verdict

NUMBER_OF_FRAMES = 0x00280008
COMMENTS = element(0x00104000, "LT", "head ct of nobody special")


def site(text: str, base: str = "research", head: str = "") -> Profile:
    return read_profile(f'name = "site"\nfrom = "{base}"\n{head}\n{text}'.encode()).profile


def used(profile: Profile, *extra: bytes) -> Dataset:
    sink = io.BytesIO()
    report = deidentify(io.BytesIO(instance(*extra)), sink, profile=profile, keys=KEYS, identify=KEYS.identifiers)
    assert (report.profile, report.profile_digest) == ("site", profile.digest)
    return read_back(sink.getvalue())


@pytest.mark.parametrize(
    ("action", "expected", "removed"),
    [
        ("keep", "head ct of nobody special", "NO"),
        ("clean", "head ct of", "YES"),
        ("empty", "", "YES"),
        ("dummy", "REMOVED", "YES"),
        ("remove", None, "YES"),
    ],
)
def test_each_action_is_done_as_it_is_explained(action: str, expected: str | None, removed: str) -> None:
    profile = site(f'[attributes]\nPatientComments = "{action}"')
    dataset = used(profile, COMMENTS)
    assert dataset.get("PatientComments") == expected
    assert dataset.PatientIdentityRemoved == removed
    ((verdict, _),) = explained(profile, attribute_named("PatientComments"), CT_STORAGE).verdicts
    assert verdict.action == action


def test_a_hash_is_the_same_for_the_same_value_and_tells_nothing_of_it() -> None:
    profile = site('[attributes]\nPatientComments = "hash"')
    first, again = used(profile, COMMENTS).PatientComments, used(profile, COMMENTS).PatientComments
    other = used(profile, element(0x00104000, "LT", "another")).PatientComments
    assert first == again != other
    assert len(first) == 14


def test_replace_puts_the_users_own_text() -> None:
    profile = site('[attributes]\nStationName = { action = "replace", value = "CT1" }')
    assert used(profile, element(0x00081010, "SH", "STAT7")).StationName == "CT1"


def test_a_path_is_meant_there_alone() -> None:
    profile = site('[attributes]\n"AnatomicRegionSequence.CodeMeaning" = "empty"')
    ours = codes_of(0x00082218)
    other = codes_of(0x00540220)
    dataset = used(profile, ours, other)
    assert dataset.AnatomicRegionSequence[0].CodeMeaning == ""
    assert dataset.ViewCodeSequence[0].CodeMeaning == "Head"


def codes_of(tag: int) -> bytes:
    return sequence(tag, element(0x00080104, "LO", "Head"))


def test_a_private_attribute_is_kept_by_its_creator_whatever_its_block() -> None:
    profile = site('[private."MINE"]\n"(0019,xx23)" = "keep"')
    for block in (0x10, 0x42):
        creator = element(0x00190000 | block, "LO", "MINE")
        value = element(0x00190023 | block << 8, "DS", "1.5")
        dataset: Any = used(profile, creator, value, element(0x00190024 | block << 8, "DS", "2.5"))
        assert dataset[0x0019, block << 8 | 0x23].value == 1.5
        assert (0x0019, block << 8 | 0x24) not in dataset
    assert (0x0019, 0x1023) not in used(profile, element(0x00190010, "LO", "YOURS"), element(0x00191023, "DS", "1.5"))


def test_ids_stay_only_where_a_profile_says_so_by_name() -> None:
    profile = site('[attributes]\nPatientID = "keep"', head="allow_identifiers = true")
    dataset = used(profile)
    assert dataset.PatientID == "PAT-4711"
    assert dataset.PatientName != dataset.PatientID
    assert dataset.PatientIdentityRemoved == "NO"
    assert "DeidentificationMethodCodeSequence" not in dataset


VALUES = {
    "AE": "AETX", "AS": "045Y", "CS": "ABC", "DA": "20200102", "DS": "1.5", "DT": "20200102101010", "IS": "7",
    "LO": "zork quux", "LT": "zork quux", "PN": "Zork^Quux", "SH": "zork", "ST": "zork quux", "TM": "101010",
    "UC": "zork", "UI": "1.2.3.4.5", "UR": "http://zork", "UT": "zork",
}  # fmt: skip
EVERY = 7
"""So many attributes apart are those that are tried."""


@pytest.mark.thorough
@pytest.mark.parametrize("name", sorted(PROFILES))
def test_what_is_explained_is_what_is_done(name: str) -> None:
    profile, rules = PROFILES[name], Rules(PROFILES[name], CT_STORAGE)
    known = [(tag, *entry[:2]) for tag, entry in sorted(DicomDictionary.items()) if entry[0] in VALUES]
    tried = [one for one in known if one[0] >> 16 > 2 and one[0] not in {*BASE, NUMBER_OF_FRAMES}][::EVERY]
    for tag, vr, multiplicity in tried:
        least = int(multiplicity[0]) if multiplicity[0].isdigit() else 1
        data = instance(element(tag, vr, "\\".join([VALUES[vr]] * max(least, 1))))
        report = deidentify(io.BytesIO(data), io.BytesIO(), profile=profile, keys=KEYS, identify=KEYS.identifiers)
        done = dict(report.attributes).get(Place(tag).name, "keep")
        said = verdict(rules, Place(tag))
        expected = {said.action, said.fallback} | ({Action.KEEP} if said.action is Action.STRUCTURE else set())
        assert done in expected, (Place(tag).name, vr, done, said)
    assert len(tried) > 300


def test_a_private_value_of_any_stated_vr_is_kept_by_name_and_its_creator_with_it() -> None:
    profile = site('[private."MAKER 1"]\n"(0029,xx10)" = "keep"\n"(0029,xx11)" = "keep"')
    dataset = used(
        profile,
        element(0x00290010, "LO", "MAKER 1"),
        element(0x00291010, "US", b"\7\0"),
        element(0x00291011, "OB", b"\1\2\3\4"),
        element(0x00291012, "US", b"\7\0"),
    )
    assert [(int(one.tag), one.value) for one in dataset if one.tag.is_private] == [
        (0x00290010, "MAKER 1"),
        (0x00291010, 7),
        (0x00291011, b"\1\2\3\4"),
    ]


def test_a_private_binary_value_that_holds_the_patient_makes_the_image_an_error() -> None:
    profile = site('[private."MAKER 1"]\n"(0029,xx10)" = "keep"')
    with pytest.raises(DeidError) as raised:
        used(profile, element(0x00290010, "LO", "MAKER 1"), element(0x00291010, "OB", b"\0Wunderlich\0"))
    assert raised.value.code == "gate_identifier_left"
