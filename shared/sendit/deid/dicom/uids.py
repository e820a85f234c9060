"""Which UIDs are public, and which texts are UIDs at all."""

from __future__ import annotations

import re

from pydicom.uid import UID_dictionary  # type: ignore[attr-defined]  # its home is private

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_DICOM_ROOT = "1.2.840.10008."

REGISTERED: frozenset[str] = frozenset(uid for uid in UID_dictionary if uid.startswith(_DICOM_ROOT))
"""The UIDs of PS3.6 Annex A: they name a thing of the standard, never an object, a person or a place."""


def is_uid(text: str) -> bool:
    """Whether a text can serve as a UID. Components with leading zeros pass: they are common, if wrong."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def uid_values(value: bytes) -> list[str]:
    """The values of a UI element, without padding; bytes outside ASCII stay distinguishable."""
    text = value.decode("latin-1")
    return [part.split("\0", 1)[0].strip() for part in text.split("\\")]


def is_image_storage(sop_class_uid: str) -> bool:
    """Whether objects of a SOP class are images by its name in PS3.6: without pixel data they are cut short."""
    return sop_class_uid in REGISTERED and "Image Storage" in UID_dictionary[sop_class_uid][0]
