"""Segments of codestreams by which no sample is decoded: taken out, put right or refused; samples stay."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

import pytest
from pydicom.encaps import get_frame
from tests.data.deid_objects import read_back
from tests.data.pixel_frames import BUNDLED
from tests.unit.pixels.test_compressed import mono
from tests.unit.pixels.test_hidden_frames import bare, behind_start, changed, found, j2k, marker, refusal
from tests.unit.pixels.test_native import CORNER, clean

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = b"Unterschlagen^Ida"
SIXTY_FOUR = CANARY * 3 + CANARY[:13]
TILE_PART = b"\xff\x90\0\x0a"
BASELINE, LOSSLESS, JPEG_LS = "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_jpeg_gdcm.dcm", "MR_small_jpeg_ls_lossless.dcm"
JPEGS = (BASELINE, "SC_rgb_jpeg_lossy_gdcm.dcm", "JPGExtended.dcm", LOSSLESS)
WITH_JPEG_LS = (*JPEGS, JPEG_LS)
UNUSED = {
    "quantization": marker(0xDB, b"\3" + SIXTY_FOUR),
    "quantization that is replaced": marker(0xDB, b"\0" + SIXTY_FOUR),
    "Huffman": marker(0xC4, b"\x13" + bytes(14) + bytes((11, 0)) + CANARY[:11]),
    "restart interval that is replaced": marker(0xDD, b"Id") + marker(0xDD, b"\0\0"),
}


def before(number: int, segment: bytes) -> Callable[[bytes], bytes]:
    """A segment before the first one of a kind."""

    def change(frame: bytes) -> bytes:
        at = frame.index(bytes((0xFF, number)))
        return frame[:at] + segment + frame[at:]

    return change


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("segment", UNUSED.values(), ids=UNUSED)
def test_tables_that_no_scan_uses_are_gone(name: str, segment: bytes) -> None:
    data = changed(name, behind_start(segment))
    assert "unused_table" in found(data)
    output = bare(data)
    assert segment not in output
    assert CANARY[:11] not in output
    assert found(output) == set()
    assert clean(output) == clean((BUNDLED / name).read_bytes())


@pytest.mark.parametrize("name", WITH_JPEG_LS)
@pytest.mark.parametrize(
    ("number", "content", "kept"),
    [
        (0xEE, b"Adobe\0\x64IdaU\0", b"Adobe\0\x64\0\0\0\0\0"),
        (0xEE, b"AdobeIdIdaU\0", b"Adobe\0\x64\0\0\0\0\0"),
        (0xE0, b"JFIF\0IdaUnte\0\0", b"JFIF\0\1\2\0\0\1\0\1\0\0"),
        (0xE8, b"SPIFF\0" + CANARY + bytes(7), None),
    ],
)
def test_fields_that_decoders_do_not_go_by_are_as_they_have_to_be(
    name: str, number: int, content: bytes, kept: bytes | None
) -> None:
    plain = changed(name, behind_start(marker(number, kept))) if kept else changed(name, lambda frame: frame)
    output = bare(changed(name, behind_start(marker(number, content))))
    assert marker(number, content) not in output
    assert output == bare(plain)
    assert kept is None or marker(number, kept) in output


THRESHOLDS = pack(">5H", 4095, 18, 67, 276, 64)


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        (BASELINE, behind_start(marker(0xCC, b"Id" * 4)), "hidden_data_left"),  # arithmetic coding
        (BASELINE, behind_start(marker(0xDC, b"Id")), "hidden_data_left"),  # number of lines
        (JPEG_LS, before(0xDA, marker(0xF8, b"\2\1\1" + CANARY)), "hidden_data_left"),  # a mapping table
        (JPEG_LS, before(0xDA, marker(0xF8, b"\1" + THRESHOLDS + CANARY)), "codestream_malformed"),
        (JPEG_LS, before(0xDA, marker(0xF8, b"\1UnterIdaUn")), "codestream_malformed"),
        (BASELINE, before(0xDA, marker(0xC4, b"\0" + bytes(14) + bytes((3, 0)) + b"Ida")), "codestream_malformed"),
        (BASELINE, before(0xDA, marker(0xC4, b"\x10" + bytes(14) + bytes((2, 0)) + b"II")), "codestream_malformed"),
        (BASELINE, before(0xDA, marker(0xC4, b"")), "codestream_malformed"),
        (BASELINE, lambda frame: frame[:-3] + frame[frame.index(b"\xff\xda") :], "codestream_malformed"),
        (BASELINE, before(0xDA, marker(0xC0, b"\x08\0\x64\0\x64\1\1\x11\0")), "codestream_malformed"),
        (BASELINE, lambda frame: frame.replace(b"\xff\xc0\0\x11\x08\0\x64", b"\xff\xc0\0\x11\x08\0\x65"),
         "frame_not_as_described"),
        (BASELINE, lambda frame: frame.replace(b"\xff\xc0", b"\xff\xc2"), "codestream_malformed"),
    ],
)  # fmt: skip
def test_jpeg_segments_that_may_hold_more_than_samples_need_are_refused(
    name: str, change: Callable[[bytes], bytes], code: str
) -> None:
    assert refusal(changed(name, change)) == code


def test_a_table_of_jpeg_ls_that_is_replaced_is_gone() -> None:
    first = marker(0xF8, b"\1" + pack(">5H", 0x4141, 0x2041, 0x3041, 0x3141, 0x4141))
    output = bare(changed(JPEG_LS, behind_start(first)))
    assert first not in output
    assert clean(output) == clean((BUNDLED / JPEG_LS).read_bytes())


def in_main(segment: bytes) -> Callable[[bytes], bytes]:
    def change(frame: bytes) -> bytes:
        at = frame.index(TILE_PART)
        return frame[:at] + segment + frame[at:]

    return change


def in_tile(segment: bytes) -> Callable[[bytes], bytes]:
    """A segment in the header of the first tile-part, whose length is known to say so."""

    def change(frame: bytes) -> bytes:
        at = frame.index(TILE_PART)
        length = int.from_bytes(frame[at + 6 : at + 10], "big") + len(segment)
        return frame[: at + 6] + length.to_bytes(4, "big") + frame[at + 10 : at + 12] + segment + frame[at + 12 :]

    return change


@pytest.mark.parametrize(
    "change",
    [
        in_main(marker(0x57, b"\0" + CANARY)),  # PLM
        in_main(marker(0x59, CANARY + b"!")),  # CPF
        in_main(marker(0x63, CANARY[:4])),  # CRG
        in_tile(marker(0x58, b"\0" + CANARY)),  # PLT
        in_tile(marker(0x58, b"\0I")),
        in_tile(marker(0x64, b"Id" + bytes(4))),
        in_tile(marker(0x64, b"\0\1" + CANARY)),
    ],
)
def test_what_decoders_need_not_know_of_jpeg_2000_is_gone(change: Callable[[bytes], bytes]) -> None:
    data, picture = j2k(change)
    plain, _ = j2k(lambda frame: frame)
    assert found(data) >= {"unused_table"} or found(data) >= {"comment"}
    output = bare(data)
    assert CANARY[:4] not in output[output.index(b"\xff\x4f\xff\x51") :]
    assert found(output) == set()
    assert clean(output) == clean(plain) == picture.native(picture.blanked(picture.cells(), CORNER))


def lengths(*entries: bytes, index: int = 0, sizes: int = 0x40) -> Callable[[bytes], bytes]:
    return in_main(marker(0x55, bytes((index, sizes)) + b"".join(entries)))


def test_right_lengths_of_tile_parts_stay() -> None:
    frame = get_frame(read_back(j2k(lambda frame: frame)[0]).PixelData, 0, number_of_frames=1)
    at = frame.index(TILE_PART)
    length = frame[at + 6 : at + 10]
    for change in (lengths(length), lengths(b"\0" + length, sizes=0x50), lengths(b"\0\0" + length, sizes=0x60)):
        data, picture = j2k(change)
        output = bare(data)
        assert b"\xff\x55" in output
        assert clean(output) == picture.native(picture.blanked(picture.cells(), CORNER))


def doubled(number: int) -> Callable[[bytes], bytes]:
    def change(frame: bytes) -> bytes:
        at = frame.index(bytes((0xFF, number)))
        end = at + 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
        return frame[:at] + frame[at:end] + frame[at:]

    return change


def longer(number: int) -> Callable[[bytes], bytes]:
    def change(frame: bytes) -> bytes:
        at = frame.index(bytes((0xFF, number)))
        length = int.from_bytes(frame[at + 2 : at + 4], "big")
        end = at + 2 + length
        return frame[: at + 2] + (length + len(CANARY)).to_bytes(2, "big") + frame[at + 4 : end] + CANARY + frame[end:]

    return change


def replaced(at: int, content: bytes) -> Callable[[bytes], bytes]:
    """Bytes of SIZ, counted from its marker, are others."""
    return lambda frame: frame[: 2 + at] + content + frame[2 + at + len(content) :]


def second_tile(frame: bytes) -> bytes:
    return frame[:-2] + TILE_PART + pack(">HLBB", 7, 14 + len(CANARY), 0, 1) + b"\xff\x93" + CANARY + frame[-2:]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lengths(b"Idas"), "codestream_malformed"),
        (lengths(b"Ida"), "codestream_malformed"),
        (lengths(index=1), "codestream_malformed"),
        (lengths(sizes=0x41), "codestream_malformed"),
        (in_main(marker(0x60, b"\0" + CANARY)), "hidden_data_left"),  # PPM
        (in_tile(marker(0x61, b"\0" + CANARY)), "hidden_data_left"),  # PPT
        (in_main(marker(0x5E, b"\0\0I")), "hidden_data_left"),  # RGN
        (in_main(marker(0x5F, CANARY[:7])), "hidden_data_left"),  # POC
        (in_main(marker(0x50, CANARY)), "codestream_malformed"),  # CAP
        (in_main(marker(0x50, b"\0\0\0\0Id")), "codestream_malformed"),
        (in_main(marker(0x5D, b"\0" + CANARY)), "codestream_malformed"),  # QCC
        (in_main(marker(0x53, b"\0\0" + CANARY)), "codestream_malformed"),  # COC
        (doubled(0x52), "codestream_malformed"),
        (doubled(0x5C), "codestream_malformed"),
        (longer(0x52), "codestream_malformed"),
        (longer(0x5C), "codestream_malformed"),
        (longer(0x90), "codestream_malformed"),
        (longer(0x51), "codestream_malformed"),
        (replaced(14, b"Idas"), "hidden_data_left"),  # where the image begins
        (replaced(30, b"Idas"), "hidden_data_left"),  # where the tiles begin
        (replaced(22, bytes(8)), "codestream_malformed"),
        (second_tile, "codestream_malformed"),
        (replaced(6, pack(">LL", 40, 33)), "frame_not_as_described"),
    ],
)
def test_jpeg_2000_segments_that_may_hold_more_than_samples_need_are_refused(
    change: Callable[[bytes], bytes], code: str
) -> None:
    assert mono(1).columns == 35
    assert refusal(j2k(change)[0]) == code
