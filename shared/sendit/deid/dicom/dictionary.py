"""PS3.6 as pydicom ships it: tags that it lists one by one; repeating groups are no part of this."""

from __future__ import annotations

from functools import cache

from pydicom.datadict import DicomDictionary, tag_for_keyword  # type: ignore[attr-defined]  # its home is private

_ENTRIES: dict[int, tuple[str, str, str, str, str]] = DicomDictionary


def dictionary_vr(tag: int) -> str | None:
    """The VR of a tag, or its VRs as 'US or SS'."""
    return _ENTRIES[tag][0] if tag in _ENTRIES else None


def least_values(tag: int) -> int:
    """The smallest Value Multiplicity that a tag allows; 1 where PS3.6 says nothing or only n."""
    least = _ENTRIES[tag][1].split("-")[0] if tag in _ENTRIES else "1"
    return int(least) if least.isdigit() else 1


@cache
def most_values(tag: int) -> int | None:
    """The largest Value Multiplicity that a tag allows; None where PS3.6 says n or nothing."""
    most = _ENTRIES[tag][1].split("-")[-1] if tag in _ENTRIES else "n"
    return int(most) if most.isdigit() else None


def name_of(tag: int) -> str:
    """The keyword of a tag, or the tag itself where PS3.6 has none."""
    keyword = _ENTRIES[tag][4] if tag in _ENTRIES else ""
    return keyword or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def tag_of(keyword: str) -> int:
    """The tag of a keyword.

    Raises:
        KeyError: PS3.6 has no such keyword.
    """
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return int(tag)
