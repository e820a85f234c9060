"""Bits of compressed frames that the header gives to no sample: found, and gone with every sample as it was."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.deid_objects import EXPLICIT, read_back
from tests.data.pixel_frames import BUNDLED, J2K, RLE, TABLES, encapsulated, encoded
from tests.unit.pixels.test_compressed import mono
from tests.unit.pixels.test_native import CORNER, clean

from sendit.pixels import Hidden, PixelError, cleaned, decoding, hidden_in, without_hidden

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tests.data.pixel_objects import Picture

CANARY = b"Unterschlagen^Ida"


def found(data: bytes) -> set[str]:
    return set(hidden_in(io.BytesIO(data)))


def bare(data: bytes) -> bytes:
    return without_hidden(io.BytesIO(data)).read()


def held_wider(picture: Picture, cells: NDArray[Any], syntax: str, table: str = "none") -> bytes:
    """An object whose codestreams have all the bits of its cells, and whose header says that fewer are stored."""
    wider = mono(picture.frames, signed=picture.signed)
    return encapsulated(picture, [[one] for one in encoded(wider, cells, syntax)], syntax, table=table)


def spelled(cells: NDArray[Any]) -> NDArray[Any]:
    """A text in the four highest bits of the last cells."""
    spoilt = cells.view("<u2").copy()
    nibbles = np.array([half for byte in CANARY for half in (byte >> 4, byte & 15)], "<u2")
    spoilt.reshape(-1)[-len(nibbles) :] ^= nibbles << 12
    return spoilt.view(cells.dtype)


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([RLE, J2K]), st.booleans(), st.integers(1, 3), st.sampled_from(TABLES), st.integers(0, 99))
def test_a_text_in_the_high_bits_of_compressed_cells_is_gone(
    syntax: str, signed: bool, frames: int, table: str, seed: int
) -> None:
    picture = mono(frames, stored=12, signed=signed)
    cells = picture.cells(seed)
    data = held_wider(picture, spelled(cells), syntax, table)
    assert Hidden.UNUSED_BITS in found(data)
    output = bare(data)
    assert output == picture.native(cells, EXPLICIT)
    assert found(output) == set()


@pytest.mark.parametrize("syntax", [RLE, J2K])
@pytest.mark.parametrize("signed", [False, True])
def test_codestreams_wider_than_what_is_stored_stay_if_nothing_is_in_there(syntax: str, signed: bool) -> None:
    picture = mono(2, stored=12, signed=signed)
    output = bare(held_wider(picture, picture.cells(), syntax))
    assert read_back(output).file_meta.TransferSyntaxUID == syntax
    assert found(output) == set()
    assert clean(output) == picture.native(picture.blanked(picture.cells(), CORNER))


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("JPGExtended.dcm", 4),
        ("SC_rgb_jpeg_gdcm.dcm", 7),  # JPEG Lossless
        ("SC_rgb_jpeg_dcmtk.dcm", 7),
        ("MR_small_jpeg_ls_lossless.dcm", 8),
        ("MR_small_jp2klossless.dcm", 8),
    ],
)
def test_what_other_encoders_hold_beyond_the_bits_stored_is_gone(name: str, stored: int) -> None:
    ds = pydicom.dcmread(BUNDLED / name)
    ds.BitsStored, ds.HighBit = stored, stored - 1
    stream = io.BytesIO()
    ds.save_as(stream)
    assert Hidden.UNUSED_BITS in found(stream.getvalue())
    output = bare(stream.getvalue())
    assert found(output) == set()
    before = read_back(cleaned(io.BytesIO(stream.getvalue()), CORNER).read())
    after = read_back(cleaned(io.BytesIO(output), CORNER).read())
    cells = [np.frombuffer(one.PixelData, f"<u{one.BitsAllocated // 8}") for one in (before, after)]
    assert ((cells[0] ^ cells[1]) & (1 << stored) - 1 == 0).all()
    assert after.file_meta.TransferSyntaxUID == EXPLICIT


def test_bits_below_the_lowest_one_stored_are_looked_at_too() -> None:
    picture = mono(1, stored=12)
    data = encapsulated(
        picture,
        [[one] for one in encoded(mono(1), picture.cells(), J2K)],
        J2K,
        extra={0x00280102: ("US", b"\x0f\0")},  # High Bit 15
    )
    assert Hidden.UNUSED_BITS in found(data)
    assert found(bare(data)) == set()


def test_without_decoders_wider_codestreams_are_refused_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = mono(1, stored=12)
    wide, narrow = (
        held_wider(picture, picture.cells(), J2K),
        encapsulated(picture, [[one] for one in encoded(picture, picture.cells(), J2K)], J2K),
    )
    rle = held_wider(picture, picture.cells(), RLE)
    monkeypatch.setattr(decoding, "find_spec", lambda _: None)
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert Hidden.UNUSED_BITS not in found(narrow)
    assert found(rle) == set()  # its runs are bytes
    with pytest.raises(PixelError) as raised:
        found(wide)
    assert raised.value.code == "decoder_missing"
