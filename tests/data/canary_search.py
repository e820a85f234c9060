"""Looks for canaries in bytes, files and names, in every form in which software is likely to leak them."""

from __future__ import annotations

import base64
import json
import os
import re
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, quote_plus

DEFLATED = b"1.2.840.10008.1.2.1.99"
INFLATED_LIMIT = 1 << 28
_DATE = re.compile(r"(1[89]\d\d)(\d\d)(\d\d)")


@dataclass(frozen=True, slots=True, order=True)
class Canary:
    """A value that nobody would write by chance, and where it was planted."""

    value: str
    where: str


def find(canaries: tuple[Canary, ...] | list[Canary], blob: bytes) -> list[Canary]:
    """Return the canaries that occur in the bytes, in any case and any likely encoding.

    Compressed content is searched too: gzip members anywhere, a zlib stream, a deflated DICOM object.

    Raises:
        ValueError: If compressed content is larger than INFLATED_LIMIT, rather than search a part of it.
    """
    seen: set[Canary] = set()
    for content in (blob, *_inflated(blob)):
        folded = content.lower()
        for canary in canaries:
            if canary in seen:
                continue
            caseless, exact = _needles(canary.value)
            if any(needle in folded for needle in caseless) or any(needle in content for needle in exact):
                seen.add(canary)
    return [canary for canary in canaries if canary in seen]


def search_tree(folder: Path, canaries: tuple[Canary, ...] | list[Canary]) -> list[tuple[Path, Canary]]:
    """Return every (path, canary) below the folder, by content, by name of file or folder, or by link target.

    Links are not followed; pipes and sockets are judged by their names. The folder's own name is not judged.

    Raises:
        OSError: If something cannot be read: what was not searched must not count as clean.
    """
    found: set[tuple[Path, Canary]] = set()
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        for name in (*folders, *files):
            path = Path(parent) / name
            blobs = [os.fsencode(name)]
            if path.is_symlink():
                blobs.append(os.fsencode(path.readlink()))
            elif path.is_file():
                blobs.append(path.read_bytes())
            found.update((path, canary) for blob in blobs for canary in find(canaries, blob))
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise error


@lru_cache(maxsize=4096)
def _needles(value: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return what to look for: in lower-cased bytes, and in bytes as they stand (base64)."""
    texts = {value, json.dumps(value)[1:-1], quote(value, safe=""), quote_plus(value, safe="")}
    if match := _DATE.fullmatch(value):
        year, month, day = match.groups()
        for mark in ("-", "/", "."):
            texts |= {
                mark.join((year, month, day)),
                mark.join((day, month, year)),
                mark.join((month, day, year)),
            }
    caseless = {text.encode(name) for text in texts for name in ("utf-8", "utf-16-le", "utf-16-be")}
    raw = {value.encode("utf-8"), value.encode("utf-16-le")}
    if value.isascii() is False:
        raw |= {encoded for encoded in (_encoded(value, name) for name in ("latin-1", "gb18030")) if encoded}
        caseless |= raw
    caseless |= {content.hex().encode() for content in raw}
    exact = {needle for content in raw for needle in _base64_needles(content)}
    return tuple(sorted(needle.lower() for needle in caseless)), tuple(sorted(exact))


def _encoded(value: str, encoding: str) -> bytes | None:
    try:
        return value.encode(encoding)
    except UnicodeEncodeError:
        return None


def _base64_needles(content: bytes) -> set[bytes]:
    """Return the characters that the content becomes at each of the three alignments, less shared edges."""
    needles = set()
    for offset in range(3):
        whole = base64.b64encode(bytes(offset) + content)
        end = (offset + len(content)) // 3 * 4
        needle = whole[4 if offset else 0 : end]
        needles |= {needle, needle.translate(bytes.maketrans(b"+/", b"-_"))}
    return {needle for needle in needles if len(needle) >= 8}


def _inflated(blob: bytes) -> list[bytes]:
    members = re.finditer(rb"\x1f\x8b\x08", blob)
    contents = [_inflate(blob[member.start() :], zlib.MAX_WBITS | 16) for member in members]
    if blob[:1] == b"\x78" and len(blob) > 1 and int.from_bytes(blob[:2], "big") % 31 == 0:
        contents.append(_inflate(blob, zlib.MAX_WBITS))
    if blob[128:132] == b"DICM" and DEFLATED in blob[132:1024]:
        start = 144 + int.from_bytes(blob[140:144], "little")
        contents.append(_inflate(blob[start:], -zlib.MAX_WBITS))
    return [content for content in contents if content]


def _inflate(blob: bytes, wbits: int) -> bytes:
    """Return what the stream holds; of a broken one, what could be read before the defect."""
    stream = zlib.decompressobj(wbits)
    parts: list[bytes] = []
    size = 0
    pending = blob
    try:
        while pending and not stream.eof:
            parts.append(stream.decompress(pending, 1 << 16))
            size += len(parts[-1])
            pending = stream.unconsumed_tail
            if size > INFLATED_LIMIT:
                raise ValueError("compressed content is too large to be searched")
    except zlib.error:
        pass
    return b"".join(parts)
