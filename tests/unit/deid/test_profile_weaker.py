"""A profile that lets more pass than PS3.15 with its options bears no mark of theirs."""

import pytest

from sendit.deid import PROFILES, Profile, mark_elements, read_profile, weaker_overrides
from sendit.deid.rules.options import STANDING, Option


def profile(*lines: str, base: str = "basic", head: str = "") -> Profile:
    return read_profile(f'name = "site"\nfrom = "{base}"\n{head}\n{chr(10).join(lines)}'.encode()).profile


def overriding(attribute: str, action: str, base: str = "basic", head: str = "") -> Profile:
    return profile("[attributes]", f'"{attribute}" = {action}', base=base, head=head)


@pytest.mark.parametrize(
    ("attribute", "action", "base"),
    [
        ("PatientComments", '"keep"', "basic"),
        ("PatientComments", '"clean"', "basic"),
        ("PatientComments", '"hash"', "basic"),
        ("PatientComments", '"keep"', "research"),
        ("StudyDate", '"keep"', "research"),
        ("StudyDate", '"shift"', "basic"),
        ("PatientBirthDate", '"shift"', "research"),
        ("DateOfManufacture", '"shift"', "research"),
        ("OperatorsName", '"hash"', "basic"),
        ("FrameOfReferenceUID", '"keep"', "basic"),
        ("SourceImageSequence.ReferencedSOPInstanceUID", '"keep"', "basic"),
        ("RequestAttributesSequence", '"keep"', "basic"),
        ("PixelSpacingCalibrationDescription", '"clean"', "strict"),
        ("TextValue", '"keep"', "basic"),
        ("SafePositionExitTime", '"shift"', "basic"),
        ("StackID", '"keep"', "strict"),
    ],
)
def test_what_lets_more_pass_is_weaker(attribute: str, action: str, base: str) -> None:
    found = overriding(attribute, action, base)
    assert found.weaker
    assert weaker_overrides(found) == found.overrides
    assert found.codes == ()


@pytest.mark.parametrize(
    ("attribute", "action", "base"),
    [
        ("PatientComments", '"remove"', "research"),
        ("PatientComments", '"empty"', "basic"),
        ("PatientComments", '"dummy"', "basic"),
        ("PatientComments", '{ action = "replace", value = "none" }', "basic"),
        ("PatientComments", '"clean"', "research"),
        ("PatientComments", '"hash"', "research"),
        ("StudyDate", '"shift"', "research"),
        ("PatientSex", '"keep"', "research"),
        ("FrameOfReferenceUID", '"remap"', "basic"),
        ("ContentCreatorName", '"hash"', "basic"),
        ("KVP", '"keep"', "basic"),
        ("KVP", '"remove"', "strict"),
        ("Manufacturer", '"keep"', "basic"),
        ("ContentSequence", '"remove"', "basic"),
    ],
)
def test_what_lets_no_more_pass_is_not(attribute: str, action: str, base: str) -> None:
    found = overriding(attribute, action, base)
    assert not found.weaker
    assert found.codes == PROFILES[base].codes


def test_a_private_attribute_is_weaker_unless_it_is_a_safe_one_that_the_options_keep() -> None:
    safe, other = '[private."GEMS_ACQU_01"]\n"(0019,xx23)" = "keep"', '[private."MINE"]\n"(0019,xx23)" = "keep"'
    assert not profile(safe, base="research").weaker
    assert profile(safe, base="basic").weaker
    assert profile(other, base="research").weaker
    assert not profile(other.replace("keep", "remove"), base="research").weaker


def test_an_option_makes_no_profile_weaker_and_adds_its_code() -> None:
    dates = {Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES}
    for option in Option:
        if option not in PROFILES["research"].options and option not in dates:
            found = profile(base="research", head=f'add = ["{option}"]')
            assert not found.weaker
            assert set(found.codes) - set(PROFILES["research"].codes) == {
                (STANDING[option].code, STANDING[option].meaning)
            }


def texts(found: Profile) -> dict[int, bytes]:
    return {tag: value for tag, _, value in mark_elements(found) if isinstance(value, bytes)}


def test_the_marks_of_the_built_in_profiles_say_exactly_what_was_done() -> None:
    for name, dates in (("basic", b"REMOVED"), ("research", b"MODIFIED"), ("strict", b"REMOVED")):
        marks = mark_elements(PROFILES[name])
        assert [(tag, vr) for tag, vr, _ in marks] == [
            (0x00120062, "CS"),
            (0x00120063, "LO"),
            (0x00120064, "SQ"),
            (0x00280303, "CS"),
        ]
        assert marks[0][2] == b"YES"
        assert marks[1][2] == f"sendit {name}, PS3.15 2026c Annex E".encode()
        assert marks[3][2] == dates
        assert marks[2][2] == tuple(
            ((0x00080100, "SH", code.encode()), (0x00080102, "SH", b"DCM"), (0x00080104, "LO", meaning.encode()))
            for code, meaning in PROFILES[name].codes
        )
    assert [code for code, _ in PROFILES["basic"].codes] == ["113100"]
    assert {code for code, _ in PROFILES["research"].codes} == {
        "113100", "113103", "113104", "113105", "113107", "113108", "113111",
    }  # fmt: skip


def test_a_weaker_profile_says_no_and_names_no_code() -> None:
    marks = texts(overriding("PatientComments", '"keep"'))
    assert marks == {
        0x00120062: b"NO",
        0x00120063: b"sendit site, weaker than PS3.15 2026c Annex E",
        0x00280303: b"REMOVED",
    }
    assert 0x00120064 not in [tag for tag, _, _ in mark_elements(overriding("PatientComments", '"keep"'))]


@pytest.mark.parametrize(
    ("found", "dates"),
    [
        (profile(head='add = ["retain-longitudinal-full-dates"]'), b"UNMODIFIED"),
        (profile(head='add = ["retain-longitudinal-modified-dates"]'), b"MODIFIED"),
        (profile(base="research", head='without = ["retain-longitudinal-modified-dates"]'), b"REMOVED"),
        (overriding("StudyDate", '"keep"'), b"UNMODIFIED"),
        (overriding("StudyDate", '"shift"'), b"MODIFIED"),
        (overriding("StudyDate", '"shift"', head='add = ["retain-longitudinal-full-dates"]'), b"MODIFIED"),
        (overriding("StudyDate", '"keep"', base="research"), b"MODIFIED"),
        (overriding("StudyDate", '{ action = "replace", value = "20000101" }'), b"REMOVED"),
    ],
)
def test_the_mark_of_dates_says_what_happened_to_them(found: Profile, dates: bytes) -> None:
    assert texts(found)[0x00280303] == dates


def test_the_marks_of_the_longest_name_are_legal_values() -> None:
    name = "a" * 40
    for action in ("remove", "keep"):
        text = f'name = "{name}"\nfrom = "basic"\n[attributes]\nPatientComments = "{action}"'
        method = texts(read_profile(text.encode()).profile)[0x00120063]
        assert name.encode() in method
        assert all(len(value) <= 64 for value in method.split(b"\\"))
