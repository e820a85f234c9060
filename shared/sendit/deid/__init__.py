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
    from sendit.deid.report import Report
    from sendit.deid.rules.profile import PROFILES, Profile, profile_named

__all__ = [
    "DEFAULT_LIMITS",
    "PROFILES",
    "DeidError",
    "Entity",
    "Header",
    "Identifiers",
    "Keyring",
    "Limits",
    "Profile",
    "Refusal",
    "Report",
    "deidentify",
    "inspect",
    "profile_named",
]

_HOMES = {
    "DEFAULT_LIMITS": "dicom.limits",
    "PROFILES": "rules.profile",
    "DeidError": "errors",
    "Entity": "identity.entity",
    "Header": "dicom.header",
    "Identifiers": "identity.entity",
    "Keyring": "identity.keys",
    "Limits": "dicom.limits",
    "Profile": "rules.profile",
    "Refusal": "errors",
    "Report": "report",
    "deidentify": "instance",
    "inspect": "instance",
    "profile_named": "rules.profile",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
