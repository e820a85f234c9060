"""A user's profile file: what it may say, and that every mistake is refused on its line."""

import pickle
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sendit.deid import PROFILES, ProfileFile, TomlError, read_profile
from sendit.deid.rules.actions import Action
from sendit.deid.rules.options import Option
from sendit.deid.rules.profile import Override

WHOLE = """\
# what site A asks for = [
name = "site-a"
from = "research"          # basic | research | strict
add = [
  "retain-device-identity",
]
without = ["clean-descriptors"]

[attributes] # by keyword, tag or path
PatientComments = "remove"
"(0018,1030)" = "clean"
StationName = { action = "replace", value = "CT1" }
"ReferencedImageSequence.PurposeOfReferenceCodeSequence" = "empty"
[private."GEMS_ACQU_01"]
"(0019,xx23)" = "keep"
"""
HEAD = 'name = "site-a"\nfrom = "basic"\n'


def read(text: str) -> ProfileFile:
    return read_profile(text.encode())


def test_a_file_starts_from_a_built_in_profile_and_overrides_it() -> None:
    found = read(WHOLE)
    profile = found.profile
    assert profile.name == "site-a"
    assert set(profile.options) == {*PROFILES["research"].options, Option.RETAIN_DEVICE_IDENTITY} - {
        Option.CLEAN_DESCRIPTORS
    }
    assert profile.overrides == (
        Override(0x00104000, Action.REMOVE),
        Override(0x00181030, Action.CLEAN),
        Override(0x00081010, Action.REPLACE, value="CT1"),
        Override(0x0040A170, Action.EMPTY, path=(0x00081140,)),
        Override(0x00190023, Action.KEEP, creator="GEMS_ACQU_01"),
    )
    assert [line for _, line in found.lines] == [10, 11, 12, 13, 15]
    assert found.line_of(profile.overrides[2]) == 12


def test_strict_gives_its_allow_list_along() -> None:
    assert read('name = "s"\nfrom = "strict"').profile.allow_list


def test_a_profile_travels_to_other_processes_and_can_be_a_key() -> None:
    profile = read(WHOLE).profile
    copy = pickle.loads(pickle.dumps(profile))  # noqa: S301
    assert copy == profile
    assert hash(copy) == hash(profile)
    assert copy.digest == profile.digest
    error = pickle.loads(pickle.dumps(TomlError(7, "wrong")))  # noqa: S301
    assert (error.line, str(error)) == (7, "line 7: wrong")


def test_the_digest_tells_names_options_overrides_and_values_apart() -> None:
    variants = [
        WHOLE,
        WHOLE.replace("site-a", "site-b"),
        WHOLE.replace("CT1", "CT2"),
        WHOLE.replace('"remove"', '"empty"'),
        WHOLE.replace("without", "# without"),
        WHOLE.replace('"ReferencedImageSequence.Pur', '"SourceImageSequence.Pur'),
        WHOLE.replace("GEMS_ACQU_01", "GEMS_ACQU_02"),
        WHOLE.replace("xx23", "xx24"),
    ]
    assert len({read(text).profile.digest for text in variants}) == len(variants)
    assert read(WHOLE).profile.digest == read(WHOLE.replace("# by keyword", "# in any way")).profile.digest


