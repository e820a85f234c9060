from __future__ import annotations

import pytest

from sendit.deid.rules.actions import Action
from sendit.deid.rules.compiled import Rule, Rules
from sendit.deid.rules.options import Option
from sendit.deid.rules.private import rule_of, safe_private
from sendit.deid.rules.profile import Override, Profile
from sendit.deid.rules.tables import table

SAFE = Option.RETAIN_SAFE_PRIVATE
CLAUSE = "PS3.15 E.3.10"
ROWS = table("table_e3_10_1.json")["rows"]


def of(*options: Option, overrides: tuple[Override, ...] = ()) -> Rules:
    return Rules(Profile("site-a", options, overrides), "1.2.840.10008.5.1.4.1.1.4")


def expected(vr: str) -> Action:
    if vr == "UI":
        return Action.REMAP
    return Action.CLEAN if vr in {"", "LO", "LT", "SH", "ST"} else Action.KEEP


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[1]} {row[0]}" for row in ROWS])
def test_safe_private_attribute_stays_in_every_block_with_the_option_and_goes_without(row: list[str]) -> None:
    spelled, creator, vr = row[:3]
    for block in (0x10, 0xFF):
        tag = int(spelled.strip("()").replace(",", "").replace("xx", f"{block:02X}"), 16)
        rule = of(SAFE).top.private(creator, tag)
        assert rule is not None
        assert (rule.action, rule.fallback, rule.clause) == (expected(vr), Action.REMOVE, CLAUSE)
        assert set(rule.vr.split(" or ")) == set(vr.split("/"))
        assert of().top.private(creator, tag) is None
        assert of(SAFE).top.private("ACME", tag) is None
        assert of(SAFE).top.private(creator, tag ^ 0x00020000) != rule
        assert of(SAFE).top.child(0x00081140).private(creator, tag) == rule


def test_every_row_has_a_rule() -> None:
    assert len(safe_private((SAFE,))) == len(ROWS) == 479
    assert not safe_private(())


@pytest.mark.parametrize("creator", ["GEMS_ACQU_01 ", "GEMS_ACQU_01\0", "GEMS_ACQU_01  \0"])
def test_padding_behind_a_creator_does_not_matter(creator: str) -> None:
    assert of(SAFE).top.private(creator, 0x00191023) == Rule(Action.KEEP, Action.REMOVE, CLAUSE, vr="DS")


@pytest.mark.parametrize("creator", ["gems_acqu_01", " GEMS_ACQU_01", "GEMS_ACQU_011", "GEMS ACQU_01", ""])
def test_another_spelling_is_another_creator(creator: str) -> None:
    assert of(SAFE).top.private(creator, 0x00191023) is None


def test_retained_uids_are_retained_in_private_attributes_too() -> None:
    rule = of(SAFE, Option.RETAIN_UIDS).top.private("NQHeader", 0x00991002)
    assert rule == Rule(Action.KEEP, Action.REMOVE, CLAUSE, vr="UI")


def test_override_of_a_creator_speaks_first_and_without_the_option() -> None:
    override = Override(0x00190023, Action.EMPTY, creator="GEMS_ACQU_01")
    nested = Override(0x00090001, Action.KEEP, path=(0x00081140,), creator="ACME 1.0")
    for options in ((SAFE,), ()):
        rules = of(*options, overrides=(override, nested))
        assert rules.top.private("GEMS_ACQU_01", 0x00191123) == Rule(
            Action.EMPTY, Action.EMPTY, "profile site-a", vr="DS"
        )
        assert rules.top.private("ACME 1.0", 0x00091001) is None
        there = rules.top.child(0x00081140).private("ACME 1.0", 0x00091001)
        assert there == Rule(Action.KEEP, Action.REMOVE, "profile site-a")
    assert of(overrides=(override,)).top.rule(0x00190023) is None


@pytest.mark.parametrize("vr", ["DA", "DT", "TM"])
def test_date_in_a_row_to_come_would_move_or_go(vr: str) -> None:
    assert rule_of(vr, (SAFE,)).action is Action.REMOVE
    assert rule_of(vr, (SAFE, Option.RETAIN_MODIFIED_DATES)).action is Action.SHIFT
    assert rule_of(vr, (SAFE, Option.RETAIN_FULL_DATES)).action is Action.KEEP
