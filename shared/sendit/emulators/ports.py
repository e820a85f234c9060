"""Ports of the loopback address that nobody listens on."""

import random
import socket

from sendit.errors import Code, UsageError

HOST = "127.0.0.1"

# below what systems hand out for outgoing connections, so that none of those takes the port in between
_RANGE = range(20_000, 32_000)
_TRIES = 200


def free_port() -> int:
    """A port that can be listened on right now. It is not held: whoever finds it taken asks again.

    Raises `UsageError` (emulator_failed) if there seems to be none.
    """
    for port in random.sample(_RANGE, _TRIES):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise UsageError(Code.EMULATOR_FAILED, "No free port was found on 127.0.0.1.")
