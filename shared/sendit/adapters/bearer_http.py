"""One POST to a service that wants a bearer token: bounded in time and size, and no text of it in any error."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import requests
import urllib3
from requests.auth import AuthBase

from sendit.dasher_settings import is_here

LARGEST = 16 * 1024 * 1024
"""Bytes of an answer."""

_SECONDS_TO_CONNECT = 5.0
_BLOCK = 64 * 1024
_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError)
_OK, _CREATED, _TIMEOUT, _TOO_EARLY, _TOO_MANY, _SERVER = 200, 201, 408, 425, 429, 500
_ANSWERS = frozenset({_OK, _CREATED})
_PASSING = frozenset({0, _TIMEOUT, _TOO_EARLY, _TOO_MANY}) | _ANSWERS


@dataclass(frozen=True, slots=True)
class Reply:
    """The status, 0 if no whole answer came; the answer's JSON, if it is some; seconds to wait, if it says so.

    `overlong` is whether it was larger than any answer is.
    """

    status: int
    body: object = None
    wait: float = 0.0
    overlong: bool = False

    @property
    def answered(self) -> bool:
        """Whether it is an answer."""
        return self.status in _ANSWERS and (self.body is not None or self.overlong)

    @property
    def may_pass(self) -> bool:
        """Whether asking again may help. A page without JSON is no answer of the service itself."""
        return self.status in _PASSING or self.status >= _SERVER


def post(
    address: str,
    *,
    body: object = None,
    form: Mapping[str, str] | None = None,
    token: str = "",
    seconds: float,
) -> Reply:
    """What the service says to a JSON body or to a form, in `seconds` at most. Redirects are not followed."""
    replies: SimpleQueue[Reply] = SimpleQueue()

    def ask() -> None:
        replies.put(_posted(address, body, form, token, seconds))

    # of a header that comes a byte at a time no timeout of a socket knows
    Thread(target=ask, name="post", daemon=True).start()
    try:
        return replies.get(timeout=seconds)
    except Empty:
        return Reply(0)


def _posted(address: str, body: object, form: Mapping[str, str] | None, token: str, seconds: float) -> Reply:
    end = time.monotonic() + seconds
    try:
        with requests.Session() as session:
            session.trust_env = not is_here(address)  # a proxy of the environment does not lead to this machine
            with session.post(
                address,
                data=json.dumps(body).encode("ascii") if form is None else dict(form),
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    **({"Content-Type": "application/json"} if form is None else {}),
                },
                auth=_Bearer(token),
                timeout=(min(_SECONDS_TO_CONNECT, seconds), seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                return _reply(response, end)
    except _FAILURES:
        return Reply(0)


class _Bearer(AuthBase):
    """The token; or none, and none of ~/.netrc either."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _reply(response: requests.Response, end: float) -> Reply:
    if response.status_code not in _ANSWERS:
        return Reply(response.status_code, wait=_wait(response.headers.get("Retry-After", "")))
    data = bytearray()
    # piece by piece as they come: one byte a minute would never let a plain read time out
    while block := response.raw.read1(_BLOCK, decode_content=False):
        data += block
        if len(data) > LARGEST:
            return Reply(_OK, overlong=True)
        if time.monotonic() > end:
            return Reply(0)
    return Reply(_OK, _json(bytes(data)))


def _json(data: bytes) -> Any:
    try:
        return json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; raises ValueError if a name is there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _wait(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0
