"""What surrounds the frames of encapsulated pixel data says where they are, and nothing else."""

from __future__ import annotations

from struct import pack

import pytest
from tests.data.deid_objects import ITEM, JPEG, SEQUENCE_END, deidentified, element, instance, sequence, tag_bytes

from sendit.deid import DeidError

RLE, MPEG = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.102"
FRAME = b"\xff\xd8ab\xff\xd9"
LONGER = b"\xff\xd8abcd\xff\xd9"


def encapsulated(*items: bytes) -> bytes:
    value = b"".join(ITEM + pack("<L", len(item)) + item for item in items)
    return tag_bytes(0x7FE00010) + b"OB\0\0\xff\xff\xff\xff" + value + SEQUENCE_END + bytes(4)


def frames(number: int) -> bytes:
    return element(0x00280008, "IS", str(number))


def extended(offsets: tuple[int, ...], lengths: tuple[int, ...]) -> tuple[bytes, bytes]:
    return (
        element(0x7FE00001, "OV", pack(f"<{len(offsets)}Q", *offsets)),
        element(0x7FE00002, "OV", pack(f"<{len(lengths)}Q", *lengths)),
    )


def outcome(*extra: bytes, transfer_syntax: str = JPEG) -> str:
    try:
        deidentified(instance(*extra, transfer_syntax=transfer_syntax))
    except DeidError as error:
        return error.code
    return "stored"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (b"", "stored"),
        (pack("<2L", 0, 14), "stored"),
        (pack("<2L", 0, 13), "malformed"),
        (pack("<2L", 14, 0), "malformed"),
        (pack("<2L", 14, 14), "malformed"),
        (pack("<2L", 0, 99), "malformed"),
        (pack("<L", 0), "malformed"),
        (pack("<3L", 0, 14, 30), "malformed"),
        (b"Wunderlich^Hedwig PAT-4711 20200229 ", "malformed"),
        (b"PAT-4711", "malformed"),
    ],
)
def test_basic_offset_table_is_empty_or_points_at_the_frames(table: bytes, expected: str) -> None:
    assert outcome(frames(2), encapsulated(table, FRAME, LONGER)) == expected


def test_frame_of_several_fragments_is_pointed_at_by_its_first() -> None:
    pixels = encapsulated(pack("<2L", 0, 28), FRAME, FRAME, LONGER)
    assert outcome(frames(2), pixels) == "stored"
    assert outcome(frames(2), encapsulated(b"", FRAME, FRAME, LONGER)) == "stored"


@pytest.mark.parametrize(
    ("offsets", "lengths", "table", "expected"),
    [
        ((0, 14), (6, 8), b"", "stored"),
        ((0, 14), (5, 8), b"", "stored"),
        ((0, 14), (6, 80), b"", "malformed"),
        ((0, 15), (6, 8), b"", "malformed"),
        ((0,), (6,), b"", "malformed"),
        ((0, 14), (), b"", "malformed"),
        ((), (6, 8), b"", "malformed"),
        ((0, 14), (6, 8), pack("<2L", 0, 14), "malformed"),
    ],
)
def test_extended_offset_table_gives_place_and_length_of_every_frame(
    offsets: tuple[int, ...], lengths: tuple[int, ...], table: bytes, expected: str
) -> None:
    tables = extended(offsets, lengths)
    assert outcome(frames(2), *tables, encapsulated(table, FRAME, LONGER)) == expected


def test_text_in_an_extended_offset_table_is_refused() -> None:
    text = element(0x7FE00001, "OV", b"WUNDERLICH,HEDWIG,PAT-9!")
    assert outcome(text, encapsulated(b"", FRAME)) == "malformed"
    assert outcome(text, transfer_syntax="1.2.840.10008.1.2.1") == "malformed"


def test_offset_table_inside_a_sequence_goes() -> None:
    _, output = deidentified(instance(sequence(0x00082218, element(0x7FE00001, "OV", b"Canary!!"))))
    assert b"Canary!!" not in output


def test_every_frame_has_a_fragment() -> None:
    assert outcome(frames(5), encapsulated(b"", FRAME)) == "pixel_data_too_short"
    assert outcome(frames(2), encapsulated(b"", FRAME, b"")) == "pixel_data_too_short"
    assert outcome(encapsulated(b"", b"")) == "no_pixel_data"


def test_run_length_frame_is_one_fragment() -> None:
    assert outcome(frames(2), encapsulated(b"", FRAME, FRAME), transfer_syntax=RLE) == "stored"
    assert outcome(frames(1), encapsulated(b"", FRAME, FRAME), transfer_syntax=RLE) == "malformed"
    assert outcome(encapsulated(b"", FRAME, b"Wunderlich"), transfer_syntax=RLE) == "malformed"


@pytest.mark.parametrize("table", [b"", bytes(4)])
def test_frames_of_a_video_share_a_fragment(table: bytes) -> None:
    assert outcome(frames(99), encapsulated(table, FRAME), transfer_syntax=MPEG) == "stored"


@pytest.mark.parametrize(
    "empty", [element(0x00280010, "US", bytes(2)), element(0x00280011, "US", bytes(2)), element(0x00280008, "IS", "0")]
)
def test_image_without_rows_columns_or_frames_is_none(empty: bytes) -> None:
    assert outcome(empty, encapsulated(b"", FRAME)) == "no_pixel_data"
    assert outcome(empty, element(0x7FE00010, "OW", b""), transfer_syntax="1.2.840.10008.1.2.1") == "no_pixel_data"
