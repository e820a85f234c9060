"""Compressed frames: decoded, blanked, and stored uncompressed under a header that says so."""

from __future__ import annotations

import io
import logging
import tracemalloc
import warnings
from struct import pack
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID
from tests.data.deid_objects import EXPLICIT, IMPLICIT, deidentified, element, read_back
from tests.data.pixel_frames import BASELINE, BUNDLED, J2K, RLE, TABLES, bundled_compressed, encapsulated, encoded
from tests.data.pixel_objects import Picture, in_any_order, masked
from tests.unit.pixels.test_native import CORNER, clean, cleanings, code_of

from sendit.deid import DeidError, Limits
from sendit.pixels import Cleaning, PixelError, PixelRefusal, Rectangle, cleaned, decoding

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

CHANGED = {"PhotometricInterpretation", "PlanarConfiguration", "PixelData", "ExtendedOffsetTable"}
CHANGED |= {"ExtendedOffsetTableLengths"}
CODECS = (
    "SC_rgb_jpeg_dcmtk.dcm",  # JPEG Baseline
    "JPGExtended.dcm",
    "SC_rgb_jpeg_gdcm.dcm",  # JPEG Lossless
    "MR_small_jpeg_ls_lossless.dcm",
    "JPEGLSNearLossless_16.dcm",
    "MR_small_jp2klossless.dcm",
    "SC_rgb_gdcm_KY.dcm",  # JPEG 2000
    "MR_small_RLE.dcm",
)
UNDECODABLE = {
    "JPEG-lossy.dcm": "frame_not_decodable",
    "JPEG2000-embedded-sequence-delimiter.dcm": "frame_not_as_described",
}
"""Broken, or beyond the decoders."""


@st.composite
def compressible(draw: st.DrawFn) -> tuple[Picture, str]:
    transfer_syntax = draw(st.sampled_from([RLE, J2K]))
    photometric = draw(st.sampled_from(["MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB"]))
    allocated = draw(st.sampled_from([8, 16]))
    least = 3 if photometric == "PALETTE COLOR" else 1
    least_side = 31 if transfer_syntax == J2K else 0  # OpenJPEG's encoder wants as much for its resolutions
    picture = Picture(
        rows=draw(st.integers(1, 9)) + least_side,
        columns=draw(st.integers(1, 9)) + least_side,
        frames=draw(st.integers(1, 3)),
        photometric=photometric,
        allocated=allocated,
        stored=draw(st.integers(max(least, allocated - 7), allocated)),
        signed="MONO" in photometric and draw(st.booleans()),
    )
    return picture, transfer_syntax


def mono(frames: int = 2, **changes: Any) -> Picture:
    return Picture(**{"rows": 33, "columns": 35, "frames": frames, "stored": 16, **changes})


def object_of(picture: Picture, transfer_syntax: str = RLE, table: str = "none", seed: int = 0) -> bytes:
    frames = [[one] for one in encoded(picture, picture.cells(seed), transfer_syntax)]
    return encapsulated(picture, frames, transfer_syntax, table=table)


@pytest.mark.thorough
@settings(deadline=None, max_examples=60)
@given(compressible(), cleanings(), st.sampled_from(TABLES), st.integers(0, 99))
def test_inside_is_black_and_outside_is_what_was_compressed(
    what: tuple[Picture, str], cleaning: Cleaning, table: str, seed: int
) -> None:
    picture, transfer_syntax = what
    data = object_of(picture, transfer_syntax, table, seed)
    expected = picture.native(picture.blanked(picture.cells(seed), cleaning), EXPLICIT)
    stream = cleaned(io.BytesIO(data), cleaning)
    assert stream.read() == expected
    assert in_any_order(stream, seed) == expected


@pytest.mark.thorough
@pytest.mark.parametrize("name", bundled_compressed())
def test_files_of_many_encoders_come_as_the_decoder_gives_them(name: str) -> None:
    data = (BUNDLED / name).read_bytes()
    before = pydicom.dcmread(io.BytesIO(data))
    cleaning = Cleaning(blank=(Rectangle(3, 1, 40, 9),), keep=(Rectangle(1, 0, 300, 200),), margin=1)
    if name in UNDECODABLE:
        assert code_of(data, cleaning) == UNDECODABLE[name]
        return
    decoder = get_decoder(before.file_meta.TransferSyntaxUID)
    plugin = "pydicom" if before.file_meta.TransferSyntaxUID == RLE else "pylibjpeg"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cells, properties = decoder.as_array(before, raw=True, decoding_plugin=plugin)
    after = read_back(clean(data, cleaning))
    shape = (-1, before.Rows, before.Columns, before.SamplesPerPixel)
    found = np.frombuffer(after.PixelData[: cells.nbytes], cells.dtype).reshape(shape)
    mask = masked(before.Rows, before.Columns, cleaning)
    assert (found[:, ~mask] == cells.reshape(shape)[:, ~mask]).all()
    (black,) = np.unique(found[:, mask].reshape(-1, before.SamplesPerPixel), axis=0)
    photometric = str(properties["photometric_interpretation"]).replace("_422", "")
    assert list(black) == {"YBR_FULL": [0, 128, 128], "RGB": [0, 0, 0]}.get(
        photometric, [-(1 << before.BitsStored - 1) if before.PixelRepresentation else 0]
    )
    assert after.file_meta.TransferSyntaxUID == (IMPLICIT if name == "SC_rgb_jpeg.dcm" else EXPLICIT)
    assert after.PhotometricInterpretation == photometric
    assert after.get("PlanarConfiguration") == (0 if before.SamplesPerPixel == 3 else before.get("PlanarConfiguration"))
    assert (after["PixelData"].VR, after["PixelData"].is_undefined_length) == (
        "OW" if before.BitsAllocated > 8 or name == "SC_rgb_jpeg.dcm" else "OB",
        False,
    )
    assert _others(after) == _others(before)


