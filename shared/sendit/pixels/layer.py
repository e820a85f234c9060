"""A stream put together from parts: bytes that are held, stretches of another stream, and what is made of them."""

from __future__ import annotations

import io
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

PIECE = 256 * 1024
"""So many bytes are made at a time."""


class Part(Protocol):
    """Some of a stream's bytes."""

    @property
    def length(self) -> int:
        """How many."""

    def read(self, at: int, size: int) -> bytes | bytearray | memoryview:
        """At least one and at most `size` of them, from a position before `length`."""


class Held:
    """Bytes that are held."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self.length = len(data)

    def read(self, at: int, size: int) -> memoryview:
        """As `Part` says."""
        return self._data[at : at + size]


class Stretch:
    """Bytes of another stream, as they are."""

    def __init__(self, source: BinaryIO, start: int, length: int) -> None:
        self._source = source
        self._start = start
        self.length = length

    def read(self, at: int, size: int) -> bytes:
        """As `Part` says.

        Raises:
            DeidError: `truncated` if the stream has become shorter.
        """
        self._source.seek(self._start + at)
        return some_of(self._source, min(size, self.length - at))


def some_of(source: BinaryIO, size: int) -> bytes:
    """At least one of the next `size` bytes of a stream that should have as many.

    Raises:
        DeidError: `truncated` if it has none.
    """
    data = source.read(size)
    if not data:
        raise DeidError(Refusal.TRUNCATED)
    return data


def exactly(source: BinaryIO, at: int, size: int) -> bytes:
    """The bytes of a stream at a position.

    Raises:
        DeidError: `truncated` if it has fewer.
    """
    source.seek(at)
    data = source.read(size)
    if len(data) == size:
        return data
    parts = [data]
    missing = size - len(data)
    while missing:
        parts.append(some_of(source, missing))
        missing -= len(parts[-1])
    return b"".join(parts)


class _Layer(io.RawIOBase):
    """Parts, one behind the other."""

    def __init__(self, parts: Sequence[Part]) -> None:
        super().__init__()
        self._parts = [part for part in parts if part.length]
        self._ends = list(accumulate(part.length for part in self._parts))
        self._size = self._ends[-1] if self._ends else 0
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a position, which may lie behind the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("there is nothing before a stream's beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader hands over
        """As many bytes as one part has at once; none at the end."""
        at = bisect_right(self._ends, self._position)
        if at == len(self._parts):
            return 0
        part = self._parts[at]
        data = part.read(self._position - self._ends[at] + part.length, min(len(buffer), PIECE))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def stream_of(parts: Sequence[Part]) -> BinaryIO:
    """A seekable, read-only stream of parts, which are read when their bytes are asked for."""
    return io.BufferedReader(_Layer(parts), PIECE)
