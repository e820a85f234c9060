"""The HTTP server: a thread per connection, connections kept alive, on 127.0.0.1 alone."""

import logging
import os
import socket
import ssl
import sys
import threading
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from sendit.emulators.gcs.messages import Answer, Refused, Request
from sendit.emulators.gcs.notify import Publisher
from sendit.emulators.gcs.routes import Api
from sendit.emulators.gcs.store import Store
from sendit.logs import event, place_of

_HOST = "127.0.0.1"
_NAMES = frozenset({_HOST, "localhost"})
_SMALL = 64 * 1024
_POLL = 0.1


class _Connection(BaseHTTPRequestHandler):
    """One client's connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = _SMALL
    server: "_Server"

    def _answer(self) -> None:
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            lower = name.lower()
            headers[lower] = f"{headers[lower]},{value}" if lower in headers else value
        body, cut_short = self._body(headers)
        base_url = f"{self.server.scheme}://{headers.get('host', f'{_HOST}:{self.server.server_port}')}"
        try:
            if urlsplit(base_url).hostname not in _NAMES:
                # a page in a browser of this machine, led here by a name of its own
                raise Refused(HTTPStatus.FORBIDDEN, "forbidden", "This emulator is 127.0.0.1 and localhost alone.")
            request = Request.parse(self.command, self.path, headers, body, base_url, cut_short)
        except Refused as refused:
            answer = Answer.refusing(refused)
        else:
            answer = self.server.api.answer(request)
        if cut_short:
            self.close_connection = True
            return
        head = f"HTTP/1.1 {answer.head}"
        if answer.status not in {204, 304}:
            head += f"Content-Length: {len(answer.body)}\r\n"
        if self.close_connection:
            head += "Connection: close\r\n"
        start = (head + "\r\n").encode("latin-1")
        if self.command == "HEAD" or answer.status in {204, 304}:
            self.wfile.write(start)
        elif len(answer.body) <= _SMALL:
            self.wfile.write(start + answer.body)
        else:
            self.wfile.write(start)
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def _body(self, headers: dict[str, str]) -> tuple[bytes, bool]:
        """The request's body, and whether the connection ended before it did."""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        length = int(headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        return body, len(body) < length

    def _chunks(self) -> tuple[bytes, bool]:
        pieces: list[bytes] = []
        while line := self.rfile.readline():
            size = int(line.split(b";")[0], 16)
            if size == 0:
                while self.rfile.readline().strip():
                    pass
                return b"".join(pieces), False
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        return b"".join(pieces), True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a request's line holds an object's name."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, api: Api, tls: ssl.SSLContext | None = None) -> None:
        super().__init__((_HOST, port), _Connection)
        self.api = api
        self.scheme = "http" if tls is None else "https"
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()

    def server_bind(self) -> None:
        """Bind without asking the network for this machine's name."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = _HOST, int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept a connection; a TLS handshake is left to the connection's own thread."""
        connection, address = self.socket.accept()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._guard:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """End a connection."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no event; anything else is, without its message."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            event(logging.ERROR, "A connection to the Cloud Storage emulator failed.", place=place_of(error))

    def end(self) -> None:
        """Answer nothing more, on no connection."""
        self.shutdown()
        self.server_close()
        with self._guard:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue


class GcsEmulator:
    """Cloud Storage on 127.0.0.1, its data in memory: `port` speaks HTTP, `tls_port`, if asked for, HTTPS.

    Notifications go to the Pub/Sub emulator at PUBSUB_EMULATOR_HOST; without it none can be configured.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        tls_port: int = 0,
        certificate: Path | None = None,
        key: Path | None = None,
        buckets: Iterable[str] = (),
    ) -> None:
        self._store = Store()
        api = Api(self._store)
        for name in buckets:
            # memory is freed on deletion; a bucket made through the API has Cloud Storage's seven days of soft delete
            api.buckets.create(name, {"softDeletePolicy": {"retentionDurationSeconds": "0"}})
        self._servers = [_Server(port, api)]
        self.port = self._servers[0].server_port
        self.tls_port: int | None = None
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate, key)
            self._servers.append(_Server(tls_port, api, tls))
            self.tls_port = self._servers[1].server_port
        host = os.environ.get("PUBSUB_EMULATOR_HOST")
        self._publisher = Publisher(host, f"http://{_HOST}:{self.port}") if host else None
        if self._publisher is not None:
            self._store.notify = self._publisher.send

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Serve from threads of this process."""
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(_POLL,), daemon=True).start()

    def stop(self) -> None:
        """Close listeners and connections; messages that were not published are lost."""
        for server in self._servers:
            server.end()
        if self._publisher is not None:
            self._publisher.stop()