def _others(ds: Dataset) -> list[object]:
    return [one for one in ds if one.keyword not in CHANGED and one.tag.element]


@pytest.mark.parametrize(
    "name", ["SC_rgb_jpeg_dcmtk.dcm", "JPEG2000.dcm", "MR_small_RLE.dcm", "examples_ybr_color.dcm"]
)
def test_the_engine_takes_what_was_decoded(name: str) -> None:
    output = clean((BUNDLED / name).read_bytes())
    report, released = deidentified(output)
    pixels = read_back(output).PixelData
    assert read_back(released).PixelData == pixels
    assert report.pixel_crc32c == f"{google_crc32c.value(pixels):08x}"
    assert report.transfer_syntax == EXPLICIT


def test_lossy_stays_marked_as_lossy() -> None:
    after = read_back(clean((BUNDLED / "SC_rgb_jpeg_dcmtk.dcm").read_bytes()))
    before = pydicom.dcmread(BUNDLED / "SC_rgb_jpeg_dcmtk.dcm")
    for keyword in ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        assert after.get(keyword) == before.get(keyword)
    assert after.LossyImageCompression == "01"


def test_file_meta_is_right_and_lengths_of_groups_that_changed_are_gone() -> None:
    picture = mono()
    frames = [[one] for one in encoded(picture, picture.cells(), RLE)]
    lengths = {0x00280000: ("UL", pack("<L", 7)), 0x7FE00000: ("UL", pack("<L", 7))}
    data = encapsulated(picture, frames, RLE, extra=lengths, table="extended")
    after = clean(data)
    assert after.startswith(picture.before(EXPLICIT))
    assert after == clean(encapsulated(picture, frames, RLE, extra={0x00280000: lengths[0x00280000]}))


def test_a_data_set_without_vrs_stays_without() -> None:
    picture = mono(1)
    (frame,) = encoded(picture, picture.cells(), RLE)
    explicit = encapsulated(picture, [[frame]], RLE)
    body = picture.native(picture.cells(), IMPLICIT)[len(picture.before(IMPLICIT)) :]
    pixels = explicit[explicit.rindex(b"OB\0\0\xff\xff\xff\xff") + 8 :]
    at = body.rindex(b"\xe0\x7f\x10\0")
    data = picture.before(RLE) + body[:at] + b"\xe0\x7f\x10\0\xff\xff\xff\xff" + pixels
    assert clean(data) == picture.native(picture.blanked(picture.cells(), CORNER), IMPLICIT)


@pytest.mark.parametrize("table", ["basic", "none"])
def test_frames_of_several_fragments_are_put_together(table: str) -> None:
    picture = mono(3)
    frames = [[one[:40], b"", one[40:]] for one in encoded(picture, picture.cells(), J2K)]
    data = encapsulated(picture, frames, J2K, table=table)
    assert clean(data) == picture.native(picture.blanked(picture.cells(), CORNER))


