"""RLE segments (PS3.5 Annex G)."""

from __future__ import annotations

from itertools import pairwise
from struct import unpack
from typing import TYPE_CHECKING

from sendit.pixels.jpeg import malformed

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = 64
_NOTHING = 128


def bounds(data: bytes, number: int) -> list[tuple[int, int]]:
    """Where the segments of a frame begin and end, which have to be as many as its samples have bytes.

    Raises:
        PixelError: `codestream_malformed`.
    """
    if len(data) < HEADER:
        raise malformed()
    count, *offsets = unpack("<16L", data[:HEADER])
    edges = [*offsets[:number], len(data)]
    if count != number or edges[0] < HEADER or edges != sorted(edges):
        raise malformed()
    return list(pairwise(edges))


def needed(data: bytes, at: int, end: int, length: int) -> int:
    """Where the runs of a segment end that fill exactly so many bytes.

    Raises:
        PixelError: `codestream_malformed` if they fill less, or the last one more.
    """
    while length > 0:
        if at >= end:
            raise malformed()
        run = data[at]
        if run < _NOTHING:
            at += run + 2
            length -= run + 1
        elif run > _NOTHING:
            at += 2
            length -= 257 - run
        else:
            at += 1
    if length or at > end:
        raise malformed()
    return at


def cells(data: bytes, cell_bytes: int) -> Iterator[bytes]:
    """The cells of each sample of a frame that is bare, little endian; its segments begin with the highest byte."""
    planes = [_expanded(data[at:end]) for at, end in bounds(data, int.from_bytes(data[:4], "little"))]
    for first in range(0, len(planes), cell_bytes):
        columns = planes[first : first + cell_bytes]
        together = bytearray(len(columns[0]) * cell_bytes)
        for number, column in enumerate(reversed(columns)):
            together[number::cell_bytes] = column
        yield bytes(together)


def _expanded(segment: bytes) -> bytes:
    """The bytes of a segment that holds whole runs and a pad byte at most."""
    parts, at = [], 0
    while at + 1 < len(segment):
        run = segment[at]
        if run < _NOTHING:
            parts.append(segment[at + 1 : at + run + 2])
            at += run + 2
        elif run > _NOTHING:
            parts.append(segment[at + 1 : at + 2] * (257 - run))
            at += 2
        else:
            at += 1
    return b"".join(parts)
