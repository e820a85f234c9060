"""From data sets to bytes: File Meta made anew, elements in tag order, lengths computed, padding by VR."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from pydicom.dataelem import DataElement
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from sendit.deid.dicom.elements import ITEM, UNDEFINED, elements_of
from sendit.deid.dicom.vrs import STRING_VRS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from sendit.deid.dicom.pixels import PixelPlan

IMPLEMENTATION_CLASS_UID = "2.25.95329507413481902865421027927321289823"
IMPLEMENTATION_VERSION_NAME = "SENDIT"

_LONG_VRS = {str(vr) for vr in EXPLICIT_VR_LENGTH_32}
_LONGEST_SHORT = 0xFFFF


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


def dataset_bytes(dataset: Dataset, *, implicit: bool) -> bytes:
    """A data set of raw elements and sequences, encoded in little endian."""
    parts: list[bytes] = []
    for tag, element in elements_of(dataset):
        if isinstance(element, DataElement):
            items = [dataset_bytes(item, implicit=implicit) for item in element.value]
            value = b"".join(_tag(ITEM) + pack("<L", len(item)) + item for item in items)
            parts.append(element_bytes(tag, "SQ", value, implicit=implicit))
        else:
            parts.append(element_bytes(tag, element.VR or "UN", element.value or b"", implicit=implicit))
    return b"".join(parts)


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
