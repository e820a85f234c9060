"""De-identification of DICOM objects to PS3.15 2026c Annex E: a stream in, a stream out, a report back.

Pure: no file system, no settings, no log, no network, and nothing of the rest of sendit. The output depends
on the input's bytes, the profile, the key and the identifiers only. Whatever cannot be done safely is
refused with a `DeidError`; the caller then throws away what the sink has received.

Names are resolved on first use (PEP 562), so that importing `sendit.deid` does not import pydicom.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sendit.deid.dicom.header import Header
    from sendit.deid.dicom.limits import DEFAULT_LIMITS, Limits
    from sendit.deid.errors import DeidError, Refusal
    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.identity.keys import Keyring
    from sendit.deid.instance import deidentify, inspect
    from sendit.deid.marks import mark_elements
    from sendit.deid.report import Report
    from sendit.deid.rules.attribute import BadAttribute, Place, attribute_named
    from sendit.deid.rules.explain import Explanation, Verdict, explained, sop_class_named, storage_classes
    from sendit.deid.rules.options import STANDING
    from sendit.deid.rules.profile import PROFILES, Override, Profile, profile_named
    from sendit.deid.rules.profile_file import ProfileFile, read_profile
    from sendit.deid.rules.toml_text import LARGEST_FILE, TomlError
    from sendit.deid.rules.weaker import weaker_overrides

__all__ = [
    "DEFAULT_LIMITS",
    "LARGEST_FILE",
    "PROFILES",
    "STANDING",
    "BadAttribute",
    "DeidError",
    "Entity",
    "Explanation",
    "Header",
    "Identifiers",
    "Keyring",
    "Limits",
    "Override",
    "Place",
    "Profile",
    "ProfileFile",
    "Refusal",
    "Report",
    "TomlError",
    "Verdict",
    "attribute_named",
    "deidentify",
    "explained",
    "inspect",
    "mark_elements",
    "profile_named",
    "read_profile",
    "sop_class_named",
    "storage_classes",
    "weaker_overrides",
]

_HOMES = {
    "DEFAULT_LIMITS": "dicom.limits",
    "LARGEST_FILE": "rules.toml_text",
    "PROFILES": "rules.profile",
    "STANDING": "rules.options",
    "BadAttribute": "rules.attribute",
    "DeidError": "errors",
    "Entity": "identity.entity",
    "Explanation": "rules.explain",
    "Header": "dicom.header",
    "Identifiers": "identity.entity",
    "Keyring": "identity.keys",
    "Limits": "dicom.limits",
    "Override": "rules.profile",
    "Place": "rules.attribute",
    "Profile": "rules.profile",
    "TomlError": "rules.toml_text",
    "ProfileFile": "rules.profile_file",
    "Refusal": "errors",
    "Report": "report",
    "Verdict": "rules.explain",
    "attribute_named": "rules.attribute",
    "deidentify": "instance",
    "explained": "rules.explain",
    "inspect": "instance",
    "mark_elements": "marks",
    "profile_named": "rules.profile",
    "read_profile": "rules.profile_file",
    "sop_class_named": "rules.explain",
    "storage_classes": "rules.explain",
    "weaker_overrides": "rules.weaker",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
