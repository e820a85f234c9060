"""Native pixel data (PS3.5 8.1.1) that is changed as its bytes are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sendit.deid.dicom.vrs import swap_words
from sendit.pixels.layer import exactly

if TYPE_CHECKING:
    from typing import BinaryIO

    from sendit.deid.dicom.pixels import PixelPlan


class Change(Protocol):
    """What is done to the cells of native frames."""

    def apply(self, data: bytearray, at: int) -> None:
        """Changes bytes, little endian and without a part of a cell, that begin at a position among all."""


class ChangedCells:
    """The value of native pixel data; a part of a stream."""

    def __init__(self, source: BinaryIO, plan: PixelPlan, cell_bytes: int, change: Change) -> None:
        self._source = source
        self._start = plan.start
        self._word = plan.word
        self._unit = max(plan.word, cell_bytes)
        self._change = change
        self.length = plan.source_length

    def read(self, at: int, size: int) -> memoryview:
        """As `Part` says.

        Raises:
            DeidError: `truncated` if the source has become shorter.
        """
        unit, word = self._unit, self._word
        end = min(at + size, self.length)
        first = at - at % unit
        data = exactly(self._source, self._start + first, min(end + -end % unit, self.length) - first)
        cells = bytearray(swap_words(data, word))
        self._change.apply(cells, first)
        return memoryview(swap_words(bytes(cells), word) if word > 1 else cells)[at - first : end - first]
