"""What is hidden in compressed frames is gone, or refused, and samples stay as they were."""

from __future__ import annotations

import io
import tracemalloc
from struct import pack
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, encapsulate_extended, get_frame
from tests.data.deid_objects import deidentified, element, read_back
from tests.data.pixel_frames import BUNDLED, J2K, RLE, TABLES, bundled_compressed, encapsulated, encoded
from tests.data.pixel_objects import Picture, in_any_order
from tests.unit.pixels.test_compressed import CODECS, UNDECODABLE, mono
from tests.unit.pixels.test_native import CORNER, clean

from sendit.deid import DeidError
from sendit.pixels import Hidden, PixelError, hidden_in, without_hidden

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = b"Unterschlagen^Ida"
JPEGS = ("SC_rgb_jpeg_dcmtk.dcm", "JPGExtended.dcm", "SC_rgb_jpeg_gdcm.dcm", "MR_small_jpeg_ls_lossless.dcm")


def found(data: bytes) -> set[str]:
    return set(hidden_in(io.BytesIO(data)))


def bare(data: bytes) -> bytes:
    return without_hidden(io.BytesIO(data)).read()


def refusal(data: bytes) -> str:
    with pytest.raises((PixelError, DeidError)) as raised:
        bare(data)
    error: Any = raised.value
    return str(error.code)


def changed(name: str, change: Callable[[bytes], bytes]) -> bytes:
    """A bundled file of one frame with another frame in it."""
    ds = pydicom.dcmread(BUNDLED / name)
    frame = get_frame(ds.PixelData, 0, number_of_frames=1)
    ds.PixelData = encapsulate([change(frame)])
    stream = io.BytesIO()
    ds.save_as(stream)
    return stream.getvalue()


def behind_start(segment: bytes) -> Callable[[bytes], bytes]:
    return lambda frame: frame[:2] + segment + frame[2:]


def marker(number: int, content: bytes) -> bytes:
    return bytes((0xFF, number)) + (len(content) + 2).to_bytes(2, "big") + content


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (behind_start(marker(0xFE, CANARY)), "comment"),
        (behind_start(marker(0xE1, b"Exif\0\0" + CANARY)), "application_data"),
        (behind_start(marker(0xE2, b"ICC_PROFILE\0" + CANARY)), "application_data"),
        (behind_start(marker(0xE0, b"JFXX\0\x10" + CANARY)), "application_data"),
        (behind_start(marker(0xEE, b"Adobf" + CANARY)), "application_data"),
        (behind_start(marker(0xE8, b"mrfx\0" + CANARY)), "application_data"),
        (behind_start(marker(0xE8, b"SPIFF\0" + bytes(24) + CANARY)), "application_data"),
        (behind_start(marker(0xE8, b"\0\0\0\4" + CANARY)), "application_data"),
        (behind_start(marker(0xEB, CANARY)), "application_data"),
        (lambda frame: frame + CANARY, "behind_frame"),
        (lambda frame: frame + b"\0\0" + CANARY, "behind_frame"),
        (lambda frame: frame.rstrip(b"\0")[:-2] + marker(0xFE, CANARY) + b"\xff\xd9", "comment"),
    ],
)
def test_canaries_in_jpeg_frames_are_gone(name: str, change: Callable[[bytes], bytes], kind: str) -> None:
    data = changed(name, change)
    assert CANARY in data
    assert kind in found(data)
    output = bare(data)
    assert CANARY not in output
    assert found(output) == set()
    assert clean(output) == clean((BUNDLED / name).read_bytes())


