"""RLE segments (PS3.5 Annex G)."""

from __future__ import annotations

from itertools import pairwise
from struct import unpack

from sendit.pixels.jpeg import malformed

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
