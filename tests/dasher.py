"""An identifier service of DASHER's kind, as real HTTP on this machine, of which a test decides what goes wrong."""

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

Row = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """What is answered in the place of an answer. Without a status nothing comes until the server ends."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int = 0  # bytes that are announced and never come


@dataclass
class Dasher:
    """The service: what it was asked, and what it answers. `alter` changes an answer before it goes out."""

    address: str = ""
    tokens: set[str] = field(default_factory=lambda: {"token-1"})
    granted: dict[str, Row] = field(default_factory=dict)  # by refresh token
    faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None
    alter: Callable[[Any], Any] = lambda answer: answer
    asked: list[Row] = field(default_factory=list)  # bodies that were answered
    seen: list[tuple[str, str]] = field(default_factory=list)  # path and authorization of every request
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def items(self) -> list[int]:
        """How many items each answered request had."""
        return [sum(len(entity["items"]) for entity in body["identifiers"]) for body in self.asked]

    @property
    def ids(self) -> list[str]:
        """Every id of a patient or an accession number that was ever asked for."""
        entities = [entity for body in self.asked for entity in body["identifiers"]]
        return [one["id"] for entity in entities for one in (entity, *entity["items"])]


def suid_of(source: str, text: str) -> str:
    return f"D{hashlib.sha256(f'{source}/{text}'.encode()).hexdigest()[:11]}"


def jitter_of(source: str, text: str) -> int:
    """By how many days later; as often negative."""
    number = int(hashlib.sha256(f"{source}/{text}".encode()).hexdigest(), 16)
    return (1 + number % 365) * (1 if sum(text.encode()) % 2 else -1)


def answer_to(body: Row) -> Row:
    return {"results": [_result(entity) for entity in body["identifiers"]]}


def _result(entity: Row) -> Row:
    jitter = jitter_of(entity["id_source"], entity["id"])
    return {**_coded(entity, jitter), "items": [_coded(item, jitter) for item in entity["items"]]}


def _coded(one: Row, jitter: int) -> Row:
    row = {"id": one["id"], "id_source": one["id_source"], "suid": suid_of(one["id_source"], one["id"])}
    if "id_timestamp" in one:
        moved = date.fromisoformat(one["id_timestamp"][:10]) + timedelta(days=jitter)
        row["jittered_timestamp"] = f"{moved.isoformat()}T00:00:00-0700"
    return {**row, "jitter": jitter}


@contextmanager
def dasher() -> Iterator[Dasher]:
    """The service, listening until the block is left."""
    service = Dasher()

    class Handler(_Handler):
        state = service

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Dasher

    def do_POST(self) -> None:
        state, data = self.state, self.rfile.read(int(self.headers["Content-Length"]))
        token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        state.seen.append((self.path, token))
        fault = state.faults.popleft() if state.faults else state.always
        if fault is not None:
            self._fail(fault)
        elif self.path == "/oauth":
            grant = state.granted.get(parse_qs(data.decode())["refresh_token"][0])
            self._reply(Fault(200 if grant else 400, body=json.dumps(grant or {"error": "invalid_grant"}).encode()))
        elif token not in state.tokens:
            self._reply(Fault(401))
        else:
            body = json.loads(data)
            state.asked.append(body)
            self._reply(Fault(200, body=json.dumps(state.alter(answer_to(body))).encode()))

    def _fail(self, fault: Fault) -> None:
        if fault.status is None:
            self.state.ended.wait()
        else:
            self._reply(fault)

    def _reply(self, fault: Fault) -> None:
        self.send_response(fault.status or 200)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(fault.body) + fault.cut))
        self.end_headers()
        self.wfile.write(fault.body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what is asked identifies."""