def test_jfif_and_adobe_stay_without_what_is_more_than_their_fields() -> None:
    thumbnail = b"JFIF\0\1\2\0\0\1\0\1\1\1" + b"abc" + CANARY
    output = bare(changed("JPGExtended.dcm", behind_start(marker(0xE0, thumbnail))))
    assert marker(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0") in output
    adobe = b"Adobe\0\x64\0\0\0\0\1" + CANARY
    output = bare(changed("SC_rgb_jpeg_dcmtk.dcm", behind_start(marker(0xEE, adobe))))
    assert marker(0xEE, adobe[:12]) in output
    assert CANARY not in output


@pytest.mark.parametrize(
    ("segment", "code"),
    [
        (marker(0xEB, b"JP" + CANARY), "hidden_data_left"),
        (marker(0xF0, CANARY), "hidden_data_left"),
        (marker(0xDF, CANARY), "hidden_data_left"),
        (marker(0x02, CANARY), "codestream_malformed"),
        (marker(0xDD, b"\0\0" + CANARY), "codestream_malformed"),
        (marker(0xDB, b"\0" + bytes(64) + CANARY), "codestream_malformed"),
        (marker(0xC4, b"\0" + bytes(16) + CANARY), "codestream_malformed"),
        (b"\xff\xfe\0\1" + CANARY, "codestream_malformed"),
        (CANARY, "codestream_malformed"),
        (b"\xff\xfe\xff\xff", "codestream_malformed"),
    ],
)
def test_what_may_be_part_of_the_image_or_cannot_be_read_is_refused(segment: bytes, code: str) -> None:
    assert refusal(changed("SC_rgb_jpeg_dcmtk.dcm", behind_start(segment))) == code


def j2k(change: Callable[[bytes], bytes], frames: int = 1, **how: Any) -> tuple[bytes, Picture]:
    picture = mono(frames)
    coded = [[change(one)] for one in encoded(picture, picture.cells(), J2K)]
    return encapsulated(picture, coded, J2K, **how), picture


def in_tile(frame: bytes) -> bytes:
    """A comment in the header of the first tile-part, whose length is known to say so."""
    at = frame.index(b"\xff\x90")
    length = int.from_bytes(frame[at + 6 : at + 10], "big")
    comment = marker(0x64, b"\0\1" + CANARY)
    head = frame[at : at + 6] + (length + len(comment) if length else 0).to_bytes(4, "big") + frame[at + 10 : at + 12]
    return frame[:at] + head + comment + frame[at + 12 :]


def open_ended(frame: bytes) -> bytes:
    """A last tile-part that goes on up to the end."""
    at = frame.rindex(b"\xff\x90\0\x0a")
    return frame[: at + 6] + bytes(4) + frame[at + 10 :]


def jp2(frame: bytes, *more: bytes) -> bytes:
    def box(kind: bytes, content: bytes) -> bytes:
        return pack(">L", len(content) + 8) + kind + content

    header = box(b"ihdr", pack(">LLHBBBB", 33, 35, 1, 15, 7, 0, 0)) + box(b"colr", b"\1\0\0" + pack(">L", 17))
    return (
        box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + box(b"jp2h", header + b"".join(more))
        + box(b"uuid", CANARY) + box(b"jp2c", frame) + box(b"xml ", CANARY)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda frame: frame[:2] + frame[2:51] + marker(0x64, b"\0\1" + CANARY) + frame[51:], "comment"),
        (in_tile, "comment"),
        (lambda frame: frame + CANARY, "behind_frame"),
        (lambda frame: open_ended(frame) + CANARY, "behind_frame"),
        (jp2, "wrapper"),
    ],
)
def test_canaries_in_jpeg_2000_frames_are_gone(change: Callable[[bytes], bytes], kind: str) -> None:
    def with_canary(frame: bytes) -> bytes:
        end = 4 + int.from_bytes(frame[4:6], "big")  # behind SIZ
        return (
            change(frame)
            if kind != "comment" or change is in_tile
            else (frame[:end] + marker(0x64, b"\0\1" + CANARY) + frame[end:])
        )

    data, picture = j2k(with_canary)
    assert CANARY in data
    assert kind in found(data)
    output = bare(data)
    assert CANARY not in output
    assert b"OpenJPEG" not in output
    assert found(output) == set()
    assert clean(output) == picture.native(picture.blanked(picture.cells(), CORNER))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda frame: jp2(frame, pack(">L", 8 + len(CANARY)) + b"pclr" + CANARY), "hidden_data_left"),
        (lambda frame: jp2(frame, pack(">L", 7) + b"res "), "codestream_malformed"),
        (lambda frame: frame[:2] + marker(0x30, CANARY) + frame[2:], "codestream_malformed"),
        (lambda frame: frame[:-2], "codestream_malformed"),
        (lambda frame: CANARY + frame, "codestream_malformed"),
        (lambda frame: jp2(frame).replace(b"jp2c", b"free"), "codestream_malformed"),
    ],
)
def test_jpeg_2000_that_cannot_be_stripped_is_refused(change: Callable[[bytes], bytes], code: str) -> None:
    assert refusal(j2k(change)[0]) == code


def rle(change: Callable[[bytes], bytes]) -> tuple[bytes, Picture]:
    picture = mono(1)
    return encapsulated(picture, [[change(one)] for one in encoded(picture, picture.cells(), RLE)], RLE), picture


def gap(frame: bytes) -> bytes:
    one, two = (int.from_bytes(frame[at : at + 4], "little") + len(CANARY) for at in (4, 8))
    return frame[:4] + pack("<2L", one, two) + frame[12:64] + CANARY + frame[64:]


@pytest.mark.parametrize(
    "change", [lambda frame: frame + CANARY, lambda frame: frame[:12] + CANARY + frame[12 + len(CANARY) :], gap]
)
def test_canaries_in_rle_frames_are_gone(change: Callable[[bytes], bytes]) -> None:
    data, picture = rle(change)
    assert CANARY in data
    assert found(data) == {Hidden.BEHIND_FRAME}
    assert bare(data) == rle(lambda frame: frame)[0]
    assert clean(bare(data)) == picture.native(picture.blanked(picture.cells(), CORNER))