def test_fragments_that_belong_to_no_frame_are_refused() -> None:
    picture = mono(2)
    one, two = encoded(picture, picture.cells(), J2K)
    assert code_of(encapsulated(picture, [[one], [two], [two]], J2K)) == "frames_unclear"
    assert code_of(encapsulated(picture, [[one[:40], one[40:-2]], [two]], J2K)) == "frames_unclear"
    assert code_of(encapsulated(picture, [[one[:40], one[40:]], [two[:-2]]], J2K)) == "frames_unclear"
    shifted = encapsulated(picture, [[b"  ", one], [two]], J2K, table="basic")
    zero = pack("<2L", 0, len(one) + len(one) % 2 + 18)
    assert code_of(shifted.replace(zero, pack("<2L", 10, len(one) + len(one) % 2 + 18))) == "frames_unclear"
    few = Limits(max_elements=100)
    many = encapsulated(picture, [[one], [b""] * 100, [two]], J2K)
    assert code_of(many, limits=few) == "frames_unclear"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"rows": 34}, "frame_not_as_described"),
        ({"columns": 36}, "frame_not_as_described"),
        ({"photometric": "RGB"}, "frame_not_as_described"),
        ({"allocated": 8, "stored": 8}, "frame_not_as_described"),
        ({"rows": 65535, "columns": 65535}, "frame_too_large"),
        ({"rows": 8000, "columns": 8000, "frames": 40}, "decoded_too_large"),
    ],
)
def test_a_header_that_says_something_else_is_refused_before_memory_is_taken(change: dict[str, Any], code: str) -> None:
    picture = mono(1)
    said = mono(**{"frames": 1, **change})
    (frame,) = encoded(picture, picture.cells(), J2K)
    data = encapsulated(said, [[frame]] * said.frames, J2K)
    tracemalloc.start()
    assert code_of(data) == code
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 1024 * 1024


def test_a_codestream_larger_than_any_frame_is_refused() -> None:
    picture = mono(1)
    (frame,) = encoded(picture, picture.cells(), J2K)
    assert code_of(encapsulated(picture, [[frame + bytes(2 * 1024 * 1024)]], J2K)) == "frame_too_large"


def test_a_bomb_of_runs_is_refused_before_it_is_decoded() -> None:
    picture = Picture(rows=1024, columns=1024, allocated=8, stored=8)
    bomb = pack("<16L", 1, 64, *[0] * 14) + b"\x81\0" * 700_000
    tracemalloc.start()
    assert code_of(encapsulated(picture, [[bomb]], RLE)) == "codestream_malformed"
    assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    tracemalloc.stop()


@pytest.mark.parametrize(
    "name", ["JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_RLE.dcm"]
)
def test_broken_frames_are_refused_and_nothing_is_said_of_them(
    name: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = pydicom.dcmread(BUNDLED / name)
    frame = pydicom.encaps.get_frame(whole.PixelData, 0, number_of_frames=1)
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(40):
        broken = bytearray(frame[: random.integers(1, len(frame))] if random.random() < 0.5 else frame)
        for at in random.integers(0, len(broken), 5):
            broken[at] = random.integers(0, 256)
        whole.PixelData = pydicom.encaps.encapsulate([bytes(broken)])
        stream = io.BytesIO()
        whole.save_as(stream)
        try:
            clean(stream.getvalue())
        except (DeidError, PixelError) as error:
            assert str(error.code) in {
                "frame_not_decodable",
                "frame_not_as_described",
                "codestream_malformed",
            }
            refused += 1
    assert refused
    assert [one for one in caplog.records if one.levelno >= logging.INFO] == []
    assert capfd.readouterr() == ("", "")


def test_frames_of_different_colour_are_refused() -> None:
    whole = pydicom.dcmread(BUNDLED / "SC_rgb_jpeg_dcmtk.dcm")
    frame = pydicom.encaps.get_frame(whole.PixelData, 0, number_of_frames=1)
    other = bytearray(frame)
    at = other.index(b"\xff\xc0")
    other[at + 10 : at + 19 : 3] = b"RGB"
    scan = other.index(b"\xff\xda")
    other[scan + 5 : scan + 11 : 2] = b"RGB"
    whole.NumberOfFrames = 2
    whole.PixelData = pydicom.encaps.encapsulate([frame, bytes(other)])
    stream = io.BytesIO()
    whole.save_as(stream)
    assert code_of(stream.getvalue()) == "frame_not_as_described"


def test_video_is_refused() -> None:
    picture = mono(1)
    assert code_of(encapsulated(picture, [[b"abcd"]], "1.2.840.10008.1.2.4.102")) == "codec_unsupported"


def test_a_missing_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = object_of(mono())
    monkeypatch.setattr(decoding, "find_spec", lambda _: None)
    assert code_of(data) == "decoder_missing"
    monkeypatch.undo()
    monkeypatch.setattr(type(get_decoder(UID(BASELINE))), "available_plugins", ())
    assert code_of(data) == "decoder_missing"
    assert "sendit[pixels]" in PixelError(PixelRefusal.DECODER_MISSING).args[0]


@pytest.mark.thorough
def test_many_frames_take_the_memory_of_few() -> None:
    picture = Picture(rows=256, columns=256, frames=60, allocated=8, stored=8)
    source = io.BytesIO(object_of(picture))
    tracemalloc.start()
    stream = cleaned(source, CORNER)
    while stream.read(64 * 1024):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1024 * 1024 < picture.frames * 256 * 256 / 3


def test_an_object_cut_short_anywhere_is_refused() -> None:
    data = object_of(mono(), J2K) + element(0xFFFCFFFC, "OB", b"ab")
    for length in range(0, len(data) - 14, 13):
        assert code_of(data[:length])
