"""Buckets and objects in memory. One lock is held from the check of a condition to the write it guards."""

import threading
import time
from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sendit.emulators.gcs.blob import Blob, Content, check_name
from sendit.emulators.gcs.conditions import Conditions
from sendit.emulators.gcs.listing import Page, Question
from sendit.emulators.gcs.messages import Json, Refused, not_found
from sendit.emulators.gcs.notify import Change, EventType, Notification

_ANY = Conditions()


@dataclass(slots=True)
class Bucket:
    """A bucket: its resource, its live objects, and what soft delete keeps of the others."""

    resource: Json
    live: dict[str, Blob] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)  # of the live objects, sorted
    soft_deleted: dict[tuple[str, int], Blob] = field(default_factory=dict)
    notifications: dict[str, Notification] = field(default_factory=dict)

    @property
    def retention(self) -> int:
        """For how many seconds soft delete keeps an object."""
        policy = self.resource.get("softDeletePolicy")
        return int(str(policy.get("retentionDurationSeconds", 0))) if isinstance(policy, dict) else 0


class Store:
    """All data of the emulator. Buckets are unversioned: an overwritten or deleted generation is gone."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.buckets: dict[str, Bucket] = {}
        self.notify: Callable[[Notification, Change], None] | None = None
        self._last_generation = 0

    def bucket(self, name: str) -> Bucket:
        """A bucket; 404 if there is none."""
        try:
            return self.buckets[name]
        except KeyError:
            raise not_found("The specified bucket does not exist.") from None

    def get(
        self,
        bucket: str,
        name: str,
        generation: int | None = None,
        conditions: Conditions = _ANY,
        *,
        reading: bool = True,
    ) -> Blob:
        """The live object, of that very generation if one is given; 404, or what `conditions` says."""
        with self.lock:
            blob = self.bucket(bucket).live.get(name)
            if blob is None or generation not in {None, blob.generation}:
                raise not_found()
            conditions.check(blob.generation, blob.metageneration, reading=reading)
            return blob

    def check(self, bucket: str, name: str, conditions: Conditions) -> None:
        """Refuse with 412 if a write could not proceed now; 404 without the bucket."""
        with self.lock:
            before = self.bucket(bucket).live.get(check_name(name))
            conditions.check(*((before.generation, before.metageneration) if before else (0, None)))

    def put(self, bucket: str, name: str, content: Content, fields: Json, conditions: Conditions = _ANY) -> Blob:
        """Make a new generation the live object; see `check` for failures, after which nothing is stored."""
        with self.lock:
            self.check(bucket, name, conditions)
            now = datetime.now(UTC)
            blob = Blob(bucket, name, self._next_generation(), content, fields, now)
            owner = self.buckets[bucket]
            before = owner.live.get(name)
            if before is None:
                insort(owner.names, name)
            owner.live[name] = blob
            self._announce(owner, Change(EventType.OBJECT_FINALIZE, blob, before.generation if before else None))
            if before is not None:
                self._keep_softly(owner, before)
                self._announce(owner, Change(EventType.OBJECT_DELETE, before, blob.generation))
            return blob

    def patch(
        self, bucket: str, name: str, change: Callable[[Json], Json], generation: int | None, conditions: Conditions
    ) -> Blob:
        """Change the fields of the live object; 404 and 412 as for `get`."""
        with self.lock:
            before = self.get(bucket, name, generation, conditions, reading=False)
            blob = before.with_fields(change(before.fields))
            owner = self.buckets[bucket]
            owner.live[name] = blob
            self._announce(owner, Change(EventType.OBJECT_METADATA_UPDATE, blob))
            return blob

    def delete(self, bucket: str, name: str, generation: int | None, conditions: Conditions) -> None:
        """Delete the live object; 404 and 412 as for `get`."""
        with self.lock:
            blob = self.get(bucket, name, generation, conditions, reading=False)
            owner = self.buckets[bucket]
            del owner.live[name]
            del owner.names[bisect_left(owner.names, name)]
            self._keep_softly(owner, blob)
            self._announce(owner, Change(EventType.OBJECT_DELETE, blob))

    def soft_deleted(self, bucket: str, name: str, generation: int) -> Blob:
        """A generation that soft delete keeps; 404 if it keeps none."""
        with self.lock:
            owner = self.bucket(bucket)
            _forget_expired(owner)
            try:
                blob = owner.soft_deleted[name, generation]
            except KeyError:
                raise not_found() from None
            if _expired(blob):
                raise not_found()
            return blob

    def restore(self, bucket: str, name: str, generation: int, conditions: Conditions) -> Blob:
        """Make a new generation of what soft delete keeps; 404 and 412 as for a write."""
        with self.lock:
            kept = self.soft_deleted(bucket, name, generation)
            return self.put(bucket, name, kept.content, kept.fields, conditions)

    def page(self, bucket: str, question: Question, *, softly_deleted: bool) -> tuple[list[Blob], Page]:
        """One page of a listing, and its objects as they are at this moment; 404 without the bucket."""
        with self.lock:
            owner = self.bucket(bucket)
            if not softly_deleted:
                page = question.page(owner.names)
                return [owner.live[name] for name in page.names], page
            _forget_expired(owner)
            kept = {
                key: blob
                for key, blob in sorted(owner.soft_deleted.items(), key=lambda item: item[0])
                if not _expired(blob)
            }
            page = question.page(sorted({name for name, _ in kept}))
            wanted = set(page.names)
            return [blob for (name, _), blob in kept.items() if name in wanted], page

    def delete_bucket(self, name: str, conditions: Conditions) -> None:
        """Delete an empty bucket; 404, 412, or 409 if it is not empty."""
        with self.lock:
            owner = self.bucket(name)
            conditions.check(1, int(str(owner.resource["metageneration"])))
            if owner.live:
                raise Refused(409, "conflict", "The bucket you tried to delete is not empty.")
            del self.buckets[name]

    def _next_generation(self) -> int:
        # microseconds since 1970, like Cloud Storage's, but no number twice
        self._last_generation = max(self._last_generation + 1, time.time_ns() // 1000)
        return self._last_generation

    def _keep_softly(self, owner: Bucket, blob: Blob) -> None:
        _forget_expired(owner)
        if owner.retention:
            now = datetime.now(UTC)
            until = now + timedelta(seconds=owner.retention)
            owner.soft_deleted[blob.name, blob.generation] = replace(blob, soft_deleted=(now, until))

    def _announce(self, owner: Bucket, change: Change) -> None:
        if self.notify is not None:
            for notification in owner.notifications.values():
                if notification.wants(change):
                    self.notify(notification, change)


def _expired(blob: Blob) -> bool:
    return blob.soft_deleted is not None and blob.soft_deleted[1] <= datetime.now(UTC)


def _forget_expired(owner: Bucket) -> None:
    """Free the memory of the first that were kept, which as a rule are the first to expire."""
    while owner.soft_deleted:
        key, blob = next(iter(owner.soft_deleted.items()))
        if not _expired(blob):
            break
        del owner.soft_deleted[key]
