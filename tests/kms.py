"""Cloud KMS as a small HTTP server of the tests: it decrypts to what it is told, or answers something else."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import google_crc32c

Answer = tuple[int, bytes]


def crc(data: bytes) -> str:
    return str(google_crc32c.value(data))


def decrypted(secret: bytes, **changes: object) -> Answer:
    """What Cloud KMS says when all is well."""
    fields = {"plaintext": base64.b64encode(secret).decode(), "plaintextCrc32c": crc(secret), **changes}
    return 200, json.dumps(fields).encode()


class Kms:
    """A server that answers as it is told, and keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, str]]] = []
        kms = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                kms.asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                status, body = kms.answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def serving(answer: Answer) -> Iterator[Kms]:
    """The server, while it runs."""
    made = Kms(answer)
    thread = Thread(target=lambda: made.server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()
