"""JPEG and JPEG-LS codestreams without what is no part of the image (ISO/IEC 10918-1 B.2.4.5 and B.2.4.6)."""

from __future__ import annotations

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
    segments,
)
from sendit.pixels.jpeg_tables import tables_of, used_tables
from sendit.pixels.kinds import Bare, Hidden, remainder_found

_JFIF, _JFIF_VERSIONS, _JFIF_LENGTH = b"JFIF\0", (b"\1\0", b"\1\1", b"\1\2"), 14
_NO_DENSITY_NO_THUMBNAIL = b"\0\0\1\0\1\0\0"
_ADOBE, _ADOBE_VERSIONS, _ADOBE_LENGTH = b"Adobe", (b"\0\x64", b"\0\x65"), 12
_HP, _HP_LENGTH = b"mrfx", 5
"""Hewlett-Packard's colour transforms of JPEG-LS."""
_JPEG_XT = b"JP"


def bare_jpeg(data: bytes) -> Bare:
    """A codestream without comments, application data, unused tables and what stands behind its end.

    Scans stay as they are. Of application segments those stay that say how samples are to be read, and nothing else.

    Raises:
        PixelError: `codestream_malformed`, or `hidden_data_left` if a segment may be part of the image.
    """
    parts, found = [b"\xff\xd8"], set()
    all_segments = list(segments(data))
    used = used_tables(data, all_segments)
    for segment in all_segments:
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
        elif marker in TABLES:
            kept = b"".join(data[table.start : table.end] for table in tables_of(data, segment) if table.start in used)
            if kept != content:
                found.add(Hidden.UNUSED_TABLE)
            if kept:
                parts.append(_segment(marker, kept))
        elif marker in FRAME_HEADERS or marker == SOS:
            parts.append(_segment(marker, content))
        else:
            raise PixelError(PixelRefusal.HIDDEN_DATA_LEFT)
    return Bare(b"".join(parts), frozenset(found) | remainder_found(data[all_segments[-1].end :]))


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _defined(marker: int, content: bytes) -> bytes:
    """What decoders go by in an application segment, all else in it as it has to be; empty if they do not."""
    length = len(content)
    if marker == APP0 and content.startswith(_JFIF) and length >= _JFIF_LENGTH:
        version = content[5:7] if content[5:7] in _JFIF_VERSIONS else _JFIF_VERSIONS[-1]
        return _JFIF + version + _NO_DENSITY_NO_THUMBNAIL
    if marker == APP14 and content.startswith(_ADOBE) and length >= _ADOBE_LENGTH:
        version = content[5:7] if content[5:7] in _ADOBE_VERSIONS else _ADOBE_VERSIONS[0]
        return _ADOBE + version + bytes(4) + content[11:12]
    if marker == APP8 and content.startswith(_HP) and length >= _HP_LENGTH:
        return content[:_HP_LENGTH]
    if marker == APP11 and content.startswith(_JPEG_XT):
        # a JPEG XT decoder adds what is in there to the samples
        raise PixelError(PixelRefusal.HIDDEN_DATA_LEFT)
    return b""
