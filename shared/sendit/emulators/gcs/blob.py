"""One generation of one object: its bytes, its digests, and the resource that the JSON API shows of it."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import google_crc32c

from sendit.emulators.gcs.messages import Bytes, Json, invalid, quoted, unimplemented

_PIECE = 1 << 22
_WRITABLE = (
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "customTime",
    "metadata",
    "storageClass",
)
_UNIMPLEMENTED = (
    "acl",
    "contexts",
    "customerEncryption",
    "eventBasedHold",
    "kmsKeyName",
    "retention",
    "temporaryHold",
)


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of an object and their digests; a composite object has no MD5 but a count of its components."""

    data: Bytes
    crc32c: str
    md5: str | None
    components: int | None = None

    @classmethod
    def of(cls, data: Bytes, components: int | None = None) -> "Content":
        """Compute the digests. `data` is kept, not copied, and must not change any more."""
        checksum = google_crc32c.Checksum()
        if isinstance(data, bytes):
            checksum.update(data)
        else:  # the C extension takes nothing else: pieces keep the copies small
            for start in range(0, len(data), _PIECE):
                checksum.update(bytes(memoryview(data)[start : start + _PIECE]))
        md5 = _text(hashlib.md5(data, usedforsecurity=False).digest()) if components is None else None
        return cls(data, _text(checksum.digest()), md5, components)

    def check(self, expected: "Digests") -> None:
        """Refuse with 400 bytes that are not those the client meant to send."""
        if expected.crc32c is not None and expected.crc32c != self.crc32c:
            raise invalid(f'Provided CRC32C "{expected.crc32c}" doesn\'t match calculated CRC32C "{self.crc32c}".')
        if expected.md5 is not None and self.md5 is not None and expected.md5 != self.md5:
            raise invalid(f'Provided MD5 hash "{expected.md5}" doesn\'t match calculated MD5 hash "{self.md5}".')


@dataclass(frozen=True, slots=True)
class Digests:
    """The digests that a client says its bytes have, each optional."""

    crc32c: str | None = None
    md5: str | None = None

    def updated(self, metadata: Json, headers: Mapping[str, str]) -> "Digests":
        """With those in an object's metadata, in `X-Goog-Hash` and in `Content-MD5`."""
        crc32c, md5 = self.crc32c, self.md5
        for name, value in [part.strip().partition("=")[::2] for part in headers.get("x-goog-hash", "").split(",")]:
            crc32c, md5 = (value, md5) if name == "crc32c" else (crc32c, value) if name == "md5" else (crc32c, md5)
        md5 = headers.get("content-md5", md5)
        told = metadata.get("crc32c"), metadata.get("md5Hash")
        return Digests(str(told[0]) if told[0] else crc32c, str(told[1]) if told[1] else md5)


@dataclass(frozen=True, slots=True)
class Blob:
    """A generation of an object. A changed one is another value that shares the bytes."""

    bucket: str
    name: str
    generation: int
    content: Content
    fields: Json
    created: datetime
    metageneration: int = 1
    updated: datetime | None = None
    soft_deleted: tuple[datetime, datetime] | None = None  # when, and until when it can be restored
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", len(self.content.data))

    def with_fields(self, fields: Json) -> "Blob":
        """The same bytes under the next metageneration."""
        return replace(self, fields=fields, metageneration=self.metageneration + 1, updated=datetime.now(UTC))

    @property
    def etag(self) -> str:
        """The two numbers as Cloud Storage packs them: varints of a protocol buffer."""
        return _text(b"\x08" + _varint(self.generation) + b"\x10" + _varint(self.metageneration))

    @property
    def hash_header(self) -> str:
        """The value of `X-Goog-Hash`."""
        return f"crc32c={self.content.crc32c}" + (f",md5={self.content.md5}" if self.content.md5 else "")

    def resource(self, base_url: str) -> Json:
        """The object resource (json_api/v1/objects#resource)."""
        path = f"storage/v1/b/{self.bucket}/o/{quoted(self.name)}"
        value: Json = {
            "kind": "storage#object",
            "id": f"{self.bucket}/{self.name}/{self.generation}",
            "selfLink": f"{base_url}/{path}",
            "mediaLink": f"{base_url}/download/{path}?generation={self.generation}&alt=media",
            "name": self.name,
            "bucket": self.bucket,
            "generation": str(self.generation),
            "metageneration": str(self.metageneration),
            "storageClass": "STANDARD",
            **self.fields,
            "size": str(self.size),
            "crc32c": self.content.crc32c,
            "etag": self.etag,
            "timeCreated": timestamp(self.created),
            "updated": timestamp(self.updated or self.created),
            "timeStorageClassUpdated": timestamp(self.created),
            "timeFinalized": timestamp(self.created),
        }
        if self.content.md5 is not None:
            value["md5Hash"] = self.content.md5
        if self.content.components is not None:
            value["componentCount"] = self.content.components
        if self.soft_deleted is not None:
            value["softDeleteTime"], value["hardDeleteTime"] = map(timestamp, self.soft_deleted)
        return value


def writable(metadata: Json) -> Json:
    """The fields that a client may set; 501 for those whose effect the emulator does not have."""
    return merged({}, metadata)


def merged(fields: Json, change: Json) -> Json:
    """`fields` after a patch: null takes a field away, `metadata` is patched key by key."""
    for name in _UNIMPLEMENTED:
        if change.get(name):
            raise unimplemented(f"the object's field {name}")
    result = {name: value for name, value in fields.items() if name not in change or change[name] is not None}
    for name in _WRITABLE:
        value = change.get(name)
        if name == "metadata" and isinstance(value, dict):
            before = fields.get(name)
            both = (before if isinstance(before, dict) else {}) | value
            value = {key: text for key, text in both.items() if text is not None}
        if value is not None:
            result[name] = value
    return result


def check_name(name: str) -> str:
    """The name, if an object may have it (storage/docs/objects#naming); 400 otherwise."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise invalid("Invalid object name: not valid Unicode.") from None
    if not 0 < size <= 1024:
        raise invalid("Invalid object name: it must have 1 to 1024 bytes of UTF-8.")
    if "\r" in name or "\n" in name or name in {".", ".."} or name.startswith(".well-known/acme-challenge/"):
        raise invalid("Invalid object name.")
    return name


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as the API writes times."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
