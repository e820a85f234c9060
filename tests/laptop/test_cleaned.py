"""Images that a rule cleans, as a person has them cleaned: outside black, inside as it was, and said so."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, Sequence, dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.uid import RLELossless
from tests.data import objects
from tests.data.encoding import to_bytes
from tests.laptop.conftest import Sendit

ROWS, COLUMNS, FRAMES = 48, 64, 3
LEFT, TOP, RIGHT, BOTTOM = 10, 12, 53, 40  # of the region; right and bottom belong to it
MARGIN = 2
INSIDE = np.zeros((ROWS, COLUMNS), bool)
INSIDE[TOP + MARGIN : BOTTOM + 1 - MARGIN, LEFT + MARGIN : RIGHT + 1 - MARGIN] = True


def ultrasound(*, burned_in: str | None = None) -> Dataset:
    """Three frames of colour noise without a black pixel, of which one region is the image."""
    dataset = objects.KINDS["us"]()
    noise = np.random.default_rng(1).integers(1, 256, (FRAMES, ROWS, COLUMNS, 3), np.uint8)
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = LEFT, TOP
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = RIGHT, BOTTOM
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.1
    dataset.SOPClassUID, dataset.NumberOfFrames = "1.2.840.10008.5.1.4.1.1.3.1", FRAMES
    dataset.SequenceOfUltrasoundRegions = Sequence([region])
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = noise.tobytes()
    if burned_in is not None:
        dataset.BurnedInAnnotation = burned_in
    return dataset


def written(dataset: Dataset, path: Path, *, compressed: bool = False) -> np.ndarray:
    """Write the data set as a file, and return its pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_bytes(dataset))
    one = dcmread(path)
    pixels = one.pixel_array
    if compressed:
        one.compress(RLELossless)
        one.save_as(path)
    return pixels


def only_image(out: Path) -> Dataset:
    (path,) = out.rglob("*.dcm")
    return dcmread(path)


@pytest.mark.parametrize("compressed", [False, True], ids=["native", "rle"])
@pytest.mark.parametrize("burned_in", [None, "YES"])
def test_an_ultrasound_keeps_its_regions_alone(
    sendit: Sendit, tmp_path: Path, compressed: bool, burned_in: str | None
) -> None:
    before = written(ultrasound(burned_in=burned_in), tmp_path / "src/ST-1/a.dcm", compressed=compressed)
    assert "clean    ultrasound" in sendit("screen", tmp_path / "src").stdout
    out = tmp_path / "out"
    answer = sendit("run", tmp_path / "src", out)
    assert answer.status == 0, answer.stdout
    image = only_image(out)
    after = image.pixel_array
    assert after.shape == before.shape
    assert (after[:, INSIDE] == before[:, INSIDE]).all()
    assert (after[:, ~INSIDE] == 0).all()
    assert image.PatientIdentityRemoved == "YES"
    # regions are not all that may show a name, so it is not said that the pixels were cleaned (DESIGN: 113101)
    assert "113101" not in [code.CodeValue for code in image.DeidentificationMethodCodeSequence]
    assert "ultrasound" in sendit("status", "ST-1", "--out", out).stdout
    assert sendit("run", tmp_path / "src", out).status == 0  # what was cleaned is found again


def test_the_same_bytes_come_of_any_number_of_workers(sendit: Sendit, tmp_path: Path) -> None:
    written(ultrasound(), tmp_path / "src/ST-1/a.dcm")
    found = []
    for workers in (1, 2):
        out = tmp_path / f"out{workers}"
        assert sendit("deidentify", tmp_path / "src/ST-1", out, "--workers", str(workers)).status == 0
        found.append([path.read_bytes() for path in out.rglob("*.dcm")])
    assert found[0] == found[1]


def test_a_rule_of_ones_own_blanks_rectangles(sendit: Sendit, tmp_path: Path) -> None:
    dataset = objects.ct(1)
    dataset.BurnedInAnnotation = "YES"
    before = written(dataset, tmp_path / "src/ST-1/a.dcm")
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[rule.scanner]\nclean = "This scanner writes into a corner."\nblank = [[0, 0, 3, 2]]\n'
        'overrides = ["burned-in-annotation"]\nwhen = { attribute = "Modality", equals = "CT" }\n'
    )
    assert sendit("run", tmp_path / "src", tmp_path / "without").status == 3
    out = tmp_path / "out"
    assert sendit("run", tmp_path / "src", out, "--rules", rules).status == 0
    after = only_image(out).pixel_array
    inside = np.zeros(before.shape, bool)
    inside[:2, :3] = True
    assert (after[~inside] == before[~inside]).all()
    assert len(np.unique(after[inside])) == 1


TWO_CORNERS = """
[rule.left]
clean = "The left corner."
blank = [[0, 0, 8, 8]]
when = { attribute = "Modality", equals = "CT" }
[rule.right]
clean = "The right corner, too."
blank = [[56, 0, 64, 8]]
when = { attribute = "Modality", equals = "CT" }
"""


