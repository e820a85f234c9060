from __future__ import annotations

import pytest

from sendit.deid.rules.actions import Action
from sendit.deid.rules.compiled import Rule, Rules, rules_for
from sendit.deid.rules.describing import DESCRIBING
from sendit.deid.rules.options import Option
from sendit.deid.rules.profile import PROFILES, Override, Profile
from sendit.deid.rules.tables import NEVER_SHIFTED, rows

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
PATIENT_NAME, PATIENT_AGE, STUDY_DESCRIPTION, STUDY_DATE = 0x00100010, 0x00101010, 0x00081030, 0x00080020
CALIBRATION_DATE = 0x0014407E
STATION_NAME, KVP, REQUEST_ATTRIBUTES = 0x00081010, 0x00180060, 0x00400275


def of(*options: Option, overrides: tuple[Override, ...] = (), sop_class: str = CT) -> Rules:
    return Rules(Profile("site-a", options, overrides), sop_class)


def test_basic_profile_does_what_the_table_says_for_the_type() -> None:
    rules = of()
    assert rules.top.rule(STUDY_DESCRIPTION) == Rule(Action.REMOVE, Action.REMOVE, "PS3.15 Table E.1-1")
    assert rules.top.rule(0x00080023) == Rule(Action.EMPTY, Action.EMPTY, "PS3.15 Table E.1-1")
    enhanced = of(sop_class=ENHANCED_CT).top.rule(0x00080023)
    assert enhanced == Rule(Action.DUMMY, Action.DUMMY, "PS3.15 Table E.1-1")
    assert rules.top.rule(KVP) is None


@pytest.mark.parametrize(
    ("option", "tag", "action", "clause"),
    [
        (Option.CLEAN_GRAPHICS, 0x00700001, Action.CLEAN, "PS3.15 E.3.3"),
        (Option.CLEAN_GRAPHICS, 0x60024000, Action.CLEAN, "PS3.15 E.3.3"),
        (Option.CLEAN_STRUCTURED_CONTENT, 0x0040A730, Action.CLEAN, "PS3.15 E.3.4"),
        (Option.CLEAN_DESCRIPTORS, STUDY_DESCRIPTION, Action.CLEAN, "PS3.15 E.3.5"),
        (Option.RETAIN_FULL_DATES, STUDY_DATE, Action.KEEP, "PS3.15 E.3.6"),
        (Option.RETAIN_MODIFIED_DATES, STUDY_DATE, Action.SHIFT, "PS3.15 E.3.6"),
        (Option.RETAIN_PATIENT_CHARACTERISTICS, 0x00100040, Action.KEEP, "PS3.15 E.3.7"),
        (Option.RETAIN_PATIENT_CHARACTERISTICS, PATIENT_AGE, Action.CLEAN, "PS3.15 E.3.7"),
        (Option.RETAIN_DEVICE_IDENTITY, STATION_NAME, Action.KEEP, "PS3.15 E.3.8"),
        (Option.RETAIN_UIDS, 0x00080018, Action.KEEP, "PS3.15 E.3.9"),
        (Option.RETAIN_INSTITUTION_IDENTITY, 0x00080080, Action.KEEP, "PS3.15 E.3.11"),
    ],
)
def test_option_speaks_before_the_basic_profile(option: Option, tag: int, action: Action, clause: str) -> None:
    rule, basic = of(option).top.rule(tag), of().top.rule(tag)
    assert rule is not None
    assert basic is not None
    assert rule == Rule(action, basic.action, clause)
    assert basic.clause == "PS3.15 Table E.1-1"


def test_birth_date_is_kept_by_no_option() -> None:
    rule = of(*(one for one in Option if one is not Option.RETAIN_FULL_DATES)).top.rule(0x00100030)
    assert rule is not None
    assert rule.action is Action.EMPTY


def test_what_the_iod_requires_all_the_same_is_a_dummy_unless_an_option_keeps_or_moves_it() -> None:
    presentation_state = "1.2.840.10008.5.1.4.1.1.11.1"
    for tag in (0x00700082, 0x00700083):
        rule = of(sop_class=presentation_state).top.rule(tag)
        assert rule == Rule(Action.DUMMY, Action.DUMMY, "PS3.15 Table E.1-1")
        moved = of(Option.RETAIN_MODIFIED_DATES, sop_class=presentation_state).top.rule(tag)
        assert moved == Rule(Action.SHIFT, Action.DUMMY, "PS3.15 E.3.6")
        kept = of(Option.RETAIN_FULL_DATES, sop_class=presentation_state).top.rule(tag)
        assert kept == Rule(Action.KEEP, Action.DUMMY, "PS3.15 E.3.6")
        assert of().top.rule(tag) == Rule(Action.REMOVE, Action.REMOVE, "PS3.15 Table E.1-1")


@pytest.mark.parametrize("options", [(0, 1), (1, 0)])
def test_value_that_one_option_retains_is_not_cleaned_by_another(options: tuple[int, int]) -> None:
    two = (Option.RETAIN_DEVICE_IDENTITY, Option.RETAIN_MODIFIED_DATES)
    rule = of(*(two[at] for at in options)).top.rule(CALIBRATION_DATE)
    assert rule == Rule(Action.KEEP, Action.REMOVE, "PS3.15 E.3.8")


