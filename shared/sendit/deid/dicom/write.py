"""From data sets to bytes: File Meta made anew, elements in tag order, lengths computed, padding by VR."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from sendit.deid.dicom.elements import UNDEFINED
from sendit.deid.dicom.vrs import STRING_VRS

if TYPE_CHECKING:
    from sendit.deid.dicom.pixels import PixelPlan

IMPLEMENTATION_CLASS_UID = "2.25.95329507413481902865421027927321289823"
IMPLEMENTATION_VERSION_NAME = "SENDIT"

_LONG_VRS = {str(vr) for vr in EXPLICIT_VR_LENGTH_32}
_LONGEST_SHORT = 0xFFFF
_ITEM_TAG = b"\xfe\xff\x00\xe0"


def file_head(sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str) -> bytes:
    """An empty preamble and a File Meta of nothing but what PS3.10 7.1 requires."""
    meta = (
        element_bytes(0x00020001, "OB", b"\0\1", implicit=False)
        + _uid(0x00020002, sop_class_uid)
        + _uid(0x00020003, sop_instance_uid)
        + _uid(0x00020010, transfer_syntax)
        + _uid(0x00020012, IMPLEMENTATION_CLASS_UID)
        + element_bytes(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode("ascii"), implicit=False)
    )
    return bytes(128) + b"DICM" + element_bytes(0x00020000, "UL", pack("<L", len(meta)), implicit=False) + meta


def item_bytes(content: bytes) -> bytes:
    """One item of a sequence, of defined length."""
    return _ITEM_TAG + pack("<L", len(content)) + content


def element_bytes(tag: int, vr: str, value: bytes, *, implicit: bool) -> bytes:
    """One element, its value padded to even length.

    A value too long for the two-byte length of its VR is written as UN (PS3.5 6.2.2).
    """
    if len(value) % 2:
        value += b" " if vr in STRING_VRS and vr != "UI" else b"\0"
    if not implicit and vr not in _LONG_VRS and len(value) > _LONGEST_SHORT:
        vr = "UN"
    return _head(tag, vr, len(value), implicit=implicit) + value


def pixel_head(plan: PixelPlan, *, implicit: bool) -> bytes:
    """What stands before the value of the pixel data."""
    return _head(plan.tag, plan.vr, UNDEFINED if plan.encapsulated else plan.length, implicit=implicit)


def _head(tag: int, vr: str, length: int, *, implicit: bool) -> bytes:
    if implicit:
        return _tag(tag) + pack("<L", length)
    if vr in _LONG_VRS:
        return _tag(tag) + vr.encode("ascii") + pack("<HL", 0, length)
    return _tag(tag) + vr.encode("ascii") + pack("<H", length)


def _tag(tag: int) -> bytes:
    return pack("<HH", tag >> 16, tag & 0xFFFF)


def _uid(tag: int, uid: str) -> bytes:
    return element_bytes(tag, "UI", uid.encode("ascii"), implicit=False)
