"""RLE frames without what is no part of the image (PS3.5 Annex G)."""

from __future__ import annotations

from struct import pack

from sendit.pixels.kinds import Bare, Hidden, remainder_found
from sendit.pixels.rle import HEADER, bounds, needed


def bare_rle(data: bytes, segments: int, pixels: int) -> Bare:
    """A frame of so many segments and pixels, each segment as long as its pixels need, and nothing between them.

    Raises:
        PixelError: `codestream_malformed`.
    """
    found: set[Hidden] = set()
    offsets, parts, length = [], [], HEADER
    edges = bounds(data, segments)
    for at, end in edges:
        behind = needed(data, at, end, pixels)
        found |= remainder_found(data[behind:end])
        part = data[at:behind] + bytes((behind - at) % 2)
        offsets.append(length)
        parts.append(part)
        length += len(part)
    if edges[0][0] != HEADER or any(data[4 + 4 * segments : HEADER]):
        found.add(Hidden.BEHIND_FRAME)
    head = pack("<16L", segments, *offsets, *[0] * (15 - segments))
    return Bare(head + b"".join(parts), frozenset(found))
