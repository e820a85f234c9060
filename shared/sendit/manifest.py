"""The frozen manifest: which objects, in which generations, a batch consists of. Gzipped JSON lines.

The first line says under which profile, key and code version the batch was frozen; every other line is one
`Entry`. The same entries give the same bytes.
"""

import gzip
import io
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from sendit.errors import BatchError, Code
from sendit.refs import Entry

LARGEST = 256 * 1024 * 1024
"""Bytes of text beyond which a manifest is none: about two million images."""

_FIELDS = ("name", "generation", "size", "crc32c", "problem")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was frozen, ordered by name. `batch` is the folder's whole name, for whoever may resolve ids to files."""

    batch: str
    profile_digest: str
    key_id: str
    version: str
    entries: tuple[Entry, ...]

    @classmethod
    def freeze(cls, entries: Iterable[Entry], *, batch: str, profile_digest: str, key_id: str, version: str) -> Self:
        """Order the entries by name."""
        ordered = tuple(sorted(entries, key=lambda entry: entry.name))
        return cls(batch, profile_digest, key_id, version, ordered)

    def to_bytes(self) -> bytes:
        """Gzipped JSON lines in ASCII, so that undecodable file names survive."""
        header = {
            "batch": self.batch,
            "profile": self.profile_digest,
            "key": self.key_id,
            "version": self.version,
        }
        rows = [
            {
                "name": entry.name,
                "generation": entry.generation,
                "size": entry.size,
                "crc32c": entry.crc32c,
                "problem": entry.problem,
            }
            for entry in self.entries
        ]
        text = "".join(json.dumps(row) + "\n" for row in (header, *rows))
        return gzip.compress(text.encode("ascii"), mtime=0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The manifest back; raises `BatchError` (bad_manifest)."""
        try:
            rows = map(json.loads, io.BytesIO(_inflated(data)))  # one after the other: the first bad one ends it
            header: Any = next(rows, None)
            about = (header["batch"], header["profile"], header["key"], header["version"])
            if not all(isinstance(text, str) for text in about):
                raise BatchError(Code.BAD_MANIFEST)
            return cls(*about, tuple(_entry(row) for row in rows))
        except (zlib.error, ValueError, KeyError, TypeError, RecursionError):
            raise BatchError(Code.BAD_MANIFEST) from None


def _inflated(data: bytes) -> bytes:
    """The text of one whole gzip member, and of no more than `LARGEST`."""
    inflating = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    text = inflating.decompress(data, LARGEST)
    if not inflating.eof or inflating.unused_data:
        raise BatchError(Code.BAD_MANIFEST)
    return text


def _entry(row: Mapping[str, Any]) -> Entry:
    name, generation, size, crc32c, problem = (row[key] for key in _FIELDS)
    numbers = (generation, size) if crc32c is None else (generation, size, crc32c)
    if type(name) is not str or any(type(number) is not int or number < 0 for number in numbers):
        raise BatchError(Code.BAD_MANIFEST)
    return Entry(name, generation, size, crc32c, None if problem is None else Code(problem))
