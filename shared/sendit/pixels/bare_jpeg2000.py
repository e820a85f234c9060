"""JPEG 2000 codestreams without what is no part of the image (ISO/IEC 15444-1 A.9.2 and Annex I)."""

from __future__ import annotations

from sendit.pixels.errors import PixelError, PixelRefusal
from sendit.pixels.jpeg2000 import COM, EOC, SIGNATURE, SOT, boxes, codestream_start, segments
from sendit.pixels.kinds import Bare, Hidden, remainder_found

_BESIDE_SAMPLES = frozenset({b"ihdr", b"bpcc", b"colr", b"res "})
"""Boxes of a JP2 header that say nothing of how samples are read."""
_COMMENT_HEAD = 6


def bare_jpeg2000(data: bytes) -> Bare:
    """A codestream without comments, and without a file format around it; its packets stay as they are.

    Comments of a tile-part's header are filled with zeros: its length stands elsewhere, too.

    Raises:
        PixelError: `codestream_malformed`, or `hidden_data_left` if the file format maps samples to others.
    """
    found: set[Hidden] = set()
    begin = codestream_start(data)
    if begin:
        found.add(Hidden.WRAPPER)
        _check_header(data)
    parts = [b"\xff\x4f"]
    end, in_main_header = 0, True
    for marker, at, end in segments(data, begin):
        in_main_header = in_main_header and marker != SOT
        if marker != COM:
            parts.append(data[at:end])
        elif in_main_header:
            found.add(Hidden.COMMENT)
        else:
            if data[at + _COMMENT_HEAD : end].strip(b"\0"):
                found.add(Hidden.COMMENT)
            parts.append(data[at : at + _COMMENT_HEAD] + bytes(max(0, end - at - _COMMENT_HEAD)))
        if marker == EOC:
            break
    return Bare(b"".join(parts), frozenset(found) | (frozenset() if begin else remainder_found(data[end:])))


def _check_header(data: bytes) -> None:
    """Refuses a JP2 header with a palette, or with components in another order than in the codestream."""
    for box in boxes(data, len(SIGNATURE), len(data) - len(data) % 2):
        if box.kind == b"jp2c":
            return
        if box.kind == b"jp2h" and not _BESIDE_SAMPLES.issuperset(
            inner.kind for inner in boxes(data, box.start, box.end)
        ):
            raise PixelError(PixelRefusal.HIDDEN_DATA_LEFT)
