"""Rectangles blanked in native pixel data: inside black, outside and in the header bit-identical."""

from __future__ import annotations

import io
import tracemalloc
from struct import pack
from typing import Any

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.deid_objects import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, deidentified, element, instance, read_back
from tests.data.pixel_objects import NATIVE, PHOTOMETRICS, Picture, in_any_order

from sendit.deid import DEFAULT_LIMITS, DeidError, Limits
from sendit.pixels import Cleaning, PixelError, Rectangle, cleaned

CORNER = Cleaning(blank=(Rectangle(0, 0, 3, 2),))


def rectangles(most: int = 12) -> st.SearchStrategy[Rectangle]:
    """Rectangles in, across and beyond a small frame."""
    edges = st.integers(0, most)
    return st.builds(
        lambda left, top, width, height: Rectangle(left, top, left + width + 1, top + height + 1),
        edges, edges, edges, edges,
    )  # fmt: skip


def cleanings(most: int = 12) -> st.SearchStrategy[Cleaning]:
    some = st.lists(rectangles(most), max_size=3).map(tuple)
    return st.tuples(some, some, st.integers(0, 2)).filter(lambda one: one[0] or one[1]).map(lambda one: Cleaning(*one))


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    photometric = draw(st.sampled_from(PHOTOMETRICS))
    allocated = draw(st.sampled_from([8, 16] if photometric == "PALETTE COLOR" else [8, 16, 32]))
    colour = photometric in {"RGB", "YBR_FULL", "YBR_FULL_422"}
    least = 3 if photometric == "PALETTE COLOR" else 1
    columns = draw(st.integers(1, 9))
    return Picture(
        rows=draw(st.integers(1, 9)),
        columns=2 * columns if photometric == "YBR_FULL_422" else columns,
        frames=draw(st.integers(1, 3)),
        photometric=photometric,
        allocated=allocated,
        stored=draw(st.sampled_from([allocated, max(least, allocated - 4), draw(st.integers(least, allocated))])),
        signed=not colour and draw(st.booleans()),
        planar=int(colour and photometric != "YBR_FULL_422" and draw(st.booleans())),
    )


def clean(data: bytes, cleaning: Cleaning = CORNER, limits: Limits = DEFAULT_LIMITS) -> bytes:
    return cleaned(io.BytesIO(data), cleaning, limits).read()


def code_of(data: bytes, cleaning: Cleaning = CORNER, limits: Limits = DEFAULT_LIMITS) -> str:
    with pytest.raises((PixelError, DeidError)) as raised:
        clean(data, cleaning, limits)
    error: Any = raised.value
    return str(error.code)


@settings(deadline=None)
@given(pictures(), cleanings(), st.sampled_from(NATIVE), st.integers(0, 99))
def test_inside_is_black_and_all_else_as_it_was(
    picture: Picture, cleaning: Cleaning, transfer_syntax: str, seed: int
) -> None:
    cells = picture.cells(seed)
    trailer = element(0xFFFCFFFC, "OB", b"  ")
    expected = picture.native(picture.blanked(cells, cleaning), transfer_syntax, trailer=trailer)
    if transfer_syntax == DEFLATED:
        expected = picture.native(picture.blanked(cells, cleaning), EXPLICIT, trailer=trailer)
    stream = cleaned(io.BytesIO(picture.native(cells, transfer_syntax, trailer=trailer)), cleaning)
    assert stream.read() == expected
    assert in_any_order(stream, seed) == expected


@settings(deadline=None)
@given(pictures(), cleanings(), st.sampled_from(NATIVE))
def test_the_engine_takes_what_was_cleaned(picture: Picture, cleaning: Cleaning, transfer_syntax: str) -> None:
    cells = picture.cells()
    report, output = deidentified(clean(picture.native(cells, transfer_syntax), cleaning))
    expected = picture.blanked(cells, cleaning).tobytes()
    expected += bytes(len(expected) % 2)
    assert output.endswith(expected)
    assert read_back(output).PixelData == expected
    assert report.pixel_crc32c == f"{google_crc32c.value(expected):08x}"


@pytest.mark.parametrize("high_bit", [11, 13, 15])
@pytest.mark.parametrize(("signed", "photometric"), [(0, "MONOCHROME1"), (1, "MONOCHROME1"), (1, "MONOCHROME2")])
def test_black_stands_where_the_high_bit_says(high_bit: int, signed: int, photometric: str) -> None:
    data = instance(
        element(0x00280102, "US", pack("<H", high_bit)),
        element(0x00280103, "US", pack("<H", signed)),
        element(0x00280004, "CS", photometric),
    )
    stored = {"MONOCHROME1": 2047 if signed else 4095, "MONOCHROME2": -2048}[photometric] << high_bit - 11
    assert clean(data)[-32:][:6] == pack("<H", stored & 0xFFFF) * 3