@pytest.mark.parametrize("tag", sorted(NEVER_SHIFTED))
def test_public_constants_and_the_timezone_keep_their_basic_action_when_dates_move(tag: int) -> None:
    assert of(Option.RETAIN_MODIFIED_DATES).top.rule(tag) == of().top.rule(tag)


def test_strict_allows_what_describes_the_pixels_at_every_level_of_every_class() -> None:
    for sop_class in (CT, "1.2.3.4", ""):
        top = rules_for(PROFILES["strict"], sop_class).top
        for level in (top, top.child(REQUEST_ATTRIBUTES)):
            assert all(level.allows(tag) for tag in DESCRIBING)
            assert not level.allows(0x00181020)  # Software Versions


def test_row_gets_the_action_for_an_unknown_type_where_a_module_of_the_iod_is_not_known() -> None:
    waveforms = of(sop_class="1.2.840.10008.5.1.4.1.1.9.100.1").top.rule(0x00080080)
    assert waveforms == Rule(Action.DUMMY, Action.DUMMY, "PS3.15 Table E.1-1")
    assert of().top.rule(0x00080080) == Rule(Action.REMOVE, Action.REMOVE, "PS3.15 Table E.1-1")


def test_every_row_has_a_rule_under_every_built_in_profile() -> None:
    for profile in PROFILES.values():
        level = rules_for(profile, CT).top
        assert all(level.rule(tag) is not None for tag in rows())


@pytest.mark.parametrize(
    ("action", "fallback"),
    [
        (Action.KEEP, Action.REMOVE),
        (Action.CLEAN, Action.REMOVE),
        (Action.HASH, Action.REMOVE),
        (Action.EMPTY, Action.EMPTY),
        (Action.REMOVE, Action.REMOVE),
        (Action.DUMMY, Action.DUMMY),
        (Action.REPLACE, Action.REMOVE),
    ],
)
def test_override_speaks_before_the_table_and_its_options(action: Action, fallback: Action) -> None:
    rules = of(Option.CLEAN_DESCRIPTORS, overrides=(Override(STUDY_DESCRIPTION, action, value="CT"),))
    assert rules.top.rule(STUDY_DESCRIPTION) == Rule(action, fallback, "profile site-a", "CT")
    assert rules.top.child(REQUEST_ATTRIBUTES).rule(STUDY_DESCRIPTION) == rules.top.rule(STUDY_DESCRIPTION)


def test_override_falls_back_to_the_basic_action_of_the_attribute() -> None:
    rules = of(overrides=(Override(0x00080023, Action.SHIFT), Override(KVP, Action.CLEAN)), sop_class=ENHANCED_CT)
    assert rules.top.rule(0x00080023) == Rule(Action.SHIFT, Action.DUMMY, "profile site-a")
    assert rules.top.rule(KVP) == Rule(Action.CLEAN, Action.REMOVE, "profile site-a")


def test_override_of_a_path_holds_there_only_and_goes_before_one_of_every_level() -> None:
    there = (REQUEST_ATTRIBUTES,)
    rules = of(
        overrides=(Override(STATION_NAME, Action.KEEP), Override(STATION_NAME, Action.EMPTY, path=there)),
    )
    top, nested = rules.top.rule(STATION_NAME), rules.top.child(REQUEST_ATTRIBUTES).rule(STATION_NAME)
    deeper = rules.top.child(0x00400100).child(REQUEST_ATTRIBUTES).rule(STATION_NAME)
    assert [rule and rule.action for rule in (top, nested, deeper)] == [Action.KEEP, Action.EMPTY, Action.KEEP]
    alone = of(overrides=(Override(KVP, Action.REMOVE, path=there),))
    assert alone.top.rule(KVP) is None
    assert alone.top.child(REQUEST_ATTRIBUTES).rule(KVP) is not None


@pytest.mark.thorough
def test_hostile_objects_do_not_fill_the_memory() -> None:
    rules = of()
    for tag in range(0x00200000, 0x00230000):
        rules.top.rule(tag)
        rules.top.private(f"ACME {tag}", 0x00090000 | tag & 0xFF)
        rules.content(str(tag), "DCM")
    assert rules.remembered <= len(rows())
    level = rules.top
    for tag in range(10_000):
        level = level.child(tag)
        rules.top.child(tag)
        if tag < 500:
            for known in rows():
                level.rule(known)
    assert rules.levels <= 4096
    assert rules.remembered <= 100_000


def test_rules_of_a_profile_and_a_class_are_made_once() -> None:
    basic = PROFILES["basic"]
    assert rules_for(basic, CT) is rules_for(basic, CT)
    assert rules_for(basic, CT).top.child(REQUEST_ATTRIBUTES) is rules_for(basic, CT).top.child(REQUEST_ATTRIBUTES)
    assert rules_for(basic, CT).top.rule(STUDY_DATE) is rules_for(basic, CT).top.rule(STUDY_DATE)
