"""Regions of an ultrasound image as rectangles to keep; whatever is wrong with one of them, none at all."""

from __future__ import annotations

import io
from struct import pack

import pytest
from tests.data.deid_objects import IMPLICIT, element, instance, sequence
from tests.unit.pixels.test_native import clean

from sendit.deid import DeidError, inspect
from sendit.pixels import Cleaning, Rectangle, ultrasound_regions

TAGS = (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)


def region(*edges: int | bytes, implicit: bool = False, form: bytes = b"\1\0", data: bytes = b"\1\0") -> bytes:
    kinds = element(0x00186012, "US", form, implicit=implicit) + element(0x00186014, "US", data, implicit=implicit)
    values = [edge if isinstance(edge, bytes) else pack("<L", edge) for edge in edges]
    return kinds + b"".join(
        element(tag, "UL", value, implicit=implicit) for tag, value in zip(TAGS, values, strict=False)
    )


def regions_of(data: bytes) -> tuple[Rectangle, ...]:
    header = inspect(io.BytesIO(data))
    rows, columns = (int.from_bytes(header.values[tag], "little") for tag in (0x00280010, 0x00280011))
    return ultrasound_regions(header.sequences.get(0x00186011, ()), rows, columns)


def regions(*items: bytes) -> tuple[Rectangle, ...]:
    return regions_of(instance(sequence(0x00186011, *items)))


def test_the_outermost_pixels_belong_to_a_region() -> None:
    assert regions(region(1, 0, 3, 2), region(0, 3, 0, 3)) == (Rectangle(1, 0, 4, 3), Rectangle(0, 3, 1, 4))


@pytest.mark.parametrize(
    ("form", "data", "kept"),
    [(0, 0, False), (0, 1, False), (1, 0, False), (5, 14, False), (6, 1, False), (1, 19, False)]
    + [(form, 1, True) for form in (1, 2, 3, 4)] + [(1, 2, True), (3, 4, True), (4, 10, True), (2, 18, True)],
)  # fmt: skip
def test_what_calls_itself_nothing_or_graphics_is_no_image(form: int, data: int, kept: bool) -> None:
    other = region(0, 3, 3, 3, form=pack("<H", form), data=pack("<H", data))
    assert regions(region(1, 0, 3, 2), other) == (Rectangle(1, 0, 4, 3), *[Rectangle(0, 3, 4, 4)] * kept)
    assert bool(regions(other)) is kept


def test_a_region_that_does_not_say_what_it_shows_is_not_kept() -> None:
    assert regions(region(0, 0, 3, 3, form=b""), region(0, 0, 3, 3, data=b"")) == ()


def test_regions_of_undefined_length_and_without_vrs() -> None:
    item = region(0, 1, 2, 3, implicit=True)
    data = instance(sequence(0x00186011, item, implicit=True, undefined=True), transfer_syntax=IMPLICIT)
    assert regions_of(data) == (Rectangle(0, 1, 3, 4),)


@pytest.mark.parametrize(
    "edges",
    [
        (0, 0, 4, 3), (0, 0, 3, 4), (2, 0, 1, 3), (0, 2, 3, 1), (0, 0, 3), (0, 0, 3, b"\3\0"), (0, 0, 3, b""),
        (0, 0, 0xFFFFFFFF, 0), (0xFFFFFFFF, 0, 3, 3), (),
    ],
)  # fmt: skip
def test_one_region_that_is_nonsense_spoils_all(edges: tuple[int | bytes, ...]) -> None:
    assert regions(region(0, 0, 3, 3), region(*edges)) == ()


def test_no_regions_no_rectangles() -> None:
    assert regions() == ()
    assert regions_of(instance()) == ()
    assert regions_of(instance(element(0x00186011, "UN", b"abcd"))) == ()
    assert regions(*[region(0, 0, 1, 1)] * 257) == ()


def test_an_object_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(DeidError):
        regions_of(b"no DICOM")


def test_what_lies_outside_the_regions_is_blanked() -> None:
    data = instance(sequence(0x00186011, region(1, 1, 2, 2)))
    kept = Cleaning(keep=regions_of(data))
    assert clean(data, kept)[-32:] == bytes(10) + bytes(range(10, 14)) + bytes(4) + bytes(range(18, 22)) + bytes(10)
