"""Text in frames of every kind of pixel data: what is looked at is what a viewer would show."""

import io
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from tests.data.burned_in import fan, with_text
from tests.data.pixel_frames import J2K, RLE, encapsulated, encoded
from tests.data.pixel_objects import NATIVE, Picture

from sendit import text
from sendit.pixels import PixelError, PixelRefusal, decoded_frames

pytestmark = pytest.mark.thorough

SHOWN, GLYPHS = (array[:500, :801] for array in with_text(3, 16, 255, inside=True))  # an odd number of bytes
DARKEST, BRIGHTEST = 2, 3  # entries of the palette
GREY = Picture(500, 801, allocated=8, stored=8)


def covered(source: bytes) -> float:
    """The share of the glyphs that is in boxes."""
    mask = np.zeros(GLYPHS.shape, bool)
    for box in text.text_in(io.BytesIO(source)).boxes:
        mask[box.top : box.bottom, box.left : box.right] = True
    return float((mask & GLYPHS).sum() / GLYPHS.sum())


@pytest.mark.parametrize(
    ("picture", "cells"),
    [
        (GREY, SHOWN),
        (replace(GREY, photometric="MONOCHROME1"), 255 - SHOWN),
        (replace(GREY, allocated=16, stored=12, signed=True), SHOWN.astype("<i2") * 16 - 2048),
        (replace(GREY, allocated=16, stored=16, signed=True), (SHOWN.astype("<i4") * 257 - 32768).astype("<i2")),
        (replace(GREY, allocated=32, stored=32), SHOWN.astype("<u4") + 2**31),
        (replace(GREY, photometric="RGB"), np.stack([SHOWN // 4, SHOWN // 4, SHOWN], -1)),
        (replace(GREY, photometric="RGB", planar=1), np.stack([SHOWN, SHOWN, SHOWN * 0])),
        (replace(GREY, photometric="YBR_FULL"), np.stack([SHOWN, SHOWN * 0 + 128, SHOWN * 0 + 128], -1)),
        (replace(GREY, photometric="PALETTE COLOR"), np.where(GLYPHS, BRIGHTEST, DARKEST).astype("u1")),
        (
            replace(GREY, photometric="PALETTE COLOR", allocated=16, stored=16),
            np.where(GLYPHS, BRIGHTEST, DARKEST).astype("<u2"),
        ),
        (replace(GREY, photometric="RGB", allocated=16, stored=16), np.stack([SHOWN.astype("<u2") * 257] * 3, -1)),
    ],
    ids=lambda value: value.photometric if isinstance(value, Picture) else "",
)
def test_text_is_found_whatever_the_pixels_are_made_of(picture: Picture, cells: np.ndarray) -> None:
    assert covered(picture.native(cells)) >= 0.9


COLOURS = {
    "white on blue": ((0, 0, 255), (255, 255, 255)),
    "white on azure": ((0, 128, 255), (255, 255, 255)),
    "white on red": ((255, 0, 0), (255, 255, 255)),
    "yellow on red": ((255, 0, 0), (255, 255, 0)),
    "yellow on green": ((0, 255, 0), (255, 255, 0)),
    "cyan on green": ((0, 220, 0), (0, 220, 220)),
    "magenta on blue": ((0, 0, 255), (255, 0, 255)),
    "blue on white": ((255, 255, 255), (0, 0, 255)),
    "yellow on white": ((255, 255, 255), (255, 255, 0)),
    "as bright as what is around it": ((200, 60, 60), (60, 131, 60)),
}


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("name", COLOURS)
def test_text_is_found_by_its_colour_alone(name: str, planar: int) -> None:
    behind, before = COLOURS[name]
    cells = np.where(GLYPHS[:, :, None], before, behind).astype("u1")
    picture = replace(GREY, photometric="RGB", planar=planar)
    assert covered(picture.native(np.moveaxis(cells, 2, 0) if planar else cells)) >= 0.95


def test_text_is_found_by_its_chrominance_alone() -> None:
    cells = np.stack([np.full_like(SHOWN, 120), np.where(GLYPHS, 60, 128), np.where(GLYPHS, 190, 128)], -1)
    assert covered(replace(GREY, photometric="YBR_FULL").native(cells.astype("u1"))) >= 0.95


@pytest.mark.parametrize("borders", [(0,), (65535,), (0, 65535)])
def test_text_of_few_greys_is_found_beside_wide_borders(borders: tuple[int, ...]) -> None:
    cells = SHOWN.astype("<u2") + 1000
    for at, border in enumerate(borders):
        cells[:, 20 * at : 20 * at + 20] = border
    assert covered(replace(GREY, allocated=16, stored=16).native(cells)) >= 0.9


@pytest.mark.thorough
def test_text_of_12_bits_is_found_beside_few_pixels_that_are_far_brighter() -> None:
    area = found = 0
    for size, grey, inside in product((9, 12, 16, 24), (200, 255), (False, True)):
        shown, glyphs = with_text(1000 + 10 * size + grey, size, grey, inside=inside)
        cells = shown.astype("<u2") * 2 + 300
        cells[:3, :3] = 4095
        mask = np.zeros(glyphs.shape, bool)
        for box in text.text_in(
            io.BytesIO(
                replace(GREY, rows=glyphs.shape[0], columns=glyphs.shape[1], allocated=16, stored=12).native(cells)
            )
        ).boxes:
            mask[box.top : box.bottom, box.left : box.right] = True
        area, found = area + glyphs.sum(), found + (mask & glyphs).sum()
    assert found >= 0.95 * area


def test_text_is_found_where_two_pixels_share_a_colour() -> None:
    shown = SHOWN[:, :800]
    grey = np.full_like(shown, 128)
    cells = np.stack([shown[:, ::2], shown[:, 1::2], grey[:, ::2], grey[:, ::2]], -1)
    picture = Picture(500, 800, allocated=8, stored=8, photometric="YBR_FULL_422")
    assert text.text_in(io.BytesIO(picture.native(cells))).boxes


def test_text_of_few_greys_is_found_beside_a_pixel_that_is_far_brighter() -> None:
    cells = SHOWN.astype("<u2")
    cells[0, 0] = 60_000
    assert covered(replace(GREY, allocated=16, stored=16).native(cells)) >= 0.9


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("allocated", [8, 16])
def test_native_frames_are_the_samples_of_a_frame_in_their_order(syntax: str, allocated: int) -> None:
    picture = Picture(rows=5, columns=7, frames=3, allocated=allocated, stored=allocated)
    cells = picture.cells()
    frames = [frame for frame, _, _ in decoded_frames(io.BytesIO(picture.native(cells, syntax)))]
    assert frames == [frame.tobytes() for frame in cells]


@pytest.mark.parametrize("syntax", [RLE, J2K])
def test_compressed_frames_are_decoded_one_by_one(syntax: str) -> None:
    picture = Picture(rows=64, columns=66, frames=3, photometric="RGB", allocated=8, stored=8)
    cells = picture.cells()
    source = encapsulated(picture, [[frame] for frame in encoded(picture, cells, syntax)], syntax)
    frames = [(frame, image.planar) for frame, image, _ in decoded_frames(io.BytesIO(source))]
    assert frames == [(frame.tobytes(), 0) for frame in cells]


def test_boxes_of_all_frames_come_together_and_are_blanked_in_each() -> None:
    cells = np.stack([fan(2)[0][:500, :801], SHOWN])
    source = replace(GREY, frames=2).native(cells)
    stream, found = text.without_text(io.BytesIO(source))
    assert found.frames == 2
    blanked = np.frombuffer(stream.read()[-cells.size :], "u1").reshape(cells.shape)
    assert (blanked[:, GLYPHS] == 0).mean() >= 0.9
    mask = np.zeros(SHOWN.shape, bool)
    for box in found.boxes:
        mask[box.top : box.bottom, box.left : box.right] = True
    assert (blanked[:, ~mask] == cells[:, ~mask]).all()


def test_an_image_without_text_is_its_own_source() -> None:
    source = io.BytesIO(GREY.native(np.full(SHOWN.shape, 90, "u1")))
    stream, found = text.without_text(source, reject=True)
    assert stream is source
    assert (stream.tell(), found) == (0, text.FoundText(1))


def test_text_is_refused_where_it_is_to_be() -> None:
    with pytest.raises(text.TextFound):
        text.without_text(io.BytesIO(GREY.native(SHOWN)), reject=True)


def test_what_nobody_can_look_at_is_refused() -> None:
    picture = replace(GREY, photometric="HSV")
    with pytest.raises(PixelError) as caught:
        text.text_in(io.BytesIO(picture.native(SHOWN)))
    assert caught.value.code is PixelRefusal.PIXEL_FORMAT_UNSUPPORTED


def test_the_report_holds_so_many_boxes_and_says_how_many_more_there_are() -> None:
    boxes = tuple(text.Box(at, 0, at + 1, 1, 0.5) for at in range(100))
    record = text.FoundText(1, boxes).as_record()
    assert record == {"frames": 1, "boxes": [[at, 0, at + 1, 1, 0.5] for at in range(64)], "more": 36}


class _Watched(io.BytesIO):
    """A source that knows the longest piece that was read of it at once."""

    longest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.longest = max(self.longest, len(data))
        return data


def test_no_more_than_a_frame_is_read_at_once() -> None:
    picture = Picture(rows=1024, columns=1024, frames=4, allocated=8, stored=8)
    source = _Watched(picture.native(picture.cells()))
    assert sum(1 for _ in decoded_frames(source)) == 4
    assert source.longest == 1024 * 1024
