"""What may be hidden beside the samples of an image."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Hidden(StrEnum):
    """Where something was found that is no part of the image."""

    UNUSED_BITS = "unused_bits"
    """In the bits of native cells that no sample uses; an overlay embedded there, too (PS3.5 8.1.2)."""
    PADDING = "padding"
    """In the byte that makes an odd length even."""
    COMMENT = "comment"
    """In a comment of a JPEG or JPEG 2000 codestream."""
    APPLICATION_DATA = "application_data"
    """In an application segment of a JPEG codestream: Exif, XMP, colour profiles, thumbnails."""
    UNUSED_TABLE = "unused_table"
    """In tables and parameters of a codestream by which no sample is decoded."""
    WRAPPER = "wrapper"
    """In a file format around a JPEG 2000 codestream."""
    BEHIND_FRAME = "behind_frame"
    """Behind the end of a frame, or in a gap before its beginning."""


class Bare(NamedTuple):
    """A codestream with nothing in it but the image, and what was found in it before."""

    data: bytes
    found: frozenset[Hidden]


def remainder_found(rest: bytes) -> frozenset[Hidden]:
    """What stands behind the end of a frame; one byte of zero makes its length even."""
    return frozenset() if rest in {b"", b"\0"} else frozenset({Hidden.BEHIND_FRAME})
