"""Reading from an untrusted stream: never past its end, never more than a bound."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from typing import BinaryIO

CHUNK = 1024 * 1024

PIECE = 256 * 1024
"""So much is passed on at a time: the memory of larger pieces is fetched anew from the system for each."""

_BLOCK = 64 * 1024
_SMALL = 4 * 1024  # reads of this size come out of a block


class BoundedReader:
    """Exact reads of a seekable stream, counted against a budget of bytes held in memory.

    Small reads are served from a block that is read ahead: a header has thousands of them.

    Raises:
        DeidError: `truncated` when fewer bytes are left than asked for, `header_too_large` when the budget
            is used up. Both are decided before anything is allocated.
    """

    def __init__(self, source: BinaryIO, budget: int) -> None:
        self.source = source
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

    def pass_on(self, length: int) -> bytes:
        """Some of the next `length` bytes, at least one; they cost no budget either."""
        self._check(length)
        held = len(self._block) - self._at
        part = self._block[self._at : self._at + length] if held else self.source.read(min(length, PIECE))
        if not part:
            raise DeidError(Refusal.TRUNCATED)
        if held:
            self._at += len(part)
        else:
            self._block, self._at = b"", 0
        self.position += len(part)
        return part

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
            self.position = self.source.seek(position)

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
            part = self.source.read(missing)
            if not part:
                raise DeidError(Refusal.TRUNCATED)
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class Window:
    """The bytes of a stream from where it stands up to as far as a reader has come, all of them held.

    Positions count from there; the stream itself does not move.

    Raises:
        DeidError: `truncated` when the stream ends before a position, `header_too_large` when it lies beyond
            the budget. Both are decided before anything is allocated.
    """

    def __init__(self, stream: BoundedReader, budget: int) -> None:
        self._stream: BoundedReader | None = stream
        self._budget = budget
        self.size = stream.size - stream.position
        self.data = stream.peek(min(self.size, _BLOCK))

    @classmethod
    def over(cls, data: bytes) -> Window:
        """A window over bytes that are held already."""
        window = cls.__new__(cls)
        window._stream = None
        window._budget = window.size = len(data)
        window.data = data
        return window

    def upto(self, end: int) -> bytes:
        """The bytes from the window's beginning, at least up to `end`."""
        if end > len(self.data):
            self._grow(end)
        return self.data

    def peek(self, at: int, length: int) -> bytes:
        """Up to `length` bytes at a position, fewer at the end."""
        return self.upto(min(at + length, self.size))[at : at + length]

    def spend(self, length: int) -> None:
        """Counts bytes that a reader holds a second time."""
        self._budget -= length

    def check(self, end: int) -> None:
        """Refuses what ends beyond the budget, though it was read with the block."""
        if end > self._budget:
            raise DeidError(Refusal.HEADER_TOO_LARGE)

    def _grow(self, end: int) -> None:
        if end > self.size or self._stream is None:
            raise DeidError(Refusal.TRUNCATED)
        if end > self._budget:
            raise DeidError(Refusal.HEADER_TOO_LARGE)
        # by half again, so that what is copied stays in proportion to what is read
        self.data = self._stream.peek(min(self.size, max(end, len(self.data) * 3 // 2)))


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
