"""The real functions in processes of their own, beside the local cloud's, for what must not touch those."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import Any

from tests.emulator.cloud import Cloud, clean

from sendit.ports import StatusStore
from sendit.records import Batch, BatchState
from sendit.wiring.parts import now

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"


@dataclass(frozen=True)
class Function:
    """Where one listens, what it logged, and its process group, which is the id of its first process."""

    address: str
    lines: list[str]
    group: int

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in list(self.lines) if line.startswith("{")]


@contextmanager
def function(cloud: Cloud, name: str, folder: Path, source: Path | None = None, **settings: str) -> Iterator[Function]:
    """A function on a port of its own; whatever it started ends with it."""
    process = subprocess.Popen(
        [
            sys.executable, "-c", "from functions_framework._cli import _cli; _cli()",
            "--source", source or FUNCTIONS / name / "main.py", "--target", name,
            "--signature-type", "cloudevent", "--host", "127.0.0.1", "--port", "0",
        ],
        env={
            **clean(os.environ), **cloud.environment,
            "GUNICORN_LOG_LEVEL": "info",  # or it would not say where it listens
            "XDG_RUNTIME_DIR": str(folder),
            **settings,
        },
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stderr
    stream, lines = process.stderr, list[str]()
    listener = Thread(target=lambda: lines.extend(stream), daemon=True)
    try:
        for line in stream:
            lines.append(line)
            if found := re.search(r"Listening at: (http://\S+)", line):
                break
        else:
            raise AssertionError("the function did not start: " + "".join(lines))
        listener.start()
        yield Function(found[1], lines, process.pid)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if listener.ident:
            listener.join()
        stream.close()


def post(url: str, data: bytes, attributes: dict[str, str] | None = None) -> int:
    """Push a message as Pub/Sub does; the status of the answer."""
    message = {"data": base64.b64encode(data).decode(), "attributes": attributes or {}, "messageId": "1"}
    request = urllib.request.Request(  # noqa: S310  loopback
        url,
        data=json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def registered(cloud: Cloud, store: StatusStore, batch: str, files: dict[str, bytes], generation: int = 7) -> None:
    """A batch that is staged and registered, and that nobody is told of: its message is delivered by hand."""
    cloud.put(batch, files)
    at = now()
    store.register(Batch(cloud.id_of(batch), batch, BatchState.NEW, generation, at, at))


def made_topic(cloud: Cloud, topic: str) -> None:
    """Make one more topic; it may be there already."""
    path = f"projects/{cloud.environment['GOOGLE_CLOUD_PROJECT']}/topics/{topic}"
    request = urllib.request.Request(
        f"http://{cloud.environment['PUBSUB_EMULATOR_HOST']}/v1/{path}",
        data=b"{}",
        headers={"Content-Type": "application/json"},
        method="PUT",
    )
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  loopback
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.CONFLICT:
            raise


def marker_attributes(batch: str, generation: int = 1700000000000001) -> dict[str, str]:
    """What Cloud Storage says of a marker in a notification."""
    return {
        "bucketId": "sendit-staging",
        "objectId": f"finalize/{batch}",
        "objectGeneration": str(generation),
        "eventType": "OBJECT_FINALIZE",
    }
