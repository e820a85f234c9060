"""Reading from an untrusted stream: never past its end, never more than a bound."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from typing import BinaryIO

CHUNK = 1024 * 1024

_BLOCK = 16 * 1024
_SMALL = 4 * 1024  # reads of this size come out of a block


class BoundedReader:
    """Exact reads of a seekable stream, counted against a budget of bytes held in memory.

    Small reads are served from a block that is read ahead: a header has thousands of them.

    Raises:
        DeidError: `truncated` when fewer bytes are left than asked for, `header_too_large` when the budget
            is used up. Both are decided before anything is allocated.
    """

    def __init__(self, source: BinaryIO, budget: int) -> None:
        self._source = source
        self._block = b""
        self._at = 0  # where in the block the next read begins
        self.budget = budget
        self.size = source.seek(0, io.SEEK_END)
        self.position = source.seek(0)

    def take(self, length: int) -> bytes:
        """Exactly `length` bytes."""
        at = self._at
        end = at + length
        if end > len(self._block) or length > self.budget:
            self._check(length)
            if length > self.budget:
                raise DeidError(Refusal.HEADER_TOO_LARGE)
            self.budget -= length
            return self._read(length)
        self.budget -= length
        self.position += length
        self._at = end
        return self._block[at:end]

    def peek(self, length: int) -> bytes:
        """Up to `length` bytes without moving on; fewer at the end.

        They are kept for the next read: the source may be one that cannot go back but from its beginning.
        """
        if self._at + length > len(self._block):
            self._read_ahead(length)
        return self._block[self._at : self._at + length]

    def chunk(self, length: int) -> bytes:
        """Exactly `length` bytes that are passed on at once and so cost no budget."""
        self._check(length)
        return self._read(length)

    def skip(self, length: int) -> None:
        """Moves on by `length` bytes that are really there."""
        self._check(length)
        self.seek(self.position + length)

    def seek(self, position: int) -> None:
        """Moves to an absolute position."""
        at = self._at + position - self.position
        if 0 <= at <= len(self._block):
            self._at = at
            self.position = position
        else:
            self._block, self._at = b"", 0
            self.position = self._source.seek(position)

    def _check(self, length: int) -> None:
        if length > self.size - self.position:
            raise DeidError(Refusal.TRUNCATED)

    def _read(self, length: int) -> bytes:
        """Bytes that are left, by the budget or on their way: what the block has of them, and the rest."""
        if length <= _SMALL:
            data = self.peek(length)
            if len(data) < length:
                raise DeidError(Refusal.TRUNCATED)
            self._at += length
        else:
            start = self._block[self._at :]
            if len(start) > length:
                data = start[:length]
                self._at += length
            else:
                data = start + self._from_source(length - len(start)) if start else self._from_source(length)
                self._block, self._at = b"", 0
        self.position += length
        return data

    def _read_ahead(self, length: int) -> None:
        """Fill the block, so that it holds at least `length` bytes if as many are left."""
        kept = self._block[self._at :]
        left = self.size - self.position - len(kept)
        self._block = kept + self._from_source(min(left, max(_BLOCK, length) - len(kept)))
        self._at = 0

    def _from_source(self, length: int) -> bytes:
        parts: list[bytes] = []
        missing = length
        while missing > 0:
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
