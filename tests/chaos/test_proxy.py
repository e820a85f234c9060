"""The proxy does what it is asked to do, or the tests behind it would prove nothing."""

import http.client
import random
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from tests.chaos.plan import OF_REQUESTS, Fault, Plan
from tests.chaos.proxy import Proxy

from sendit.emulators.ports import HOST

BODY = bytes(range(256)) * 400
OUTCOMES = {
    Fault.RESET: (ConnectionResetError, 0),
    Fault.RESET_WITHIN: (ConnectionResetError, 0),
    Fault.STALLED: (BODY, 1),
    Fault.CUT_OFF: (ConnectionResetError, 0),
    Fault.ANSWER_LOST: (ConnectionResetError, 1),
    Fault.TOO_MANY: (429, 0),
    Fault.UNAVAILABLE: (503, 0),
    Fault.TRUNCATED: (http.client.IncompleteRead, 1),
    Fault.SHORTENED: (BODY[: len(BODY) // 2], 1),
}
"""What the client gets, and how many requests are carried out."""


class Echo(BaseHTTPRequestHandler):
    """Answers a POST with its body, and counts."""

    protocol_version = "HTTP/1.1"
    carried_out = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(body) == len(BODY):
            type(self).carried_out += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """Does not tell of connections that were reset."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def echo() -> Iterator[str]:
    Echo.carried_out = 0
    with Server(("127.0.0.1", 0), Echo) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def plan(*kinds: Fault, most: int = 1, seconds: float = 0.1) -> Plan:
    return Plan(random.Random(1), kinds, every=1, most=most, seconds=seconds)  # noqa: S311  no secret


def posted(address: str) -> bytes | int | type[Exception]:
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("POST", "/", BODY)
        with connection.getresponse() as answer:
            data = answer.read()
            return data if answer.status == 200 else answer.status
    except (OSError, http.client.HTTPException) as error:
        return ConnectionResetError if isinstance(error, OSError) else type(error)
    finally:
        connection.close()


@pytest.mark.parametrize("fault", OF_REQUESTS)
def test_each_fault_of_a_request_happens_once_and_then_nothing(echo: str, fault: Fault) -> None:
    with Proxy(echo, plan(fault), http=True) as proxy:
        outcomes = [posted(proxy.address)]
        while not proxy.plan.happened:
            assert outcomes[-1] == BODY
            outcomes.append(posted(proxy.address))
        wanted, carried_out = OUTCOMES[fault]
        assert outcomes[-1] == wanted
        assert Echo.carried_out == len(outcomes) - 1 + carried_out
        while posted(proxy.address) is ConnectionResetError:
            assert fault is Fault.CUT_OFF
        assert posted(proxy.address) == BODY
        assert proxy.plan.happened == {fault: 1}


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.RESET_WITHIN])
def test_a_connection_that_is_reset_is_reset_on_both_sides(echo: str, fault: Fault) -> None:
    with (
        Proxy(echo, plan(fault)) as proxy,
        socket.create_connection((HOST, proxy.port)) as client,
        pytest.raises(ConnectionError),
    ):
        for _ in range(100):
            client.sendall(BODY)


def test_without_a_plan_everything_gets_through_at_any_size(echo: str) -> None:
    for http_too in (True, False):
        with Proxy(echo, plan(most=0), http=http_too) as proxy:
            assert [posted(proxy.address) for _ in range(5)] == [BODY] * 5


def test_a_seed_gives_the_same_plan_again() -> None:
    told = [
        [one.next() for _ in range(200)]
        for one in (Plan(random.Random(7), OF_REQUESTS, every=5, most=30, seconds=1.0) for _ in range(2))  # noqa: S311
    ]
    assert told[0] == told[1]
    assert any(told[0])