def test_line_ends_of_another_system_and_a_byte_order_mark_are_understood() -> None:
    data = b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode()
    assert read_profile(data) == read(WHOLE)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "site-a"\n', "\n", 'line 1: a profile needs a name = "…"'),
        ('"site-a"', '"Site A"', "line 2: 'Site A' is no name: 1 to 40 of a-z, 0-9 and -"),
        ('"site-a"', '"research"', "line 2: 'research' is the name of a built-in profile"),
        ('"site-a"', "7", "line 2: name is a text in quotes"),
        ("from =", "# from =", "line 1: a profile starts from a built-in one"),
        ('"research" ', '"resaerch" ', "line 3: there is no built-in profile 'resaerch'; nearest is 'research'"),
        ("without", "wihtout", "line 7: a profile has no 'wihtout'; nearest is 'without'"),
        ('["clean-descriptors"]', '"clean-descriptors"', "line 7: without is a list of options"),
        ('["clean-descriptors"]', "[7]", "line 7: without is a list of options in quotes"),
        ("retain-device-identity", "retain-device-id", "line 5: there is no option 'retain-device-id'; nearest is"),
        ('identity",', 'identity", "retain-device-identity"', "line 5: retain-device-identity is here a second time"),
        ("retain-device-identity", "clean-graphics", "line 5: research has clean-graphics already"),
        ('"clean-descriptors"', '"retain-uids"', "line 7: research is without retain-uids already"),
        ("retain-device-identity", "retain-longitudinal-full-dates", "line 5: dates are either moved or kept in full"),
        ("[attributes]", "[atributes]", "line 9: a profile has no 'atributes'; nearest is 'attributes'"),
        (
            "PatientComments",
            "PatientComents",
            "line 10: there is no attribute 'PatientComents'; nearest is 'PatientComm",
        ),
        (
            "PatientComments",
            "patientcomments",
            "line 10: there is no attribute 'patientcomments'; nearest is 'PatientC",
        ),
        ("PatientComments", "(0010,4000)", "line 10: this is not TOML: invalid statement; tags and paths are spelled"),
        ("(0018,1030)", "(0010,4000)", "line 11: PatientComments is here a second time; first as 'PatientComments'"),
        ("(0018,1030)", "(0018,1031)", "line 11: PS3.6 knows no attribute (0018,1031)"),
        ("(0018,1030)", "(0019,1030)", "line 11: '(0019,1030)' is private: it needs its creator"),
        ("(0018,1030)", "Modality.CodeValue", "line 11: 'Modality' is no sequence"),
        ("(0018,1030)", ".".join(["ContentSequence"] * 31), "line 11: a path has at most 30 parts"),
        ('"remove"', '"remoev"', "line 10: there is no action 'remoev'; nearest is 'remove'"),
        ('"remove"', '"pseudonym"', "line 10: there is no action 'pseudonym'"),
        ('"remove"', "true", "line 10: PatientComments needs an action in quotes: keep, remove, empty"),
        ('"remove"', '{ action = "remove", value = "x" }', "line 10: remove takes no value"),
        ('"remove"', '{ action = "replace", value = 7 }', "line 10: the value of replace is a text in quotes"),
        ('"remove"', '"replace"', "line 10: replace needs a value: { action"),
        ('value = "CT1"', 'valeu = "CT1"', "line 12: an action has no 'valeu'; nearest is 'value'"),
        ('"(0018,1030)"', "ContentSequence.TextValue", "line 11: an action has no 'TextValue'; a path of sequences is"),
        ('"CT1"', '"CT1 of the third floor"', "line 12: 'CT1 of the third floor' is no value of VR SH"),
        ('"CT1"', '""', "line 12: replace needs a value that is not empty; empty is an action of its own"),
        ('"CT1"', '"CTé"', "line 12: a value is of printable ASCII characters"),
        ('"CT1"', r'"C\\T"', "line 12: 2 values where PS3.6 wants 1"),
        ('[private."GEMS_ACQU_01"]', "[private]", 'line 15: private attributes stand below their creator: [private."C'),
        ('[private."GEMS_ACQU_01"]', '[private.""]', "line 15: '' is no private creator"),
        ("(0019,xx23)", "(0019,1023)", "line 15: '(0019,1023)' is no private tag: spell it (gggg,xxee)"),
        ("(0019,xx23)", "(0018,xx23)", "line 15: '(0018,xx23)' is not private: a private group is odd"),
        ('"keep"', '"hash"', "line 15: only its maker knows a private attribute's VR"),
        ('name = "site-a"', 'name = "site-a', "line 2: this is not TOML"),
        ('name = "site-a"', 'allow_identifiers = "yes"\nname = "a"', "line 2: allow_identifiers is true or false"),
        (
            "[attributes]",
            '[attributes]\nPatientComments = "keep"',
            "line 11: this is not TOML: cannot overwrite a value",
        ),
    ],
)
def test_a_mistake_is_refused_with_its_line_and_the_way_out(old: str, new: str, message: str) -> None:
    assert old in WHOLE
    with pytest.raises(TomlError) as error:
        read(WHOLE.replace(old, new, 1))
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("attribute", "action", "reason"),
    [
        ("StudyDescription", "shift", "StudyDescription is LO: shift moves dates: DA, DT or TM"),
        ("StudyDescription", "remap", "StudyDescription is LO: remap gives UIDs: UI"),
        ("FrameOfReferenceUID", "dummy", "FrameOfReferenceUID is UI: the dummy of a UID is a new one; say remap"),
        ("KVP", "hash", "KVP is DS: hash needs a text that can hold it"),
        ("KVP", "clean", "KVP is DS: clean works on descriptive text"),
        ("OperatorsName", "clean", "OperatorsName is PN: clean works on descriptive text"),
        ("ContentSequence", "clean", "ContentSequence is SQ: clean works on descriptive text"),
        ("ContentSequence", "hash", "ContentSequence is SQ: hash needs a text"),
        ("PatientID", "hash", "PatientID becomes a pseudonym, which links a patient's images; it can only be kept"),
        ("PatientName", "remove", "PatientName becomes a pseudonym"),
        ("PatientName", "keep", "PatientName identifies: keeping it takes allow_identifiers = true"),
        ("PatientIdentityRemoved", "keep", "PatientIdentityRemoved says what was done, and is written by sendit"),
        ("DeidentificationMethodCodeSequence", "remove", "DeidentificationMethodCodeSequence says what was done"),
        ("LongitudinalTemporalInformationModified", "empty", "LongitudinalTemporalInformationModified says what was"),
        ("SOPClassUID", "keep", "SOP Class UID says what the object is"),
        ("SOPInstanceUID", "keep", "SOP Instance UID is the object's name in OUT, and always replaced"),
        ("StudyInstanceUID", "keep", "Study Instance UID is a part of the object's place in OUT; option retain-uids"),
        (
            "SeriesInstanceUID",
            "remap",
            "Series Instance UID is a part of the object's place in OUT; option retain-uids",
        ),
        ("SpecificCharacterSet", "remove", "SpecificCharacterSet says how the texts are to be read"),
        ("RescaleSlope", "remove", "RescaleSlope says what the pixels are: another value would make another image"),
        ("Rows", "empty", "Rows says what the pixels are"),
        ("PixelData", "keep", "PixelData is pixel data, which is never altered"),
        ("OverlayData", "keep", "curves and overlays go or stay as whole groups, by the option clean-graphics"),
        ("(6002,3000)", "keep", "curves and overlays go or stay as whole groups"),
        ("MediaStorageSOPInstanceUID", "keep", "File Meta Information is made anew for every object"),
        ("DataSetTrailingPadding", "keep", "DataSetTrailingPadding is of a group that never stays"),
    ],
)
def test_what_no_profile_may_ask_for_is_refused_with_the_reason(attribute: str, action: str, reason: str) -> None:
    with pytest.raises(TomlError) as error:
        read(f'{HEAD}[attributes]\n"{attribute}" = "{action}"')
    assert str(error.value).startswith(f"line 4: {reason}")


