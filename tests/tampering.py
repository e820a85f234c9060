"""A proxy before an HTTP server that does to requests and answers what a test says."""

import http.client
import socket
import ssl
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Asked:
    """A request as it came; `path` with its query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Answered:
    """What goes back. Of the body no more than `sent` bytes are, although its whole length is announced."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None


Forward = Callable[[Asked], Answered]
Tamper = Callable[[Asked, Forward], Answered | None]
"""Answers a request, with or without asking the server. None resets the connection."""


class Tampering:
    """The proxy, as tests see it: where it is, what it was asked, and what it does."""

    def __init__(self, target: str) -> None:
        self.host = ""
        self.asked: list[Asked] = []
        self.tamper: Tamper = lambda asked, forward: forward(asked)
        self._target = target

    def forward(self, asked: Asked) -> Answered:
        """Ask the server."""
        connection = http.client.HTTPConnection(self._target, timeout=30)
        try:
            connection.request(asked.method, asked.path, asked.body or None, dict(asked.headers))
            with connection.getresponse() as answer:
                headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
                return Answered(answer.status, answer.read(), headers)
        finally:
            connection.close()

    def count(self, method: str, end: str = "") -> int:
        """How many requests there were of a method, whose path without its query ends so."""
        return sum(one.method == method and one.path.partition("?")[0].endswith(end) for one in self.asked)


@contextmanager
def tampering(target: str, certificate: tuple[Path, Path] | None = None) -> Iterator[Tampering]:
    """A proxy that leads to `target` (host:port), while it runs; over TLS with a certificate and its key."""
    proxy = Tampering(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if len(body) < int(self.headers.get("Content-Length", 0)):
                self.close_connection = True  # broken off by the client: no request
                return
            headers = {name.title(): value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            asked = Asked(self.command, self.path, headers, body)
            proxy.asked.append(asked)
            answer = proxy.tamper(asked, proxy.forward)
            if answer is None:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.sent])
            self.close_connection = answer.sent is not None

        do_GET = do_POST = handle_one

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Nothing: clients come and go."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        proxy.host = f"127.0.0.1:{server.server_port}"
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
