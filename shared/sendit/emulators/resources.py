"""What Terraform makes in the cloud, made in the emulators: buckets, topics, the notification, subscriptions.

Spoken to in plain HTTP, with a limit of seconds: the client libraries take longer to import than all of this takes.
As a program, `python -m sendit.emulators.resources FINALIZE_PORT WORKER_PORT SWEEP_PORT` makes them in emulators that
somebody else started, at STORAGE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST, without the notification, which not every one
knows.
"""

import base64
import http.client
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from sendit.errors import Code, UsageError

PROJECT = "sendit-local"
STAGING, OUTPUT = "sendit-staging", "sendit-output"
FINALIZED, BATCHES, DEAD_LETTERS, TICKS = "finalized", "batches", "dead-letters", "ticks"
KEPT = "dead-letters-kept"
FUNCTIONS = {"finalize": (FINALIZED,), "worker": (BATCHES,), "sweep": (TICKS, DEAD_LETTERS)}
"""Each function, and the topics that are pushed to it."""

_DYING = (FINALIZED, BATCHES)  # a tick is followed by the next, and a dead letter has nowhere else to go

_ANSWER_SECONDS, _ATTEMPTS = 10.0, 3


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a push subscription delivers, in seconds and attempts; the defaults are the cloud's."""

    ack_deadline: int = 600
    minimum_backoff: float = 30.0
    maximum_backoff: float = 600.0
    attempts: int = 20


def make_buckets(storage: str) -> None:
    """Make the buckets, without soft delete. Raises `UsageError` (emulator_failed)."""
    for name in (STAGING, OUTPUT):
        body = {"name": name, "softDeletePolicy": {"retentionDurationSeconds": "0"}}
        _call(storage, "POST", f"/storage/v1/b?project={PROJECT}", body)


def make_topics(pubsub: str) -> None:
    """Make the topics, and the subscription that keeps dead letters. Raises `UsageError` (emulator_failed)."""
    for name in (FINALIZED, BATCHES, DEAD_LETTERS, TICKS):
        _call(pubsub, "PUT", f"/v1/{_topic(name)}", {})
    _call(pubsub, "PUT", f"/v1/projects/{PROJECT}/subscriptions/{KEPT}", {"topic": _topic(DEAD_LETTERS)})


def notify_of_markers(storage: str) -> None:
    """Let each new object below `finalize/` be told to its topic. Raises `UsageError` (emulator_failed)."""
    body = {
        "topic": f"//pubsub.googleapis.com/{_topic(FINALIZED)}",
        "payload_format": "JSON_API_V1",
        "event_types": ["OBJECT_FINALIZE"],
        "object_name_prefix": "finalize/",
    }
    _call(storage, "POST", f"/storage/v1/b/{STAGING}/notificationConfigs", body)


def push(pubsub: str, topic: str, port: int, delivery: Delivery) -> None:
    """Deliver a topic's messages to the function on a port. Raises `UsageError` (emulator_failed)."""
    body: dict[str, object] = {
        "topic": _topic(topic),
        # functions-framework reads the topic off the path
        "pushConfig": {"pushEndpoint": f"http://127.0.0.1:{port}/{_topic(topic)}"},
        "ackDeadlineSeconds": delivery.ack_deadline,
        "retryPolicy": {
            "minimumBackoff": f"{delivery.minimum_backoff:g}s",
            "maximumBackoff": f"{delivery.maximum_backoff:g}s",
        },
    }
    if topic in _DYING:
        body["deadLetterPolicy"] = {
            "deadLetterTopic": _topic(DEAD_LETTERS),
            "maxDeliveryAttempts": delivery.attempts,
        }
    _call(pubsub, "PUT", f"/v1/projects/{PROJECT}/subscriptions/{topic}-push", body)


def tick(pubsub: str) -> None:
    """Say once what Cloud Scheduler says every so often. Raises `UsageError` (emulator_failed)."""
    said = base64.b64encode(b'{"tick": "local"}').decode("ascii")
    _call(pubsub, "POST", f"/v1/{_topic(TICKS)}:publish", {"messages": [{"data": said}]})


def _topic(name: str) -> str:
    return f"projects/{PROJECT}/topics/{name}"


def _call(host: str, method: str, path: str, body: Mapping[str, object]) -> None:
    for _ in range(_ATTEMPTS):
        connection = http.client.HTTPConnection(host, timeout=_ANSWER_SECONDS)
        try:
            connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            continue  # a busy machine; what was made all the same is a conflict next time
        finally:
            connection.close()
        if status in {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.CONFLICT}:  # conflict: it is there already
            return
        raise UsageError(Code.EMULATOR_FAILED, f"{method} {path} was answered with {status}.")
    raise UsageError(Code.EMULATOR_FAILED, f"{method} {path} was not answered.")


def main() -> None:
    """Make all but the notification, in the emulators that the environment names."""
    storage = os.environ["STORAGE_EMULATOR_HOST"].removeprefix("http://").rstrip("/")
    pubsub = os.environ["PUBSUB_EMULATOR_HOST"]
    make_buckets(storage)
    make_topics(pubsub)
    for topics, port in zip(FUNCTIONS.values(), sys.argv[1:], strict=True):
        for topic in topics:
            push(pubsub, topic, int(port), Delivery())


if __name__ == "__main__":
    main()
