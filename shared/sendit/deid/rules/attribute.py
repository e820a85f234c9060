"""An attribute as people spell it: keyword, (gggg,eeee), path of sequences, private creator and (gggg,xxee)."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.datadict import (  # type: ignore[attr-defined]  # the home of RepeatersDictionary is private
    RepeatersDictionary,
    dictionary_VM,
    dictionary_VR,
    keyword_dict,
    keyword_for_tag,
)

if TYPE_CHECKING:
    from collections.abc import Collection

LONGEST_QUOTE = 80
DEEPEST_PATH = 30
LONGEST_CREATOR = 64

_TAG = re.compile(r"\(([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)")
_REPEATING = re.compile(r"\(([56]0)xx,([0-9A-Fa-f]{4})\)", re.IGNORECASE)
_PRIVATE_TAG = re.compile(r"\(([0-9A-Fa-f]{4}),xx([0-9A-Fa-f]{2})\)", re.IGNORECASE)
_WITH_CREATOR = re.compile(r"(.+?)\s*(\([0-9A-Fa-f]{4},[0-9A-Fax-z]{4}\))", re.IGNORECASE)
_CREATOR = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,64}")
_LEAST_PRIVATE_GROUP = 0x0009
_REPEATING_KEYWORDS = {entry[4]: int(mask.replace("x", "0"), 16) for mask, entry in RepeatersDictionary.items()}


class BadAttribute(ValueError):
    """What was written names no attribute; the text says so, with the nearest keyword."""


@dataclass(frozen=True, slots=True)
class Place:
    """An attribute and where it stands: inside the sequences of `path`, or, with an empty one, at any level.

    The tag of a private attribute has no block: (gggg,00ee).
    """

    tag: int
    path: tuple[int, ...] = ()
    creator: str = ""

    @property
    def name(self) -> str:
        """Keywords joined by dots, or the creator and (gggg,xxee)."""
        if self.creator:
            return f"{self.creator} ({self.tag >> 16:04X},xx{self.tag & 0xFF:02X})"
        return ".".join(keyword_for_tag(tag) or spelled(tag) for tag in (*self.path, self.tag))

    @property
    def vr(self) -> str:
        """The VR of PS3.6, or its VRs as 'US or SS'; empty for what PS3.6 does not know."""
        return "" if self.creator else vr_of(self.tag)


def spelled(tag: int) -> str:
    """A tag as (gggg,eeee)."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def vr_of(tag: int) -> str:
    """The VR that PS3.6 gives a tag, repeating groups included; empty if it does not know it."""
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


def vm_of(tag: int) -> str:
    """The Value Multiplicity that PS3.6 gives a tag; 1-n if it does not know it."""
    try:
        return dictionary_VM(tag)
    except KeyError:
        return "1-n"


def quoted(text: str) -> str:
    """A short, printable quotation of what somebody wrote."""
    short = text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1]}…"
    return repr(short)


def nearest(word: str, known: Collection[str], *, cutoff: float = 0.6) -> str:
    """The end of a sentence that names the nearest of the known words; empty if none is near."""
    folded = word[:LONGEST_QUOTE].casefold()
    by_fold = {one.casefold(): str(one) for one in known}
    found = [folded] if folded in by_fold else difflib.get_close_matches(folded, by_fold, n=1, cutoff=cutoff)
    return f"; nearest is {by_fold[found[0]]!r}" if found else ""


def parse_place(text: str) -> Place:
    """A public attribute: a keyword, (gggg,eeee), (60xx,eeee), or a path of them joined by dots.

    Raises:
        BadAttribute: it is none, or a part of the path before the last is no sequence.
    """
    parts = text.split(".")
    if len(parts) > DEEPEST_PATH:
        raise BadAttribute(f"a path has at most {DEEPEST_PATH} parts")
    tags = [_tag(part) for part in parts]
    for part, tag in zip(parts[:-1], tags[:-1], strict=True):
        if vr_of(tag) != "SQ":
            raise BadAttribute(
                f"{quoted(part)} is no sequence ({vr_of(tag) or 'unknown to PS3.6'}); a path leads through sequences"
            )
    return Place(tags[-1], tuple(tags[:-1]))


def parse_private(creator: str, text: str) -> Place:
    """A private attribute: its creator, and its tag with xx for the block.

    Raises:
        BadAttribute: the tag is not spelled so, its group is not odd, or the creator is none.
    """
    match = _PRIVATE_TAG.fullmatch(text)
    if match is None:
        raise BadAttribute(f"{quoted(text)} is no private tag: spell it (gggg,xxee), for example (0019,xx23)")
    group = int(match[1], 16)
    if group % 2 == 0 or not _LEAST_PRIVATE_GROUP <= group < 0xFFFF:
        raise BadAttribute(f"{quoted(text)} is not private: a private group is odd, from 0009 on")
    creator = creator.strip(" ")
    if not _CREATOR.fullmatch(creator):
        raise BadAttribute(
            f"{quoted(creator)} is no private creator: 1 to {LONGEST_CREATOR} printable ASCII characters"
        )
    return Place(group << 16 | int(match[2], 16), creator=creator)


def attribute_named(text: str) -> Place:
    """A public attribute, or a private one spelled "CREATOR (gggg,xxee)".

    Raises:
        BadAttribute: it is neither.
    """
    text = text.strip()
    match = _WITH_CREATOR.fullmatch(text)
    return parse_private(match[1], match[2]) if match and "." not in match[2] else parse_place(text)


def _tag(part: str) -> int:
    match = _TAG.fullmatch(part)
    if match is None:
        match = _REPEATING.fullmatch(part)
        if match is not None:
            return int(f"{match[1]}00{match[2]}", 16)
        tag = keyword_dict.get(part) or _REPEATING_KEYWORDS.get(part)
        if not part or tag is None:
            near = nearest(part, [*keyword_dict, *_REPEATING_KEYWORDS])
            near = near or "; write a keyword, (gggg,eeee), or CREATOR (gggg,xxee)"
            raise BadAttribute(f"there is no attribute {quoted(part)}{near}")
        return tag
    tag = int(match[1] + match[2], 16)
    if (tag >> 16) % 2:
        raise BadAttribute(f"{quoted(part)} is private: it needs its creator, and xx for the block, as in (0019,xx23)")
    return tag
