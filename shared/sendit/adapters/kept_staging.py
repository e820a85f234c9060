"""Staging that remembers what was read: an image is inspected first and stored later, by the same process."""

import io
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from sendit.ports import Staging
from sendit.refs import BatchName, Entry
from sendit.settings import STREAM_ABOVE

_Key = tuple[BatchName, str, int]


class KeptStaging:
    """A `Staging` that keeps what the first `open` of a small object read for the second one, then forgets it.

    Nothing of more than `largest` bytes is kept. What was not asked for again goes first when more than `max_bytes`
    would be kept. Threads may share it.
    """

    def __init__(self, inner: Staging, max_bytes: int, largest: int = STREAM_ABOVE) -> None:
        self._inner = inner
        self._max_bytes = max_bytes
        self._largest = min(largest, max_bytes)
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, bytes] = OrderedDict()
        self._kept_bytes = 0

    def list(self, batch: BatchName) -> Iterator[Entry]:
        """See `Staging.list`."""
        return self._inner.list(batch)

    @contextmanager
    def open(self, batch: BatchName, entry: Entry) -> Iterator[BinaryIO]:
        """See `Staging.open`."""
        key = (batch, entry.name, entry.generation)
        data = self._take(key)
        if data is None and (entry.problem is not None or entry.size > self._largest):
            with self._inner.open(batch, entry) as stream:
                yield stream
            return
        if data is None:
            with self._inner.open(batch, entry) as stream:
                data = stream.read()
            self._keep(key, data)
        yield io.BytesIO(data)

    def write_manifest(self, batch_id: str, generation: int, data: bytes) -> None:
        """See `Staging.write_manifest`."""
        self._inner.write_manifest(batch_id, generation, data)

    def read_manifest(self, batch_id: str, generation: int) -> bytes | None:
        """See `Staging.read_manifest`."""
        return self._inner.read_manifest(batch_id, generation)

    def manifests(self, batch_id: str) -> Iterator[bytes]:
        """See `Staging.manifests`."""
        return self._inner.manifests(batch_id)

    def add_answers(self, batch_id: str, data: bytes) -> None:
        """See `Staging.add_answers`."""
        self._inner.add_answers(batch_id, data)

    def answers(self, batch_id: str) -> Iterator[bytes]:
        """See `Staging.answers`."""
        return self._inner.answers(batch_id)

    def _take(self, key: _Key) -> bytes | None:
        with self._lock:
            data = self._kept.pop(key, None)
            if data is not None:
                self._kept_bytes -= len(data)
            return data

    def _keep(self, key: _Key, data: bytes) -> None:
        with self._lock:
            self._kept_bytes += len(data) - len(self._kept.pop(key, b""))
            self._kept[key] = data
            while self._kept_bytes > self._max_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._kept_bytes -= len(oldest)
