"""A resumable upload whose size is known only at its end; BlobWriter cannot be made to leave nothing behind."""

import re
from contextlib import suppress
from typing import Any

import google.cloud.storage as storage
from google.api_core.exceptions import from_http_response
from requests import Response

from sendit.adapters.gcs_client import FAILURES, TIMEOUT, retry_of, session_of

PIECE_BYTES = 8 * 1024 * 1024  # of every piece but the last; Cloud Storage wants multiples of 256 KiB

_RESUME_INCOMPLETE = 308
_RANGE = re.compile(r"bytes=0-(\d+)")


class ResumableUpload:
    """One create-only upload in pieces. Raises the errors of the client, `PreconditionFailed` if the name is taken."""

    def __init__(self, client: storage.Client, blob: storage.Blob) -> None:
        self._session = session_of(client)
        self._retry = retry_of(client)
        self._url: str = blob.create_resumable_upload_session(
            content_type=blob.content_type, if_generation_match=0, checksum=None, timeout=TIMEOUT, retry=self._retry
        )
        self._sent = 0  # bytes of the pieces that are through
        self._kept = 0  # bytes that Cloud Storage says it has
        self._unsure = False  # whether an answer got lost

    def send(self, piece: bytes) -> None:
        """Send one piece of `PIECE_BYTES`."""
        self._retry(self._attempt)(piece, "*")
        self._sent += len(piece)

    def finish(self, rest: bytes) -> dict[str, Any]:
        """Send what is left, if anything; returns the object's resource."""
        return self._retry(self._attempt)(rest, str(self._sent + len(rest)))

    def cancel(self) -> None:
        """Let Cloud Storage forget what was sent; should that fail, it does so within a week."""
        with suppress(*FAILURES):
            self._session.delete(self._url, timeout=TIMEOUT)

    def _attempt(self, piece: bytes, total: str) -> dict[str, Any]:
        end = self._sent + len(piece)
        if self._unsure:
            resource = self._take(self._put(b"", f"bytes */{total}"))
            if resource:
                return resource
        while True:
            self._unsure = True
            start = self._kept
            rest = piece[start - self._sent :]
            span = f"{start}-{end - 1}" if rest else "*"
            resource = self._take(self._put(rest, f"bytes {span}/{total}"))
            self._unsure = False
            if resource or (total == "*" and self._kept == end):
                return resource
            if not start < self._kept <= end:
                raise ConnectionError  # what was acknowledged before is gone, or nothing gets through

    def _put(self, data: bytes, content_range: str) -> Response:
        headers = {"Content-Range": content_range}
        # not to be followed: 308 means something else here
        return self._session.put(self._url, data=data, headers=headers, timeout=TIMEOUT, allow_redirects=False)

    def _take(self, response: Response) -> dict[str, Any]:
        """The finished object's resource; empty while more is to come, of which `_kept` is remembered."""
        if response.status_code == _RESUME_INCOMPLETE:
            kept = _RANGE.fullmatch(response.headers.get("Range", ""))
            self._kept = int(kept[1]) + 1 if kept else 0
            return {}
        if not response.ok:
            raise from_http_response(response)
        resource: dict[str, Any] = response.json()
        return resource
