"""Plain HTTP to a storage server, and a process of the emulator for a test that needs one of its own."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode


@dataclass(frozen=True)
class Reply:
    """What came back: status, headers with names in lower case, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        return str(self.json()["error"]["errors"][0]["reason"])


@dataclass
class Server:
    """A storage server by raw HTTP, one connection kept alive."""

    address: str
    tls_port: int | None = None
    pid: int | None = None
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(self.address, timeout=30)

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def another(self) -> "Server":
        return Server(self.address)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Reply:
        sent = dict(headers or {})
        if isinstance(body, Mapping):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        target = path + (("&" if "?" in path else "?") + urlencode(query) if query else "")
        self.connection.request(method, target, body, sent)
        answer = self.connection.getresponse()
        content = answer.read()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)

    def on(self, method: str, bucket: str, name: str, suffix: str = "", body: Any = None, **query: Any) -> Reply:
        return self.send(method, f"{at(bucket, name)}{suffix}", body, **query)

    def upload(self, bucket: str, name: str, data: bytes = b"data", **query: Any) -> Reply:
        """A media upload."""
        parameters = {"uploadType": "media", "name": name, **query}
        return self.send(
            "POST", f"/upload/storage/v1/b/{bucket}/o", data, {"Content-Type": "application/dicom"}, **parameters
        )

    def multipart(
        self, bucket: str, metadata: Mapping[str, object], data: bytes, quoting: str = "", newline: bytes = b"\r\n",
        **query: Any,
    ) -> Reply:  # fmt: skip
        boundary = "===============7330845974216740156=="
        lines = [
            b"--" + boundary.encode(), b"Content-Type: application/json; charset=UTF-8", b"",
            json.dumps(metadata).encode(),
            b"--" + boundary.encode(), b"Content-Type: text/x", b"Content-Transfer-Encoding: binary", b"",
            data,
            b"--" + boundary.encode() + b"--", b"",
        ]  # fmt: skip
        content_type = f"multipart/related; boundary={quoting}{boundary}{quoting}"
        parameters = {"uploadType": "multipart", **query}
        path = f"/upload/storage/v1/b/{bucket}/o"
        return self.send("POST", path, newline.join(lines), {"Content-Type": content_type}, **parameters)

    def begin(self, bucket: str, name: str, headers: Mapping[str, str] | None = None, **query: Any) -> Reply:
        """The start of a resumable upload."""
        parameters = {"uploadType": "resumable", "name": name, **query}
        return self.send("POST", f"/resumable/upload/storage/v1/b/{bucket}/o", {}, headers, **parameters)

    def step(self, session: str, data: bytes, content_range: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.send("PUT", session, data, {"Content-Range": content_range, **(headers or {})})

    def read(self, bucket: str, name: str, **query: Any) -> bytes:
        reply = self.on("GET", bucket, name, alt="media", **query)
        assert reply.status == 200
        return reply.body


def at(bucket: str, name: str) -> str:
    return f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}"


def session_of(reply: Reply) -> str:
    """The path of a resumable upload's session."""
    assert reply.status == 200
    return reply.headers["location"].split("/", 3)[-1].join(("/", ""))


@contextlib.contextmanager
def storage_emulator(*options: str, pubsub: str | None = None) -> Iterator[Server]:
    """`python -m sendit.emulators.gcs` until the end of the block."""
    command = [sys.executable, "-m", "sendit.emulators.gcs", *options]
    environment = {name: value for name, value in os.environ.items() if name != "PUBSUB_EMULATOR_HOST"}
    if pubsub is not None:
        environment["PUBSUB_EMULATOR_HOST"] = pubsub
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout is not None
            ports = json.loads(process.stdout.readline())
            server = Server(f"127.0.0.1:{ports['port']}", ports["tls_port"], process.pid)
            yield server
            server.connection.close()
        finally:
            process.terminate()
            process.wait(10)
