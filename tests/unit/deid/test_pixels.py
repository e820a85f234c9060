from __future__ import annotations

import io
from struct import pack

import google_crc32c
import pytest
from tests.data.deid_objects import (
    IMPLICIT,
    ITEM,
    JPEG,
    KEYS,
    PIXELS,
    SEQUENCE_END,
    deidentified,
    element,
    instance,
    read_back,
    tag_bytes,
)

from sendit.deid import PROFILES, DeidError, deidentify

RT_PLAN_STORAGE = "1.2.840.10008.5.1.4.1.1.481.5"
FRAGMENTS = ITEM + pack("<L", 0) + ITEM + pack("<L", 6) + b"\xff\xd8ab\xff\xd9" + SEQUENCE_END + bytes(4)


def encapsulated(value: bytes) -> bytes:
    return tag_bytes(0x7FE00010) + b"OB\0\0\xff\xff\xff\xff" + value


def refusal(data: bytes) -> str:
    with pytest.raises(DeidError) as raised:
        deidentified(data)
    return raised.value.code


@pytest.mark.parametrize("transfer_syntax", [IMPLICIT, "1.2.840.10008.1.2.1"])
def test_native_pixels_are_copied_and_summed(transfer_syntax: str) -> None:
    report, output = deidentified(instance(transfer_syntax=transfer_syntax))
    assert output.endswith(PIXELS)
    assert read_back(output).PixelData == PIXELS
    assert report.pixel_crc32c == f"{google_crc32c.value(PIXELS):08x}"
    assert report.pixel_bytes == 32
    assert report.output_bytes == len(output)


def test_encapsulated_pixels_are_copied_as_they_are() -> None:
    report, output = deidentified(instance(encapsulated(FRAGMENTS), transfer_syntax=JPEG))
    assert output.endswith(encapsulated(FRAGMENTS))
    assert report.transfer_syntax == JPEG
    assert report.pixel_crc32c == f"{google_crc32c.value(FRAGMENTS):08x}"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (FRAGMENTS[:-8], "truncated"),
        (FRAGMENTS[:-1], "truncated"),
        (FRAGMENTS[:20], "truncated"),
        (ITEM + pack("<L", 0) + SEQUENCE_END + bytes(4), "no_pixel_data"),
        (SEQUENCE_END + bytes(4), "no_pixel_data"),
        (ITEM + b"\xff\xff\xff\xff" + FRAGMENTS, "malformed"),
        (b"\xff\xd8\xff\xe0JFIF" + FRAGMENTS, "malformed"),
        (ITEM + pack("<L", 0) + ITEM + pack("<L", 999) + FRAGMENTS, "truncated"),
    ],
)
def test_broken_encapsulation_is_refused(value: bytes, code: str) -> None:
    assert refusal(instance(encapsulated(value), transfer_syntax=JPEG)) == code


def test_encapsulation_and_transfer_syntax_have_to_agree() -> None:
    assert refusal(instance(encapsulated(FRAGMENTS))) == "malformed"
    assert refusal(instance(transfer_syntax=JPEG)) == "malformed"


def test_image_without_pixel_data_is_refused() -> None:
    assert refusal(instance(without=(0x7FE00010,))) == "no_pixel_data"
    assert refusal(instance(encapsulated(FRAGMENTS), transfer_syntax=JPEG, without=(0x7FE00010,))) == "no_pixel_data"


def test_image_class_without_an_image_is_refused() -> None:
    assert refusal(instance(pixels=None)) == "no_pixel_data"


def test_object_without_an_image_needs_no_pixel_data() -> None:
    report, _ = deidentified(instance(element(0x00080016, "UI", RT_PLAN_STORAGE), pixels=None))
    assert (report.pixel_crc32c, report.pixel_bytes) == (None, 0)


@pytest.mark.parametrize(
    ("extra", "length", "code"),
    [
        ((), 30, "pixel_data_too_short"),
        ((), 34, "pixel_data_too_long"),
        ((), 0, "pixel_data_too_short"),
        (((0x00280008, "IS", "2"),), 62, "pixel_data_too_short"),
        (((0x00280008, "IS", "2"),), 66, "pixel_data_too_long"),
        (((0x00280100, "US", pack("<H", 8)), (0x00280002, "US", pack("<H", 3))), 46, "pixel_data_too_short"),
        (((0x00280008, "IS", "x"),), 32, "malformed"),
        (((0x00280010, "US", b"\4\0\4\0"),), 32, "malformed"),
        (((0x00280100, "US", b""),), 32, "malformed"),
    ],
)
def test_length_has_to_be_what_the_header_says(
    extra: tuple[tuple[int, str, bytes], ...], length: int, code: str
) -> None:
    assert refusal(instance(*(element(*item) for item in extra), pixels=bytes(length))) == code


@pytest.mark.parametrize(
    ("extra", "length"),
    [
        (((0x00280100, "US", pack("<H", 8)), (0x00280010, "US", pack("<H", 3)), (0x00280011, "US", pack("<H", 3))), 10),
        (((0x00280100, "US", pack("<H", 1)),), 2),
        (((0x00280008, "IS", "3"),), 96),
        (
            (
                (0x00280100, "US", pack("<H", 8)),
                (0x00280002, "US", pack("<H", 3)),
                (0x00280004, "CS", "YBR_FULL_422"),
            ),
            32,
        ),
    ],
)
def test_length_is_computed_for_odd_images(extra: tuple[tuple[int, str, bytes], ...], length: int) -> None:
    report, _ = deidentified(instance(*(element(*item) for item in extra), pixels=bytes(length)))
    assert report.pixel_bytes == length


def test_float_pixel_data_is_copied() -> None:
    value = pack("<16f", *range(16))
    report, output = deidentified(instance(element(0x7FE00008, "OF", value), without=(0x7FE00010, 0x00280100)))
    assert output.endswith(value)
    assert report.pixel_bytes == 64


def test_two_pixel_data_elements_are_refused() -> None:
    assert refusal(instance(element(0x7FE00008, "OF", bytes(64)))) == "malformed"


class Trickle(io.RawIOBase):
    """A sink that takes three bytes at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.taken += bytes(data[:3])
        return len(data[:3])


def test_sink_that_takes_little_at_a_time_gets_everything() -> None:
    sink = Trickle()
    data = instance()
    deidentify(io.BytesIO(data), sink, profile=PROFILES["research"], keys=KEYS, identify=KEYS.identifiers)
    assert bytes(sink.taken) == deidentified(data, "research")[1]


class Liar(io.BytesIO):
    """A sink that says it has taken more than it was given."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return super().write(data) + 1


def test_sink_that_has_not_taken_the_pixels_as_they_are_is_refused() -> None:
    with pytest.raises(DeidError) as raised:
        deidentify(io.BytesIO(instance()), Liar(), profile=PROFILES["research"], keys=KEYS, identify=KEYS.identifiers)
    assert raised.value.code == "gate_pixels_differ"


def test_nothing_is_written_before_the_pixel_data_is_known_to_be_whole() -> None:
    sink = io.BytesIO()
    with pytest.raises(DeidError):
        deidentify(io.BytesIO(instance()[:-1]), sink, profile=PROFILES["basic"], keys=KEYS, identify=KEYS.identifiers)
    assert sink.getvalue() == b""
