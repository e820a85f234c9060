"""Whether an emulator that the environment names is there at all: calls to one that is not take minutes to fail."""

import os
import socket
from urllib.parse import urlsplit

from sendit.errors import Code, TransientError

_PROBE_SECONDS = 2.0


def emulator(variable: str, code: Code) -> str | None:
    """The address in the variable, with its scheme; None if it is not set, and Google's own service is meant.

    Raises `TransientError` with this code if nothing listens there.
    """
    address = os.environ.get(variable, "")
    if not address:
        return None
    address = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), _PROBE_SECONDS).close()
    except (OSError, ValueError):
        raise TransientError(code) from None
    return address
