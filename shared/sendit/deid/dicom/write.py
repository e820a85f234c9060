"""From data sets to bytes: File Meta made anew, elements in tag order, lengths computed, padding by VR."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct, pack
from typing import TYPE_CHECKING

from sendit.deid.dicom.elements import SHORT_VRS, UNDEFINED
from sendit.deid.dicom.vrs import STRING_VRS

if TYPE_CHECKING:
    from sendit.deid.dicom.pixels import PixelPlan

IMPLEMENTATION_CLASS_UID = "2.25.95329507413481902865421027927321289823"
IMPLEMENTATION_VERSION_NAME = "SENDIT"

_IMPLICIT = Struct("<HHL").pack
_SHORT = Struct("<HH2sH").pack
_LONG = Struct("<HH2sHL").pack
_LONGEST_SHORT = 0xFFFF
_ITEM_TAG = b"\xfe\xff\x00\xe0"


def file_head(sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str) -> bytes:
    """An empty preamble and a File Meta of nothing but what PS3.10 7.1 requires."""
    before, behind = _beside_the_instance(sop_class_uid, transfer_syntax)
    meta = before + _uid(0x00020003, sop_instance_uid) + behind
    return bytes(128) + b"DICM" + element_bytes(0x00020000, "UL", pack("<L", len(meta)), implicit=False) + meta


@lru_cache(maxsize=64)
def _beside_the_instance(sop_class_uid: str, transfer_syntax: str) -> tuple[bytes, bytes]:
    """What objects of a class and an encoding have in common, before and behind their own UID."""
    version = element_bytes(0x00020001, "OB", b"\0\1", implicit=False)
    name = element_bytes(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode("ascii"), implicit=False)
    implementation = _uid(0x00020012, IMPLEMENTATION_CLASS_UID) + name
    return version + _uid(0x00020002, sop_class_uid), _uid(0x00020010, transfer_syntax) + implementation


def item_bytes(content: bytes) -> bytes:
    """One item of a sequence, of defined length."""
    return _ITEM_TAG + pack("<L", len(content)) + content


def element_bytes(tag: int, vr: str, value: bytes, *, implicit: bool) -> bytes:
    """One element, its value padded to even length.

    A value too long for the two-byte length of its VR is written as UN (PS3.5 6.2.2).
    """
    length = len(value)
    if length % 2:
        value += b" " if vr in STRING_VRS and vr != "UI" else b"\0"
        length += 1
    if implicit:
        return _IMPLICIT(tag >> 16, tag & 0xFFFF, length) + value
    if vr in SHORT_VRS and length <= _LONGEST_SHORT:
        return _SHORT(tag >> 16, tag & 0xFFFF, vr.encode(), length) + value
    return _LONG(tag >> 16, tag & 0xFFFF, b"UN" if vr in SHORT_VRS else vr.encode(), 0, length) + value


def pixel_head(plan: PixelPlan, *, implicit: bool) -> bytes:
    """What stands before the value of the pixel data."""
    group, number, length = plan.tag >> 16, plan.tag & 0xFFFF, UNDEFINED if plan.encapsulated else plan.length
    if implicit:
        return _IMPLICIT(group, number, length)
    return _LONG(group, number, plan.vr.encode(), 0, length)


def _uid(tag: int, uid: str) -> bytes:
    return element_bytes(tag, "UI", uid.encode("ascii"), implicit=False)
