"""The bits of native cells that no sample uses (PS3.5 8.1.1): found, and set to what they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sendit.pixels.image import Image


class UnusedBits:
    """What stands beyond High Bit, below the lowest bit stored, and in the pad byte of native frames.

    Beyond the high bit of a signed sample stand copies of its sign. Some writers have zeros there: where both were
    let pass, which of them stands beside each negative sample could spell something.
    """

    def __init__(self, image: Image) -> None:
        self._signed = image.signed
        self._size = image.cell_bytes
        self._length = image.frame_bytes * image.frames
        self._high_bit = image.high_bit
        self._low_mask = (1 << image.high_bit + 1 - image.bits_stored) - 1
        self._used_mask = (1 << image.high_bit + 1) - 1 & ~self._low_mask
        self.none_unused = image.bits_stored == image.bits_allocated
        self._top = image.high_bit // 8  # the byte of a cell that holds the high bit
        top_bits = image.high_bit % 8 + 1
        self._extended = bytes(_extended(byte, top_bits) for byte in range(256))
        self._sign = bytes(0xFF * (byte >> top_bits - 1 & 1) for byte in range(256))

    def any_in(self, data: bytes) -> bool:
        """Whether an unused bit is set in whole cells."""
        if self.none_unused or not data:
            return False
        try:
            import numpy as np
        except ImportError:
            return self._any_in_bytes(data)
        cells = np.frombuffer(data, f"<{'i' if self._signed else 'u'}{self._size}")
        # the bits of all cells together: the low ones, and of unsigned cells the high ones
        together = int(np.bitwise_or.reduce(cells))
        if not self._signed:
            return bool(together & ~self._used_mask)
        lowest, highest = -(1 << self._high_bit), (1 << self._high_bit) - 1
        return bool(together & self._low_mask or cells.min() < lowest or cells.max() > highest)

    def apply(self, data: bytearray, at: int) -> None:
        """Clears unused bits, or makes them the sign, in whole cells that begin at a position among all.

        What stands behind the last cell becomes zero.
        """
        behind = max(0, at + len(data) - self._length)
        pad = bytes(behind)
        cells = data[: len(data) - behind]
        for number in range(self._size):
            column = cells[number :: self._size]
            if number > self._top:
                top = cells[self._top :: self._size]
                column = top.translate(self._sign) if self._signed else bytearray(len(top))
            else:
                column = column.translate(self._table(number))
            cells[number :: self._size] = column
        data[:] = cells + pad

    def _table(self, number: int) -> bytes:
        """What becomes of a byte of a cell that holds bits of a sample."""
        mask = self._used_mask >> 8 * number & 0xFF
        if number == self._top and self._signed:
            low = ~(self._low_mask >> 8 * number) & 0xFF
            return bytes(self._extended[byte] & low for byte in range(256))
        return bytes(byte & mask for byte in range(256))

    def _any_in_bytes(self, data: bytes) -> bool:
        """As `any_in`, without numpy: by the bytes of a number of a cell that are allowed."""
        size, top = self._size, self._top
        if self._signed and top < size - 1:
            return any(map(self._is_unused, set(zip(*(data[at::size] for at in range(size)), strict=True))))
        for number in range(size):
            table = self._table(number)
            allowed = bytes(byte for byte in range(256) if byte == table[byte])
            if len(allowed) < 256 and data[number::size].translate(None, allowed):
                return True
        return False

    def _is_unused(self, cell: tuple[int, ...]) -> bool:
        """Whether a signed cell has bits that are not its sign."""
        value = int.from_bytes(bytes(cell), "little", signed=True)
        return bool(value & self._low_mask) or not -(1 << self._high_bit) <= value < 1 << self._high_bit


def _extended(byte: int, bits: int) -> int:
    """A byte of so many bits with its highest one copied to those above."""
    low = byte & (1 << bits) - 1
    return low | (0xFF << bits & 0xFF if low >> bits - 1 else 0)
