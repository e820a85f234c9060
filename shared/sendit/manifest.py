"""The frozen manifest: which objects, in which generations, a batch consists of. Gzipped JSON lines.

The first line says under which profile, key and code version the batch was frozen; every other line is one
`Entry`. The same entries give the same bytes.
"""

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from sendit.errors import BatchError, Code
from sendit.refs import Entry


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
            header, *rows = (json.loads(line) for line in gzip.decompress(data).splitlines())
            entries = tuple(
                Entry(
                    row["name"],
                    row["generation"],
                    row["size"],
                    row["crc32c"],
                    None if row["problem"] is None else Code(row["problem"]),
                )
                for row in rows
            )
            return cls(header["batch"], header["profile"], header["key"], header["version"], entries)
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            raise BatchError(Code.BAD_MANIFEST) from None