def test_what_several_rules_clean_is_all_done_and_what_hides_is_taken_out_as_well(
    sendit: Sendit, tmp_path: Path
) -> None:
    data, samples = hiding_in_unused_bits(row=32)
    path, rules = tmp_path / "src/ST-1/a.dcm", tmp_path / "rules.toml"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    rules.write_text(TWO_CORNERS)
    report = tmp_path / "report.jsonl"
    answer = sendit("deidentify", path.parent, tmp_path / "out", "--rules", rules, "--report", report)
    assert answer.status == 0, answer.stdout
    after = only_image(tmp_path / "out").pixel_array
    expected = samples.copy()
    expected[:8, :8] = expected[:8, 56:] = 0
    assert (after == expected).all()
    assert json.loads(report.read_text())["pixels"] == {"cleaned_by": "left", "taken_out": ["unused_bits"]}


def test_what_cannot_be_cleaned_is_an_error_with_its_code(sendit: Sendit, tmp_path: Path) -> None:
    dataset = ultrasound()
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PhotometricInterpretation = "CMYK"
    written_bytes = to_bytes(dataset)
    path = tmp_path / "src/ST-1/a.dcm"
    path.parent.mkdir(parents=True)
    path.write_bytes(written_bytes)
    out = tmp_path / "out"
    assert sendit("run", tmp_path / "src", out).status == 3
    (trouble,) = sendit("errors", "--out", out, "--json").json
    assert trouble["what"] == "pixel_format_unsupported"
    assert not list(out.rglob("*.dcm"))


CANARY = b"QUELLENTHAL^HEDWIG"


def hiding_in_unused_bits(row: int = 0) -> tuple[bytes, np.ndarray]:
    """A CT of 12 bits whose upper four spell a name."""
    dataset = objects.ct(1, rows=64, columns=64)
    cells = np.frombuffer(dataset.PixelData, "<u2").copy() & 0x0FFF
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    nibbles = [half for byte in CANARY for half in (byte >> 4, byte & 15)]
    cells[64 * row :][: len(nibbles)] |= np.array(nibbles, "<u2") << 12
    dataset.PixelData = cells.tobytes()
    return to_bytes(dataset), (cells & 0x0FFF).reshape(64, 64)


def hiding_in_a_comment() -> tuple[bytes, np.ndarray]:
    """A CT in JPEG-LS, with a name in a comment of the codestream."""
    dataset = dcmread(str(get_testdata_file("MR_small_jpeg_ls_lossless.dcm")))
    pixels = dataset.pixel_array
    ct = objects.ct(1, rows=dataset.Rows, columns=dataset.Columns)
    for keyword in ("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"):
        setattr(ct, keyword, dataset[keyword].value)
    ct.PixelData = bytes(2 * dataset.Rows * dataset.Columns)
    frame = b"".join(generate_fragments(dataset.PixelData[8 + int.from_bytes(dataset.PixelData[4:8], "little") :]))
    comment = b"\xff\xfe" + (len(CANARY) + 2).to_bytes(2, "big") + CANARY
    file = dcmread(io.BytesIO(to_bytes(ct)))
    file.PixelData = encapsulate([frame[:2] + comment + frame[2:]])
    file["PixelData"].VR = "OB"
    file.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    stream = io.BytesIO()
    file.save_as(stream)
    return stream.getvalue(), pixels


@pytest.mark.parametrize(
    ("hiding", "where"), [(hiding_in_unused_bits, "unused_bits"), (hiding_in_a_comment, "comment")]
)
def test_what_hides_beside_the_samples_is_taken_out_and_said(
    sendit: Sendit, tmp_path: Path, hiding: Callable[[], tuple[bytes, np.ndarray]], where: str
) -> None:
    data, samples = hiding()
    path = tmp_path / "src/ST-1/a.dcm"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    out, report = tmp_path / "out", tmp_path / "report.jsonl"
    answer = sendit("deidentify", path.parent, out, "--report", report)
    assert answer.status == 0, answer.stdout
    (stored,) = out.rglob("*.dcm")
    assert CANARY not in stored.read_bytes()
    after = dcmread(stored).pixel_array
    assert (after == samples).all()
    assert json.loads(report.read_text())["pixels"] == {"cleaned_by": None, "taken_out": [where]}
    assert sendit("run", tmp_path / "src", tmp_path / "run").status == 0
    assert [one.read_bytes() for one in (tmp_path / "run").rglob("*.dcm")] == [stored.read_bytes()]


def test_an_image_in_which_nothing_hides_is_reported_as_the_engine_reports_it(sendit: Sendit, tmp_path: Path) -> None:
    written(objects.ct(1), tmp_path / "src/ST-1/a.dcm")
    report = tmp_path / "report.jsonl"
    assert sendit("deidentify", tmp_path / "src/ST-1", tmp_path / "out", "--report", report).status == 0
    assert "pixels" not in json.loads(report.read_text())
