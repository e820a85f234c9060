"""Palettes (PS3.3 C.7.9): which colours stored values show, and which is the darkest."""

from __future__ import annotations

from struct import iter_unpack, unpack
from typing import TYPE_CHECKING

from sendit.pixels.errors import PixelError, PixelRefusal

if TYPE_CHECKING:
    from collections.abc import Mapping

_DESCRIPTORS = (0x00281101, 0x00281102, 0x00281103)
_TABLES = (0x00281201, 0x00281202, 0x00281203)


def darkest_entry(values: Mapping[int, bytes], lowest: int, highest: int) -> int:
    """The stored value from `lowest` to `highest` that the palette shows darkest, the first one of several.

    Raises:
        PixelError: `palette_unusable`.
    """
    usable, colours = colours_of(values, lowest, highest)
    # ITU-R BT.601
    brightness = [299 * red + 587 * green + 114 * blue for red, green, blue in colours]
    return usable[brightness.index(min(brightness))]


def colours_of(values: Mapping[int, bytes], lowest: int, highest: int) -> tuple[range, list[tuple[int, int, int]]]:
    """Red, green and blue of those stored values from `lowest` to `highest` of which the palette tells.

    What lies beside them shows as the nearest of them.

    Raises:
        PixelError: `palette_unusable`.
    """
    descriptors = [values.get(tag, b"") for tag in _DESCRIPTORS]
    if any(len(one) != 6 for one in descriptors) or len(set(descriptors)) != 1:
        raise PixelError(PixelRefusal.PALETTE_UNUSABLE)
    # C.7.6.3.1.5: the first value mapped is signed as the pixels are, 0 stands for 65536 entries
    entries, first, bits = unpack("<HhH" if lowest < 0 else "<HHH", descriptors[0])
    entries = entries or 0x10000
    tables = [_numbers(values.get(tag, b""), entries, bits) for tag in _TABLES]
    # what lies before the first value mapped, or behind the last one, shows the same as these two
    usable = range(max(lowest, first), min(highest, first + entries - 1) + 1)
    if not usable:
        raise PixelError(PixelRefusal.PALETTE_UNUSABLE)
    red, green, blue = (table[usable.start - first : usable.stop - first] for table in tables)
    return usable, list(zip(red, green, blue, strict=True))


def _numbers(table: bytes, entries: int, bits: int) -> list[int]:
    """The entries of a table: of 8 bits side by side, or each in 16 bits, as many writers have it."""
    if bits in {8, 16} and len(table) == 2 * entries:
        return [number for (number,) in iter_unpack("<H", table)]
    if bits == 8 and len(table) == entries + entries % 2:
        return list(table[:entries])
    raise PixelError(PixelRefusal.PALETTE_UNUSABLE)
