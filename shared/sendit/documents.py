"""Batches and images as documents: the same fields in Firestore, in SQLite and on a page.

Times are `datetime` in UTC; a store that cannot hold them turns them into text and back.
"""

import json
from datetime import datetime
from typing import Any

from sendit.codes import Code
from sendit.deliveries import Delivery, DeliveryState, ImageFailure
from sendit.records import Batch, BatchState, Counts, ErrorEntry, Image, ImageState, Lease

Document = dict[str, Any]


def batch_to_document(batch: Batch) -> Document:
    """The document of a batch, without its id, which is the document's own."""
    counts = batch.counts
    return {
        "status": batch.state.value,
        "name": batch.name,
        "generation": batch.generation,
        "ancestors": list(batch.ancestors),
        "created_at": batch.created_at,
        "updated_at": batch.updated_at,
        "started_at": batch.started_at,
        "finished_at": batch.finished_at,
        "attempt": batch.attempt,
        "failures": batch.failures,
        "last_failure": None if batch.last_failure is None else _error_to_document(batch.last_failure),
        "lease": None if batch.lease is None else {"owner": batch.lease.owner, "expires_at": batch.lease.expires_at},
        "counts": {
            "found": counts.found,
            "stored": counts.stored,
            "rejected": counts.rejected,
            "errored": counts.errored,
            "duplicates": counts.duplicates,
        },
        "size_bytes": batch.size_bytes,
        "frozen": batch.frozen,
        "has_error": batch.has_error,
        "errors": [_error_to_document(entry) for entry in batch.errors],
        "error_count": batch.error_count,
        "has_new_arrivals": batch.has_new_arrivals,
        "profile_digest": batch.profile_digest,
        "key_id": batch.key_id,
        "cleaned_at": batch.cleaned_at,
        "finalized": batch.finalized,
        "deliveries": [_delivery_to_document(one) for one in batch.deliveries],
        "waits": batch.waits,
    }


def batch_from_document(batch_id: str, document: Document) -> Batch:
    """The batch back; documents of earlier versions lack some fields."""
    lease, failure = document["lease"], document.get("last_failure")
    return Batch(
        id=batch_id,
        name=document["name"],
        state=BatchState(document["status"]),
        generation=document["generation"],
        ancestors=tuple(document["ancestors"]),
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        started_at=document["started_at"],
        finished_at=document["finished_at"],
        attempt=document["attempt"],
        failures=document.get("failures", 0),
        last_failure=None if failure is None else _error_from_document(failure),
        lease=None if lease is None else Lease(lease["owner"], lease["expires_at"]),
        counts=Counts(**document["counts"]),
        size_bytes=document["size_bytes"],
        frozen=document["frozen"],
        errors=tuple(_error_from_document(entry) for entry in document["errors"]),
        error_count=document["error_count"],
        has_new_arrivals=document["has_new_arrivals"],
        profile_digest=document["profile_digest"],
        key_id=document["key_id"],
        cleaned_at=document.get("cleaned_at"),
        finalized=document.get("finalized", 0),
        deliveries=tuple(_delivery_from_document(one) for one in document.get("deliveries", ())),
    )


def image_to_document(image: Image) -> Document:
    """The document of an image, without its id. What does not apply is left out: there are many of these."""
    document: Document = {
        "status": image.state.value,
        "times": {state.value: at for state, at in image.times},
        "generation": image.generation,
        "size_bytes": image.size_bytes,
        "code": None if image.code is None else image.code.value,
        "sentence": image.sentence,
        "rule": image.rule,
        "output": image.output,
        "output_bytes": image.output_bytes,
        "output_crc32c": image.output_crc32c,
        "duplicate": image.duplicate,
        "blanked": None if image.blanked is None else list(image.blanked),
        "earlier": list(image.earlier) or None,
    }
    return {field: value for field, value in document.items() if value not in (None, "", 0, False)}


def image_from_document(image_id: str, batch_id: str, document: Document) -> Image:
    """The image back."""
    times: dict[str, datetime] = document["times"]
    code, blanked = document.get("code"), document.get("blanked")
    return Image(
        id=image_id,
        batch_id=batch_id,
        state=ImageState(document["status"]),
        times=tuple(sorted(((ImageState(state), at) for state, at in times.items()), key=_when)),
        generation=document.get("generation", 0),
        size_bytes=document.get("size_bytes", 0),
        code=None if code is None else Code(code),
        sentence=document.get("sentence", ""),
        rule=document.get("rule", ""),
        output=document.get("output", ""),
        output_bytes=document.get("output_bytes", 0),
        output_crc32c=document.get("output_crc32c", 0),
        duplicate=document.get("duplicate", False),
        blanked=None if blanked is None else tuple(blanked),
        earlier=tuple(document.get("earlier", ())),
    )


def _error_to_document(entry: ErrorEntry) -> Document:
    return {"code": entry.code.value, "sentence": entry.sentence, "at": entry.at, "image_id": entry.image_id}


def _error_from_document(document: Document) -> ErrorEntry:
    return ErrorEntry(Code(document["code"]), document["sentence"], document["at"], document["image_id"])


def _delivery_to_document(delivery: Delivery) -> Document:
    return {
        "destination": delivery.destination,
        "status": delivery.state.value,
        "at": delivery.at,
        "digest": delivery.digest,
        "through": delivery.through,
        "sent": delivery.sent,
        "failed": delivery.failed,
        "attempts": delivery.attempts,
        "code": None if delivery.code is None else delivery.code.value,
        "failures": [{"image_id": one.image_id, "code": one.code.value} for one in delivery.failures],
    }


def _delivery_from_document(document: Document) -> Delivery:
    code = document["code"]
    return Delivery(
        destination=document["destination"],
        state=DeliveryState(document["status"]),
        at=document["at"],
        digest=document["digest"],
        through=document["through"],
        sent=document["sent"],
        failed=document["failed"],
        attempts=document["attempts"],
        code=None if code is None else Code(code),
        failures=tuple(ImageFailure(one["image_id"], Code(one["code"])) for one in document["failures"]),
    )


def _when(step: tuple[ImageState, datetime]) -> tuple[datetime, int]:
    return step[1], list(ImageState).index(step[0])


def to_json(document: Document) -> str:
    """A document as ASCII text, with its times marked so that `from_json` finds them."""

    def as_text(value: object) -> dict[str, str]:
        if not isinstance(value, datetime):
            raise TypeError("a document holds text, numbers, lists, maps and times")
        return {"at": value.isoformat()}

    return json.dumps(document, default=as_text)


def from_json(text: str) -> Document:
    """The document back."""

    def as_time(value: dict[str, Any]) -> object:
        return datetime.fromisoformat(value["at"]) if value.keys() == {"at"} else value

    document: Document = json.loads(text, object_hook=as_time)
    return document
