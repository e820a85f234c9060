"""Names of things, validated when they are made: batches, staged objects, markers, messages, outputs."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from sendit.errors import Code, Refused

MAX_NAME_BYTES = 1024  # of a Cloud Storage object name, and of what we accept of a folder

_MARKERS = "finalize/"
_FINALIZED = "OBJECT_FINALIZE"
_GENERATION = re.compile(r"[0-9]{1,18}")  # of 64 bits
_UNDECODED = re.compile(r"[\udc80-\udcff]")  # bytes of a folder's name on a disk; Cloud Storage has no such names
_MOST_GENERATION = 10**18
_DOCUMENT_ID = re.compile(r"[A-Za-z0-9]{1,64}")
_TMP_EXTENSION = re.compile(r"\.tmp[^.]*$", re.IGNORECASE)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_OUTPUT_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


def is_unfinished(component: str) -> bool:
    """Whether a path component's extension starts with `tmp` (`ST-000001.tmp2343`): still being copied."""
    return _TMP_EXTENSION.search(component) is not None


def printable(name: str) -> str:
    r"""A name as one line that is safe to show: control, direction and undecodable characters as `\x…`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)


@dataclass(frozen=True, slots=True)
class BatchName:
    """A batch's name: its folder's path below `incoming/`, as components (`1_6/ST-000001`)."""

    parts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Split a path; raises `Refused` (bad_name) for empty, `.` and `..` parts, NUL, or over 1,024 bytes."""
        parts = tuple(text.split("/"))
        try:
            too_long = len(text.encode("utf-8", "surrogateescape")) > MAX_NAME_BYTES
        except UnicodeEncodeError:  # half of a character, and no byte of a file's name either
            raise Refused(Code.BAD_NAME) from None
        if too_long or "\0" in text or any(part in {"", ".", ".."} for part in parts):
            raise Refused(Code.BAD_NAME)
        return cls(parts)

    @property
    def unfinished(self) -> bool:
        """Whether any component says that it is still being copied."""
        return any(is_unfinished(part) for part in self.parts)

    @property
    def test(self) -> bool:
        """Whether the last component starts with `test`: logged with its verdict, never processed."""
        return self.parts[-1].casefold().startswith("test")

    def ancestors(self) -> Iterator["BatchName"]:
        """The names of the folders around this one, outermost first."""
        for end in range(1, len(self.parts)):
            yield BatchName(self.parts[:end])

    def __str__(self) -> str:
        """The path again."""
        return "/".join(self.parts)


@dataclass(frozen=True, slots=True)
class GcsPlace:
    """A bucket, and the prefix in it below which everything lies (`gs://bucket/some/prefix`)."""

    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Split a `gs://` address; raises ValueError for anything that is none. A slash at the end changes nothing."""
        scheme, _, rest = text.partition("://")
        bucket, _, prefix = rest.partition("/")
        parts = prefix.strip("/").split("/") if prefix.strip("/") else []
        if scheme != "gs" or not _BUCKET.fullmatch(bucket) or any(part in {"", ".", ".."} for part in parts):
            raise ValueError("must look like gs://bucket or gs://bucket/prefix")
        return cls(bucket, "/".join(parts))

    def holds(self, other: "GcsPlace") -> bool:
        """Whether another place is this one or lies below it."""
        return self.bucket == other.bucket and f"{other.prefix}/".startswith(f"{self.prefix}/" if self.prefix else "")

    def name_of(self, path: str) -> str:
        """The object name of a path below this place."""
        return f"{self.prefix}/{path}" if self.prefix else path

    def __str__(self) -> str:
        """The address again."""
        return f"gs://{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a batch as it was found: what the manifest freezes.

    `name` is the path below the batch's folder; `generation` changes whenever the content may have;
    `problem` says why an object can never be read (a link, a pipe, an unreadable folder).
    """

    name: str
    generation: int
    size: int
    crc32c: int | None = None
    problem: Code | None = None


@dataclass(frozen=True, slots=True)
class Marker:
    """A finalize marker: who wrote which batch is ready. Its identity is the name and the generation."""

    name: str
    generation: int

    @classmethod
    def from_notification(cls, attributes: object, staging: GcsPlace) -> Self:
        """The marker that a notification of Cloud Storage is about, by the attributes of its message.

        Raises `Refused`: malformed_message, bad_name, or not_a_marker for any other event of any other object.
        """
        if not isinstance(attributes, Mapping):
            raise Refused(Code.MALFORMED_MESSAGE)
        bucket, name, generation = (attributes.get(key) for key in ("bucketId", "objectId", "objectGeneration"))
        if not isinstance(name, str) or not isinstance(generation, str) or not _GENERATION.fullmatch(generation):
            raise Refused(Code.MALFORMED_MESSAGE)
        markers = staging.name_of(_MARKERS)
        if bucket != staging.bucket or attributes.get("eventType") != _FINALIZED or not name.startswith(markers):
            raise Refused(Code.NOT_A_MARKER)
        if _UNDECODED.search(name):
            raise Refused(Code.BAD_NAME)
        return cls(name.removeprefix(markers), int(generation))


@dataclass(frozen=True, slots=True)
class BatchMessage:
    """The one message of a batch on the topic `batches`."""

    batch_id: str
    name: str
    generation: int

    def to_json(self) -> bytes:
        """Bytes for the topic: ASCII JSON, so that any name survives."""
        return json.dumps(
            {"batch": self.batch_id, "name": self.name, "generation": self.generation}, sort_keys=True
        ).encode("ascii")

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The message back; raises `Refused` (malformed_message) for anything else, quoting nothing of it."""
        try:
            fields = json.loads(data)
            values = (fields["batch"], fields["name"], fields["generation"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Refused(Code.MALFORMED_MESSAGE) from None
        if tuple(type(value) for value in values) != (str, str, int) or not 0 <= values[2] < _MOST_GENERATION:
            raise Refused(Code.MALFORMED_MESSAGE)
        if not _DOCUMENT_ID.fullmatch(values[0]):
            raise Refused(Code.MALFORMED_MESSAGE)
        return cls(*values)


def dead_letter(data: bytes, attributes: object, staging: GcsPlace) -> Marker | BatchMessage:
    """What a message was that died: the notification of a marker, or the message of a batch.

    Raises `Refused` (malformed_message, not_a_marker).
    """
    if isinstance(attributes, Mapping) and "objectId" in attributes:
        return Marker.from_notification(attributes, staging)
    return BatchMessage.from_json(data)


def output_name(patient: str, study_uid: str, series_uid: str, sop_uid: str) -> str:
    """Where an image lies in the output store: `<patient>/<study uid>/<series uid>/<sop uid>.dcm`.

    All four are pseudonyms or new UIDs. Raises ValueError for anything that could leave the store's folder.
    """
    name = f"{patient}/{study_uid}/{series_uid}/{sop_uid}.dcm"
    if not _OUTPUT_NAME.fullmatch(name):
        raise ValueError("an output name is built from pseudonyms and new UIDs alone")
    return name
