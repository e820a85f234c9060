"""Explicit VR Big Endian objects made byte by byte."""

from __future__ import annotations

from struct import pack

from tests.data.deid_objects import BASE, BIG_ENDIAN, LONG_VRS, PIXEL_MODULE, file_meta


def big_endian(bits: int, vr: str, pixels: bytes, *extra: tuple[int, str, bytes]) -> bytes:
    """A CT of 4 × 4 cells of `bits` bits; values are written as they are given."""
    elements = {tag: (kind, value) for tag, (kind, value) in BASE.items()}
    elements |= {
        tag: (kind, value[::-1] if isinstance(value, bytes) else value) for tag, (kind, value) in PIXEL_MODULE.items()
    }
    elements |= {0x00280100: ("US", pack(">H", bits)), 0x7FE00010: (vr, pixels)}
    elements |= {tag: (kind, value) for tag, kind, value in extra}
    body = b"".join(_element(tag, *elements[tag]) for tag in sorted(elements))
    return bytes(128) + b"DICM" + file_meta(BIG_ENDIAN) + body


def _element(tag: int, vr: str, value: bytes | str) -> bytes:
    raw = value.encode("ascii") if isinstance(value, str) else value
    if len(raw) % 2:
        raw += b"\0" if vr in {"UI", "OB", "UN"} else b" "
    head = pack(">HH", tag >> 16, tag & 0xFFFF) + vr.encode("ascii")
    return head + (pack(">HL", 0, len(raw)) if vr in LONG_VRS else pack(">H", len(raw))) + raw
