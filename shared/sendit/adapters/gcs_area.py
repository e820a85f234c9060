"""The staging bucket as whoever keeps house sees it: markers, everything that is staged, deleting by generation."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import google.cloud.storage as storage
from google.api_core.exceptions import NotFound, PreconditionFailed

from sendit.adapters.gcs_client import TIMEOUT, as_transient, retry_of
from sendit.errors import Code, TransientError
from sendit.refs import BatchName, Entry, GcsPlace, Marker
from sendit.staging_area import Deleted, Report, Staged

_THREADS = 8
_FIELDS = "items(name,generation,size,timeCreated),nextPageToken"


class GcsStagingArea:
    """A `StagingArea`. Of `incoming/` alone: what gcloud keeps under `gcloud/tmp/` while it uploads is not ours."""

    def __init__(self, client: storage.Client, place: GcsPlace) -> None:
        self._client = client
        self._place = place
        self._bucket = client.bucket(place.bucket)
        self._retry = retry_of(client)

    def markers(self, start: str = "") -> Iterator[Marker]:
        """See `StagingArea.markers`."""
        for path, blob in self._listed("finalize/", start):
            if not path.endswith(".err"):
                yield Marker(path, blob.generation)

    def marker(self, batch: BatchName) -> Marker | None:
        """See `StagingArea.marker`."""
        with as_transient(Code.STAGING_UNAVAILABLE):
            blob = self._bucket.get_blob(self._marker(str(batch)), timeout=TIMEOUT, retry=self._retry)
        return None if blob is None else Marker(str(batch), blob.generation)

    def delete_marker(self, marker: Marker) -> bool:
        """See `StagingArea.delete_marker`."""
        return self._deleted(self._marker(marker.name), marker.generation)

    def reports(self, start: str = "") -> Iterator[Report]:
        """See `StagingArea.reports`."""
        for path, blob in self._listed("failed/", start):
            if path.endswith(".err"):
                yield Report(path, blob.generation)

    def delete_report(self, report: Report) -> bool:
        """See `StagingArea.delete_report`."""
        return self._deleted(self._place.name_of(f"failed/{report.name}"), report.generation)

    def staged(self, start: str = "") -> Iterator[Staged]:
        """See `StagingArea.staged`."""
        for path, blob in self._listed("incoming/", start):
            if blob.size or not path.endswith("/"):
                yield Staged(path, blob.generation, blob.size, blob.time_created)

    def delete(self, batch: BatchName, entries: Sequence[Entry]) -> Deleted:
        """See `StagingArea.delete`."""
        folder = self._place.name_of(f"incoming/{batch}/")
        with ThreadPoolExecutor(_THREADS) as threads:
            gone = list(threads.map(lambda entry: self._deleted_if_it_may(folder + entry.name, entry), entries))
        return Deleted(gone.count(True), [entry for entry, went in zip(entries, gone, strict=True) if went is None])

    def remove_manifests(self, batch_id: str) -> int:
        """See `StagingArea.remove_manifests`."""
        listed = self._listed(f"manifests/{batch_id}/", "")
        return sum(self._deleted(blob.name, blob.generation) for _, blob in listed)

    def bookmark(self, walk: str) -> str:
        """See `StagingArea.bookmark`."""
        with as_transient(Code.STAGING_UNAVAILABLE):
            try:
                data: bytes = self._bookmark(walk).download_as_bytes(timeout=TIMEOUT, retry=self._retry)
            except NotFound:
                return ""
        return data.decode("utf-8")

    def set_bookmark(self, walk: str, start: str) -> None:
        """See `StagingArea.set_bookmark`."""
        with as_transient(Code.STAGING_UNAVAILABLE):
            self._bookmark(walk).upload_from_string(start.encode("utf-8"), timeout=TIMEOUT, retry=self._retry)

    def _listed(self, folder: str, start: str) -> Iterator[tuple[str, storage.Blob]]:
        """The objects below a folder from one on, each with its path there."""
        prefix = self._place.name_of(folder)
        with as_transient(Code.STAGING_UNAVAILABLE):
            blobs = self._client.list_blobs(
                self._bucket,
                prefix=prefix,
                start_offset=prefix + start,
                fields=_FIELDS,
                timeout=TIMEOUT,
                retry=self._retry,
            )
            for blob in blobs:
                yield blob.name[len(prefix) :], blob

    def _deleted_if_it_may(self, name: str, entry: Entry) -> bool | None:
        """Whether it went; None if it may not."""
        try:
            return self._deleted(name, entry.generation)
        except TransientError as error:
            if error.code is not Code.STAGING_FORBIDDEN:
                raise
            return None

    def _deleted(self, name: str, generation: int) -> bool:
        with as_transient(Code.STAGING_UNAVAILABLE):
            try:
                self._bucket.blob(name).delete(if_generation_match=generation, timeout=TIMEOUT, retry=self._retry)
            except (NotFound, PreconditionFailed):
                return False
        return True

    def _marker(self, name: str) -> str:
        return self._place.name_of(f"finalize/{name}")

    def _bookmark(self, walk: str) -> storage.Blob:
        return self._bucket.blob(self._place.name_of(f"bookmarks/{walk}"))