def test_names_and_ids_are_kept_only_by_whoever_says_so() -> None:
    profile = read(f'{HEAD}allow_identifiers = true\n[attributes]\nPatientID = "keep"').profile
    assert profile.overrides == (Override(0x00100020, Action.KEEP),)
    assert profile.weaker


@pytest.mark.parametrize(
    ("attribute", "action"),
    [
        ("ContentSequence", "keep"),
        ("ContentSequence", "empty"),
        ("ContentSequence", "remove"),
        ("StudyDate", "shift"),
        ("AcquisitionDateTime", "shift"),
        ("StudyTime", "shift"),
        ("OperatorsName", "hash"),
        ("FrameOfReferenceUID", "remap"),
        ("ImageComments", "clean"),
        ("KVP", "dummy"),
    ],
)
def test_what_an_attribute_can_bear_is_accepted(attribute: str, action: str) -> None:
    (override,) = read(f'{HEAD}[attributes]\n{attribute} = "{action}"').profile.overrides
    assert override.action == action


@pytest.mark.parametrize(
    ("attribute", "good", "bad"),
    [
        ("PatientBirthDate", ["19000101", "20240229"], ["1900", "20230229", "1900-01-01", "00000101"]),
        ("StudyTime", ["12", "1230", "123059", "123059.123456"], ["24", "12:30", "123", "123059."]),
        ("AcquisitionDateTime", ["2024", "202402", "20240229120000.5+0100"], ["20240230", "2024-02", "2024+1500"]),
        ("PatientAge", ["045Y", "003M"], ["45Y", "045y", "45"]),
        ("PatientSex", ["O", "OTHER"], ["o", "A" * 17]),
        ("KVP", ["120", "-1.5e3", ".5"], ["120 kV", "1" * 17, "nan", "inf"]),
        ("SeriesNumber", ["7", "-2147483648"], ["7.5", "2147483648", "9" * 13]),
        ("FrameOfReferenceUID", ["1.2.3"], ["1.02", "1..2", "1." * 32 + "1", "abc"]),
        ("OperatorsName", ["DOE^JOHN", "A=B=C"], ["A=B=C=D", "X" * 65]),
        ("InstitutionName", ["Site A", "A" * 64], ["A" * 65, "   "]),
        ("PixelSpacingCalibrationDescription", ["x"], ["A" * 65]),
        ("OtherPatientIDs", [r"A\\B", "A"], [r"A\\"]),
        ("ImageComments", [r"a\\b c"], []),
        ("StationAETitle", ["ANY"], ["A" * 17, r"A\\B"]),
        ("SegmentLabel", ["liver"], ["li\\tver"]),
    ],
)
def test_replace_takes_a_legal_value_alone(attribute: str, good: list[str], bad: list[str]) -> None:
    def text(value: str) -> str:
        return f'{HEAD}[attributes]\n{attribute} = {{ action = "replace", value = "{value}" }}'

    for value in good:
        (override,) = read(text(value)).profile.overrides
        assert override.value == value.replace("\\\\", "\\")
    for value in bad:
        with pytest.raises(TomlError, match="line 4: "):
            read(text(value))


