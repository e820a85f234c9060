"""The marker segments of JPEG (ISO/IEC 10918-1 Annex B) and JPEG-LS (ISO/IEC 14495-1 Annex C)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sendit.pixels.errors import PixelError, PixelRefusal

if TYPE_CHECKING:
    from collections.abc import Iterator

SOI, EOI, SOS, COM = 0xD8, 0xD9, 0xDA, 0xFE
APP0, APP8, APP11, APP14 = 0xE0, 0xE8, 0xEB, 0xEE
APPLICATION = range(0xE0, 0xF0)
SOF3, SOF55 = 0xC3, 0xF7
FRAME_HEADERS = frozenset({0xC0, 0xC1, SOF3, SOF55})
"""Start of a frame: baseline, extended, lossless; JPEG-LS. Transfer syntaxes of progressive ones are retired."""
DHT, DQT, DRI, LSE = 0xC4, 0xDB, 0xDD, 0xF8
TABLES = frozenset({DHT, DQT, DRI, LSE})
"""Huffman tables, quantization, restart interval; parameters of JPEG-LS."""
ENTROPY_CODED = 0
"""In place of a marker: what follows a scan's header."""
_BEHIND_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]"), re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
"""The next marker: of JPEG, and of JPEG-LS, which stuffs a bit instead of a byte."""


class Segment(NamedTuple):
    """A marker and where what belongs to it begins (behind marker and length) and ends."""

    marker: int
    start: int
    end: int


class Described(NamedTuple):
    """What a codestream says of the image in it."""

    rows: int
    columns: int
    samples: int
    precision: int


def segments(data: bytes) -> Iterator[Segment]:
    """The segments behind the start of an image up to its end, that included, without fill bytes.

    Raises:
        PixelError: `codestream_malformed`.
    """
    if data[:2] != b"\xff\xd8":
        raise malformed()
    at, marker, jpeg_ls = 2, SOI, False
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 2 > len(data) or data[at] != 0xFF:
            raise malformed()
        marker = data[at + 1]
        if marker == EOI:
            yield Segment(EOI, at + 2, at + 2)
            return
        at, begin = at + 4, at
        end = begin + 2 + int.from_bytes(data[begin + 2 : at], "big")
        if marker < 0xC0 or marker == SOI or 0xD0 <= marker <= 0xD7 or not at <= end <= len(data):
            raise malformed()
        yield Segment(marker, at, end)
        at = end
        jpeg_ls = jpeg_ls or marker == 0xF7
        if marker == SOS:
            behind = _BEHIND_SCAN[jpeg_ls].search(data, at)
            if behind is None:
                raise malformed()
            end = behind.start()
            while end > at and data[end - 1] == 0xFF:
                end -= 1  # fill bytes
            yield Segment(ENTROPY_CODED, at, end)
            at = end


def described(data: bytes) -> Described:
    """What the frame header says.

    Raises:
        PixelError: `codestream_malformed`.
    """
    for marker, start, end in segments(data):
        if marker in FRAME_HEADERS and end - start >= 6:
            return Described(
                precision=data[start],
                rows=int.from_bytes(data[start + 1 : start + 3], "big"),
                columns=int.from_bytes(data[start + 3 : start + 5], "big"),
                samples=data[start + 5],
            )
        if marker not in TABLES and marker not in APPLICATION and marker != COM:
            break
    raise malformed()


def malformed() -> PixelError:
    """The refusal of a codestream."""
    return PixelError(PixelRefusal.CODESTREAM_MALFORMED)
