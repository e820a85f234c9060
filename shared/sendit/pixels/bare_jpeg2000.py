"""JPEG 2000 codestreams without what is no part of the image (ISO/IEC 15444-1 A.9.2 and Annex I)."""

from __future__ import annotations

from sendit.pixels.errors import PixelError, PixelRefusal
from sendit.pixels.jpeg2000 import COM, SIGNATURE, SOT, TO_KNOW, boxes, codestream_start, segments
from sendit.pixels.jpeg2000_headers import check_headers
from sendit.pixels.kinds import Bare, Hidden, remainder_found

_BESIDE_SAMPLES = frozenset({b"ihdr", b"bpcc", b"colr", b"res "})
"""Boxes of a JP2 header that say nothing of how samples are read."""


def bare_jpeg2000(data: bytes) -> Bare:
    """A codestream without comments, what need not be known, and a file format around it; its packets stay as they are.

    In a tile-part's header a comment of zeros takes their place: its length stands elsewhere, too.

    Raises:
        PixelError: `codestream_malformed`, or `hidden_data_left` if the file format maps samples to others.
    """
    found: set[Hidden] = set()
    begin = codestream_start(data)
    if begin:
        found.add(Hidden.WRAPPER)
        _check_header(data)
    parts = [b"\xff\x4f"]
    all_segments = list(segments(data, begin))
    check_headers(data, all_segments)
    in_main_header = True
    for marker, at, end in all_segments:
        in_main_header = in_main_header and marker != SOT
        kept = data[at:end]
        if marker == COM or marker in TO_KNOW:
            kept = b"" if in_main_header else bytes((0xFF, COM)) + data[at + 2 : at + 4] + bytes(end - at - 4)
        if kept != data[at:end]:
            found.add(Hidden.COMMENT if marker == COM else Hidden.UNUSED_TABLE)
        parts.append(kept)
    behind = data[all_segments[-1].end :]
    return Bare(b"".join(parts), frozenset(found) | (frozenset() if begin else remainder_found(behind)))


def _check_header(data: bytes) -> None:
    """Refuses a JP2 header with a palette, or with components in another order than in the codestream."""
    for box in boxes(data, len(SIGNATURE), len(data) - len(data) % 2):
        if box.kind == b"jp2c":
            return
        if box.kind == b"jp2h" and not _BESIDE_SAMPLES.issuperset(
            inner.kind for inner in boxes(data, box.start, box.end)
        ):
            raise PixelError(PixelRefusal.HIDDEN_DATA_LEFT)
