"""The way to a DICOMweb server: one request at a time of a thread, and what its answer's status is to us."""

import json
import math
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import Any, Self, TypeVar

import urllib3
from requests import Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidHeader, InvalidSchema, InvalidURL

from sendit.adapters.dicomweb_auth import Nobody
from sendit.deadline import Deadline
from sendit.errors import Code, DestinationError, TransientError

T = TypeVar("T")

JSON = "application/dicom+json"

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 60.0  # until it begins, and between two pieces of it
_LONGEST_PAUSE_SECONDS = 30.0
_BLOCK = 64 * 1024
_LONGEST_JSON = 64 * 1024 * 1024
_REFUSED = frozenset({401, 403})
_PASSING = frozenset({408, 425, 429, *range(500, 600)})
_FULL = 507
_FAILURES = (OSError, urllib3.exceptions.HTTPError, HTTPException)  # all of requests' own are OSErrors
_NO_ADDRESS = (InvalidURL, InvalidSchema, InvalidHeader)


class Setback(TransientError):
    """What may be otherwise at the next try; `pause` is for how many seconds the server wants to be left alone."""

    def __init__(self, code: Code = Code.DESTINATION_UNAVAILABLE, pause: float = 0.0) -> None:
        super().__init__(code)
        self.pause = pause


class Link:
    """Connections to one server while a batch is sent, which `threads` threads may share.

    `place` is its address without credentials; `pauses` are the seconds between tries. Redirects are not followed:
    credentials go nowhere else.
    """

    def __init__(self, place: str, auth: Nobody, deadline: Deadline, pauses: Sequence[float], threads: int) -> None:
        self.deadline = deadline
        self.pauses = pauses
        self._place = place
        self._auth = auth
        self._session = Session()
        self._session.auth = auth
        # as they are: what is compared need not be packed and unpacked
        self._session.headers.update({"User-Agent": "sendit", "Accept-Encoding": "identity"})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=threads))

    def __enter__(self) -> Self:
        """Connections are made as they are needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close them."""
        self._session.close()

    @contextmanager
    def asked(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        body: bytes | Iterable[bytes] | None = None,
        query: Mapping[str, str | int] | None = None,
        also: Collection[int] = (),
    ) -> Iterator[Response]:
        """The answer, its body not yet read, if its status is 200 to 206 or one of `also`.

        Raises `Setback` (destination_unavailable, destination_full), also for what breaks while the body is read, and
        `DestinationError` (destination_refused, destination_unusable).
        """
        with self._guarded():
            response = self._once(method, path, headers, body, query)
            if response.status_code == 401:
                with response:
                    renewed = self._auth.renew()
                if renewed:
                    response = self._once(method, path, headers, body, query)
            with response:
                self._judge(response, also)
                yield response

    def blocks(self, response: Response) -> Iterator[bytes]:
        """The body of an answer, in pieces, as long as there is time. Raises `Setback`."""
        for block in response.iter_content(_BLOCK):
            if self.deadline.left() == 0.0:
                raise Setback
            yield block

    def parsed(self, response: Response) -> Any:
        """The body of an answer as JSON. Raises `Setback` for anything else: it may be half of one."""
        data = bytearray()
        for block in self.blocks(response):
            data += block
            if len(data) > _LONGEST_JSON:
                raise Setback
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise Setback from None

    def patiently(self, call: Callable[[], T]) -> T:
        """What a call returns that may be repeated. Raises the last `Setback`, and everything else at once."""
        for pause in self.pauses:
            try:
                return call()
            except Setback as setback:
                self.wait(pause, setback)
        return call()

    def wait(self, pause: float, setback: Setback) -> None:
        """Before another try. Raises the setback instead if the deadline is near or would be."""
        seconds = min(max(pause, setback.pause), _LONGEST_PAUSE_SECONDS)
        left = self.deadline.left()
        if self.deadline.near or (left is not None and left < seconds):
            raise setback
        time.sleep(seconds)

    def _once(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None,
        query: Mapping[str, str | int] | None,
    ) -> Response:
        left = self.deadline.left()
        if left == 0.0:
            raise Setback
        most = math.inf if left is None else left
        timeout = min(_CONNECT_SECONDS, most), min(_ANSWER_SECONDS, most)
        url = f"{self._place}{path}"
        return self._session.request(
            method, url, params=query, headers=headers, data=body, timeout=timeout, allow_redirects=False, stream=True
        )

    def _judge(self, response: Response, also: Collection[int]) -> None:
        status = response.status_code
        if 200 <= status <= 206 or status in also:
            return
        if status in _REFUSED:
            raise DestinationError(Code.DESTINATION_REFUSED)
        if status in _PASSING:
            code = Code.DESTINATION_FULL if status == _FULL else Code.DESTINATION_UNAVAILABLE
            raise Setback(code, _seconds(response.headers.get("Retry-After", "")))
        raise DestinationError(Code.DESTINATION_UNUSABLE)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except _NO_ADDRESS:
            raise DestinationError(Code.DESTINATION_UNUSABLE) from None
        except _FAILURES as error:
            if _distrusted(error):
                raise DestinationError(Code.DESTINATION_UNUSABLE) from None
            raise Setback from None


def _seconds(retry_after: str) -> float:
    """RFC 9110 10.2.3; a date is as good as nothing, since the clocks may differ."""
    with suppress(ValueError):
        return max(0.0, float(retry_after))
    return 0.0


def _distrusted(error: BaseException | None) -> bool:
    """Whether a certificate was not accepted: that does not pass."""
    seen = 0
    while error is not None and seen < 8:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        inner = getattr(error, "reason", None) or next(iter(error.args), None)
        error, seen = (inner if isinstance(inner, BaseException) else error.__context__), seen + 1
    return False
