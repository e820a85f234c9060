"""`sendit deidentify`: files to files."""

import json
from pathlib import Path

from tests.data import objects
from tests.laptop.conftest import Sendit, images_in, leftovers_in
from tests.laptop.test_run import a_study


def test_the_bytes_are_those_of_run(sendit: Sendit, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "ST-1/a", "ST-1/b")
    assert sendit("run", source, tmp_path / "by_run").status == 0
    assert sendit("deidentify", source, tmp_path / "by_files").status == 0
    assert images_in(tmp_path / "by_files") == images_in(tmp_path / "by_run") != {}
    assert leftovers_in(tmp_path / "by_files") == []


def test_one_file_can_be_de_identified(sendit: Sendit, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "a", "b")
    assert sendit("deidentify", source / "a", tmp_path / "out").status == 0
    assert len(images_in(tmp_path / "out")) == 1


def test_paths_are_kept_on_request_with_a_warning(sendit: Sendit, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "x/a.dcm", "b.dcm")
    answer = sendit("deidentify", source, tmp_path / "out", "--keep-paths")
    assert answer.status == 0
    assert "make sure that none identifies" in answer.stderr
    assert images_in(tmp_path / "out").keys() == {"x/a.dcm", "b.dcm"}


def test_the_screen_holds_here_too_and_the_report_says_what_was_done(sendit: Sendit, tmp_path: Path) -> None:
    source, report = a_study(tmp_path / "src", "a"), tmp_path / "report.jsonl"
    (source / "us").write_bytes(objects.to_bytes(objects.us()))
    (source / "DOE.txt").write_bytes(b"text")
    answer = sendit("deidentify", source, tmp_path / "out", "--report", report)
    assert answer.status == 3
    assert "1 × ultrasound" in answer.stdout
    assert "1 × not_dicom" in answer.stdout
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert len(lines) == 3
    (done,) = [line for line in lines if "sop_instance_uid" in line]
    (name,) = images_in(tmp_path / "out")
    assert name.endswith(f"/{done['sop_instance_uid']}.dcm")
    assert sorted(line.get("code") or line.get("rule") for line in lines if line is not done) == [
        "not_dicom",
        "ultrasound",
    ]
    assert "DOE" not in report.read_text()


def test_a_second_time_changes_nothing(sendit: Sendit, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "a"), tmp_path / "out"
    sendit("deidentify", source, out)
    before = images_in(out)
    assert sendit("deidentify", source, out).status == 0
    assert images_in(out) == before


def test_what_is_not_there_is_a_usage_error(sendit: Sendit, tmp_path: Path) -> None:
    answer = sendit("deidentify", tmp_path / "nowhere", tmp_path / "out")
    assert answer.status == 2
    assert "[source_missing]" in answer.stderr
