"""Text in pixels, as a person has it looked for: blanked, or its image rejected, and where it costs nothing."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, Sequence, dcmread
from pydicom.uid import RLELossless
from tests.data import objects
from tests.data.burned_in import CANARY, fan, with_text
from tests.data.encoding import to_bytes
from tests.laptop.conftest import Sendit, environment

BANNER = 40
CLEAN_PIXEL_DATA = "113101"


def ultrasound(*frames: np.ndarray, region: bool = True) -> Dataset:
    """An ultrasound of which all below a banner is a region."""
    dataset = objects.KINDS["us"]()
    rows, columns = frames[0].shape
    one = Dataset()
    one.RegionLocationMinX0, one.RegionLocationMinY0 = 0, BANNER
    one.RegionLocationMaxX1, one.RegionLocationMaxY1 = columns - 1, rows - 1
    one.RegionSpatialFormat, one.RegionDataType, one.RegionFlags = 1, 1, 0
    one.PhysicalUnitsXDirection = one.PhysicalUnitsYDirection = 3
    one.PhysicalDeltaX = one.PhysicalDeltaY = 0.1
    dataset.SOPClassUID, dataset.NumberOfFrames = "1.2.840.10008.5.1.4.1.1.3.1", len(frames)
    dataset.SequenceOfUltrasoundRegions = Sequence([one])
    _show(dataset, *frames)
    return dataset


def _show(dataset: Dataset, *frames: np.ndarray) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = frames[0].shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = b"".join(frame.tobytes() for frame in frames)


def put(dataset: Dataset, path: Path, *, compressed: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_bytes(dataset))
    if compressed:
        one = dcmread(path)
        one.compress(RLELossless)
        one.save_as(path)


def only_image(out: Path) -> Dataset:
    (path,) = out.rglob("*.dcm")
    return dcmread(path)


def codes_of(image: Dataset) -> list[str]:
    return [code.CodeValue for code in image.DeidentificationMethodCodeSequence]


@pytest.mark.parametrize("compressed", [False, True], ids=["native", "rle"])
def test_text_of_one_frame_is_blanked_in_every_frame(sendit: Sendit, tmp_path: Path, compressed: bool) -> None:
    (first, _), (second, glyphs) = fan(2), with_text(3, 16, 255, inside=True)
    put(ultrasound(first, second), tmp_path / "src/ST-1/a.dcm", compressed=compressed)
    report = tmp_path / "report.jsonl"
    answer = sendit("deidentify", tmp_path / "src/ST-1", tmp_path / "out", "--text", "blank", "--report", report)
    assert answer.status == 0, answer.stdout + answer.stderr
    image = only_image(tmp_path / "out")
    shown = glyphs.copy()
    shown[: BANNER + 2] = False
    assert (image.pixel_array[:, shown] == 0).mean() >= 0.95
    assert (image.pixel_array != 0).sum() >= 0.8 * (first != 0).sum()
    assert CLEAN_PIXEL_DATA in codes_of(image)
    text = json.loads(report.read_text())["pixels"]["text"]
    assert text["frames"] == 2
    assert all(0 <= left < right <= 1024 and 0 <= top < bottom <= 768 for left, top, right, bottom, _ in text["boxes"])
    assert not any(part in report.read_text() + answer.stdout + answer.stderr for part in CANARY.split("^"))


def test_a_batch_of_images_that_are_rejected_for_text_is_empty(sendit: Sendit, tmp_path: Path) -> None:
    put(ultrasound(with_text(4, 16, 255, inside=True)[0]), tmp_path / "src/ST-1/a.dcm")
    out = tmp_path / "out"
    (batch,) = sendit("run", tmp_path / "src", out, "--text", "reject", "--json").json["batches"]
    assert (batch["state"], batch["found"], batch["rejected"], batch["stored"]) == ("EMPTY", 1, 1, 0)
    assert not list(out.rglob("*.dcm"))
    assert "burned-in-text" in sendit("errors", "--out", out).stdout


def test_rejected_and_stored_images_are_counted_and_a_second_run_repeats_nothing(
    sendit: Sendit, tmp_path: Path
) -> None:
    for number, picture in enumerate((with_text(5, 16, 255, inside=True)[0], np.full((96, 128), 70, np.uint8))):
        dataset = ultrasound(picture)
        dataset.SOPInstanceUID = f"1.2.3.{number + 1}"
        put(dataset, tmp_path / f"src/ST-1/{number}.dcm")
    for _ in range(2):
        answer = sendit("run", tmp_path / "src", tmp_path / "out", "--json", SENDIT_TEXT="reject", SENDIT_WORKERS="2")
        (batch,) = answer.json["batches"]
        assert (batch["state"], batch["rejected"], batch["stored"]) == ("DONEPROCESSING", 1, 1)
    assert CLEAN_PIXEL_DATA not in codes_of(only_image(tmp_path / "out"))  # only where text is blanked


def test_text_in_an_image_that_no_rule_cleans_is_blanked_and_the_code_not_claimed(
    sendit: Sendit, tmp_path: Path
) -> None:
    picture, glyphs = with_text(6, 12, 255, inside=False)
    dataset = objects.KINDS["cr"]()
    _show(dataset, picture)
    put(dataset, tmp_path / "src/ST-1/a.dcm")
    out = tmp_path / "out"
    assert sendit("run", tmp_path / "src", out, "--text", "blank").status == 0
    image = only_image(out)
    assert (image.pixel_array[glyphs] == 0).mean() >= 0.95
    assert CLEAN_PIXEL_DATA not in codes_of(image)
    page = tmp_path / "sheet.html"
    assert sendit("contact-sheet", out, "--page", page).status == 0
    assert re.search(r"<svg .*blanked: [1-9]\d* % of the frame<", page.read_text("utf-8"), re.DOTALL)


def test_an_out_is_looked_through_or_it_is_not(sendit: Sendit, tmp_path: Path) -> None:
    """What was stored unlooked would stay among what was looked at, and what is lost would come back with its text."""
    put(ultrasound(with_text(4, 16, 255, inside=True)[0]), tmp_path / "src/ST-1/a.dcm")
    for first, second in (("off", "blank"), ("off", "reject"), ("blank", "off"), ("reject", "off")):
        out = tmp_path / f"{first}-{second}"
        sendit("run", tmp_path / "src", out, "--text", first)
        before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
        for verb, source in (("run", tmp_path / "src"), ("deidentify", tmp_path / "src/ST-1")):
            answer = sendit(verb, source, out, "--text", second)
            assert answer.status == 2
            assert "[out_of_another_text]" in answer.stderr
        assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_what_was_rejected_for_its_text_may_be_blanked_later(sendit: Sendit, tmp_path: Path) -> None:
    put(ultrasound(with_text(4, 16, 255, inside=True)[0]), tmp_path / "src/ST-1/a.dcm")
    sendit("run", tmp_path / "src", tmp_path / "out", "--text", "reject")
    answer = sendit("run", tmp_path / "src", tmp_path / "out", "--text", "blank", "--retry", "rejected", "--json")
    assert answer.json["batches"][0]["stored"] == 1


def test_an_image_that_cannot_be_looked_at_is_an_error(sendit: Sendit, tmp_path: Path) -> None:
    dataset = objects.KINDS["cr"]()
    _show(dataset, fan(8)[0])
    put(dataset, tmp_path / "src/ST-1/a.dcm", compressed=True)
    broken = dcmread(tmp_path / "src/ST-1/a.dcm")
    broken.Rows += 1
    broken.save_as(tmp_path / "src/ST-1/a.dcm")
    answer = sendit("run", tmp_path / "src", tmp_path / "out", "--text", "blank", "--json")
    assert answer.json["batches"][0]["errored"] == 1
    assert not list((tmp_path / "out").rglob("*.dcm"))


def run_inside(program: str, home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The program in a process of which a test may ask, or change, something."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(
        command, env=environment(home, SENDIT_WORKERS="1"), capture_output=True, text=True, check=False
    )


_LOADED = """
import sys
from sendit.cli import main
try:
    main()
