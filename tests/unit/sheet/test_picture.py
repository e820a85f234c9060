import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import RLELossless
from tests.data import objects
from tests.data.encoding import to_bytes

from sendit.errors import Code, ImageError
from sendit.sheet.grey import Range
from sendit.sheet.picture import Picture, Pictures, size_of

ROWS, COLUMNS = 40, 60


def stream_of(*, compressed: bool = False, **values: Any) -> io.BytesIO:
    """A CT slice without a window whose attributes are replaced."""
    dataset = objects.ct(1, rows=ROWS, columns=COLUMNS)
    for name in ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "RescaleType"):
        delattr(dataset, name)
    for name, value in values.items():
        setattr(dataset, name, value)
    stream = io.BytesIO(to_bytes(dataset))
    if compressed:
        file = dcmread(stream)
        file.compress(RLELossless)
        stream = io.BytesIO()
        file.save_as(stream)
    return stream


def colour_of(samples: np.ndarray, photometric: str, **values: Any) -> io.BytesIO:
    described: dict[str, Any] = {
        "SamplesPerPixel": samples.shape[2] if samples.ndim == 3 else 1,
        "PhotometricInterpretation": photometric,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "PixelData": samples.tobytes(),
    }
    if samples.ndim == 3:
        described["PlanarConfiguration"] = 0
    return stream_of(**{**described, **values})


def seen(picture: Picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.data)))


RED_AND_BLUE = np.zeros((ROWS, COLUMNS, 3), np.uint8)
RED_AND_BLUE[:, :30] = (200, 20, 30)
RED_AND_BLUE[:, 30:] = (10, 40, 220)


def assert_red_and_blue(picture: Picture) -> None:
    assert picture.by is Range.COLOUR
    assert np.abs(seen(picture)[:, 4:26].astype(int) - RED_AND_BLUE[:, 4:26]).max() <= 6
    assert np.abs(seen(picture)[:, 34:].astype(int) - RED_AND_BLUE[:, 34:]).max() <= 6


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_colour_is_shown_as_it_is(photometric: str) -> None:
    samples = convert_color_space(RED_AND_BLUE, "RGB", photometric)
    assert_red_and_blue(Pictures(colour_of(samples, photometric)).of_frame(0))


def test_planes_of_colour_are_put_together() -> None:
    planes = np.ascontiguousarray(RED_AND_BLUE.transpose(2, 0, 1))
    stream = colour_of(RED_AND_BLUE, "RGB", PixelData=planes.tobytes(), PlanarConfiguration=1)
    assert_red_and_blue(Pictures(stream).of_frame(0))


def test_subsampled_colour_is_spread() -> None:
    full = convert_color_space(RED_AND_BLUE, "RGB", "YBR_FULL")
    pairs = full.reshape(ROWS, COLUMNS // 2, 2, 3)
    halved = np.stack([pairs[..., 0, 0], pairs[..., 1, 0], pairs[..., 0, 1], pairs[..., 0, 2]], -1)
    assert_red_and_blue(Pictures(colour_of(full, "YBR_FULL_422", PixelData=halved.tobytes())).of_frame(0))


def test_colour_of_sixteen_bits() -> None:
    wide = RED_AND_BLUE.astype("<u2") * 257
    stream = colour_of(RED_AND_BLUE, "RGB", PixelData=wide.tobytes(), BitsAllocated=16, BitsStored=16, HighBit=15)
    assert_red_and_blue(Pictures(stream).of_frame(0))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("wide", [False, True])
def test_a_palette_gives_its_colours_and_its_ends_to_what_lies_outside(bits: int, wide: bool) -> None:
    indices = np.full((ROWS, COLUMNS), 5, np.uint16 if wide else np.uint8)
    indices[:, 30:] = 1000 if wide else 200
    palette: dict[str, Any] = {}
    for place, name in enumerate(("Red", "Green", "Blue")):
        entries = [int(RED_AND_BLUE[0, 0, place])] * 3 + [int(RED_AND_BLUE[0, 59, place])]
        palette[f"{name}PaletteColorLookupTableDescriptor"] = [4, 10, bits]
        packed = bytes(entries) if bits == 8 else np.array([257 * one for one in entries], "<u2").tobytes()
        palette[f"{name}PaletteColorLookupTableData"] = packed
    depth = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15} if wide else {}
    assert_red_and_blue(Pictures(colour_of(indices, "PALETTE COLOR", **palette, **depth)).of_frame(0))


