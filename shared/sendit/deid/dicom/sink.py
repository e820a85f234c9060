"""Where output goes: anything that takes bytes."""

from __future__ import annotations

from typing import Protocol


class Sink(Protocol):
    """A binary stream, or as much of one as writing needs."""

    def write(self, data: bytes, /) -> int:
        """Takes some or all of the bytes and says how many."""


def write_all(sink: Sink, data: bytes) -> bytes:
    """Writes every byte, though an unbuffered sink may take fewer at a time; what the sink has taken."""
    taken = sink.write(data)
    while taken < len(data):
        taken += sink.write(data[taken:])
    return data[:taken]
