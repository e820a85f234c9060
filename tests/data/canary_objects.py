"""Objects with planted values, written in every encoding that sendit reads.

Elements are said once, in little endian, and written as a test asks: explicit or implicit VR, big endian, deflated,
without preamble, without File Meta, lengths defined or undefined, sequences as UN.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from enum import StrEnum
from struct import pack

LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
WORDS = {
    "AT": 2, "FD": 8, "FL": 4, "OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2, "SL": 4, "SS": 2, "SV": 8, "UL": 4,
    "US": 2, "UV": 8,
}  # fmt: skip
"""Bytes of what is swapped in big endian."""
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
_UNDEFINED = 0xFFFFFFFF
_NULS = frozenset({"UI", "OB", "UN"})


class Encoding(StrEnum):
    """The ways to write an object."""

    EXPLICIT = "explicit"
    IMPLICIT = "implicit"
    BIG_ENDIAN = "big endian"
    DEFLATED = "deflated"
    NO_PREAMBLE = "no preamble"
    NO_FILE_META = "no File Meta"
    NO_FILE_META_IMPLICIT = "no File Meta, implicit"


_SYNTAXES = {
    Encoding.IMPLICIT: "1.2.840.10008.1.2",
    Encoding.NO_FILE_META_IMPLICIT: "1.2.840.10008.1.2",
    Encoding.BIG_ENDIAN: "1.2.840.10008.1.2.2",
    Encoding.DEFLATED: "1.2.840.10008.1.2.1.99",
}
_EXPLICIT_SYNTAX = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, slots=True)
class Planted:
    """One element; `value` holds items if it is a sequence.

    `undefined`: its length and that of its items; `as_un`: it says of itself that it is UN (PS3.5 6.2.2).
    """

    tag: int
    vr: str
    value: bytes | tuple[tuple[Planted, ...], ...]
    undefined: bool = False
    as_un: bool = False


def text(tag: int, vr: str, value: str | bytes) -> Planted:
    """An element of a string VR."""
    return Planted(tag, vr, value.encode("ascii") if isinstance(value, str) else value)


def sequence(tag: int, *items: tuple[Planted, ...], undefined: bool = False, as_un: bool = False) -> Planted:
    """A sequence of items."""
    return Planted(tag, "SQ", items, undefined, as_un)


BASE = (
    text(0x00080016, "UI", CT_STORAGE),
    text(0x00080018, "UI", "1.2.826.0.1.3680043.99.111.1"),
    text(0x00080060, "CS", "CT"),
    text(0x00100010, "PN", "Somebody^Else"),
    text(0x00100020, "LO", "ELSE-1"),
    text(0x0020000D, "UI", "1.2.826.0.1.3680043.99.222.1"),
    text(0x0020000E, "UI", "1.2.826.0.1.3680043.99.333.1"),
    text(0x00200013, "IS", "7"),
)
PIXELS = (
    Planted(0x00280002, "US", pack("<H", 1)),
    text(0x00280004, "CS", "MONOCHROME2"),
    Planted(0x00280010, "US", pack("<H", 4)),
    Planted(0x00280011, "US", pack("<H", 4)),
    Planted(0x00280100, "US", pack("<H", 16)),
    Planted(0x00280101, "US", pack("<H", 12)),
    Planted(0x00280102, "US", pack("<H", 11)),
    Planted(0x00280103, "US", pack("<H", 0)),
    Planted(0x7FE00010, "OW", bytes(range(32))),
)
IMAGE = BASE + PIXELS


def written(
    *extra: Planted,
    encoding: Encoding = Encoding.EXPLICIT,
    base: tuple[Planted, ...] = IMAGE,
    preamble: bytes = bytes(128),
    meta_extra: tuple[Planted, ...] = (),
    syntax: str | None = None,
    trailer: bytes = b"",
) -> bytes:
    """A file; each `extra` replaces the element of its tag. `trailer` is put behind everything as it is."""
    elements = {one.tag: one for one in base} | {one.tag: one for one in extra}
    body = b"".join(_element(elements[tag], encoding) for tag in sorted(elements)) + trailer
    if encoding is Encoding.DEFLATED:
        deflate = zlib.compressobj(wbits=-15)
        body = deflate.compress(body) + deflate.flush()
    if encoding in {Encoding.NO_FILE_META, Encoding.NO_FILE_META_IMPLICIT}:
        return body
    meta = {
        0x00020002: text(0x00020002, "UI", CT_STORAGE),
        0x00020010: text(0x00020010, "UI", syntax or _SYNTAXES.get(encoding, _EXPLICIT_SYNTAX)),
    } | {one.tag: one for one in meta_extra}
    head = b"".join(_element(meta[tag], Encoding.EXPLICIT) for tag in sorted(meta))
    length = _element(Planted(0x00020000, "UL", pack("<L", len(head))), Encoding.EXPLICIT)
    return (b"" if encoding is Encoding.NO_PREAMBLE else preamble + b"DICM") + length + head + body


def encoded(elements: tuple[Planted, ...], encoding: Encoding = Encoding.EXPLICIT) -> bytes:
    """The elements alone, in the order in which they are given."""
    return b"".join(_element(one, encoding) for one in elements)


def in_depth(tag: int, depth: int, *inner: Planted, undefined: bool = False, as_un: bool = False) -> Planted:
    """Elements inside so many sequences of one tag; `as_un`: the outermost says that it is UN."""
    for _ in range(depth):
        inner = (sequence(tag, tuple(sorted(inner, key=lambda one: one.tag)), undefined=undefined),)
    return replace(inner[0], as_un=as_un)


def _element(one: Planted, encoding: Encoding) -> bytes:
    big = encoding is Encoding.BIG_ENDIAN
    implicit = encoding in {Encoding.IMPLICIT, Encoding.NO_FILE_META_IMPLICIT}
    if one.as_un and not implicit:
        inner = replace(one, as_un=False)
        value, undefined = _value(inner, Encoding.IMPLICIT), one.undefined
        vr = "UN"
    else:
        value, undefined, vr = _value(one, encoding), one.undefined, one.vr
    order = ">" if big else "<"
    if len(value) % 2:
        value += b"\0" if vr in _NULS else b" "
    length = _UNDEFINED if undefined else len(value)
    start = pack(f"{order}HH", one.tag >> 16, one.tag & 0xFFFF)
    if implicit:
        return start + pack("<L", length) + value
    if vr in LONG_VRS:
        return start + vr.encode() + b"\0\0" + pack(f"{order}L", length) + value
    return start + vr.encode() + pack(f"{order}H", length) + value


def _value(one: Planted, encoding: Encoding) -> bytes:
    order = ">" if encoding is Encoding.BIG_ENDIAN else "<"
    if isinstance(one.value, bytes):
        size = WORDS.get(one.vr, 1)
        if order == "<" or size == 1 or len(one.value) % size:
            return one.value
        return b"".join(one.value[at : at + size][::-1] for at in range(0, len(one.value), size))
    parts = []
    for item in one.value:
        content = b"".join(_element(inner, encoding) for inner in item)
        head = pack(f"{order}HHL", 0xFFFE, 0xE000, _UNDEFINED if one.undefined else len(content))
        parts += [head, content, pack(f"{order}HHL", 0xFFFE, 0xE00D, 0) if one.undefined else b""]
    end = pack(f"{order}HHL", 0xFFFE, 0xE0DD, 0) if one.undefined else b""
    return b"".join((*parts, end))
