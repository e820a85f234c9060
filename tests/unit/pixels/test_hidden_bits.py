"""Unused bits of native cells: found however cells are stored, and cleared without touching a sample."""

from __future__ import annotations

import io
import sys
import tracemalloc
from struct import pack
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.data.deid_objects import BIG_ENDIAN, DEFLATED, EXPLICIT, element, instance
from tests.data.pixel_objects import NATIVE, Picture
from tests.unit.pixels.test_native import pictures

from sendit.deid import DeidError
from sendit.pixels import Hidden, PixelError, hidden_in, without_hidden
from sendit.pixels.bits import UnusedBits
from sendit.pixels.image import Image


def found(data: bytes) -> set[str]:
    return set(hidden_in(io.BytesIO(data)))


def bare(data: bytes) -> bytes:
    return without_hidden(io.BytesIO(data)).read()


@settings(deadline=None)
@given(pictures(), st.sampled_from(NATIVE), st.integers(0, 99))
def test_a_bit_too_many_is_found_and_cleared(picture: Picture, transfer_syntax: str, seed: int) -> None:
    assume(picture.stored < picture.allocated)
    cells = picture.cells(seed)
    data = picture.native(cells, transfer_syntax)
    assert found(data) == set()
    assert bare(data) == data
    spoilt = cells.view(f"<u{picture.allocated // 8}").copy()
    at = np.random.default_rng(seed).integers(spoilt.size)
    spoilt.reshape(-1)[at] ^= 1 << picture.stored
    assert found(picture.native(spoilt, transfer_syntax)) == {"unused_bits"}
    cleared = bare(picture.native(spoilt, transfer_syntax))
    assert cleared == picture.native(cells, EXPLICIT if transfer_syntax == DEFLATED else transfer_syntax)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 15), st.sampled_from(NATIVE), st.binary(min_size=6, max_size=6))
def test_zeros_and_copies_of_the_sign_side_by_side_spell_nothing(
    stored: int, transfer_syntax: str, text: bytes
) -> None:
    picture = Picture(stored=stored, signed=True)
    cells = np.full(picture.shape, picture.lowest, picture.dtype)
    plane = np.unpackbits(np.frombuffer(text, "u1")).reshape(picture.shape)
    mixed = np.where(plane == 1, cells & (1 << stored) - 1, cells).astype(picture.dtype)
    data = picture.native(mixed, transfer_syntax)
    assert found(data) == ({"unused_bits"} if plane.any() else set())
    assert bare(data) == picture.native(
        cells, EXPLICIT if plane.any() and transfer_syntax == DEFLATED else transfer_syntax
    )


LAYOUTS = st.sampled_from(
    [
        (allocated, stored, high_bit)
        for allocated in (8, 16, 32)
        for high_bit in range(allocated)
        for stored in range(1, high_bit + 2)
    ]
)
"""Bits allocated, bits stored and high bit: all that there are."""


@settings(deadline=None, max_examples=300)
@given(LAYOUTS, st.booleans(), st.integers(0, 9999), st.booleans())
def test_every_way_of_looking_agrees_with_the_definition(
    layout: tuple[int, int, int], signed: bool, seed: int, sound: bool
) -> None:
    allocated, stored, high_bit = layout
    image = Image(1, 8, 1, 1, "MONOCHROME2", allocated, stored, high_bit, signed, 0)
    bits = UnusedBits(image)
    numbers = np.random.default_rng(seed).integers(0, 1 << allocated, 8, dtype="u8").astype(f"<u{allocated // 8}")
    if sound:
        numbers = np.array([_proper(int(one), image) for one in numbers], numbers.dtype)
    expected = any(one != _proper(int(one), image) for one in numbers)
    data = numbers.tobytes()
    assert bits.any_in(data) == expected
    assert bits.none_unused or bits._any_in_bytes(data) == expected
    changed = bytearray(data)
    bits.apply(changed, 0)
    proper = np.array([_proper(int(one), image) for one in numbers], numbers.dtype)
    assert bytes(changed) == proper.tobytes()


def _proper(cell: int, image: Image) -> int:
    """The cell with the same sample and nothing beside it."""
    shift = image.high_bit + 1 - image.bits_stored
    sample = cell >> shift & (1 << image.bits_stored) - 1
    if image.signed and sample >> image.bits_stored - 1:
        sample -= 1 << image.bits_stored
    return sample << shift & (1 << image.bits_allocated) - 1


def test_an_overlay_in_the_cells_is_gone() -> None:
    cells = np.arange(16, dtype="<u2").reshape(4, 4)
    overlay = element(0x60000100, "US", pack("<H", 16)), element(0x60000102, "US", pack("<H", 12))
    data = instance(*overlay, element(0x7FE00010, "OW", (cells | 0x1000).tobytes()))
    assert found(data) == {Hidden.UNUSED_BITS}
    assert bare(data)[-32:] == cells.tobytes()


@pytest.mark.parametrize("transfer_syntax", [EXPLICIT, BIG_ENDIAN, DEFLATED])
def test_a_pad_byte_that_is_not_zero_becomes_zero(transfer_syntax: str) -> None:
    picture = Picture(rows=3, columns=3, allocated=8, stored=8)
    value = picture.cells().tobytes()
    clean = picture.native(picture.cells(), EXPLICIT if transfer_syntax == DEFLATED else transfer_syntax)
    spoilt = picture.native(np.frombuffer(value + b"!", "u1"), transfer_syntax)
    assert found(spoilt) == {"padding"}
    assert bare(spoilt) == clean
    assert found(clean) == set()


def test_nothing_is_looked_for_where_there_are_no_pixels_or_floating_point_ones() -> None:
    plan = element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.481.5")
    assert found(instance(plan, pixels=None)) == set()
    floats = element(0x7FE00008, "OF", bytes(64)), element(0x00280100, "US", pack("<H", 32))
    assert found(instance(*floats, without=(0x7FE00010,))) == set()


def test_without_numpy_the_bytes_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert found(instance()) == {"unused_bits"}
    assert found(instance(element(0x7FE00010, "OW", b"\xff\x0f" * 16))) == set()


def test_many_frames_take_the_memory_of_few() -> None:
    picture = Picture(rows=256, columns=256, frames=100)
    cells = picture.cells()
    cells[-1] |= 0xF000
    source = io.BytesIO(picture.native(cells))
    tracemalloc.start()
    stream = without_hidden(source)
    while stream.read(64 * 1024):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 1024 * 1024 < picture.frames * 256 * 256 * 2 / 4


def test_an_object_cut_short_anywhere_is_refused() -> None:
    data: Any = Picture().native(Picture().cells())
    for length in range(0, len(data), 7):
        with pytest.raises((DeidError, PixelError)):
            hidden_in(io.BytesIO(data[:length]))
