"""Stored values as grey, beside a model that follows the formulas of PS3.3 C.11 one pixel after the other."""

import math
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from sendit.sheet.grey import Range, grey

STORED = np.array([[-3000, -160, -1, 0], [39, 40, 41, 240], [1000, 1023, 1024, 32000]], np.int16)


def header(**values: Any) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.set_original_encoding(False, True, None)
    defaults = {"PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 16}
    for name, value in {**defaults, "PixelRepresentation": 1, **values}.items():
        setattr(dataset, name, value)
    return dataset


def lut(first: int, entries: list[int], bits: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS", [len(entries), first, bits])
    item.add_new("LUTData", "US", entries)
    return item


def naive(x: float, centre: float, width: float, function: str) -> float:
    """PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2, from 0 to 255."""
    if function == "SIGMOID":
        power = -4 * (x - centre) / width
        return 255 / (1 + math.exp(min(power, 700)))
    if function == "LINEAR_EXACT":
        below, above, y = centre - width / 2, centre + width / 2, (x - centre) / width + 0.5
    else:
        half = (width - 1) / 2
        below, above = centre - 0.5 - half, centre - 0.5 + half
        y = (x - (centre - 0.5)) / (width - 1) + 0.5 if width > 1 else 0
    return 0 if x <= below else 255 if x > above else 255 * y


@pytest.mark.parametrize("function", ["", "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("centre", "width"), [(40, 400), (0, 1), (500.5, 2001), (-2000, 30)])
@pytest.mark.parametrize(("slope", "intercept"), [(None, None), (1, -1024), (0.5, 10), (-1, 100)])
def test_a_window_is_that_of_the_standard(
    function: str, centre: float, width: float, slope: float | None, intercept: float | None
) -> None:
    said = header(WindowCenter=centre, WindowWidth=width)
    if function:
        said.VOILUTFunction = function
    if slope is not None:
        said.RescaleSlope, said.RescaleIntercept = slope, intercept
    picture, by = grey(STORED, said)
    rescaled = STORED.astype(float) * (slope or 1) + (intercept or 0)
    expected = [[naive(x, centre, width, function) for x in row] for row in rescaled.tolist()]
    assert by is Range.WINDOW
    assert np.abs(picture - np.array(expected)).max() <= 0.51


def test_the_first_of_several_windows_is_used() -> None:
    both, _ = grey(STORED, header(WindowCenter=[40, 500], WindowWidth=[400, 20]))
    one, _ = grey(STORED, header(WindowCenter=40, WindowWidth=400))
    assert (both == one).all()


def test_monochrome1_is_inverted() -> None:
    said = {"WindowCenter": 40, "WindowWidth": 400}
    usual, _ = grey(STORED, header(**said))
    inverted, _ = grey(STORED, header(PhotometricInterpretation="MONOCHROME1", **said))
    assert (inverted == 255 - usual).all()
    assert inverted[0, 0] == 255


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_voi_lut_goes_before_a_window(bits: int) -> None:
    most = 2**bits - 1
    entries = [round(most * (place / 299) ** 2) for place in range(300)]
    said = header(WindowCenter=40, WindowWidth=400, VOILUTSequence=[lut(-50, entries, bits)])
    picture, by = grey(STORED, said)
    expected = [[255 * entries[min(max(x + 50, 0), 299)] / most for x in row] for row in STORED.tolist()]
    assert by is Range.LUT
    assert np.abs(picture - np.array(expected)).max() <= 0.51


def test_a_modality_lut_comes_before_the_window() -> None:
    said = header(WindowCenter=128, WindowWidth=256, ModalityLUTSequence=[lut(0, list(range(0, 256, 2)), 8)])
    picture, _ = grey(np.array([[0, 64, 127, 500]], np.int16), said)
    assert np.abs(picture.astype(int) - [[0, 128, 254, 254]]).max() <= 1


@pytest.mark.parametrize(
    "broken",
    [
        {"WindowCenter": 40, "WindowWidth": 0},
        {"WindowWidth": 400},
        {"WindowCenter": 40, "WindowWidth": 400, "VOILUTFunction": "CUBIC"},
        {"VOILUTSequence": [Dataset()]},
    ],
)
def test_a_window_that_cannot_be_used_counts_as_none(broken: dict[str, Any]) -> None:
    picture, by = grey(STORED, header(**broken))
    plain, _ = grey(STORED, header())
    assert by is Range.PIXELS
    assert (picture == plain).all()


def test_without_a_window_the_percentiles_are_shown_and_padding_is_left_out() -> None:
    stored = np.full((100, 100), -2000, np.int16)
    stored[:50] = np.arange(5000).reshape(50, 100) % 1000
    stored[0, 0] = 30000
    picture, by = grey(stored, header(PixelPaddingValue=-2000))
    low, high = np.percentile(stored[:50], (1, 99), method="nearest")
    expected = 255 * np.clip((stored.astype(float) - low) / (high - low), 0, 1)
    assert by is Range.PIXELS
    assert np.abs(picture - expected).max() <= 0.51
    ranged, _ = grey(stored, header(PixelPaddingValue=-1500, PixelPaddingRangeLimit=-2500))
    assert (ranged == picture).all()
    with_padding, _ = grey(stored, header())
    assert (with_padding != picture).any()


def test_a_few_bright_pixels_on_black_are_still_seen() -> None:
    stored = np.zeros((64, 64), np.uint16)
    stored[3, 3] = 900
    picture, _ = grey(stored, header(PixelRepresentation=0))
    assert (picture[3, 3], picture[0, 0]) == (255, 0)


def test_a_frame_of_one_value_is_black() -> None:
    assert not grey(np.full((4, 4), 77, np.uint8), header(PixelRepresentation=0))[0].any()


@pytest.mark.parametrize("kind", [np.float32, np.int32, np.uint32])
def test_values_of_many_bits_and_fractions_are_shown(kind: type) -> None:
    stored: np.ndarray = (np.linspace(0, 1e6, 100).reshape(10, 10)).astype(kind)
    if kind is np.float32:
        stored[0, 0] = np.nan
    picture, _ = grey(stored, header(BitsAllocated=32, BitsStored=32, PixelRepresentation=0))
    assert picture[0, 0] == 0
    assert (np.diff(picture.ravel().astype(int)) >= 0).all()
    assert picture[-1, -1] == 255
