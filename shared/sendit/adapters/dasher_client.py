"""Asking an identifier service: until it answers, for as long as there is sense in it."""

import random
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from threading import Lock

from sendit.adapters.bearer_http import Reply, post
from sendit.deadline import Deadline
from sendit.errors import BatchError, Code, TransientError

_TRIES = 6
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0
_PATIENCE = 60.0
"""Seconds after which a service that does not answer is not asked again; the message of the batch comes again."""

_LARGEST_TOKEN = 16 * 1024
_UNAUTHORIZED = 401


class BearerToken:
    """The token of a service, from a file; the next one from OAuth 2.0 (RFC 6749, 6) where a refresh token is given."""

    def __init__(self, file: Path, refresh_file: Path | None, address: str, seconds: float) -> None:
        self._file = file
        self._refresh_file = refresh_file
        self._address = address
        self._seconds = seconds
        self._lock = Lock()
        self._token = self._word = ""  # what is used, and what the file said last
        self._refresh_token = ""

    def current(self) -> str:
        """The token to try. Raises `TransientError` (identifiers_forbidden): there is none."""
        with self._lock:
            if not self._token:
                self._token = self._word = _word_in(self._file)
            return self._token

    def renewed(self, refused: str) -> str:
        """Another token than the one that was refused.

        Raises `TransientError` (identifiers_forbidden): there is none; identifiers_unavailable: it cannot be asked for.
        """
        with self._lock:
            if self._token == refused:
                before, self._word = self._word, _word_in(self._file)
                self._token = self._granted() if self._word == before else self._word
            return self._token

    def _granted(self) -> str:
        if self._refresh_file is None:
            raise TransientError(Code.IDENTIFIERS_FORBIDDEN)
        refresh_token = self._refresh_token or _word_in(self._refresh_file)
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        reply = post(self._address, form=form, seconds=self._seconds)
        fields = reply.body if isinstance(reply.body, dict) else {}
        token = fields.get("access_token")
        if not reply.answered or not isinstance(token, str) or not _is_word(token):
            self._refresh_token = ""  # the file's may be a newer one
            raise TransientError(Code.IDENTIFIERS_UNAVAILABLE if reply.may_pass else Code.IDENTIFIERS_FORBIDDEN)
        following = fields.get("refresh_token")
        self._refresh_token = following if isinstance(following, str) and _is_word(following) else refresh_token
        return token


class DasherClient:
    """Asks one address. `pause` waits for seconds; threads may share it."""

    def __init__(
        self, address: str, token: BearerToken, seconds: float, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._address = address
        self._token = token
        self._seconds = seconds
        self._pause = pause

    def ask(self, body: object, deadline: Deadline) -> object:
        """The JSON that the service answers.

        Raises `TransientError` (identifiers_unavailable: it does not answer, identifiers_forbidden: it takes no token),
        `BatchError` (identifiers_refused: it takes no such request; bad_identifiers: the answer has no end).
        """
        left = deadline.left()
        end = time.monotonic() + min(max(_PATIENCE, self._seconds), inf if left is None else left)
        wait = _FIRST_WAIT
        for _ in range(_TRIES):
            reply = self._once(body, end)
            if reply.overlong:
                raise BatchError(Code.BAD_IDENTIFIERS)
            if reply.answered:
                return reply.body
            if reply.status == _UNAUTHORIZED:
                raise TransientError(Code.IDENTIFIERS_FORBIDDEN)
            if not reply.may_pass:
                raise BatchError(Code.IDENTIFIERS_REFUSED, status=reply.status)
            seconds = max(reply.wait, wait * random.uniform(0.5, 1.0))  # noqa: S311  workers are to spread, no more
            if time.monotonic() + seconds >= end:
                break
            self._pause(seconds)
            wait = min(2 * wait, _LONGEST_WAIT)
        raise TransientError(Code.IDENTIFIERS_UNAVAILABLE)

    def _once(self, body: object, end: float) -> Reply:
        """One try; a second one with another token if the first is not taken."""
        token = self._token.current()
        reply = self._post(body, token, end)
        if reply.status != _UNAUTHORIZED:
            return reply
        return self._post(body, self._token.renewed(token), end)

    def _post(self, body: object, token: str, end: float) -> Reply:
        seconds = min(self._seconds, end - time.monotonic())
        return post(self._address, body=body, token=token, seconds=seconds) if seconds > 0 else Reply(0)


def _word_in(file: Path) -> str:
    """The one word of a file, for a header of HTTP. Raises `TransientError` (identifiers_forbidden)."""
    try:
        with file.expanduser().open("rb") as stream:
            text = stream.read(_LARGEST_TOKEN).strip().decode("ascii")
    except (OSError, UnicodeDecodeError):
        text = ""
    if not _is_word(text):
        raise TransientError(Code.IDENTIFIERS_FORBIDDEN)
    return text


def _is_word(text: str) -> bool:
    return bool(text) and all("!" <= character <= "~" for character in text)
