"""The profiles that ship with the package; importable without pydicom."""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from sendit.deid.rules.tables import EDITION, checksums

if TYPE_CHECKING:
    from collections.abc import Mapping

ENGINE_VERSION = 1
"""Goes up whenever the same input, profile and key would give other bytes."""

MODIFIED_DATES = "retain-longitudinal-modified-dates"

_CODES = {
    "basic": ("113100", "Basic Application Confidentiality Profile"),
    MODIFIED_DATES: ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
}


@dataclass(frozen=True)
class Profile:
    """The Basic Application Level Confidentiality Profile of PS3.15 with some of its options."""

    name: str
    options: tuple[str, ...] = ()

    @property
    def modified_dates(self) -> bool:
        """Whether dates move instead of going."""
        return MODIFIED_DATES in self.options

    @property
    def codes(self) -> tuple[tuple[str, str], ...]:
        """Code values and meanings of CID 7050 for exactly what the profile does."""
        return tuple(_CODES[part] for part in ("basic", *self.options))

    @cached_property
    def digest(self) -> str:
        """Short hex that changes with the tables, the keep list, the options and the engine."""
        content = [EDITION, ENGINE_VERSION, sorted(self.options), sorted(checksums().items())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {"basic": Profile("basic"), "basic-dates": Profile("basic-dates", (MODIFIED_DATES,))}
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
