"""Private elements that a rule keeps (PS3.15 E.3.10): found by their creator, whatever their block.

Read safely where the rules leave room: a creator is a text (or came without a VR) of ASCII; a value without a VR is
kept only if its rule tells one; a sequence that came as UN of defined length is not taken apart, it goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.oracle.model import DataSet, Items, Value

from sendit.deid.dicom.vrs import STRING_VRS, concrete_vr

if TYPE_CHECKING:
    from sendit.deid.rules.compiled import Level, Rule


def creator_tag(tag: int) -> int:
    """The tag of the Private Creator that reserves the block of a private element."""
    return (tag & 0xFFFF0000) | (tag >> 8 & 0xFF)


def private_rule(tag: int, dataset: DataSet, level: Level) -> Rule | None:
    """The rule for a private element of a data set; None: it goes."""
    group, number = tag >> 16, tag & 0xFFFF
    if group % 2 == 0 or group <= 0x0008 or group == 0xFFFF or number < 0x1000:
        return None
    creator = dataset.get(creator_tag(tag))
    if not isinstance(creator, Value) or creator.vr not in STRING_VRS | {"UN"}:
        return None
    text = creator.value.rstrip(b" \0")
    if not text or not text.isascii():
        return None
    return level.private(text.decode("ascii"), tag & 0xFFFF00FF)


def private_vr(rule: Rule, element: Value | Items) -> str | None:
    """The VR in which a private element is written; None if source and rule do not agree."""
    allowed = rule.vr.split(" or ") if rule.vr else []
    stated = "SQ" if isinstance(element, Items) else element.vr
    if stated == "UN":
        if not allowed or allowed == ["SQ"]:
            return None
        return concrete_vr(rule.vr, signed=False)
    return stated if not allowed or stated in allowed else None