def test_replace_is_for_texts() -> None:
    for attribute in ("ContentSequence", "RecommendedDisplayFrameRateInFloat", "ICCProfile"):
        with pytest.raises(TomlError, match="line 4"):
            read(f'{HEAD}[attributes]\n"{attribute}" = {{ action = "replace", value = "1" }}')


def test_the_same_attribute_at_another_level_is_another() -> None:
    text = f'{HEAD}[attributes]\nTextValue = "remove"\n"ContentSequence.TextValue" = "clean"\n'
    assert len(read(text).profile.overrides) == 2


def test_lines_are_found_behind_texts_of_several_lines() -> None:
    text = 'name = """\\\n   site-a"""\nx = 1\n'
    with pytest.raises(TomlError, match="line 3: a profile has no 'x'"):
        read(text)
    inline = f'{HEAD}\n\nattributes = {{ PatientComments = "remove",  KVP = "shift" }}'
    with pytest.raises(TomlError, match="line 5: KVP is DS"):
        read(inline)
    dotted = f"{HEAD}\n# [x]\nattributes.KVP = 'shift' # = ["
    with pytest.raises(TomlError, match="line 5: KVP is DS"):
        read(dotted)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line 1: a profile needs a name"),
        (b"a = 1\n\xff", "line 2: this is not UTF-8"),
        (b"#" * 1_000_001, "line 1: a file has at most 1000000 bytes"),
        (b"a = " + b"[" * 100_000, "line 1: this is nested too deep"),
        (b"\n" + b"a." * 400_000 + b"b = 1", "line 2: a line has at most 100 dots"),
        (b"# " + b"." * 200 + b"\na = 1", "line 2: a profile has no 'a'"),
        (b"a = " + b"9" * 100_000, "line 1: this is not TOML"),
        (b"a = 2024-02-31", "line 1: this is not TOML"),
        (b"\n\na = \x00", "line 3: this is not TOML"),
        (b'name = "a"\n[[attributes]]', "line 1: a profile starts from"),
        (b'name = "a"\nfrom = "basic"\n[[attributes]]', "line 3: attributes is a table"),
        (
            b'name = "a"\nfrom = "basic"\n[attributes]\n"' + b"x" * 500_000 + b'" = "keep"',
            "line 4: there is no attribute",
        ),
    ],
    ids=[
        "empty",
        "utf-8",
        "large",
        "deep",
        "dotted",
        "a line of dots",
        "digits",
        "no day",
        "nul",
        "array",
        "array of tables",
        "long key",
    ],
)
def test_hostile_texts_are_refused_like_any_other(data: bytes, message: str) -> None:
    with pytest.raises(TomlError) as error:
        read_profile(data)
    assert str(error.value).startswith(message)
    assert len(str(error.value)) < 400


SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from([*Action, *Option, *PROFILES, "PatientComments", "(0010,4000)", "GEMS_ACQU_01", "(0019,xx23)"]),
)
KEYS = st.one_of(
    st.sampled_from(
        ["name", "from", "add", "without", "attributes", "private", "allow_identifiers", "action", "value"]
    ),
    st.sampled_from(["PatientComments", "StudyDate", "ContentSequence.TextValue", "(0018,1030)", "(0019,xx23)"]),
    st.text(max_size=8),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(str(key))} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(toml(inner) for inner in value) + "]"
    if isinstance(value, str):
        escaped = "".join(f"\\U{ord(c):08x}" if c in '"\\' or not c.isprintable() else c for c in value)
        return f'"{escaped}"'
    return repr(value)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_toml_is_a_profile_or_an_error_with_a_line(content: dict[str, Any]) -> None:
    text = "\n".join(f"{toml(key)} = {toml(value)}" for key, value in content.items())
    assert_profile_or_error(text.encode("utf-8", "replace"))


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf")
@example(b'[private."A]"]\n"(0019,xx23)" = "no"')
def test_any_bytes_are_a_profile_or_an_error_with_a_line(data: bytes) -> None:
    assert_profile_or_error(data)


@given(st.integers(min_value=0, max_value=len(WHOLE)), st.sampled_from([*list("[]{}\"'=#\n\\.,"), "", '"""', "'''"]))
def test_a_damaged_profile_is_a_profile_or_an_error_with_a_line(at: int, what: str) -> None:
    assert_profile_or_error((WHOLE[:at] + what + WHOLE[at + 1 :]).encode())


def assert_profile_or_error(data: bytes) -> None:
    try:
        profile = read_profile(data).profile
    except TomlError as error:
        assert 1 <= error.line <= data.count(b"\n") + 1
        assert "\n" not in str(error)
    else:
        assert profile.digest
        assert profile.weaker in {True, False}
