"""Reading bytes, counted against a budget, and never past their end."""

from __future__ import annotations

import zlib

from sendit.deid.errors import DeidError, Refusal


class Stream:
    """Exact reads of some bytes.

    Raises:
        DeidError: `truncated` when fewer bytes are left than asked for, `header_too_large` when the budget of
            what may be held is used up.
    """

    def __init__(self, data: bytes, budget: int) -> None:
        self.data = data
        self.size = len(data)
        self.position = 0
        self.budget = budget

    def take(self, length: int) -> bytes:
        """Exactly `length` bytes, which cost budget."""
        self._check(length)
        if length > self.budget:
            raise DeidError(Refusal.HEADER_TOO_LARGE)
        self.budget -= length
        return self.chunk(length)

    def chunk(self, length: int) -> bytes:
        """Exactly `length` bytes, which cost nothing."""
        self._check(length)
        self.position += length
        return self.data[self.position - length : self.position]

    def peek(self, length: int) -> bytes:
        """Up to `length` bytes without moving on."""
        return self.data[self.position : self.position + length]

    def skip(self, length: int) -> None:
        """Moves on by `length` bytes."""
        self._check(length)
        self.position += length

    def _check(self, length: int) -> None:
        if length > self.size - self.position:
            raise DeidError(Refusal.TRUNCATED)


def inflated(data: bytes, limit: int) -> bytes:
    """A deflated data set (PS3.5 A.5).

    Raises:
        DeidError: `inflated_too_large`, `truncated` or `malformed`.
    """
    inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        result = inflate.decompress(data, limit + 1)
    except zlib.error:
        raise DeidError(Refusal.MALFORMED) from None
    if len(result) > limit:
        raise DeidError(Refusal.INFLATED_TOO_LARGE)
    if not inflate.eof:
        raise DeidError(Refusal.TRUNCATED)
    return result
