"""The bench counts no work that was not done, and leaves no tool out."""

import json
import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from tests.bench import entries, measure, peers, scanner, sets
from tests.bench.entries import Entry, Kind
from tests.bench.peers import HERE, ROOT, Missing
from tests.data.encoding import to_bytes

from sendit.deid import PROFILES

TOOLS = (
    "sendit, library", "open, read, write", "pydicom", "grand-challenge", "dicom-anonymizer", "dicognito", "rsna",
    "deid", "cp -r", "sendit deidentify", "sendit run, 1", "sendit run, 2", "gdcmanon -e", "gdcmanon --dumb",
    "dcmodify",
)  # fmt: skip


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> sets.Set:
    return sets.made("patients", tmp_path_factory.mktemp("set"), 6)


def one_round(entry: Entry, few: sets.Set, work: Path) -> measure.Measured | Missing:
    return measure.measured([entry], few, work, 1, -1)[0][1]


def program(*command: str) -> Entry:
    return Entry("a program", Kind.OTHER, lambda _, source, out: [*command, str(source), str(out)])


@pytest.mark.thorough
def test_a_set_is_the_same_bytes_each_time(few: sets.Set, tmp_path: Path) -> None:
    again = sets.made("patients", tmp_path, 6)
    for path in few.folder.iterdir():
        assert path.read_bytes() == (again.folder / path.name).read_bytes()


def test_no_image_is_there_twice_and_no_patient_is_seen_while_warming_up(few: sets.Set) -> None:
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in few.folder.iterdir()]
    warm = [pydicom.dcmread(path, stop_before_pixels=True) for path in few.warm.iterdir()]
    assert len({ds.SOPInstanceUID for ds in (*headers, *warm)}) == few.files + sets.WARM_FILES
    assert len({ds.PatientID for ds in headers}) == 2
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID"):
        assert {ds[keyword].value for ds in headers}.isdisjoint(ds[keyword].value for ds in warm), keyword


def test_headers_are_as_long_as_those_of_scanners() -> None:
    ct, mr, frames = scanner.ct(1), scanner.mr(1), scanner.enhanced_ct(3, side=8)
    assert 120 <= len(ct) <= 200
    assert sum(one.tag.is_private for one in mr) >= 250
    assert len(frames.PerFrameFunctionalGroupsSequence) == frames.NumberOfFrames == 3
    for ds in (ct, mr, frames):
        assert pydicom.dcmread(BytesIO(to_bytes(ds))).SOPClassUID == ds.SOPClassUID


@pytest.mark.parametrize("wanted", [100, 1000, 5000])
def test_an_object_has_about_as_many_elements_as_were_asked_for(wanted: int) -> None:
    assert scanner.count(scanner.with_elements(wanted)) == pytest.approx(wanted, rel=0.05)


def test_a_tool_that_stores_all_of_its_images_has_a_rate(few: sets.Set, tmp_path: Path) -> None:
    result = one_round(program("cp", "-r"), few, tmp_path)
    assert isinstance(result, measure.Measured)
    assert 0 < result.seconds < 60
    assert 0 < result.peak_mib < 200


def test_a_tool_that_stores_too_few_has_no_rate(few: sets.Set, tmp_path: Path) -> None:
    result = one_round(program("true"), few, tmp_path)
    assert isinstance(result, Missing)
    assert f"0 of {few.files} stored" in result.reason


def test_a_tool_that_fails_has_no_rate(few: sets.Set, tmp_path: Path) -> None:
    assert isinstance(one_round(program("sh", "-c", 'cp -r "$0" "$1"; exit 4'), few, tmp_path), Missing)


@pytest.mark.thorough
def test_a_tool_that_refuses_a_file_has_no_rate(few: sets.Set, tmp_path: Path) -> None:
    driven = entries.library("refusing", Kind.PYTHON, "pydicom", peers.Program(Path(sys.executable)))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.dcm").write_bytes(b"no image")
    broken = sets.Set("broken", tmp_path / "in", few.warm, 1, 1.0, 0)
    result = one_round(driven, broken, tmp_path)
    assert result == Missing("refused 1 of 1 (InvalidDicomError)")


