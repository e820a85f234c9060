"""The client of Cloud Storage: its timeouts, its retries, and what its failures are to us."""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import cast
from urllib.parse import urlsplit

import google.cloud.storage as storage
import urllib3
from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError, RetryError
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import AuthorizedSession
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from requests.adapters import HTTPAdapter

from sendit.adapters.denied import failure, failure_of
from sendit.adapters.emulated import emulator
from sendit.errors import Code

TIMEOUT = (5.0, 60.0)  # seconds to connect, seconds between two bytes

_PASSING = frozenset({408, 429, 500, 502, 503, 504})

FAILURES = (
    GoogleAPIError,
    InvalidResponse,
    DataCorruption,
    GoogleAuthError,
    OSError,  # all of requests' are OSErrors
    urllib3.exceptions.HTTPError,
    HTTPException,
)


def storage_client(project: str, threads: int = 8) -> storage.Client:
    """A client that `threads` threads may share: of the emulator at STORAGE_EMULATOR_HOST, else of Google's.

    Raises `TransientError` (staging_unavailable) if no emulator answers there: its calls would take minutes to fail.
    """
    address = emulator("STORAGE_EMULATOR_HOST", Code.STAGING_UNAVAILABLE)
    # else each client asks for the bucket's metadata in a thread of its own, for spans that nobody collects
    os.environ["DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"] = "true"
    with as_transient(Code.STAGING_UNAVAILABLE):
        if address:
            nobody = AnonymousCredentials()
            client = storage.Client(project=project, credentials=nobody, client_options={"api_endpoint": address})
        else:
            client = storage.Client(project=project)
    session = session_of(client)
    if address:
        session.trust_env = False  # a proxy of the environment does not lead to this machine
    if not session.is_mtls:
        adapter = HTTPAdapter(pool_connections=2, pool_maxsize=threads)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
    return client


def session_of(client: storage.Client) -> AuthorizedSession:
    """The client's HTTP session, for what the client has no call for; it has no public name there."""
    return cast("AuthorizedSession", client._http)


def is_emulated(client: storage.Client) -> bool:
    """Whether the client speaks to something else than Google's Cloud Storage."""
    return not (urlsplit(client.api_endpoint).hostname or "").endswith(".googleapis.com")


def retry_of(client: storage.Client) -> Retry:
    """How long what may pass is waited out. Every call of ours may be repeated: it names a generation."""
    return _NOT_FOR_LONG if is_emulated(client) else _A_MINUTE


def status_of(error: Exception) -> int | None:
    """The HTTP status that an error of the client stands for, or None if no answer came."""
    if isinstance(error, InvalidResponse):
        return cast("int", error.response.status_code)
    return error.code if isinstance(error, GoogleAPICallError) else None


def crc32c_of(blob: storage.Blob) -> int:
    """The sum of an object's bytes as a number; Cloud Storage has one of every object."""
    return int.from_bytes(base64.b64decode(blob.crc32c), "big")


@contextmanager
def as_transient(code: Code) -> Iterator[None]:
    """Turn whatever Cloud Storage failed with into `TransientError`, with no text of it.

    A refusal (401, 403) is one too: a role that is missing is not the fault of ten thousand images.
    """
    try:
        yield
    except FAILURES as error:
        last = error.cause if isinstance(error, RetryError) else error
        if isinstance(last, InvalidResponse):
            raise failure_of(code, status_of(last)) from None
        raise failure(code, last) from None


def _may_pass(error: Exception) -> bool:
    status = status_of(error)
    if status is not None:
        return status in _PASSING
    if isinstance(error, GoogleAuthError):
        return isinstance(error, TransportError) or error.retryable
    return isinstance(error, FAILURES) and not isinstance(error, DataCorruption)


_A_MINUTE = Retry(predicate=_may_pass, initial=0.5, maximum=10.0, multiplier=2.0, timeout=60.0)
_NOT_FOR_LONG = Retry(predicate=_may_pass, initial=0.1, maximum=1.0, multiplier=2.0, timeout=3.0)
