"""DICOM objects made byte by byte, so that a test can say exactly what stands where."""

from __future__ import annotations

import io
from struct import pack
from typing import TYPE_CHECKING

import pydicom
from pydicom.datadict import dictionary_VR

from sendit.deid import PROFILES, Keyring, Profile, Report, deidentify
from sendit.deid.rules.options import Option

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

KEYS = Keyring(b"a secret key of this test suite.")
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
LONG_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
UNDEFINED = 0xFFFFFFFF

BASE: dict[int, tuple[str, bytes | str]] = {
    0x00080016: ("UI", CT_STORAGE),
    0x00080018: ("UI", "1.2.826.0.1.111.1"),
    0x00080020: ("DA", "20200229"),
    0x00080050: ("SH", "ACC4711"),
    0x00080060: ("CS", "CT"),
    0x00100010: ("PN", "Wunderlich^Hedwig"),
    0x00100020: ("LO", "PAT-4711"),
    0x00100030: ("DA", "19540314"),
    0x0020000D: ("UI", "1.2.826.0.1.222.1"),
    0x0020000E: ("UI", "1.2.826.0.1.333.1"),
    0x00200013: ("IS", "7"),
}
PIXEL_MODULE: dict[int, tuple[str, bytes | str]] = {
    0x00280002: ("US", pack("<H", 1)),
    0x00280004: ("CS", "MONOCHROME2"),
    0x00280010: ("US", pack("<H", 4)),
    0x00280011: ("US", pack("<H", 4)),
    0x00280100: ("US", pack("<H", 16)),
    0x00280101: ("US", pack("<H", 12)),
    0x00280102: ("US", pack("<H", 11)),
    0x00280103: ("US", pack("<H", 0)),
}
PIXELS = bytes(range(32))


def tag_bytes(tag: int) -> bytes:
    return pack("<HH", tag >> 16, tag & 0xFFFF)


def element(tag: int, vr: str, value: bytes | str, *, implicit: bool = False, undefined: bool = False) -> bytes:
    raw = value.encode("ascii") if isinstance(value, str) else value
    if len(raw) % 2:
        raw += b"\0" if vr in {"UI", "OB", "UN"} else b" "
    length = UNDEFINED if undefined else len(raw)
    end = SEQUENCE_END + pack("<L", 0) if undefined else b""
    if implicit:
        return tag_bytes(tag) + pack("<L", length) + raw + end
    if vr in LONG_VRS:
        return tag_bytes(tag) + vr.encode() + pack("<HL", 0, length) + raw + end
    return tag_bytes(tag) + vr.encode() + pack("<H", length) + raw + end


def sequence(tag: int, *items: bytes, implicit: bool = False, undefined: bool = False, vr: str = "SQ") -> bytes:
    """A sequence whose items are given as encoded elements."""
    if undefined:
        value = b"".join(ITEM + pack("<L", UNDEFINED) + item + ITEM_END + pack("<L", 0) for item in items)
    else:
        value = b"".join(ITEM + pack("<L", len(item)) + item for item in items)
    return element(tag, vr, value, implicit=implicit, undefined=undefined)


def tag_of(encoded: bytes) -> int:
    return int.from_bytes(encoded[:2], "little") << 16 | int.from_bytes(encoded[2:4], "little")


def file_meta(transfer_syntax: str, *extra: bytes) -> bytes:
    body = (
        element(0x00020002, "UI", CT_STORAGE)
        + element(0x00020003, "UI", "1.2.826.0.1.111.1")
        + element(0x00020010, "UI", transfer_syntax)
        + b"".join(extra)
    )
    return element(0x00020000, "UL", pack("<L", len(body))) + body


def instance(
    *extra: bytes,
    base: dict[int, tuple[str, bytes | str]] = BASE,
    without: tuple[int, ...] = (),
    pixels: bytes | None = PIXELS,
    transfer_syntax: str = EXPLICIT,
    trailer: bytes = b"",
    preamble: bytes = bytes(128),
    meta_extra: tuple[bytes, ...] = (),
) -> bytes:
    """A Part 10 file; every `extra` is an encoded element and replaces one of the same tag."""
    implicit = transfer_syntax == IMPLICIT
    encoded = {tag: element(tag, vr, value, implicit=implicit) for tag, (vr, value) in base.items()}
    if pixels is not None:
        for tag, (vr, value) in PIXEL_MODULE.items():
            encoded[tag] = element(tag, vr, value, implicit=implicit)
        encoded[0x7FE00010] = element(0x7FE00010, "OW", pixels, implicit=implicit)
    encoded |= {tag_of(item): item for item in extra}
    body = b"".join(encoded[tag] for tag in sorted(encoded) if tag not in without)
    return preamble + b"DICM" + file_meta(transfer_syntax, *meta_extra) + body + trailer


TESTED = {**PROFILES, "dated": Profile("dated", (Option.RETAIN_MODIFIED_DATES,))}
"""The profiles that ship, and one that does nothing but move dates."""


def deidentified(data: bytes, profile: str = "dated", keys: Keyring = KEYS) -> tuple[Report, bytes]:
    sink = io.BytesIO()
    report = deidentify(io.BytesIO(data), sink, profile=TESTED[profile], keys=keys, identify=keys.identifiers)
    return report, sink.getvalue()


def read_back(data: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(data))


def result(*extra: bytes, profile: str = "dated") -> Dataset:
    """What becomes of a CT with these elements."""
    return read_back(deidentified(instance(*extra), profile)[1])


def dictionary_vr(tag: int) -> str:
    return dictionary_VR(tag)