@pytest.mark.thorough
def test_a_tool_that_does_not_end_is_ended(tmp_path: Path) -> None:
    result = tmp_path / "result"
    launch = [
        sys.executable,
        "-I",
        "-S",
        str(HERE / "launch.py"),
        str(result),
        "1",
        "-1",
        "/dev/null",
        "/dev/null",
        "--",
    ]
    subprocess.run([*launch, "sleep", "60"], check=True, timeout=30)
    assert result.read_text().split()[0] == "124"


def test_the_memory_of_a_program_is_not_that_of_who_starts_it(few: sets.Set, tmp_path: Path) -> None:
    ballast = bytearray(150 << 20)
    result = one_round(program("cp", "-r"), few, tmp_path)
    assert isinstance(result, measure.Measured)
    assert result.peak_mib < len(ballast) / (1 << 20) / 2


def test_a_tool_that_cannot_be_had_has_its_line_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("environment", "debian", "certificate"):
        monkeypatch.setattr(peers, name, lambda _: Missing("no network"))
    lines = [*entries.libraries(), *entries.programs(tmp_path)]
    for tool in TOOLS:
        assert any(tool in line.label for line in lines), tool
    there = [line.label for line in lines if not isinstance(line.command, Missing)]
    assert all(label.startswith(("sendit", "open", "cp")) for label in there), there


def test_sendit_is_measured_with_a_profile_that_there_is() -> None:
    assert "research" in PROFILES
    assert 'profile_named("research")' in (HERE / "drive.py").read_text("utf-8")


@pytest.fixture(scope="module", params=["ultrasound", "ultrasound-rle"])
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> sets.Set:
    return sets.made(request.param, tmp_path_factory.mktemp("set"), 1, 2)


@pytest.mark.thorough
@pytest.mark.parametrize("tool", ["sendit-blanking", "sendit-blanked", "pydicom-blanking"])
def test_a_line_that_blanks_makes_the_banner_black_and_nothing_else(clip: sets.Set, tool: str, tmp_path: Path) -> None:
    driven = entries.library(tool, Kind.PYTHON, tool, peers.Program(Path(sys.executable)))
    assert isinstance(one_round(driven, clip, tmp_path), measure.Measured)
    (before,), (after,) = (list(folder.glob("*.dcm")) for folder in (clip.folder, tmp_path / "out"))
    was, now = pydicom.dcmread(before).pixel_array, pydicom.dcmread(after).pixel_array
    assert was.shape == now.shape == (2, 768, 1024, 3)
    assert not now[:, : scanner.BANNER].any()
    assert (now[:, scanner.BANNER :] == was[:, scanner.BANNER :]).all()


@pytest.mark.parametrize("file", ["peers.txt", "peers_rsna.txt"])
def test_every_peer_is_pinned(file: str) -> None:
    lines = [line for line in (HERE / file).read_text("utf-8").splitlines() if not line.startswith("#")]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_programs_are_told_the_tags_of_the_table() -> None:
    rows = json.loads(peers.TABLE.read_text("utf-8"))["rows"]
    assert len(peers.basic_profile()) >= len(rows) - 10  # repeating groups are no single tag
    assert (0x0010, 0x0010, "Z") in peers.basic_profile()


def test_the_document_names_every_set_and_tool() -> None:
    text = (ROOT / "docs" / "bench.md").read_text("utf-8")
    for word in (
        "series",
        "patients",
        "mr",
        "frames",
        "size",
        "elements",
        "workers",
        "screening",
        "blanking",
        "gdcmanon",
        "dcmodify",
        "deid",
    ):
        assert f"`{word}`" in text or f"| {word} " in text, word
