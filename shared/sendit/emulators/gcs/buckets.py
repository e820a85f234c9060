"""The methods of the JSON API on buckets and on their notification configurations."""

import re
from datetime import UTC, datetime
from typing import cast

from gcp_storage_emulator.handlers import buckets as package  # type: ignore[import-untyped]

from sendit.emulators.gcs.blob import timestamp
from sendit.emulators.gcs.conditions import Conditions
from sendit.emulators.gcs.messages import Answer, Json, Refused, Request, invalid, not_found, unimplemented
from sendit.emulators.gcs.notify import Notification
from sendit.emulators.gcs.store import Bucket, Store

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_WRITABLE = (
    "autoclass",
    "billing",
    "cors",
    "iamConfiguration",
    "labels",
    "lifecycle",
    "location",
    "logging",
    "softDeletePolicy",
    "storageClass",
    "website",
)
_UNIMPLEMENTED = (
    "acl",
    "defaultObjectAcl",
    "defaultEventBasedHold",
    "encryption",
    "objectRetention",
    "retentionPolicy",
)
_SWITCHES = ("versioning", "hierarchicalNamespace")


class Buckets:
    """What can be asked about, and done to, the buckets of a store. Access control is kept nowhere."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._notifications_made = 0

    def create(self, name: str, settings: Json) -> Json:
        """Make a bucket and say what it is; 400 for a bad name, 409 if it is there already."""
        if not _NAME.fullmatch(name):
            raise invalid("Invalid bucket name.")
        resource = cast("Json", package._make_bucket_resource(name))
        for list_of_access in ("acl", "defaultObjectAcl"):
            del resource[list_of_access]
        _change(resource, settings)
        resource["etag"] = "CAE="
        with self._store.lock:
            if name in self._store.buckets:
                message = "Your previous request to create the named bucket succeeded and you already own it."
                raise Refused(409, "conflict", message)
            self._store.buckets[name] = Bucket(resource)
        return resource

    def insert(self, request: Request) -> Answer:
        """`buckets.insert`."""
        settings = request.json()
        return Answer.of(self.create(str(settings.get("name", "")), settings))

    def list(self, request: Request) -> Answer:
        """`buckets.list`, on one page."""
        with self._store.lock:
            owners = sorted(self._store.buckets.items())
        prefix = request.query.get("prefix", "")
        items = [owner.resource for name, owner in owners if name.startswith(prefix)]
        return Answer.of({"kind": "storage#buckets"} | ({"items": items} if items else {}))

    def get(self, request: Request, bucket: str) -> Answer:
        """`buckets.get`."""
        return Answer.of(self._checked(request, bucket, reading=True).resource)

    def patch(self, request: Request, bucket: str) -> Answer:
        """`buckets.patch`: what the body names is changed."""
        with self._store.lock:
            owner = self._checked(request, bucket)
            resource = dict(owner.resource)
            _change(resource, request.json())
            resource["metageneration"] = str(int(str(resource["metageneration"])) + 1)
            resource["updated"] = timestamp(datetime.now(UTC))
            owner.resource = resource
            return Answer.of(resource)

    def delete(self, request: Request, bucket: str) -> Answer:
        """`buckets.delete`: 204, or 409 while there are objects in it."""
        self._store.delete_bucket(bucket, Conditions.from_query(request.query))
        return Answer(204)

    def layout(self, _: Request, bucket: str) -> Answer:
        """`buckets.getStorageLayout`: a flat namespace."""
        resource = self._store.bucket(bucket).resource
        layout = {name: resource[name] for name in ("location", "locationType")}
        flat = {"hierarchicalNamespace": {"enabled": False}}
        return Answer.of({"kind": "storage#storageLayout", "bucket": bucket, **layout, **flat})

    def managed_folders(self, _: Request, bucket: str) -> Answer:
        """`managedFolders.list`: none, for there is no way to make one."""
        self._store.bucket(bucket)
        return Answer.of({"kind": "storage#managedFolders"})

    def permissions(self, request: Request, bucket: str) -> Answer:
        """`buckets.testIamPermissions`: whoever reaches the emulator may do everything."""
        self._store.bucket(bucket)
        asked = [value for name, value in request.parameters if name == "permissions"]
        return Answer.of({"kind": "storage#testIamPermissionsResponse", "permissions": asked})

    def service_account(self, _: Request, project: str) -> Answer:
        """`projects.serviceAccount.get`: who publishes the notifications."""
        account = f"service-{project}@gs-project-accounts.iam.gserviceaccount.com"
        return Answer.of({"kind": "storage#serviceAccount", "email_address": account})

    def add_notification(self, request: Request, bucket: str) -> Answer:
        """`notifications.insert`; 501 when the emulator was not told where Pub/Sub is."""
        if self._store.notify is None:
            raise unimplemented("notifications without PUBSUB_EMULATOR_HOST")
        with self._store.lock:
            owner = self._store.bucket(bucket)
            notification = Notification.from_resource(bucket, str(self._notifications_made + 1), request.json())
            self._notifications_made += 1
            owner.notifications[notification.number] = notification
        return Answer.of(notification.resource(request.base_url))

    def notifications(self, request: Request, bucket: str) -> Answer:
        """`notifications.list`."""
        with self._store.lock:
            found = list(self._store.bucket(bucket).notifications.values())
        items = {"items": [one.resource(request.base_url) for one in found]} if found else {}
        return Answer.of({"kind": "storage#notifications", **items})

    def notification(self, request: Request, bucket: str, number: str) -> Answer:
        """`notifications.get`."""
        return Answer.of(self._notification(bucket, number).resource(request.base_url))

    def remove_notification(self, _: Request, bucket: str, number: str) -> Answer:
        """`notifications.delete`: 204."""
        with self._store.lock:
            del self._store.bucket(bucket).notifications[self._notification(bucket, number).number]
        return Answer(204)

    def _notification(self, bucket: str, number: str) -> Notification:
        found = self._store.bucket(bucket).notifications.get(number)
        if found is None:
            raise not_found("No such notification.")
        return found

    def _checked(self, request: Request, bucket: str, *, reading: bool = False) -> Bucket:
        owner = self._store.bucket(bucket)
        metageneration = int(str(owner.resource["metageneration"]))
        Conditions.from_query(request.query).check(1, metageneration, reading=reading)
        return owner


def _change(resource: Json, settings: Json) -> None:
    """Take settings over; 501 for those whose effect the emulator does not have. Lifecycle rules are kept, not run."""
    for name in _UNIMPLEMENTED:
        if settings.get(name):
            raise unimplemented(f"the bucket's field {name}")
    for name in _SWITCHES:
        switch = settings.get(name)
        if isinstance(switch, dict) and switch.get("enabled"):
            raise unimplemented(f"the bucket's field {name}")
    for name in _WRITABLE:
        if name in settings:
            if settings[name] is None:
                resource.pop(name, None)
            else:
                resource[name] = settings[name]
