"""One generation of an object of Cloud Storage as a stream: whole if it is small, by ranges if it is large."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO

import google.cloud.storage as storage
import google_crc32c
from google.api_core.exceptions import GoogleAPICallError, NotFound, PreconditionFailed

from sendit.adapters.denied import failure_of
from sendit.adapters.gcs_client import TIMEOUT, as_transient, is_emulated, retry_of
from sendit.adapters.gcs_media import Media
from sendit.errors import Code, ImageError, SenditError, TransientError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

RANGE_BYTES = 4 * 1024 * 1024

_ATTEMPTS = 3  # to get bytes that fit the checksum
_RANGE_SECONDS = 90.0
_REFUSED = frozenset(range(400, 500)) - {401, 404, 408, 412, 429}


class GcsReading:
    """Reads objects of one bucket by generation; `unavailable` is the code for a bucket out of reach.

    An object of more than `stream_above` bytes is never read whole.
    """

    def __init__(self, client: storage.Client, bucket: str, unavailable: Code, stream_above: int) -> None:
        self._client = client
        self._bucket = bucket
        self._media = Media(client, bucket)
        self._unavailable = unavailable
        self._stream_above = stream_above
        self._read_last: tuple[str, int] | None = None

    @contextmanager
    def open(self, name: str, generation: int, size: int, crc32c: int | None) -> Iterator[BinaryIO]:
        """The bytes of exactly that generation, seekable, compared with size and crc32c.

        Raises `ImageError` (changed_during_processing) if it is gone, also while it is read; `TransientError`.
        """
        if size <= self._stream_above:
            yield io.BytesIO(self._whole(name, generation, size, crc32c))
            return
        ranges = _Ranges(lambda start, end: self._range(name, generation, start, end), size, crc32c, self._unavailable)
        with io.BufferedReader(ranges, RANGE_BYTES) as stream:
            try:
                yield stream
            finally:
                # whatever a reader made of a read that failed: this is the reason
                if ranges.failure is not None:
                    raise ranges.failure from None

    def _whole(self, name: str, generation: int, size: int, crc32c: int | None) -> bytes:
        for _ in range(_ATTEMPTS):
            with as_transient(self._unavailable):
                try:
                    data = self._media.download(name, generation)
                except (NotFound, PreconditionFailed):
                    raise self._gone() from None
                except GoogleAPICallError as error:
                    self._check_own(name, error.code)
                    raise
            if len(data) == size and crc32c in (None, google_crc32c.value(data)):
                self._read_last = (name, generation) if data else self._read_last
                return data
        raise TransientError(self._unavailable)

    def _range(self, name: str, generation: int, start: int, end: int) -> bytes:
        # imported where the first large object is read, for it takes long
        from aiohttp import ClientError
        from gcsfs.retry import HttpError

        files = _file_system(self._client.project, self._client.api_endpoint if is_emulated(self._client) else None)
        with as_transient(self._unavailable):
            try:
                data: bytes = files.cat_file(
                    f"{self._bucket}/{name}", start=start, end=end, generation=generation, timeout=_RANGE_SECONDS
                )
            except (FileNotFoundError, FileExistsError):  # 404, 412
                raise self._gone() from None
            except HttpError as error:
                self._check_own(name, int(error.code or 0))
                raise failure_of(self._unavailable, int(error.code or 0)) from None
            except (ClientError, ValueError, RuntimeError):
                raise TransientError(self._unavailable) from None
            except OSError as error:
                # gcsfs has no class for 403; its text begins like this
                status = 403 if str(error).startswith("Forbidden") else None
                self._check_own(name, status)
                raise failure_of(self._unavailable, status) from None
        self._read_last = (name, generation)
        return data

    def _check_own(self, name: str, status: int | None) -> None:
        """Raise `ImageError` (unreadable) if an object is refused and another one, read before, still is not.

        An object may have a key or a retention of its own; a role that is missing is no image's fault.
        """
        last = self._read_last
        if status in _REFUSED and last is not None and last[0] != name and self._media.can_be_read(*last):
            raise ImageError(Code.UNREADABLE) from None

    def _gone(self) -> SenditError:
        """A bucket that is gone, or not ours to see, is no image's fault."""
        with as_transient(self._unavailable):
            for _ in self._client.list_blobs(
                self._bucket, max_results=1, fields="items(name)", timeout=TIMEOUT, retry=retry_of(self._client)
            ):
                break
        return ImageError(Code.CHANGED_DURING_PROCESSING)


class _Ranges(io.RawIOBase):
    """Fetches what is read. Read once from end to end, it is compared with its crc32c."""

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, crc32c: int | None, unavailable: Code) -> None:
        self.failure: SenditError | None = None
        self._fetch = fetch
        self._size = size
        self._expected = crc32c
        self._unavailable = unavailable
        self._position = 0
        self._crc = 0
        self._summed = 0  # how far the sum goes without a gap

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        length = max(0, min(len(view), RANGE_BYTES, self._size - self._position))
        if length:
            view[:length] = self._read(self._position, self._position + length)
            self._position += length
        return length

    def _read(self, start: int, end: int) -> bytes:
        try:
            data = self._fetch(start, end)
            if len(data) != end - start:
                raise TransientError(self._unavailable)
            self._sum(start, data)
        except SenditError as error:
            self.failure = error
            raise
        return data

    def _sum(self, start: int, data: bytes) -> None:
        if start <= self._summed < start + len(data):
            self._crc = google_crc32c.extend(self._crc, data[self._summed - start :])
            self._summed = start + len(data)
            if self._summed == self._size and self._expected not in (None, self._crc):
                raise TransientError(self._unavailable)


@lru_cache(maxsize=4)
def _file_system(project: str, emulator: str | None) -> Any:
    """The one gcsfs of this process for that place."""
    # else it asks a gRPC API about every bucket, which takes an emulator most of a minute
    os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"
    from aiohttp import ClientTimeout
    from gcsfs.core import GCSFileSystem

    return GCSFileSystem(
        project=project,
        access="read_only",
        token="anon" if emulator else "google_default",
        endpoint_url=emulator,
        requests_timeout=ClientTimeout(connect=TIMEOUT[0], sock_read=TIMEOUT[1]),
        session_kwargs={"auto_decompress": False},  # bytes as they are stored, as the checksum counts them
        skip_instance_cache=True,
    )