finally:
    print("loaded:", "onnxruntime" in sys.modules, "cv2" in sys.modules, "rapidocr_onnxruntime" in sys.modules)
"""


@pytest.mark.parametrize(("kind", "loaded"), [("ct", False), ("cr", True)])
def test_an_original_ct_does_not_pay(home: Path, tmp_path: Path, kind: str, loaded: bool) -> None:
    put(objects.KINDS[kind](), tmp_path / "src/ST-1/a.dcm")
    done = run_inside(_LOADED, home, "run", tmp_path / "src", tmp_path / "out", "--text", "blank")
    assert list((tmp_path / "out").rglob("*.dcm")), done.stderr
    assert f"loaded: {loaded} False False" in done.stdout


_NO_SOCKET = """
import socket
class No:
    def __init__(self, *_, **__): raise AssertionError("a socket")
socket.socket = No
from sendit.cli import main
main()
"""


def test_nothing_is_downloaded(home: Path, tmp_path: Path) -> None:
    put(ultrasound(with_text(9, 16, 255, inside=True)[0]), tmp_path / "src/ST-1/a.dcm")
    done = run_inside(_NO_SOCKET, home, "run", tmp_path / "src", tmp_path / "out", "--text", "blank")
    assert done.returncode == 0, done.stderr


def test_rules_by_which_text_is_looked_for_nowhere_are_refused(sendit: Sendit, tmp_path: Path) -> None:
    put(objects.KINDS["cr"](), tmp_path / "src/ST-1/a.dcm")
    rules = tmp_path / "rules.toml"
    rules.write_text('from = "nothing"\n[rule.cr]\naccept = "CR."\nwhen = { attribute = "Modality", equals = "CR" }\n')
    answer = sendit("run", tmp_path / "src", tmp_path / "out", "--rules", rules, "--text", "blank")
    assert (answer.status, "[look.NAME]" in answer.stderr) == (2, True)
    assert sendit("run", tmp_path / "src", tmp_path / "out", "--rules", rules).status == 0


_NOT_INSTALLED = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "onnxruntime" else find(name, *rest)
from sendit.cli import main
main()
"""


def test_without_the_extra_nothing_begins(home: Path, tmp_path: Path) -> None:
    put(objects.KINDS["cr"](), tmp_path / "src/ST-1/a.dcm")
    done = run_inside(_NOT_INSTALLED, home, "run", tmp_path / "src", tmp_path / "out", "--text", "blank")
    assert done.returncode == 2
    assert "sendit[ocr]" in done.stderr
    assert not (tmp_path / "out").exists()


def test_images_that_stay_unchanged_are_not_looked_at_by_mistake(sendit: Sendit, tmp_path: Path) -> None:
    put(objects.KINDS["cr"](), tmp_path / "src/ST-1/a.dcm")
    out = tmp_path / "out"
    unchanged = {"SENDIT_DEIDENTIFY": "false", "SENDIT_IDENTIFIED_DESTINATIONS": str(out)}
    answer = sendit("run", tmp_path / "src", out, "--text", "blank", **unchanged)
    assert answer.status == 2
    assert "SENDIT_TEXT" in answer.stderr
