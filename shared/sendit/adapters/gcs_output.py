"""The output store as a place in a bucket: create-only, whole or not at all, verified by crc32c."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import BinaryIO

import google.cloud.storage as storage
import google_crc32c
from google.api_core.exceptions import NotFound, PreconditionFailed

from sendit.adapters.gcs_client import TIMEOUT, as_transient, crc32c_of, retry_of
from sendit.adapters.gcs_media import Media
from sendit.adapters.gcs_reading import GcsReading
from sendit.adapters.gcs_resumable import PIECE_BYTES, ResumableUpload
from sendit.errors import Code, ImageError, TransientError
from sendit.ports import Stat, Stored
from sendit.refs import GcsPlace
from sendit.settings import STREAM_ABOVE

_DICOM = "application/dicom"
_ARCHIVE_SUFFIX, _ARCHIVE = ".tar.gz", "application/gzip"


class GcsOutput:
    """An `OutputStore` below a place in a bucket. An object appears at once and whole, as Cloud Storage does it."""

    def __init__(self, client: storage.Client, place: GcsPlace, stream_above: int = STREAM_ABOVE) -> None:
        self._client = client
        self._place = place
        self._bucket = client.bucket(place.bucket)
        self._media = Media(client, place.bucket)
        self._retry = retry_of(client)
        self._reading = GcsReading(client, place.bucket, Code.OUTPUT_UNAVAILABLE, stream_above)

    @contextmanager
    def create(self, name: str, metadata: Mapping[str, str] | None = None) -> Iterator["_Pending"]:
        """See `OutputStore.create`."""
        blob = self._bucket.blob(self._place.name_of(name))
        blob.content_type = _ARCHIVE if name.endswith(_ARCHIVE_SUFFIX) else _DICOM
        if metadata:
            blob.metadata = metadata
        pending = _Pending(self._client, self._media, blob, name)
        try:
            yield pending
        finally:
            pending.discard()

    def stat(self, name: str) -> Stat | None:
        """See `OutputStore.stat`."""
        blob = self._found(name)
        return None if blob is None else Stat(int(blob.size), crc32c_of(blob))

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """See `OutputStore.open`."""
        blob = self._found(name)
        if blob is None:
            raise FileNotFoundError
        with self._reading.open(blob.name, blob.generation, blob.size, crc32c_of(blob)) as stream:
            yield stream

    def _found(self, name: str) -> storage.Blob | None:
        with as_transient(Code.OUTPUT_UNAVAILABLE):
            return self._bucket.get_blob(self._place.name_of(name), timeout=TIMEOUT, retry=self._retry)


class _Pending:
    """One object on its way: kept in memory up to one piece, sent in pieces from there on."""

    def __init__(self, client: storage.Client, media: Media, blob: storage.Blob, name: str) -> None:
        self._client = client
        self._media = media
        self._blob = blob
        self._name = name
        self._retry = retry_of(client)
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._crc = google_crc32c.Checksum()
        self._size = 0
        self._upload: ResumableUpload | None = None
        self._taken = False  # the name is; what is still written is only summed

    def write(self, data: bytes, /) -> int:
        block = bytes(data)
        self._crc.update(block)
        self._size += len(block)
        if not self._taken:
            self._held.append(block)
            self._held_bytes += len(block)
            if self._held_bytes > PIECE_BYTES:
                self._send_pieces()
        return len(block)

    def commit(self) -> Stored:
        if not self._taken:
            with as_transient(Code.OUTPUT_UNAVAILABLE):
                try:
                    self._store()
                except PreconditionFailed:
                    self._taken = True
        if self._taken:
            # perhaps by an attempt of ours whose answer got lost
            if not self._is_same(self._present()):
                raise ImageError(Code.CONFLICT)
        elif not self._is_same(self._blob):
            self._remove()
            raise TransientError(Code.OUTPUT_NOT_VERIFIED)
        return Stored(self._name, self._size, self._crc32c, created=not self._taken)

    def discard(self) -> None:
        if self._upload is not None:
            self._upload.cancel()
        self._held = []

    @property
    def _crc32c(self) -> int:
        return int.from_bytes(self._crc.digest(), "big")

    def _send_pieces(self) -> None:
        data = b"".join(self._held)
        self._held = []
        with as_transient(Code.OUTPUT_UNAVAILABLE):
            try:
                if self._upload is None:
                    self._upload = ResumableUpload(self._client, self._blob)
                whole = len(data) - len(data) % PIECE_BYTES
                for start in range(0, whole, PIECE_BYTES):
                    self._upload.send(data[start : start + PIECE_BYTES])
            except PreconditionFailed:
                self._taken = True
                return
        self._held, self._held_bytes = [data[whole:]], len(data) - whole

    def _store(self) -> None:
        """Make the object; its resource, with the sum that Cloud Storage took of it, is the blob's from here on."""
        if self._upload is None:
            crc32c = base64.b64encode(self._crc.digest()).decode("ascii")
            told = {"name": self._blob.name, "contentType": self._blob.content_type, "crc32c": crc32c}
            more = {"metadata": self._blob.metadata} if self._blob.metadata else {}
            resource = self._media.upload({**told, **more}, self._held)
        else:
            resource = self._upload.finish(b"".join(self._held))
            self._upload = None
        self._blob._set_properties(resource)

    def _present(self) -> storage.Blob:
        with as_transient(Code.OUTPUT_UNAVAILABLE):
            self._blob.reload(timeout=TIMEOUT, retry=self._retry)
        return self._blob

    def _is_same(self, blob: storage.Blob) -> bool:
        return (blob.size, crc32c_of(blob)) == (self._size, self._crc32c)

    def _remove(self) -> None:
        """Take back exactly what was stored."""
        generation = self._blob.generation
        with as_transient(Code.OUTPUT_UNAVAILABLE), suppress(NotFound, PreconditionFailed):
            self._blob.delete(if_generation_match=generation, timeout=TIMEOUT, retry=self._retry)
