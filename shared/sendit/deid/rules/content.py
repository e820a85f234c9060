"""The content items of structured reports that Table E.3.4-1 names (PS3.15 E.3.4).

A row speaks of a concept with a value type. Older objects spell its SNOMED concepts with the retired identifiers
of SNOMED-RT (coding schemes SRT, SNM3, 99SDM): they are the same concepts.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sendit.deid.rules.actions import Action
from sendit.deid.rules.options import STANDING, Option
from sendit.deid.rules.rule import Rule
from sendit.deid.rules.tables import RESOLVED, table

if TYPE_CHECKING:
    from collections.abc import Mapping

_TABLE = "Table E.3.4-1"
_RETIRED_SCHEMES = frozenset({"SRT", "SNM3", "99SDM"})
_SNOMED_CT = frozenset({"SCT", "2.16.840.1.113883.6.96"})
_SNOMED_CT_OF: Mapping[str, str] = {
    "PA-30029": "440252007",  # Administration of radiopharmaceutical
    "DF-0070B": "398164008",  # Anesthesia Finish Time
    "DF-0068E": "398325003",  # Anesthesia Start Time
    "R-42B89": "371524004",  # Clinical Report
    "DD-60002": "116224001",  # Complication of Procedure
    "F-00033": "271921002",  # ECG Finding
    "G-C0E3": "363698007",  # Finding Site
    "F-02455": "160476009",  # Social History
    "G-D321": "398201009",  # Start DateTime
    "G-D320": "397898000",  # Stop DateTime
}
_SPELLED_OUT = frozenset({"DATE", "DATETIME", "PNAME", "TEXT", "TIME", "UIDREF"})
"""Value types that hold characters: written as another of them, the same concept holds the same thing."""
_MOST_REMOVED_FIRST = (Action.REMOVE, Action.DUMMY, Action.EMPTY, Action.SHIFT, Action.CLEAN, Action.KEEP)


@lru_cache(maxsize=64)
def _compiled(options: tuple[Option, ...]) -> Mapping[tuple[str, str], list[tuple[str, Rule]]]:
    content = table("table_e3_4_1.json")
    result: dict[tuple[str, str], list[tuple[str, Rule]]] = {}
    for row in content["rows"]:
        by_name = dict(zip(content["columns"], row, strict=True))
        concept = by_name["Code Value"], by_name["Coding Scheme Designator"]
        result.setdefault(concept, []).append((by_name["Value Type"], _rule(by_name, options)))
    return result


def content_rule(options: tuple[Option, ...], code_value: str, scheme: str, value_type: str) -> Rule | None:
    """What happens to a content item; without a value type, what removes most of what its concept's rows say.

    None unless the option is on and the table speaks of the concept with that value type.
    """
    if Option.CLEAN_STRUCTURED_CONTENT not in options:
        return None
    if scheme in _RETIRED_SCHEMES and code_value in _SNOMED_CT_OF:
        code_value, scheme = _SNOMED_CT_OF[code_value], "SCT"
    rows = _compiled(options).get((code_value, "SCT" if scheme in _SNOMED_CT else scheme), [])
    meant = [rule for of, rule in rows if not value_type or of == value_type]
    if not meant and value_type in _SPELLED_OUT:
        meant = [rule for of, rule in rows if of in _SPELLED_OUT]
    return min(meant, key=lambda rule: _MOST_REMOVED_FIRST.index(rule.action), default=None)


def _rule(row: dict[str, str], options: tuple[Option, ...]) -> Rule:
    basic = RESOLVED[row["Basic Prof."]]
    cells = {option: row.get(STANDING[option].column, "") for option in options}
    for option, cell in cells.items():
        if cell == "K":
            return Rule(Action.KEEP, basic, f"PS3.15 {STANDING[option].clause}, {_TABLE}")
    for option, cell in cells.items():
        if cell == "C":
            action = Action.SHIFT if option is Option.RETAIN_MODIFIED_DATES else Action.CLEAN
            return Rule(action, basic, f"PS3.15 {STANDING[option].clause}, {_TABLE}")
    return Rule(basic, basic, f"PS3.15 {STANDING[Option.CLEAN_STRUCTURED_CONTENT].clause}, {_TABLE}")
