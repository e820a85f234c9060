"""Batches and images in Firestore's types and back: the documents of `sendit.documents`, readable in its console."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sendit.documents import Document, batch_from_document, batch_to_document, image_from_document
from sendit.records import Batch, Image

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentSnapshot


@dataclass(frozen=True, slots=True)
class Known:
    """A batch as it was read, with the two times by which Firestore tells one version of it from another."""

    batch: Batch
    create_time: datetime
    update_time: datetime


def batch_fields(batch: Batch) -> Document:
    """All fields of a batch's document."""
    document = batch_to_document(batch)
    document["name"] = _storable(batch.name)
    return document


def changed_fields(old: Batch, new: Batch) -> Document:
    """The fields to update; `updated_at` is always among them, for an update of nothing cannot be written."""
    before, after = batch_fields(old), batch_fields(new)
    return {name: value for name, value in after.items() if name == "updated_at" or before[name] != value}


def known_from_snapshot(snapshot: "DocumentSnapshot[Any]") -> Known | None:
    """The batch of a snapshot, or None if there is no such document."""
    fields = _plain(snapshot.to_dict())
    if fields is None:
        return None
    if isinstance(fields["name"], bytes):
        fields["name"] = fields["name"].decode("utf-8", "surrogatepass")
    return Known(batch_from_document(snapshot.id, fields), snapshot.create_time, snapshot.update_time)


def image_from_snapshot(snapshot: "DocumentSnapshot[Any]", batch_id: str) -> Image | None:
    """The image of a snapshot, or None if there is no such document."""
    fields = _plain(snapshot.to_dict())
    return None if fields is None else image_from_document(snapshot.id, batch_id, fields)


def _storable(name: str | None) -> str | bytes | None:
    """A name as text, or as bytes where it is no Unicode: Firestore's text is UTF-8."""
    if name is None:
        return None
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogatepass")
    return name


def _plain(value: Any) -> Any:
    """The value with every time as a plain `datetime` in UTC, such that records compare equal."""
    if isinstance(value, datetime):
        return datetime.combine(value.date(), value.time(), UTC)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
