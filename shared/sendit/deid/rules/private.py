"""The safe private attributes of Table E.3.10-1 (PS3.15 E.3.10).

What is kept as safe is still looked at: texts are cleaned like descriptors, UIDs are replaced unless the profile
retains them, dates move or go. The five rows without a VR are treated as texts: what turns out to be none goes.
The items of a sequence follow the rules of their own elements.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from sendit.deid.dicom.vrs import DATE_VRS, TEXT_VRS
from sendit.deid.rules.actions import Action
from sendit.deid.rules.options import STANDING, Option
from sendit.deid.rules.rule import Rule
from sendit.deid.rules.tables import table

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK = 0xFFFF00FF
"""Leaves the block out of a private tag: (gggg,xxee) becomes (gggg,00ee)."""

_CLEANED = TEXT_VRS | {"", "AE", "UN", "UR"}
_CLAUSE = f"PS3.15 {STANDING[Option.RETAIN_SAFE_PRIVATE].clause}"


@cache
def _vrs() -> Mapping[tuple[str, int], str]:
    return {
        (creator, int(spelled.strip("()").replace(",", "").replace("xx", "00"), 16)): " or ".join(sorted(vr.split("/")))
        for spelled, creator, vr, _, _ in table("table_e3_10_1.json")["rows"]
    }


def private_vr(creator: str, tag: int) -> str:
    """The VR that Table E.3.10-1 gives (gggg,00ee) of a creator; empty if it gives none."""
    return _vrs().get((creator, tag), "")


def creator_of(text: str) -> str:
    """A private creator as the rules compare it: exactly, but for the padding behind it."""
    return text.rstrip(" \0")


@lru_cache(maxsize=64)
def safe_private(options: tuple[Option, ...]) -> Mapping[tuple[str, int], Rule]:
    """The rules of Table E.3.10-1 by creator and tag (gggg,00ee); none unless the option is on."""
    if Option.RETAIN_SAFE_PRIVATE not in options:
        return {}
    return {where: rule_of(vr, options) for where, vr in _vrs().items()}


def rule_of(vr: str, options: tuple[Option, ...]) -> Rule:
    """The rule for a safe private attribute by the VR that its row gives."""
    if vr in _CLEANED:
        return Rule(Action.CLEAN, Action.REMOVE, _CLAUSE, vr=vr)
    if vr in DATE_VRS and Option.RETAIN_FULL_DATES not in options:
        action = Action.SHIFT if Option.RETAIN_MODIFIED_DATES in options else Action.REMOVE
        return Rule(action, Action.REMOVE, _CLAUSE, vr=vr)
    if vr == "UI" and Option.RETAIN_UIDS not in options:
        return Rule(Action.REMAP, Action.REMOVE, _CLAUSE, vr=vr)
    return Rule(Action.KEEP, Action.REMOVE, _CLAUSE, vr=vr)
