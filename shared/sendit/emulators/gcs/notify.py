"""Notifications of changes, published to the Pub/Sub emulator (storage/docs/pubsub-notifications)."""

import base64
import http.client
import json
import logging
import queue
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from sendit.emulators.gcs.blob import Blob, timestamp
from sendit.emulators.gcs.messages import Json, invalid
from sendit.logs import event, place_of

_TOPIC = re.compile(r"//pubsub\.googleapis\.com/(projects/[^/]+/topics/[^/]+)")
_PAYLOADS = ("JSON_API_V1", "NONE")
_PER_REQUEST = 100
_SHORTEST_WAIT, _LONGEST_WAIT = 0.05, 1.0  # seconds
_DROPPED = frozenset({400, 413})  # no repetition will make Pub/Sub take it


class EventType(StrEnum):
    """What can happen to an object of an unversioned bucket."""

    OBJECT_FINALIZE = "OBJECT_FINALIZE"
    OBJECT_DELETE = "OBJECT_DELETE"
    OBJECT_METADATA_UPDATE = "OBJECT_METADATA_UPDATE"
    OBJECT_ARCHIVE = "OBJECT_ARCHIVE"


@dataclass(frozen=True, slots=True)
class Change:
    """One event about one generation; `other` is the generation it replaced, or that replaced it."""

    kind: EventType
    blob: Blob
    other: int | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification configuration of a bucket."""

    bucket: str
    number: str
    topic: str
    payload: str
    kinds: frozenset[str] = frozenset()  # none: all
    prefix: str = ""
    attributes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_resource(cls, bucket: str, number: str, value: Json) -> "Notification":
        """Read the resource that a client inserts; 400 for what Cloud Storage refuses."""
        topic = _TOPIC.fullmatch(str(value.get("topic", "")))
        if topic is None:
            raise invalid(
                "Invalid Google Cloud Pub/Sub topic. It should look like '//pubsub.googleapis.com/projects/*/topics/*'."
            )
        payload = str(value.get("payload_format", ""))
        if payload not in _PAYLOADS:
            raise invalid("Invalid payload format.")
        kinds, attributes = value.get("event_types") or [], value.get("custom_attributes") or {}
        if not isinstance(kinds, list) or not set(map(str, kinds)) <= set(EventType):
            raise invalid("Invalid event type.")
        if not isinstance(attributes, dict):
            raise invalid("Invalid custom attributes.")
        custom = tuple((str(name), str(text)) for name, text in attributes.items())
        prefix = str(value.get("object_name_prefix") or "")
        return cls(bucket, number, topic[1], payload, frozenset(map(str, kinds)), prefix, custom)

    def resource(self, base_url: str) -> Json:
        """The configuration as the API shows it."""
        value: Json = {
            "kind": "storage#notification",
            "id": self.number,
            "selfLink": f"{base_url}/storage/v1/b/{self.bucket}/notificationConfigs/{self.number}",
            "topic": f"//pubsub.googleapis.com/{self.topic}",
            "payload_format": self.payload,
            "etag": self.number,
        }
        if self.kinds:
            value["event_types"] = sorted(self.kinds)
        if self.prefix:
            value["object_name_prefix"] = self.prefix
        if self.attributes:
            value["custom_attributes"] = dict(self.attributes)
        return value

    def wants(self, change: Change) -> bool:
        """Whether the change is one of those asked for."""
        return (not self.kinds or change.kind in self.kinds) and change.blob.name.startswith(self.prefix)

    def message(self, change: Change, base_url: str) -> Json:
        """The Pub/Sub message about a change."""
        blob = change.blob
        attributes = dict(self.attributes) | {
            "notificationConfig": f"projects/_/buckets/{self.bucket}/notificationConfigs/{self.number}",
            "eventType": change.kind.value,
            "payloadFormat": self.payload,
            "bucketId": blob.bucket,
            "objectId": blob.name,
            "objectGeneration": str(blob.generation),
            "eventTime": timestamp(change.at),
        }
        if change.other is not None:
            deleted = change.kind is EventType.OBJECT_DELETE
            attributes["overwrittenByGeneration" if deleted else "overwroteGeneration"] = str(change.other)
        value: Json = {"attributes": attributes}
        if self.payload == "JSON_API_V1":
            value["data"] = base64.b64encode(json.dumps(blob.resource(base_url)).encode()).decode()
        return value


class Publisher:
    """Publishes from a thread per topic, at least once and in no order, for as long as it takes."""

    def __init__(self, host: str, base_url: str) -> None:
        self._host = host
        self._base_url = base_url
        self._queues: dict[str, queue.SimpleQueue[tuple[Notification, Change]]] = {}
        self._stopped = threading.Event()

    def send(self, notification: Notification, change: Change) -> None:
        """Take a message on. Never waits; the store calls it one at a time."""
        if notification.topic not in self._queues:
            waiting: queue.SimpleQueue[tuple[Notification, Change]] = queue.SimpleQueue()
            self._queues[notification.topic] = waiting
            threading.Thread(target=self._run, args=(notification.topic, waiting), daemon=True).start()
        self._queues[notification.topic].put((notification, change))

    def stop(self) -> None:
        """Publish nothing more; what waits is lost."""
        self._stopped.set()

    def _run(self, topic: str, waiting: "queue.SimpleQueue[tuple[Notification, Change]]") -> None:
        connection = http.client.HTTPConnection(self._host, timeout=10)
        wait = _SHORTEST_WAIT
        messages: list[Json] = []
        while not self._stopped.is_set():
            messages = messages or [one.message(change, self._base_url) for one, change in _taken(waiting)]
            if not messages:
                continue
            try:
                body = json.dumps({"messages": messages})
                connection.request("POST", f"/v1/{topic}:publish", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                event(logging.DEBUG, "The Pub/Sub emulator is out of reach.", place=place_of(error))
                connection.close()
            else:
                if answer.status != 200 and wait == _SHORTEST_WAIT:
                    event(logging.WARNING, "Pub/Sub refused a notification.")
                if answer.status == 200 or answer.status in _DROPPED:
                    messages, wait = [], _SHORTEST_WAIT
                    continue
            self._stopped.wait(wait)
            wait = min(wait * 2, _LONGEST_WAIT)
        connection.close()


def _taken(waiting: "queue.SimpleQueue[tuple[Notification, Change]]") -> list[tuple[Notification, Change]]:
    try:
        taken = [waiting.get(timeout=_LONGEST_WAIT)]
    except queue.Empty:  # a moment to see whether all is stopped
        return []
    while len(taken) < _PER_REQUEST and not waiting.empty():
        taken.append(waiting.get())
    return taken
