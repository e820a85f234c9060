"""JPEG and JPEG-LS codestreams without what is no part of the image (ISO/IEC 10918-1 B.2.4.5 and B.2.4.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.pixels.errors import PixelError, PixelRefusal
from sendit.pixels.jpeg import (
    APP0,
    APP8,
    APP11,
    APP14,
    APPLICATION,
    COM,
    ENTROPY_CODED,
    EOI,
    FRAME_HEADERS,
    SOS,
    TABLES,
    Segment,
    malformed,
    segments,
)
from sendit.pixels.kinds import Bare, Hidden, remainder_found

if TYPE_CHECKING:
    from collections.abc import Callable

_DHT, _DQT, _DNL, _DRI = 0xC4, 0xDB, 0xDC, 0xDD
_JFIF, _JFIF_UP_TO_THUMBNAIL, _NO_THUMBNAIL = b"JFIF\0", 12, bytes(2)
_DEFINED = (
    (APP14, b"Adobe", 12),
    (APP8, b"mrfx", 5),  # Hewlett-Packard's colour transforms of JPEG-LS
    (APP8, b"SPIFF\0", 30),
)
"""Application segments that say how samples are to be read: how they begin, and how long their fields are."""
_SPIFF_END = b"\0\0\0\1\xff\xd8"
_JPEG_XT = b"JP"


def bare_jpeg(data: bytes) -> Bare:
    """A codestream without comments, application data and what stands behind its end; its scans stay as they are.

    Of application segments those stay that say how samples are to be read, cut to their fields, and JFIF without its
    thumbnail.

    Raises:
        PixelError: `codestream_malformed`, or `hidden_data_left` if a segment may be part of the image.
    """
    parts, found = [b"\xff\xd8"], set()
    end = 0
    for segment in segments(data):
        marker, start, end = segment
        content = data[start:end]
        if marker == ENTROPY_CODED:
            parts.append(content)
        elif marker == EOI:
            parts.append(b"\xff\xd9")
        elif marker == COM:
            found.add(Hidden.COMMENT)
        elif marker in APPLICATION:
            kept = _defined(marker, content)
            if kept != content:
                found.add(Hidden.APPLICATION_DATA)
            if kept:
                parts.append(_segment(marker, kept))
        else:
            _check_filled(segment, content)
            parts.append(_segment(marker, content))
    return Bare(b"".join(parts), frozenset(found) | remainder_found(data[end:]))


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _defined(marker: int, content: bytes) -> bytes:
    """The fields of an application segment that decoders go by; empty if they do not."""
    if marker == APP0 and content.startswith(_JFIF) and len(content) >= _JFIF_UP_TO_THUMBNAIL + len(_NO_THUMBNAIL):
        return content[:_JFIF_UP_TO_THUMBNAIL] + _NO_THUMBNAIL
    if marker == APP8 and content == _SPIFF_END:
        return content
    for number, name, length in _DEFINED:
        if marker == number and content.startswith(name) and len(content) >= length:
            return content[:length]
    if marker == APP11 and content.startswith(_JPEG_XT):
        # a JPEG XT decoder adds what is in there to the samples
        raise PixelError(PixelRefusal.HIDDEN_DATA_LEFT)
    return b""


def _check_filled(segment: Segment, content: bytes) -> None:
    """Refuses a segment that is not known, or longer than what it holds."""
    marker, length = segment.marker, len(content)
    if marker in FRAME_HEADERS:
        exact = length >= 6 and length == 6 + 3 * content[5]
    elif marker == SOS:
        exact = length >= 4 and length == 4 + 2 * content[0]
    elif marker in {_DNL, _DRI}:
        exact = length == 2
    elif marker == _DQT:
        exact = _tables_end(content, lambda at: 129 if content[at] >> 4 else 65) == length
    elif marker == _DHT:
        exact = _tables_end(content, lambda at: 17 + sum(content[at + 1 : at + 17])) == length
    elif marker in TABLES:
        exact = True
    else:
        raise PixelError(PixelRefusal.HIDDEN_DATA_LEFT)
    if not exact:
        raise malformed()


def _tables_end(content: bytes, length_at: Callable[[int], int]) -> int:
    """Where the last of several tables ends, of which each says how long it is."""
    at = 0
    while at < len(content):
        at += length_at(at)
    return at
