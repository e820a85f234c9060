"""Native pixel data (PS3.5 8.1.1) with rectangles blanked as its bytes are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.dicom.vrs import swap_words
from sendit.pixels.layer import exactly

if TYPE_CHECKING:
    from typing import BinaryIO

    from sendit.pixels.blanking import Blanking


class BlankedCells:
    """The value of native pixel data; a part of a stream.

    In big endian, words of `word` bytes are stored in opposite order.
    """

    def __init__(self, source: BinaryIO, start: int, length: int, word: int, blanking: Blanking) -> None:
        self._source = source
        self._start = start
        self._word = word
        self._blanking = blanking
        self.length = length

    def read(self, at: int, size: int) -> bytearray | memoryview:
        """Up to `size` bytes from a position.

        Raises:
            DeidError: `truncated` if the source has become shorter.
        """
        word = self._word
        end = min(at + size, self.length)
        first = at - at % word
        data = exactly(self._source, self._start + first, end + -end % word - first)
        if word > 1:
            data = bytearray(swap_words(bytes(data), word))
        self._blanking.apply(data, first)
        if word == 1:
            return data
        return memoryview(swap_words(bytes(data), word))[at - first : end - first]