@pytest.mark.parametrize("compressed", [False, True], ids=["native", "rle"])
def test_a_gradient_rises_and_in_monochrome1_falls(compressed: bool) -> None:
    ramp = np.tile(np.arange(COLUMNS, dtype="<u2") * 60, (ROWS, 1))
    for photometric, sign in (("MONOCHROME2", 1), ("MONOCHROME1", -1)):
        stream = stream_of(compressed=compressed, PixelData=ramp.tobytes(), PhotometricInterpretation=photometric)
        picture = Pictures(stream).of_frame(0)
        row = seen(picture)[20].astype(int) * sign
        assert row[-1] - row[0] > 250
        assert (np.diff(row) > -3).all()


def test_frames_are_those_that_are_asked_for() -> None:
    frames = np.zeros((5, ROWS, COLUMNS), "<u2")
    for number in range(5):
        frames[number, :, number * 12 : number * 12 + 12] = 1000
    pictures = Pictures(stream_of(NumberOfFrames=5, PixelData=frames.tobytes()))
    for number in (0, 2, 4):
        assert int(seen(pictures.of_frame(number))[20].argmax()) // 12 == number
    with pytest.raises(ImageError) as refused:
        pictures.of_frame(5)
    assert refused.value.code is Code.FRAME_NOT_DECODABLE


def test_functional_groups_say_what_a_frame_of_an_enhanced_object_means() -> None:
    frames = np.full((2, ROWS, COLUMNS), 150, "<u2")
    groups = []
    for centre in (100, 200):
        window, group = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth, window.VOILUTFunction = centre, 20, "LINEAR_EXACT"
        group.FrameVOILUTSequence = [window]
        groups.append(group)
    pictures = Pictures(
        stream_of(NumberOfFrames=2, PixelData=frames.tobytes(), PerFrameFunctionalGroupsSequence=groups)
    )
    assert [int(seen(pictures.of_frame(number)).mean()) for number in (0, 1)] == [255, 0]


@pytest.mark.parametrize(
    ("values", "columns", "rows", "size"),
    [
        ({}, 512, 512, (256, 256)),
        ({}, 1000, 500, (256, 128)),
        ({}, 60, 40, (60, 40)),
        ({}, 10, 2560, (1, 256)),
        ({"PixelAspectRatio": [2, 1]}, 60, 40, (60, 80)),
        ({"PixelSpacing": [1, 2]}, 60, 40, (120, 40)),
        ({"PixelSpacing": [0, 2]}, 60, 40, (60, 40)),
        ({"PixelAspectRatio": [1, 2], "PixelSpacing": [1, 1]}, 60, 40, (120, 40)),
        ({"ImagerPixelSpacing": [0.4, 0.2]}, 512, 512, (128, 256)),
    ],
)
def test_pixels_are_as_high_as_the_header_says(
    values: dict[str, Any], columns: int, rows: int, size: tuple[int, int]
) -> None:
    header = Dataset()
    for name, value in values.items():
        setattr(header, name, value)
    assert size_of(header, columns, rows) == size


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"PhotometricInterpretation": "CMYK"}, Code.PIXEL_FORMAT_UNSUPPORTED),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, Code.PIXEL_FORMAT_UNSUPPORTED),
        ({"PixelData": b"\0\0"}, Code.FRAME_NOT_DECODABLE),
        ({"Rows": 65535, "Columns": 65535}, Code.FRAME_TOO_LARGE),
    ],
)
def test_what_cannot_be_shown_is_refused_with_its_code(values: dict[str, Any], code: Code) -> None:
    with pytest.raises(ImageError) as refused:
        Pictures(stream_of(**values)).of_frame(0)
    assert refused.value.code is code
    assert refused.value.__cause__ is None
