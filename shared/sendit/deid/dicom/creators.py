"""Private creators (PS3.5 7.8.1): who has reserved which block of private elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.dicom.vrs import STRING_VRS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sendit.deid.dicom.element import Item

CREATORS = range(0x10, 0x100)
"""The element numbers of private creators."""

_LONGEST = 64


def creator_text(vr: str, value: bytes) -> str:
    """A private creator's name; empty if it is none, or not of plain characters."""
    if vr not in STRING_VRS and vr != "UN":
        return ""
    raw = value.split(b"\0", 1)[0].strip(b" ")
    return raw.decode("ascii") if raw.isascii() and len(raw) <= _LONGEST and b"\\" not in raw else ""


def creators_of(elements: Item) -> dict[int, str]:
    """The private creators of a level by group and block: (gggg,00bb) reserves (gggg,bb00) to (gggg,bbFF)."""
    return {
        element.tag: text
        for element in elements
        if element.tag >> 16 & 1
        and element.tag & 0xFFFF in CREATORS
        and (text := creator_text(element.vr, element.value))
    }


def creator_for(tag: int, creators: Mapping[int, str]) -> str | None:
    """The creator that has reserved a private element's block, None if there is none."""
    if not tag >> 16 & 1 or not creators:
        return None
    return creators.get(block_of(tag))


def block_of(tag: int) -> int:
    """The tag of the creator that reserves the block of a private element."""
    return tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8
