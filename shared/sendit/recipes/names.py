"""Names of profiles and rules, made from what a recipe calls itself and its labels."""

import re
import unicodedata

from sendit.deid import PROFILES

_LONGEST = 40
_RESERVED = frozenset({*PROFILES, "identified", "not-accepted", "media-directory", "sop-class-disagrees"})


def profile_name(file_name: str) -> str:
    """The name of the profile for a recipe in a file of this name: deid.dicom becomes deid-dicom."""
    return _unique(_slug(file_name) or "recipe", set())


def rule_name(label: str, taken: set[str]) -> str:
    """A name for a label's rule that is not yet taken."""
    return _unique(_slug(label) or "label", taken)


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST].strip("-")


def _unique(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found in taken or found in _RESERVED:
        number += 1
        end = f"-{number}"
        found = name[: _LONGEST - len(end)].rstrip("-") + end
    return found
