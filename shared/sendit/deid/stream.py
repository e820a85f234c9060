"""Reading from an untrusted stream: never past its end, never more than a bound."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from typing import BinaryIO

CHUNK = 1024 * 1024


class BoundedReader:
    """Exact reads of a seekable stream, counted against a budget of bytes held in memory.

    Raises:
        DeidError: `truncated` when fewer bytes are left than asked for, `header_too_large` when the budget
            is used up. Both are decided before anything is allocated.
    """

    def __init__(self, source: BinaryIO, budget: int) -> None:
        self._source = source
        self._ahead = b""
        self.budget = budget
        self.size = source.seek(0, io.SEEK_END)
        self.position = source.seek(0)

    def take(self, length: int) -> bytes:
        """Exactly `length` bytes."""
        if length > self.size - self.position:
            raise DeidError(Refusal.TRUNCATED)
        if length > self.budget:
            raise DeidError(Refusal.HEADER_TOO_LARGE)
        self.budget -= length
        return self._read(length)

    def peek(self, length: int) -> bytes:
        """Up to `length` bytes without moving on; fewer at the end.

        They are kept for the next read: the source may be one that cannot go back but from its beginning.
        """
        missing = min(length, self.size - self.position) - len(self._ahead)
        if missing > 0:
            self._ahead += self._from_source(missing)
        return self._ahead[:length]

    def chunk(self, length: int) -> bytes:
        """Exactly `length` bytes that are passed on at once and so cost no budget."""
        if length > self.size - self.position:
            raise DeidError(Refusal.TRUNCATED)
        return self._read(length)

    def skip(self, length: int) -> None:
        """Moves on by `length` bytes that are really there."""
        if length > self.size - self.position:
            raise DeidError(Refusal.TRUNCATED)
        self.seek(self.position + length)

    def seek(self, position: int) -> None:
        """Moves to an absolute position."""
        ahead = position - self.position
        if 0 <= ahead <= len(self._ahead):
            self._ahead = self._ahead[ahead:]
            self.position = position
        else:
            self._ahead = b""
            self.position = self._source.seek(position)

    def _read(self, length: int) -> bytes:
        start, self._ahead = self._ahead[:length], self._ahead[length:]
        rest = self._from_source(length - len(start))
        self.position += length
        return start + rest if start else rest

    def _from_source(self, length: int) -> bytes:
        parts: list[bytes] = []
        missing = length
        while missing:
            part = self._source.read(missing)
            if not part:
                raise DeidError(Refusal.TRUNCATED)
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class InflatedStream(io.RawIOBase):
    """A deflated data set (PS3.5 A.5) as a seekable stream of its inflated bytes, in constant memory.

    Going back starts again from the beginning. The whole is inflated once when this is made, so that its
    size is known and a bomb or a cut is found before anything else happens.

    Raises:
        DeidError: `inflated_too_large`, `truncated` or `malformed`.
    """

    def __init__(self, source: BinaryIO, start: int, limit: int) -> None:
        super().__init__()
        self._source = source
        self._start = start
        self._block = memoryview(b"")
        self._rewind()
        self._size = 0
        while block := self._next_block():
            self._size += len(block)
            if self._size > limit:
                raise DeidError(Refusal.INFLATED_TOO_LARGE)
        if not self._inflate.eof:
            raise DeidError(Refusal.TRUNCATED)
        self._rewind()

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Position among the inflated bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to a position among the inflated bytes; going back inflates again."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        target = min(base + offset, self._size)
        if target < self._position:
            self._rewind()
        while self._position < target:
            self.read(min(CHUNK, target - self._position))
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Up to `size` inflated bytes."""
        wanted = self._size - self._position if size < 0 else size
        if not self._block:
            self._block = memoryview(self._next_block())
        part = bytes(self._block[:wanted])
        self._block = self._block[len(part) :]
        self._position += len(part)
        return part

    def _rewind(self) -> None:
        self._inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._offset = self._start
        self._position = 0
        self._block = memoryview(b"")

    def _next_block(self) -> bytes:
        """The next inflated bytes, at most CHUNK of them; empty at the end."""
        try:
            while not self._inflate.eof:
                deflated = self._inflate.unconsumed_tail
                if not deflated:
                    self._source.seek(self._offset)
                    deflated = self._source.read(64 * 1024)
                    self._offset += len(deflated)
                block = self._inflate.decompress(deflated, CHUNK)
                if block or not deflated:
                    return block
        except zlib.error:
            raise DeidError(Refusal.MALFORMED) from None
        return b""
