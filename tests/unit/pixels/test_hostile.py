"""Bytes turned at random: an object is cleaned or refused, and nothing else ever happens."""

from __future__ import annotations

import io
import random
import tracemalloc

import pytest
from tests.cost import in_proportion
from tests.data.deid_objects import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT
from tests.data.pixel_frames import BASELINE, BUNDLED, J2K, RLE, encapsulated, encoded
from tests.data.pixel_objects import Picture
from tests.unit.pixels.test_compressed import mono

from sendit.deid import DeidError, inspect
from sendit.pixels import Cleaning, PixelError, Rectangle, cleaned, hidden_in, ultrasound_regions, without_hidden

pytestmark = pytest.mark.thorough

CLEANING = Cleaning(blank=(Rectangle(1, 1, 9, 9),), keep=(Rectangle(0, 0, 30, 30),), margin=1)


def objects() -> list[tuple[str, bytes]]:
    found = []
    for photometric in ("MONOCHROME2", "RGB", "YBR_FULL_422", "PALETTE COLOR"):
        picture = Picture(photometric=photometric, frames=2, allocated=8, stored=8)
        found += [
            (f"{photometric} {syntax}", picture.native(picture.cells(), syntax))
            for syntax in (EXPLICIT, IMPLICIT, DEFLATED, BIG_ENDIAN)
        ]
    picture = mono(2)
    for syntax in (RLE, J2K):
        for table in ("none", "basic", "extended"):
            frames = [[one] for one in encoded(picture, picture.cells(), syntax)]
            found.append((f"{syntax} {table}", encapsulated(picture, frames, syntax, table=table)))
    found += [
        (name, (BUNDLED / name).read_bytes())
        for name in ("SC_rgb_jpeg_dcmtk.dcm", "MR_small_jpeg_ls_lossless.dcm", "SC_rgb_jpeg_gdcm.dcm")
    ]
    return found


@pytest.mark.parametrize(("name", "data"), objects(), ids=[name for name, _ in objects()])
def test_nothing_but_a_refusal_comes_of_bytes_turned_at_random(name: str, data: bytes) -> None:
    order = random.Random(name)  # noqa: S311
    start = data.index(b"DICM")
    tracemalloc.start()
    for _ in range(25):
        broken = bytearray(data)
        for _ in range(order.randint(1, 6)):
            broken[order.randrange(start, len(broken))] = order.choice([0, 1, 0x7F, 0x80, 0xFF, order.randrange(256)])
        for look in (
            lambda source: cleaned(source, CLEANING).read(),
            hidden_in,
            lambda source: without_hidden(source).read(),
            lambda source: ultrasound_regions(inspect(source).sequences.get(0x00186011, ()), 64, 64),
        ):
            try:
                look(io.BytesIO(broken))
            except (DeidError, PixelError) as error:
                assert str(error) == type(error)(error.code).args[0]  # type: ignore[arg-type]
    assert tracemalloc.get_traced_memory()[1] < 32 * 1024 * 1024
    tracemalloc.stop()


def test_endless_fill_bytes_take_no_endless_time() -> None:
    def of(size: int) -> bytes:
        jpeg = b"\xff\xd8" + b"\xff\xda\0\x08\1\1\0\0?\0" + b"\xff" * size + b"\0"
        return encapsulated(Picture(rows=1024, columns=1024, allocated=8, stored=8), [[jpeg]], BASELINE)

    def look(data: bytes) -> None:
        with pytest.raises(PixelError):
            hidden_in(io.BytesIO(data))

    in_proportion(of, look, 2_000_000)
