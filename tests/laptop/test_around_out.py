"""What already lies in or around OUT is neither followed, overwritten nor removed."""

import json
import subprocess
from pathlib import Path

import pytest
from tests.data import objects
from tests.laptop.conftest import SENDIT, Sendit, environment, images_in
from tests.laptop.test_run import a_study

from sendit.deid import profile_named
from sendit.deid.identity.keys import Keyring
from sendit.errors import UsageError
from sendit.screen import default_rules
from sendit.settings import Settings
from sendit.wiring.local import LocalPlaces


def test_a_folder_named_like_ours_that_we_did_not_make_is_left_alone(sendit: Sendit, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a"), tmp_path / "out"
    (out / ".sendit-tmp").mkdir(parents=True)
    (out / ".sendit-tmp/thesis.txt").write_text("precious")
    for verb in ("run", "deidentify"):
        answer = sendit(verb, source, out)
        assert (answer.status, "[out_not_empty]" in answer.stderr) == (2, True)
    assert (out / ".sendit-tmp/thesis.txt").read_text() == "precious"


def test_only_our_own_half_written_files_are_swept(sendit: Sendit, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a"), tmp_path / "out"
    assert sendit("run", source, out).status == 0
    (out / ".sendit-tmp").mkdir()
    (out / ".sendit-tmp" / ("0" * 32)).write_bytes(b"half")
    (out / ".sendit-tmp/notes.txt").write_text("precious")
    assert sendit("run", source, out).status == 0
    assert [path.name for path in (out / ".sendit-tmp").iterdir()] == ["notes.txt"]


def test_a_link_for_our_temporary_folder_is_refused(sendit: Sendit, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a"), tmp_path / "out"
    assert sendit("run", source, out).status == 0
    (tmp_path / "elsewhere").mkdir()
    (out / ".sendit-tmp").symlink_to(tmp_path / "elsewhere")
    answer = sendit("run", source, out)
    assert (answer.status, "[out_unusable]" in answer.stderr) == (2, True)


@pytest.mark.parametrize("planted", ["link", "file"])
def test_a_patients_folder_that_is_something_else_stops_its_images_alone(
    sendit: Sendit, tmp_path: Path, planted: str
) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a"), tmp_path / "out"
    assert sendit("run", source, out).status == 0
    (patient,) = (path for path in out.iterdir() if path.is_dir())
    patient.rename(tmp_path / "moved")
    if planted == "link":
        patient.symlink_to(tmp_path / "moved")
    else:
        patient.write_bytes(b"x")
    other = objects.ct(7)
    other.PatientID = "SOMEBODY-ELSE"
    (source / "ST-1/b").write_bytes(objects.to_bytes(other))
    (source / "ST-1/c").write_bytes(objects.to_bytes(objects.ct(8)))
    answer = sendit("run", source, out, "--retry", "new", "--json")
    assert answer.status == 3, answer.stderr
    assert "place_taken" in {row["what"] for row in sendit("errors", "--json").json}
    assert len([name for name in images_in(out) if patient.name not in name]) == 1


def test_a_label_that_is_a_folder_makes_out_unusable(sendit: Sendit, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a"), tmp_path / "out"
    (out / ".sendit.json").mkdir(parents=True)
    answer = sendit("run", source, out)
    assert (answer.status, "[out_unusable]" in answer.stderr) == (2, True)


@pytest.mark.parametrize(
    "place", ["src/ST-1/a", "src/new.jsonl", "out/report", "home/key", "link/report", "there.jsonl"]
)
def test_a_report_overwrites_nothing_and_lies_apart(sendit: Sendit, home: Path, tmp_path: Path, place: str) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a"), tmp_path / "out"
    assert sendit("deidentify", source, out).status == 0
    (tmp_path / "there.jsonl").write_text("precious")
    (tmp_path / "link").symlink_to("src")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    answer = sendit("deidentify", source, out, "--report", tmp_path / place)
    assert answer.status == 2
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_kept_paths_cannot_reach_our_own_names(sendit: Sendit, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", ".sendit-tmp/a.dcm", ".sendit.json", "b.dcm")
    answer = sendit("deidentify", source, tmp_path / "out", "--keep-paths", "--workers", "1")
    assert answer.status == 3
    assert "2 × reserved_name" in answer.stdout
    assert images_in(tmp_path / "out").keys() == {"b.dcm"}
    assert json.loads((tmp_path / "out/.sendit.json").read_text())["profile"] == "research"


def test_kept_paths_that_something_else_takes_are_errors_of_their_images(sendit: Sendit, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "x/y.dcm", "b.dcm"), tmp_path / "out"
    assert sendit("deidentify", source, out, "--keep-paths").status == 0
    (out / "x/y.dcm").unlink()
    (out / "x").rmdir()
    (out / "x").write_bytes(b"taken")
    answer = sendit("deidentify", source, out, "--keep-paths")
    assert (answer.status, "1 × place_taken" in answer.stdout) == (3, True)


def test_a_hidden_image_beside_batches_is_not_left_out(sendit: Sendit, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "A/a.dcm", ".IM2.dcm")
    answer = sendit("run", source, tmp_path / "out", "--json")
    assert (answer.status, answer.json["ignored_files"]) == (0, 0)
    assert len(images_in(tmp_path / "out")) == 2


def test_a_pipe_that_cannot_show_a_character_ends_no_run(home: Path, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "a", "ü")
    (source / "text").write_bytes(b"x")
    answer = subprocess.run(
        [str(SENDIT), "deidentify", str(source), str(tmp_path / "out")],
        env=environment(home, PYTHONIOENCODING="ascii"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, "not_dicom" in answer.stdout) == (3, True)


def test_a_worker_that_finds_another_key_than_its_run_does_not_work(sendit: Sendit, home: Path, tmp_path: Path) -> None:
    assert sendit("run", a_study(tmp_path / "src", "ST-1/a"), tmp_path / "out").status == 0
    settings = Settings.load({"SENDIT_HOME": str(home)})
    key_id = Keyring(bytes.fromhex((home / "key").read_text().strip())).key_id
    places = LocalPlaces(
        settings, tmp_path, tmp_path / "out", tmp_path / "manifests", key_id, profile_named("research"), default_rules()
    )
    assert places.pipeline().keys.key_id == key_id
    (home / "key").write_text("ab" * 32)
    with pytest.raises(UsageError, match="key"):
        places.pipeline()
    (home / "key").unlink()
    with pytest.raises(UsageError, match="key"):
        places.pipeline()
    assert not (home / "key").exists()