@pytest.mark.parametrize(
    "change", [lambda frame: frame[:40], lambda frame: frame[:-9], lambda frame: b"\3" + frame[1:]]
)
def test_rle_that_cannot_be_read_is_refused(change: Callable[[bytes], bytes]) -> None:
    assert refusal(rle(change)[0]) == "codestream_malformed"


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(TABLES), st.integers(1, 4), st.integers(0, 99))
def test_offset_tables_say_where_the_bare_frames_are(table: str, frames: int, seed: int) -> None:
    data, picture = j2k(lambda frame: frame + CANARY * (1 + frame[100] % 3), frames, table=table)
    stream = without_hidden(io.BytesIO(data))
    output = stream.read()
    assert in_any_order(stream, seed) == output
    assert CANARY not in output
    report, released = deidentified(output)  # the engine checks the tables
    assert clean(output) == picture.native(picture.blanked(picture.cells(), CORNER))
    assert report.pixel_crc32c
    before, after = read_back(data), read_back(output)
    assert ("ExtendedOffsetTable" in after) == (table == "extended")
    assert [one for one in after if one.tag < 0x7FE00001] == [one for one in before if one.tag < 0x7FE00001]
    assert read_back(released).PixelData == after.PixelData


def test_fragments_behind_the_last_frame_are_gone_or_refused() -> None:
    ds = pydicom.dcmread(BUNDLED / "SC_rgb_jpeg_dcmtk.dcm")
    frame = get_frame(ds.PixelData, 0, number_of_frames=1)
    for value in (encapsulate([frame, CANARY], has_bot=False), encapsulate([frame, frame], has_bot=False)):
        ds.PixelData = value
        stream = io.BytesIO()
        ds.save_as(stream)
        assert found(stream.getvalue()) >= {"behind_frame"}
        output = bare(stream.getvalue())
        assert CANARY not in output
        assert get_frame(read_back(output).PixelData, 0, number_of_frames=1).count(b"\xff\xd8\xff") == 1
    ds.NumberOfFrames = 2
    ds.PixelData = encapsulate([frame, frame, CANARY], has_bot=False)
    stream = io.BytesIO()
    ds.save_as(stream)
    assert refusal(stream.getvalue()) == "frames_unclear"


@pytest.mark.parametrize("name", [name for name in bundled_compressed() if name not in UNDECODABLE])
def test_samples_of_many_encoders_stay_as_they_were(name: str) -> None:
    data = (BUNDLED / name).read_bytes()
    output = bare(data)
    assert found(output) == set()
    before, after = clean(data), clean(output)
    assert after == before


@pytest.mark.parametrize("name", CODECS)
def test_broken_frames_are_refused_or_keep_their_samples(name: str) -> None:
    ds = pydicom.dcmread(BUNDLED / name)
    frame = get_frame(ds.PixelData, 0, number_of_frames=1)
    random = np.random.default_rng(2)
    for _ in range(60):
        broken = bytearray(frame[: random.integers(1, len(frame))] if random.random() < 0.5 else frame)
        for at in random.integers(0, min(len(broken), 700), 3):
            broken[at] = random.integers(0, 256)
        data = changed(name, lambda _, broken=broken: bytes(broken))  # type: ignore[misc]
        try:
            output = bare(data)
        except (DeidError, PixelError):
            continue
        assert outcome(output) == outcome(data)


def outcome(data: bytes) -> object:
    try:
        return clean(data)
    except (DeidError, PixelError) as error:
        return error.code


def test_video_is_refused() -> None:
    assert refusal(encapsulated(mono(1), [[b"abcd"]], "1.2.840.10008.1.2.4.102")) == "codec_unsupported"


def test_a_source_that_changes_while_it_is_read_is_refused() -> None:
    data, _ = j2k(lambda frame: frame + CANARY, 3)
    source = io.BytesIO(data)
    stream = without_hidden(source)
    at = data.rindex(b"\xff\xd9" + CANARY)
    source.seek(at)
    source.write(b"\0\0\xff\xd9")
    with pytest.raises(PixelError):
        stream.read()


def test_many_frames_take_the_memory_of_few() -> None:
    picture = Picture(rows=256, columns=256, frames=60, allocated=8, stored=8)
    frames = [[one] for one in encoded(picture, picture.cells(), J2K)]
    source = io.BytesIO(encapsulated(picture, frames, J2K, trailer=element(0xFFFCFFFC, "OB", b"ab")))
    tracemalloc.start()
    stream = without_hidden(source)
    while stream.read(64 * 1024):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1024 * 1024 < picture.frames * 256 * 256 / 3


def test_extended_tables_of_another_writer_are_made_anew() -> None:
    ds = pydicom.dcmread(BUNDLED / "SC_rgb_jpeg_dcmtk.dcm")
    frame = get_frame(ds.PixelData, 0, number_of_frames=1)
    ds.NumberOfFrames = 2
    ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended([frame + CANARY, frame])
    stream = io.BytesIO()
    ds.save_as(stream)
    after = read_back(bare(stream.getvalue()))
    assert np.frombuffer(after.ExtendedOffsetTable, "u8")[1] < np.frombuffer(ds.ExtendedOffsetTable, "u8")[1]
    assert deidentified(bare(stream.getvalue()))
