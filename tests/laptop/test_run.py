"""`sendit run`, `status` and `errors` on good input."""

import json
import shutil
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from tests.data import dciodvfy, objects, sample_study
from tests.laptop.conftest import Sendit, images_in, leftovers_in

TEST_FILES = Path(str(get_testdata_file("CT_small.dcm"))).parent


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "study"
    sample_study.build(folder)
    return folder


def a_study(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names, 1):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(objects.to_bytes(objects.ct(number)))
    return folder


def test_every_image_of_the_sample_study_is_accounted_for_and_opens(
    sendit: Sendit, sample: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    answer = sendit("run", sample, out, "--json")
    assert answer.status == 3
    batches = {batch["name"]: batch for batch in answer.json["batches"]}
    assert batches.keys() == {"ST-000001", "ST-000002"}
    for batch in batches.values():
        assert batch["found"] == batch["stored"] + batch["rejected"] + batch["errored"]
        assert batch["state"] == "DONEPROCESSING"
    sources = [path for path in sample.rglob("*") if path.is_file()]
    assert sum(batch["found"] for batch in batches.values()) == len(sources)
    assert [sum(batch[kind] for batch in batches.values()) for kind in ("rejected", "errored")] == [1, 0]
    assert len(images_in(out)) == len(sources) - 1
    for path in out.rglob("*.dcm"):
        image = pydicom.dcmread(path)
        assert image.PatientIdentityRemoved == "YES"
        patient, study, series, name = path.relative_to(out).parts
        assert (image.PatientID, image.StudyInstanceUID, image.SeriesInstanceUID) == (patient, study, series)
        assert image.SOPInstanceUID == image.file_meta.MediaStorageSOPInstanceUID == name.removesuffix(".dcm")
    assert leftovers_in(out) == []


def test_dciodvfy_finds_no_error_in_an_output_that_its_input_did_not_have(
    sendit: Sendit, sample: Path, tmp_path: Path
) -> None:
    source = tmp_path / "src"
    shutil.copytree(sample, source / "sample")
    for kind in ("ct", "mr", "pt", "nm", "cr", "dx", "mg", "rtplan", "rtdose", "rtstruct"):
        path = source / "generated" / f"{kind}.dcm"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(objects.to_bytes(objects.KINDS[kind](1)))
    out, compared = tmp_path / "out", 0
    assert sendit("deidentify", source, out, "--keep-paths").status == 3
    for path in out.rglob("*.dcm"):
        new = dciodvfy.errors(path) - dciodvfy.errors(source / path.relative_to(out))
        assert new == frozenset(), path.relative_to(out)
        compared += 1
    assert compared == 40


def test_pydicoms_whole_test_folder_is_accounted_for_and_a_second_run_does_nothing(
    sendit: Sendit, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = sendit("run", TEST_FILES, out, "--json")
    assert first.status == 3
    (batch,) = first.json["batches"]
    assert batch["found"] == 176
    assert batch["found"] == batch["stored"] + batch["rejected"] + batch["errored"]
    assert batch["stored"] >= 25
    before = images_in(out)
    assert len(before) == batch["stored"] - batch["duplicates"]
    second = sendit("run", TEST_FILES, out)
    assert second.status == 3
    assert "Nothing to do" in second.stdout
    (again,) = sendit("run", TEST_FILES, out, "--json").json["batches"]
    assert again == {**batch, "verdict": "known", "worked": False}
    assert images_in(out) == before
    assert len(sendit("errors", "--out", out, "--json").json) == batch["rejected"] + batch["errored"]


def test_all_stored_exits_0_and_says_so(sendit: Sendit, tmp_path: Path) -> None:
    answer = sendit("run", a_study(tmp_path / "src", "ST-1/a", "ST-1/b"), tmp_path / "out")
    assert answer.status == 0
    assert "ST-1" in answer.stdout
    assert sendit("errors").stdout == "No errors, and nothing was rejected.\n"


def test_a_folder_that_holds_files_is_one_batch_itself_even_if_its_name_starts_with_test(
    sendit: Sendit, tmp_path: Path
) -> None:
    answer = sendit("run", a_study(tmp_path / "test_me", "a", "sub/b"), tmp_path / "out", "--json")
    assert [(batch["name"], batch["stored"]) for batch in answer.json["batches"]] == [("test_me", 2)]


def test_hidden_files_beside_batches_do_not_make_the_folder_one_batch_and_are_counted(
    sendit: Sendit, tmp_path: Path
) -> None:
    source = a_study(tmp_path / "src", "ST-1/a")
    (source / ".DS_Store").write_bytes(b"x")
    answer = sendit("run", source, tmp_path / "out")
    assert answer.status == 0
    assert "1 hidden or system files" in answer.stdout


def test_unfinished_and_test_batches_are_left_alone_and_named(sendit: Sendit, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "ST-1/a", "ST-2.tmp77/b", "Test_3/c", "ST-4.err/d")
    answer = sendit("run", source, tmp_path / "out", "--json")
    assert answer.status == 3
    assert {batch["name"]: batch["verdict"] for batch in answer.json["batches"]} == {
        "ST-1": "published",
        "ST-2.tmp77": "unfinished",
        "Test_3": "test",
        "ST-4.err": "ignored",
    }
    assert len(images_in(tmp_path / "out")) == 1
    (source / "ST-2.tmp77").rename(source / "ST-2")
    assert sendit("run", source, tmp_path / "out").stdout.count("done before") == 1
    assert len(images_in(tmp_path / "out")) == 2


def test_an_empty_batch_is_an_error_that_says_so_and_can_be_retried(sendit: Sendit, tmp_path: Path) -> None:
    source = tmp_path / "src"
    (source / "ST-1").mkdir(parents=True)
    answer = sendit("run", source, tmp_path / "out")
    assert answer.status == 1
    assert "holds no files" in answer.stdout
    a_study(source, "ST-1/a")
    assert sendit("run", source, tmp_path / "out", "--retry", "failed").status == 0
    assert len(images_in(tmp_path / "out")) == 1


def test_files_that_come_after_the_freeze_are_shown_and_done_when_asked(sendit: Sendit, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a"), tmp_path / "out"
    assert sendit("run", source, out).status == 0
    (source / "ST-1/late").write_bytes(objects.to_bytes(objects.ct(2)))
    answer = sendit("run", source, out)
    assert answer.status == 3
    assert "--retry new" in answer.stdout
    assert len(images_in(out)) == 1
    assert sendit("status", "--json").json[0]["has_new_arrivals"] is True
    assert sendit("run", source, out, "--retry", "new").status == 0
    assert len(images_in(out)) == 2
    assert sendit("status", "--json").json[0]["has_new_arrivals"] is False


def test_a_failed_image_that_was_mended_is_done_when_asked(sendit: Sendit, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a", "ST-1/b"), tmp_path / "out"
    whole = (source / "ST-1/b").read_bytes()
    (source / "ST-1/b").write_bytes(whole[:-100])
    assert sendit("run", source, out).status == 3
    assert [row["what"] for row in sendit("errors", "--json").json] == ["truncated"]
    (source / "ST-1/b").write_bytes(whole)
    assert sendit("run", source, out, "--retry", "failed").status == 0
    assert sendit("errors", "--json").json == []
    (batch,) = sendit("status", "--json").json
    assert (batch["attempt"], batch["has_error"], batch["counts"]["stored"]) == (2, False, 2)


def test_a_batch_that_is_done_again_takes_in_what_came_or_changed_meanwhile(sendit: Sendit, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a", "ST-1/b"), tmp_path / "out"
    (source / "ST-1/bad").write_bytes(b"")
    assert sendit("run", source, out).status == 3
    (source / "ST-1/bad").write_bytes(objects.to_bytes(objects.ct(5)))
    (source / "ST-1/late").write_bytes(objects.to_bytes(objects.ct(6)))
    (source / "ST-1/a").write_bytes(objects.to_bytes(objects.ct(7)))
    assert sendit("run", source, out, "--retry", "failed").status == 0
    assert len(images_in(out)) == 5  # what a was before stays, too
    (batch,) = sendit("status", "--json").json
    assert (batch["counts"]["found"], batch["counts"]["stored"]) == (4, 4)
    assert sendit("run", source, out).stdout.count("done before") == 1


def test_a_failed_image_whose_file_is_gone_stays_an_error_when_asked_for(sendit: Sendit, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a"), tmp_path / "out"
    (source / "ST-1/b").write_bytes(b"")
    assert sendit("run", source, out).status == 3
    (source / "ST-1/b").unlink()
    assert sendit("run", source, out, "--retry", "all").status == 3
    assert [row["what"] for row in sendit("errors", "--json").json] == ["source_gone"]


def test_an_output_that_was_lost_is_stored_again_by_the_next_run(sendit: Sendit, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a", "ST-1/b"), tmp_path / "out"
    sendit("run", source, out)
    before = images_in(out)
    (out / next(iter(before))).unlink()
    answer = sendit("run", source, out)
    assert answer.status == 0
    assert "1 stored images were missing from OUT" in answer.stdout
    assert images_in(out) == before


def test_batches_of_the_same_name_from_two_folders_are_two_batches(sendit: Sendit, tmp_path: Path) -> None:
    out = tmp_path / "out"
    a_study(tmp_path / "january", "ST-1/a")
    (tmp_path / "february/ST-1").mkdir(parents=True)
    (tmp_path / "february/ST-1/a").write_bytes(objects.to_bytes(objects.ct(9)))
    assert sendit("run", tmp_path / "january", out).status == 0
    assert sendit("run", tmp_path / "february", out).status == 0
    assert len(images_in(out)) == 2
    answer = sendit("status", "ST-1", "--out", out)
    assert answer.status == 2
    assert "give the id" in answer.stderr
    batch = sendit("status", "--json", "--out", out).json[0]["id"]
    assert "DONEPROCESSING" in sendit("status", batch[:8], "--out", out).stdout


def test_a_folder_around_a_known_batch_is_refused(sendit: Sendit, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a"), tmp_path / "out"
    assert sendit("run", source / "ST-1", out).status == 0
    (source / "b").write_bytes(objects.to_bytes(objects.ct(2)))
    answer = sendit("run", source, out)
    assert answer.status == 1
    assert "inside a known batch or around one" in answer.stdout
    assert len(images_in(out)) == 1


def test_hidden_batch_names_are_in_no_answer_and_no_state(sendit: Sendit, home: Path, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ACC-4711/a"), tmp_path / "out"
    answers = [
        sendit("run", source, out, SENDIT_BATCH_NAMES="hide"),
        sendit("run", source, out, "--json", SENDIT_BATCH_NAMES="hide"),
        sendit("status", SENDIT_BATCH_NAMES="hide"),
        sendit("errors", SENDIT_BATCH_NAMES="hide"),
    ]
    for answer in answers:
        assert answer.status == 0
        assert "ACC-4711" not in answer.stdout + answer.stderr
    databases = list(home.rglob("status.sqlite3*"))
    assert databases
    assert all(b"ACC-4711" not in path.read_bytes() for path in databases)


def test_files_are_named_in_errors_only_when_asked(sendit: Sendit, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "ST-1/a")
    (source / "ST-1/DOE JOHN.dcm").write_bytes(b"nothing")
    sendit("run", source, tmp_path / "out")
    assert "DOE JOHN" not in sendit("errors").stdout
    assert "ST-1/DOE JOHN.dcm" in sendit("errors", "--names").stdout


def test_several_runs_ask_for_out(sendit: Sendit, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "ST-1/a")
    sendit("run", source, tmp_path / "one")
    sendit("run", source, tmp_path / "two")
    answer = sendit("status")
    assert answer.status == 2
    assert str(tmp_path / "one") in answer.stderr
    assert sendit("status", "--out", tmp_path / "two").status == 0


def test_without_arguments_sendit_explains_itself(sendit: Sendit) -> None:
    answer = sendit()
    assert "sendit run SRC OUT" in answer.stdout + answer.stderr
    for verb in ("run", "deidentify", "status", "errors"):
        assert sendit(verb, "--help").status == 0
        assert verb in answer.stdout + answer.stderr
    assert sendit("--version").stdout.startswith("sendit ")


def test_home_is_private_and_the_key_is_kept(sendit: Sendit, home: Path, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "ST-1/a")
    first = sendit("run", source, tmp_path / "out")
    assert str(home / "key") in first.stderr
    key = (home / "key").read_bytes()
    assert "key" not in sendit("run", source, tmp_path / "out2").stderr
    assert (home / "key").read_bytes() == key
    for path in (home, *home.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_log_names_every_image_that_was_not_stored_by_its_id_and_why(sendit: Sendit, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "ST-1/a")
    (source / "ST-1/b").write_bytes(b"")
    (source / "ST-1/us").write_bytes(objects.to_bytes(objects.us()))
    answer = sendit("run", source, tmp_path / "out", SENDIT_LOG_FORMAT="json")
    lines = [json.loads(line) for line in answer.stderr.splitlines() if line.startswith("{")]
    told = {line["image_id"]: line.get("code") or line["rule"] for line in lines if "image_id" in line}
    errors = {row["image"]: row["what"].removeprefix("rejected by ") for row in sendit("errors", "--json").json}
    assert told == errors
    assert sorted(told.values()) == ["empty_file", "ultrasound"]
    assert {line["batch_id"] for line in lines if "image_id" in line} == {sendit("status", "--json").json[0]["id"]}


def test_a_hidden_batch_is_found_by_its_name_all_the_same(sendit: Sendit, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "ACC-4711/a")
    assert sendit("run", source, tmp_path / "out", SENDIT_BATCH_NAMES="hide").status == 0
    answer = sendit("status", "ACC-4711")
    assert answer.status == 0
    assert "(hidden)" in answer.stdout
