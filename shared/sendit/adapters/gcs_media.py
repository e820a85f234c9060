"""Small objects down and up in one request each, over the client's own session.

`Blob` does the same for twice the processor time: it copies an upload four times, sums it up once more, and
builds spans that nobody collects. That is what a worker would spend most of its time on, next to de-identifying.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import google.cloud.storage as storage
from google.api_core.exceptions import from_http_response
from requests import Response

from sendit.adapters.gcs_client import FAILURES, TIMEOUT, retry_of, session_of


class Media:
    """Objects of one bucket, whole, from and to memory. Raises the errors of the client."""

    def __init__(self, client: storage.Client, bucket: str) -> None:
        self._session = session_of(client)
        self._retry = retry_of(client)
        base = client._connection.get_api_base_url_for_mtls()
        self._download_url = f"{base}/download/storage/v1/b/{bucket}/o"
        self._upload_url = f"{base}/upload/storage/v1/b/{bucket}/o?uploadType=multipart&ifGenerationMatch=0"

    def download(self, name: str, generation: int) -> bytes:
        """The bytes of exactly that generation, as they are stored."""
        return self._retry(self._get)(self._address(name, generation), {})

    def can_be_read(self, name: str, generation: int) -> bool:
        """Whether that generation can be read at all, by its first byte."""
        try:
            self._retry(self._get)(self._address(name, generation), {"Range": "bytes=0-0"})
        except FAILURES:
            return False
        return True

    def upload(self, resource: Mapping[str, object], blocks: Sequence[bytes]) -> dict[str, Any]:
        """Create the object that `resource` tells of, and return what it became.

        Cloud Storage refuses it if the bytes do not fit the `crc32c` in there.
        """
        boundary = uuid.uuid4().hex
        head = (
            f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{json.dumps(resource)}\r\n"
            f"--{boundary}\r\nContent-Type: {resource['contentType']}\r\n\r\n"
        )
        body = b"".join((head.encode("ascii"), *blocks, f"\r\n--{boundary}--".encode("ascii")))
        return self._retry(self._post)(body, f"multipart/related; boundary={boundary}")

    def _address(self, name: str, generation: int) -> str:
        return f"{self._download_url}/{quote(name, safe='')}?alt=media&generation={generation}"

    def _get(self, url: str, more: Mapping[str, str]) -> bytes:
        # gzip is accepted, and not undone, so that what was stored compressed comes as it was summed up
        headers = {"Accept-Encoding": "gzip", **more}
        with self._session.get(url, headers=headers, timeout=TIMEOUT, stream=True) as response:
            _check(response)
            data: bytes = response.raw.read(decode_content=False)
            return data

    def _post(self, body: bytes, content_type: str) -> dict[str, Any]:
        headers = {"Content-Type": content_type}
        response = self._session.post(self._upload_url, data=body, headers=headers, timeout=TIMEOUT)
        _check(response)
        resource: dict[str, Any] = response.json()
        return resource


def _check(response: Response) -> None:
    if not response.ok:
        raise from_http_response(response)
