"""From data sets to bytes: File Meta made anew, elements in tag order, lengths computed, padding by VR."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from tests.oracle.elements import LONG_VRS, UNDEFINED
from tests.oracle.model import DataSet, Items

from sendit.deid.dicom.vrs import STRING_VRS

if TYPE_CHECKING:
    from tests.oracle.pixels import Pixels

_IMPLEMENTATION_CLASS_UID = b"2.25.95329507413481902865421027927321289823"
_IMPLEMENTATION_VERSION_NAME = b"SENDIT"


def file_head(sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str) -> bytes:
    """An empty preamble and a File Meta of nothing but what PS3.10 7.1 requires."""
    rows = (
        (0x00020001, "OB", b"\0\1"),
        (0x00020002, "UI", sop_class_uid.encode("ascii")),
        (0x00020003, "UI", sop_instance_uid.encode("ascii")),
        (0x00020010, "UI", transfer_syntax.encode("ascii")),
        (0x00020012, "UI", _IMPLEMENTATION_CLASS_UID),
        (0x00020013, "SH", _IMPLEMENTATION_VERSION_NAME),
    )
    meta = b"".join(_element(tag, vr, value, implicit=False) for tag, vr, value in rows)
    return bytes(128) + b"DICM" + _element(0x00020000, "UL", pack("<L", len(meta)), implicit=False) + meta


def dataset_bytes(dataset: DataSet, *, implicit: bool) -> bytes:
    """A data set in little endian."""
    parts: list[bytes] = []
    for tag, element in sorted(dataset.items()):
        if isinstance(element, Items):
            items = [dataset_bytes(item, implicit=implicit) for item in element.items]
            value = b"".join(b"\xfe\xff\x00\xe0" + pack("<L", len(item)) + item for item in items)
            parts.append(_element(tag, "SQ", value, implicit=implicit))
        else:
            parts.append(_element(tag, element.vr, element.value, implicit=implicit))
    return b"".join(parts)


def pixel_bytes(pixels: Pixels, *, implicit: bool) -> bytes:
    """The pixel data with what stands before it."""
    length = UNDEFINED if pixels.encapsulated else len(pixels.value)
    return _head(pixels.tag, pixels.vr, length, implicit=implicit) + pixels.value


def _element(tag: int, vr: str, value: bytes, *, implicit: bool) -> bytes:
    if len(value) % 2:
        value += b" " if vr in STRING_VRS and vr != "UI" else b"\0"
    if not implicit and vr not in LONG_VRS and len(value) > 0xFFFF:
        vr = "UN"
    return _head(tag, vr, len(value), implicit=implicit) + value


def _head(tag: int, vr: str, length: int, *, implicit: bool) -> bytes:
    start = pack("<HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return start + pack("<L", length)
    if vr in LONG_VRS:
        return start + vr.encode("ascii") + pack("<HL", 0, length)
    return start + vr.encode("ascii") + pack("<H", length)
