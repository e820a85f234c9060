"""Reports as text objects of the staging bucket, `failed/<batch>.err`."""

from collections.abc import Callable
from contextlib import suppress

import google.cloud.storage as storage
from google.api_core.exceptions import NotFound, PreconditionFailed

from sendit.adapters.gcs_client import TIMEOUT, as_transient, retry_of
from sendit.errors import Code
from sendit.refs import MAX_NAME_BYTES, BatchName, GcsPlace


class GcsReports:
    """`Reports` of one staging area. `id_of` names those whose batch's name leaves no room for `.err`."""

    def __init__(self, client: storage.Client, place: GcsPlace, id_of: Callable[[BatchName], str]) -> None:
        self._client = client
        self._place = place
        self._id_of = id_of
        self._bucket = client.bucket(place.bucket)
        self._retry = retry_of(client)

    def write(self, batch: BatchName, text: str) -> None:
        """See `Reports.write`."""
        with as_transient(Code.STAGING_UNAVAILABLE):
            self._upload(batch, text, None)

    def write_once(self, batch: BatchName, text: str) -> bool:
        """See `Reports.write_once`."""
        with as_transient(Code.STAGING_UNAVAILABLE):
            try:
                self._upload(batch, text, 0)
            except PreconditionFailed:
                return False
        return True

    def remove(self, batch: BatchName) -> None:
        """See `Reports.remove`."""
        with as_transient(Code.STAGING_UNAVAILABLE):
            inside = self._client.list_blobs(
                self._bucket,
                prefix=self._place.name_of(f"failed/{batch}/"),
                fields="items(name),nextPageToken",
                timeout=TIMEOUT,
                retry=self._retry,
            )
            for blob in (self._blob(batch), *inside):
                with suppress(NotFound):
                    blob.delete(timeout=TIMEOUT, retry=self._retry)

    def _upload(self, batch: BatchName, text: str, generation: int | None) -> None:
        self._blob(batch).upload_from_string(
            text.encode("utf-8"),
            content_type="text/plain; charset=utf-8",
            if_generation_match=generation,
            checksum="crc32c",
            timeout=TIMEOUT,
            retry=self._retry,
        )

    def _blob(self, batch: BatchName) -> storage.Blob:
        name = self._place.name_of(f"failed/{batch}.err")
        if len(name.encode("utf-8", "surrogateescape")) > MAX_NAME_BYTES:
            name = self._place.name_of(f"failed/{self._id_of(batch)}.err")
        return self._bucket.blob(name)
