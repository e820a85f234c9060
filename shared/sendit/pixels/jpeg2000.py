"""JPEG 2000 codestreams (ISO/IEC 15444-1 Annex A) and the boxes of a JP2 file around them (Annex I)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sendit.pixels.jpeg import Described, malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

COM, EOC, SIZ, SOT, SOD, TLM = 0x64, 0xD9, 0x51, 0x90, 0x93, 0x55
CAP, COD, COC, QCD, QCC = 0x50, 0x52, 0x53, 0x5C, 0x5D
TO_READ_BY = frozenset({CAP, COD, COC, QCD, QCC, 0x5E, 0x5F, 0x60, 0x61})
"""What packets are read by; the last ones are a region of interest, another order, and packed packet headers."""
PLM, PLT, CPF, CRG = 0x57, 0x58, 0x59, 0x63
TO_KNOW = frozenset({PLM, PLT, CPF, CRG})
"""What may be known beforehand, but need not: lengths of packets, a profile, where components lie beside each other."""
SEGMENTS = TO_READ_BY | TO_KNOW | {SIZ, COM, SOT, TLM}
"""The markers of Part 1 and Part 15 that have a length and stand in headers."""
_START = b"\xff\x4f\xff\x51"
SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"


class Segment(NamedTuple):
    """A marker, where it stands, and where what belongs to it ends; for SOD that is the data of a tile-part."""

    marker: int
    at: int
    end: int


class Box(NamedTuple):
    """The type of a box, and where its content begins and ends."""

    kind: bytes
    start: int
    end: int


def segments(data: bytes, at: int = 0) -> Iterator[Segment]:
    """The segments of a codestream behind its start marker up to its end marker, that included.

    Raises:
        PixelError: `codestream_malformed`.
    """
    if data[at : at + 4] != _START:
        raise malformed()
    at += 2
    tile_end = 0
    while True:
        if at + 2 > len(data) or data[at] != 0xFF:
            raise malformed()
        marker = data[at + 1]
        if marker == EOC:
            yield Segment(EOC, at, at + 2)
            return
        if marker == SOD:
            end = tile_end or data.find(b"\xff\xd9", at)
            tile_end = 0
        else:
            end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
            if marker not in SEGMENTS or end < at + 4:
                raise malformed()
        if marker == SOT:
            length = int.from_bytes(data[at + 6 : at + 10], "big")
            tile_end = at + length if length else 0
        if not at + 2 <= end <= len(data):
            raise malformed()
        yield Segment(marker, at, end)
        at = end


def boxes(data: bytes, at: int, end: int) -> Iterator[Box]:
    """The boxes in a stretch of a JP2 file.

    Raises:
        PixelError: `codestream_malformed`.
    """
    while at < end:
        length, kind, start = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if length == 1:
            length, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        behind = at + length if length else end
        if not start <= behind <= end:
            raise malformed()
        yield Box(kind, start, behind)
        at = behind


def codestream_start(data: bytes) -> int:
    """Where the codestream begins: at once, or in the first box that holds one.

    Raises:
        PixelError: `codestream_malformed`.
    """
    if data[: len(SIGNATURE)] != SIGNATURE:
        return 0
    for box in boxes(data, 0, len(data) - len(data) % 2):
        if box.kind == b"jp2c":
            return box.start
    raise malformed()


def described(data: bytes) -> Described:
    """What the SIZ segment says.

    Raises:
        PixelError: `codestream_malformed`.
    """
    for _, at, end in segments(data, codestream_start(data)):
        right, bottom, left, top = (int.from_bytes(data[at + n : at + n + 4], "big") for n in (6, 10, 14, 18))
        samples = int.from_bytes(data[at + 38 : at + 40], "big")
        components = data[at + 40 : end]
        if len(components) != 3 * samples or not samples:
            raise malformed()
        precision = max(depth & 0x7F for depth in components[::3]) + 1
        return Described(bottom - top, right - left, samples, precision)
    raise malformed()