def test_a_palette_of_eight_bits_is_understood_packed_and_not() -> None:
    picture = Picture(photometric="PALETTE COLOR", allocated=8, stored=8)
    data = picture.native(picture.cells())
    described, table = pack("<HHH", 4, 0, 16), pack("<4H", 200, 9, 3, 255)
    assert clean(data.replace(described, pack("<HHH", 4, 0, 8)))[-48] == 2
    packed = element(0x00281201, "OW", bytes([200, 9, 3, 255]))
    assert clean(data.replace(element(0x00281201, "OW", table), packed).replace(described, pack("<HHH", 4, 0, 8)))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((0x00280100, "US", pack("<H", 1)), "pixel_data_too_long"),
        ((0x00280100, "US", pack("<H", 12)), "pixel_data_too_long"),
        ((0x00280101, "US", pack("<H", 0)), "pixel_format_unsupported"),
        ((0x00280101, "US", pack("<H", 17)), "pixel_format_unsupported"),
        ((0x00280102, "US", pack("<H", 16)), "pixel_format_unsupported"),
        ((0x00280102, "US", pack("<H", 3)), "pixel_format_unsupported"),
        ((0x00280103, "US", pack("<H", 2)), "pixel_format_unsupported"),
        ((0x00280103, "US", b""), "pixel_format_unsupported"),
        ((0x00280004, "CS", "HSV"), "pixel_format_unsupported"),
        ((0x00280004, "CS", "RGB"), "pixel_format_unsupported"),
        ((0x00280004, "CS", "MONOCHROME1\\RGB"), "pixel_format_unsupported"),
        ((0x00280004, "CS", b"M\xfcller"), "pixel_format_unsupported"),
        ((0x00280004, "CS", "PALETTE COLOR"), "palette_unusable"),
        ((0x00280010, "US", pack("<H", 0xFFFF)), "pixel_data_too_short"),
        ((0x00280010, "US", pack("<H", 0)), "no_pixel_data"),
        ((0x00280008, "IS", "999999999999"), "pixel_data_too_short"),
        ((0x7FE00010, "UN", bytes(32)), "malformed"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(change: tuple[int, str, bytes | str], code: str) -> None:
    assert code_of(instance(element(*change))) == code


@pytest.mark.parametrize(("tag", "vr", "bits"), [(0x7FE00008, "OF", 32), (0x7FE00009, "OD", 64)])
def test_floating_point_pixels_are_refused(tag: int, vr: str, bits: int) -> None:
    data = instance(
        element(tag, vr, bytes(bits * 2)), element(0x00280100, "US", pack("<H", bits)), without=(0x7FE00010,)
    )
    assert code_of(data) == "pixel_format_unsupported"


def test_bit_packed_pixels_are_refused() -> None:
    one = [element(tag, "US", pack("<H", number)) for tag, number in ((0x280100, 1), (0x280101, 1), (0x280102, 0))]
    assert code_of(instance(*one, element(0x7FE00010, "OB", b"\1\2"))) == "pixel_format_unsupported"


def test_colour_without_its_planar_configuration_is_refused() -> None:
    picture = Picture(photometric="RGB")
    data = picture.native(picture.cells()).replace(element(0x00280006, "US", bytes(2)), b"")
    assert code_of(data) == "pixel_format_unsupported"


def test_a_palette_that_is_not_as_long_as_it_says_is_refused() -> None:
    picture = Picture(photometric="PALETTE COLOR")
    data = picture.native(picture.cells())
    assert code_of(data.replace(pack("<HhH", 4, 0, 16), pack("<HhH", 5, 0, 16))) == "palette_unusable"
    assert code_of(data.replace(pack("<HhH", 4, 0, 16), pack("<HHH", 4, 9999, 16))) == "palette_unusable"


def test_an_object_without_pixel_data_is_refused() -> None:
    plan = element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.481.5")
    assert code_of(instance(plan, pixels=None)) == "no_pixels_to_clean"


@pytest.mark.parametrize("transfer_syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED])
def test_an_object_cut_short_anywhere_is_refused(transfer_syntax: str) -> None:
    data = Picture().native(Picture().cells(), transfer_syntax)
    for length in range(0, len(data), 7):
        assert code_of(data[:length])


def test_a_source_that_shrinks_while_it_is_read_is_refused() -> None:
    source = io.BytesIO(Picture().native(Picture().cells()))
    stream = cleaned(source, CORNER)
    source.truncate(600)
    with pytest.raises(DeidError) as raised:
        stream.read()
    assert raised.value.code == "truncated"


def test_many_frames_take_the_memory_of_few() -> None:
    picture = Picture(rows=256, columns=256, frames=200)
    source = io.BytesIO(picture.native(picture.cells()))
    tracemalloc.start()
    stream = cleaned(source, CORNER)
    while stream.read(64 * 1024):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 1024 * 1024 < picture.frames * 256 * 256 * 2 / 8


def test_reading_past_the_end_and_before_the_beginning() -> None:
    stream = cleaned(io.BytesIO(Picture().native(Picture().cells())), CORNER)
    size = stream.seek(0, io.SEEK_END)
    assert stream.seek(size + 5) == size + 5
    assert stream.read(4) == b""
    assert stream.seek(-1, io.SEEK_END) == size - 1
    assert stream.seek(-1, io.SEEK_CUR) == size - 2
    assert stream.readable()
    assert not stream.writable()
    with pytest.raises(ValueError, match="beginning"):
        stream.seek(-1)


def test_a_palette_shows_its_darkest_entry_whatever_is_stored_first() -> None:
    picture = Picture(photometric="PALETTE COLOR", signed=True)
    cells = picture.cells()
    blanked = np.frombuffer(clean(picture.native(cells))[-96:], picture.dtype)
    assert blanked[0] == picture.lowest + 2
