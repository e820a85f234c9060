"""What a profile is, and those that ship with the package; importable without pydicom."""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from sendit.deid.rules.options import BASIC, CLEAN_PIXEL_DATA, STANDING, Option
from sendit.deid.rules.tables import EDITION, checksums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sendit.deid.rules.actions import Action

ENGINE_VERSION = 3
"""Goes up whenever the same input, profile and key would give other bytes."""


@dataclass(frozen=True, slots=True)
class Override:
    """What a user's profile says of one attribute, before Table E.1-1 is asked.

    `path` holds the tags of the sequences around it; empty, the attribute is meant at every level. `creator` is
    the private creator of a private attribute, whose tag is then spelled (gggg,00ee). `value` is the text of `replace`.
    """

    tag: int
    action: Action
    path: tuple[int, ...] = ()
    creator: str = ""
    value: str = ""

    def as_row(self) -> tuple[tuple[int, ...], int, str, str, str]:
        """What is overridden, and how, in an order of its own."""
        return self.path, self.tag, self.creator, self.action, self.value


@dataclass(frozen=True)
class Profile:
    """The Basic Application Level Confidentiality Profile of PS3.15 with options, and a user's overrides.

    `allow_list`: of what Table E.1-1 does not name, only what the IOD of the object's SOP class needs may stay.
    `pixels_cleaned`: the objects come from Clean Pixel Data (E.3.1), which alters their marks and nothing else.
    """

    name: str
    options: tuple[Option, ...] = ()
    overrides: tuple[Override, ...] = ()
    allow_list: bool = False
    pixels_cleaned: bool = False

    @cached_property
    def of_clean_pixels(self) -> Profile:
        """The same profile for objects whose pixels were cleaned before."""
        return replace(self, pixels_cleaned=True)

    @cached_property
    def weaker(self) -> bool:
        """Whether it lets pass what the Basic Profile and its options would not: it then bears no mark of theirs."""
        if not self.overrides:
            return False
        from sendit.deid.rules.weaker import weaker_overrides

        return bool(weaker_overrides(self))

    @property
    def codes(self) -> tuple[tuple[str, str], ...]:
        """Code values and meanings of CID 7050 for exactly what the profile does."""
        if self.weaker:
            return ()
        pixels = (CLEAN_PIXEL_DATA,) if self.pixels_cleaned else ()
        done = (BASIC, *pixels, *(STANDING[option] for option in self.options))
        return tuple((one.code, one.meaning) for one in done)

    @cached_property
    def digest(self) -> str:
        """Short hex that changes with the name, the tables, the options, the overrides and the engine.

        The name is in it because it is in every output, in De-identification Method.
        """
        rules = [self.name, sorted(self.options), sorted(one.as_row() for one in self.overrides), self.allow_list]
        content = [EDITION, ENGINE_VERSION, rules, sorted(checksums().items())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "basic": Profile("basic"),
        "research": Profile(
            "research",
            (
                Option.CLEAN_GRAPHICS,
                Option.CLEAN_STRUCTURED_CONTENT,
                Option.CLEAN_DESCRIPTORS,
                Option.RETAIN_MODIFIED_DATES,
                Option.RETAIN_PATIENT_CHARACTERISTICS,
                Option.RETAIN_SAFE_PRIVATE,
            ),
        ),
        "strict": Profile("strict", allow_list=True),
    }
)


def profile_named(name: str) -> Profile:
    """The profile of that name.

    Raises:
        ValueError: there is none; the text names the nearest one.
    """
    profile = PROFILES.get(name)
    if profile is not None:
        return profile
    nearest = difflib.get_close_matches(name, PROFILES, n=1, cutoff=0.0)
    raise ValueError(f"there is no profile {name!r}; the nearest is {nearest[0]!r}")
