"""Staging as a bucket: read by generation, never changed by reading."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import google.cloud.storage as storage
from google.api_core.exceptions import PreconditionFailed

from sendit.adapters.gcs_client import TIMEOUT, as_transient, crc32c_of, retry_of
from sendit.adapters.gcs_reading import GcsReading
from sendit.errors import Code, ImageError
from sendit.refs import BatchName, Entry, GcsPlace, is_unfinished
from sendit.settings import STREAM_ABOVE

_FIELDS = "items(name,generation,size,crc32c),nextPageToken"
_GENERATION = re.compile(r"(\d+)\.jsonl\.gz")
_SEALED = ".sealed"


class GcsStaging:
    """A `Staging` of batches below `incoming/` of a place in a bucket; manifests lie below `manifests/` there."""

    def __init__(self, client: storage.Client, place: GcsPlace, stream_above: int = STREAM_ABOVE) -> None:
        self._client = client
        self._place = place
        self._bucket = client.bucket(place.bucket)
        self._retry = retry_of(client)
        self._reading = GcsReading(client, place.bucket, Code.STAGING_UNAVAILABLE, stream_above)

    def _kept(self, folder: str) -> list[str]:
        """The names of what is kept of a batch."""
        with as_transient(Code.STAGING_UNAVAILABLE):
            blobs = self._client.list_blobs(
                self._bucket, prefix=folder, fields="items(name),nextPageToken", timeout=TIMEOUT, retry=self._retry
            )
            return [blob.name for blob in blobs]

    def list(self, batch: BatchName) -> Iterator[Entry]:
        """See `Staging.list`. The empty objects that consoles show as folders hold no image and are left out."""
        folder = self._folder(batch)
        with as_transient(Code.STAGING_UNAVAILABLE):
            blobs = self._client.list_blobs(
                self._bucket, prefix=folder, fields=_FIELDS, timeout=TIMEOUT, retry=self._retry
            )
            for blob in blobs:
                if blob.size or not blob.name.endswith("/"):
                    yield _entry(blob, blob.name[len(folder) :])

    @contextmanager
    def open(self, batch: BatchName, entry: Entry) -> Iterator[BinaryIO]:
        """See `Staging.open`. A generation is whole or gone, so there is nothing to check on leaving."""
        if entry.problem is not None:
            raise ImageError(entry.problem)
        name = self._folder(batch) + entry.name
        with self._reading.open(name, entry.generation, entry.size, entry.crc32c) as stream:
            yield stream

    def write_manifest(self, batch_id: str, generation: int, data: bytes) -> None:
        """See `Staging.write_manifest`."""
        self._create(self._manifest(batch_id, generation), data, "application/gzip")

    def read_manifest(self, batch_id: str, generation: int) -> bytes | None:
        """See `Staging.read_manifest`."""
        return self._read(self._manifest(batch_id, generation).name)

    def manifests(self, batch_id: str) -> Iterator[bytes]:
        """See `Staging.manifests`."""
        folder = self._place.name_of(f"manifests/{batch_id}/")
        found = [_GENERATION.fullmatch(name[len(folder) :]) for name in self._kept(folder)]
        for generation in sorted(int(match[1]) for match in found if match):
            data = self.read_manifest(batch_id, generation)
            if data is not None:
                yield data

    def add_answers(self, batch_id: str, data: bytes) -> None:
        """See `Staging.add_answers`. They lie beside the manifests, and go when those go."""
        name = self._place.name_of(f"manifests/{batch_id}/{uuid.uuid4().hex}{_SEALED}")
        self._create(self._bucket.blob(name), data, "application/octet-stream")

    def answers(self, batch_id: str) -> Iterator[bytes]:
        """See `Staging.answers`."""
        for name in self._kept(self._place.name_of(f"manifests/{batch_id}/")):
            data = self._read(name) if name.endswith(_SEALED) else None
            if data is not None:
                yield data

    def _create(self, blob: storage.Blob, data: bytes, content_type: str) -> None:
        """Write an object, unless it is there already."""
        with as_transient(Code.STAGING_UNAVAILABLE), suppress(PreconditionFailed):
            blob.upload_from_string(
                data,
                content_type=content_type,
                if_generation_match=0,
                checksum="crc32c",
                timeout=TIMEOUT,
                retry=self._retry,
            )

    def _read(self, name: str) -> bytes | None:
        with as_transient(Code.STAGING_UNAVAILABLE):
            blob = self._bucket.get_blob(name, timeout=TIMEOUT, retry=self._retry)
        if blob is None:
            return None
        with self._reading.open(blob.name, blob.generation, blob.size, crc32c_of(blob)) as stream:
            return stream.read()

    def _folder(self, batch: BatchName) -> str:
        return self._place.name_of(f"incoming/{batch}/")

    def _manifest(self, batch_id: str, generation: int) -> storage.Blob:
        return self._bucket.blob(self._place.name_of(f"manifests/{batch_id}/{generation}.jsonl.gz"))


def _entry(blob: storage.Blob, name: str) -> Entry:
    unfinished = any(is_unfinished(part) for part in name.split("/"))
    return Entry(
        name,
        blob.generation,
        blob.size,
        crc32c_of(blob),
        Code.UNFINISHED_FILE if unfinished else None,
    )
