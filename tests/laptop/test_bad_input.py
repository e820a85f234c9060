"""Bad input: a clear error with a stable code on that image, batch or run; the rest is stored; SRC never changes."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.data import hostile, objects
from tests.data.hostile_labels import Label
from tests.laptop.conftest import SENDIT, Sendit, environment, images_in, leftovers_in
from tests.laptop.test_run import a_study

# what may become of a file of each kind: codes, rejecting rules, or stored
EXPECTED: dict[Label, set[str]] = {
    Label.ACCEPTED: {"stored"},
    Label.REFUSED: {
        "rejected by ultrasound",
        "rejected by secondary-capture",
        "rejected by burned-in-annotation",
    },
    Label.NOT_DICOM: {"not_dicom", "missing_uid"},
    Label.EMPTY: {"empty_file"},
    Label.TRUNCATED_HEADER: {"truncated"},
    Label.TRUNCATED_PIXELS: {"truncated"},
    Label.NO_PREAMBLE: {"stored"},
    Label.NO_FILE_META: {"stored"},
    Label.WRONG_VR: {"malformed", "stored"},
    Label.BAD_LENGTH: {"truncated", "malformed", "pixel_data_too_long"},
    Label.DEFLATED: {"stored"},
    Label.DEFLATED_BOMB: {"inflated_too_large"},
    Label.BIG_ENDIAN: {"stored"},
    Label.HUGE: {"stored"},
    Label.UNKNOWN_SOP_CLASS: {"rejected by not-accepted"},
    Label.BURNED_IN: {"rejected by burned-in-annotation"},
    Label.DEEP_NESTING: {"malformed"},
    Label.HOSTILE_NAME: {"stored"},
    Label.LINK_TO_FILE: {"link"},
    Label.LINK_TO_FOLDER: {"link"},
    Label.LINK_LOOP: {"link"},
    Label.DANGLING_LINK: {"link"},
    Label.FIFO: {"special_file"},
    Label.SOCKET: {"special_file"},
    Label.DUPLICATE: {"stored"},
    Label.CONFLICT: {"stored", "conflict"},
}
INFLATED_LIMIT = str(8 * 1024 * 1024)  # below what the bomb grows to


def snapshot(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Names, kinds, times and contents below a folder, no link followed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() and status.st_size < 2**20 else b""
        found[os.fsdecode(os.fsencode(path))] = (status.st_mode, status.st_mtime_ns, status.st_size, content)
    return found


def test_every_kind_of_bad_input_gets_its_code_and_everything_else_is_stored(sendit: Sendit, tmp_path: Path) -> None:
    source, out = tmp_path / "src", tmp_path / "out"
    labels = {path: label for path, label in hostile.write_all(source).items() if label in EXPECTED}
    shutil.rmtree(source / "unreadable")  # root can read these; they have a test of their own
    before = snapshot(source)
    answer = sendit("run", source, out, "--json", SENDIT_MAX_INFLATED_BYTES=INFLATED_LIMIT)
    assert answer.status == 3, answer.stderr
    troubles = {row["file"]: row["what"] for row in sendit("errors", "--names", "--json").json}
    became = {path: troubles.get(os.path.realpath(path.parent) + "/" + path.name, "stored") for path in labels}
    wrong = {(label, became[path]) for path, label in labels.items() if became[path] not in EXPECTED[label]}
    assert wrong == set()
    assert sum(batch["found"] for batch in answer.json["batches"]) == len(labels)
    assert Counter(became[path] for path, label in labels.items() if label is Label.CONFLICT) == {
        "stored": 1,
        "conflict": 1,
    }
    duplicates = sum(batch["duplicates"] for batch in answer.json["batches"])
    assert duplicates == 1
    assert len(images_in(out)) == list(became.values()).count("stored") - duplicates
    assert leftovers_in(out) == []
    assert snapshot(source) == before


def test_which_of_two_conflicting_images_is_stored_is_no_matter_of_chance(sendit: Sendit, tmp_path: Path) -> None:
    source = tmp_path / "src"
    hostile.conflict(source / "ST-1")
    stored = []
    for workers in ("1", "2", "4"):
        out = tmp_path / workers
        assert sendit("run", source, out, "--workers", workers).status == 3
        stored.append(images_in(out))
    assert stored[0] == stored[1] == stored[2]
    assert len(stored[0]) == 1


# a program of its own, for the peak of a child counts what the process was that forked it: all of pytest
PEAK_OF = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""


def test_a_multi_frame_of_a_gigabyte_is_stored_in_little_memory(home: Path, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    hostile.huge_multiframe(tmp_path / "src/huge.dcm", 1)
    command = [str(SENDIT), "run", str(tmp_path / "src"), str(tmp_path / "out"), "--workers", "1"]
    measured = subprocess.run(
        [sys.executable, "-c", PEAK_OF, *command], env=environment(home), capture_output=True, text=True, check=False
    )
    assert measured.returncode == 0, measured.stderr
    (image,) = (tmp_path / "out").rglob("*.dcm")
    assert image.stat().st_size > 2**30
    assert int(measured.stdout) < 200 * 1024, f"{measured.stdout} KiB"
    shutil.rmtree(tmp_path / "out")


def test_files_and_folders_that_may_not_be_read_are_errors_and_the_rest_is_stored(
    sendit: Sendit, home: Path, tmp_path: Path
) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a", "ST-1/b", "ST-1/closed/c"), tmp_path / "out"
    (source / "ST-1/b").chmod(0)
    (source / "ST-1/closed").chmod(0)
    # permissions bind root only without the capabilities that override them
    as_anyone = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*as_anyone, str(SENDIT), "run", str(source), str(out)]
    answer = subprocess.run(command, env=environment(home), capture_output=True, text=True, check=False)
    assert answer.returncode == 3, answer.stderr
    assert [row["what"] for row in sendit("errors", "--json").json] == ["unreadable", "unreadable_folder"]
    assert len(images_in(out)) == 1


def test_an_out_that_may_not_be_written_is_told_as_that(sendit: Sendit, home: Path, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a"), tmp_path / "out"
    assert sendit("run", source, out).status == 0
    temporary = out / ".sendit-tmp"
    temporary.mkdir()
    (temporary / ("0" * 32)).touch()  # what a killed run left
    temporary.chmod(0o555)
    as_anyone = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    answer = subprocess.run(
        [*as_anyone, str(SENDIT), "run", str(source), str(out)],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    temporary.chmod(0o755)
    assert (answer.returncode, "[output_forbidden]" in answer.stderr) == (1, True), answer.stderr


@pytest.mark.parametrize(
    ("source", "out", "home"),
    [
        ("src", "src/out", "home"),
        ("src", "src", "home"),
        ("out/src", "out", "home"),
        ("src", "out", "src/home"),
        ("src", "out", "out/home"),
        ("src", "home/out", "home"),
        ("link/src", "real/src/out", "home"),
    ],
)
def test_source_out_and_home_must_lie_apart_links_resolved(source: str, out: str, home: str, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    a_study(tmp_path / source, "ST-1/a")
    before = snapshot(tmp_path)
    command = [str(SENDIT), "run", str(tmp_path / source), str(tmp_path / out)]
    answer = subprocess.run(command, env=environment(tmp_path / home), capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "[folders_overlap]" in answer.stderr
    assert snapshot(tmp_path) == before


def test_two_runs_at_once_on_one_out_are_one_run(sendit: Sendit, home: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "src", tmp_path / "out"
    a_study(source, *(f"ST-1/{number}" for number in range(1000)))
    command = [str(SENDIT), "run", str(source), str(out)]
    with subprocess.Popen(
        command, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as first:
        while not (out / ".sendit-tmp").exists():
            assert first.poll() is None
        second = sendit("run", source, out)
        assert second.status == 2
        assert "[run_in_progress]" in second.stderr
        elsewhere = subprocess.run(
            command, env=environment(tmp_path / "home2"), capture_output=True, text=True, check=False
        )
        assert elsewhere.returncode == 2
    assert first.returncode == 0
    assert len(images_in(out)) == 1000


def test_an_out_that_somebody_else_filled_is_refused(sendit: Sendit, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a"), tmp_path / "out"
    out.mkdir()
    (out / "thesis.doc").write_bytes(b"x")
    answer = sendit("run", source, out)
    assert (answer.status, "[out_not_empty]" in answer.stderr) == (2, True)
    assert [path.name for path in out.iterdir()] == ["thesis.doc"]


def test_an_out_of_another_key_or_profile_is_refused(sendit: Sendit, home: Path, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a"), tmp_path / "out"
    assert sendit("run", source, out).status == 0
    before = images_in(out)
    other_profile = sendit("run", source, out, "--profile", "basic")
    assert (other_profile.status, "[out_of_another_profile]" in other_profile.stderr) == (2, True)
    home.rename(home.with_name("old_home"))
    other_key = sendit("run", source, out)
    assert (other_key.status, "[out_of_another_key]" in other_key.stderr) == (2, True)
    assert images_in(out) == before


def test_a_full_disk_stops_the_run_and_the_next_one_goes_on(sendit: Sendit, home: Path, tmp_path: Path) -> None:
    # the limit on the size of a file stands for the disk: the same call fails in the same way
    source, out = tmp_path / "src", tmp_path / "out"
    a_study(source, "ST-1/a", "ST-1/b")
    (source / "ST-1/big").write_bytes(objects.to_bytes(objects.ct(50, rows=1024, columns=1024)))
    limited = f'ulimit -f 1024; exec "{SENDIT}" run "{source}" "{out}" --workers 1'
    answer = subprocess.run(
        ["/bin/bash", "-c", limited], env=environment(home), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert "[no_space]" in answer.stderr
    assert leftovers_in(out) == []
    (batch,) = sendit("status", "--json").json
    assert (batch["status"], batch["counts"]["errored"]) == ("PROCESSING", 0)
    assert sendit("run", source, out).status == 0
    assert len(images_in(out)) == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run", "nowhere", "out"), "source_missing"),
        (("run", "file", "out"), "source_missing"),
        (("run", "src", "file"), "out_unusable"),
        (("run", "half.tmp9", "out"), "source_unfinished"),
        (("run", "src", "out", "--profile", "basik"), "bad_setting"),
        (("status", "--out", "nowhere"), "no_such_run"),
        (("errors",), "no_such_run"),
    ],
)
def test_what_the_caller_can_mend_exits_2_with_a_code_and_the_way_out(
    arguments: tuple[str, ...], code: str, home: Path, tmp_path: Path
) -> None:
    a_study(tmp_path / "src", "ST-1/a")
    a_study(tmp_path / "half.tmp9", "ST-1/a")
    (tmp_path / "file").write_bytes(b"x")
    answer = subprocess.run(
        [str(SENDIT), *arguments], env=environment(home), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert f"[{code}]" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("SENDIT_WORKRES", "1", "unknown_setting"),
        ("SENDIT_WORKERS", "x", "bad_setting"),
        ("SENDIT_HOME", "", "bad_setting"),
    ],
)
def test_a_wrong_setting_exits_2_and_names_it(sendit: Sendit, tmp_path: Path, name: str, value: str, code: str) -> None:
    answer = sendit("run", tmp_path, tmp_path / "out", **{name: value})
    assert answer.status == 2
    assert name in answer.stderr
    assert f"[{code}]" in answer.stderr


def test_a_home_or_key_that_others_can_read_is_refused_with_the_command_that_mends_it(
    sendit: Sendit, home: Path, tmp_path: Path
) -> None:
    source = a_study(tmp_path / "src", "ST-1/a")
    home.mkdir()
    home.chmod(0o755)
    answer = sendit("run", source, tmp_path / "out")
    assert (answer.status, f"chmod 700 {home}" in answer.stderr) == (2, True)
    home.chmod(0o700)
    assert sendit("run", source, tmp_path / "out").status == 0
    (home / "key").chmod(0o644)
    answer = sendit("run", source, tmp_path / "out")
    assert (answer.status, f"chmod 600 {home / 'key'}" in answer.stderr) == (2, True)


def test_a_damaged_key_is_refused_and_never_replaced(sendit: Sendit, home: Path, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "ST-1/a")
    home.mkdir(mode=0o700)
    (home / "key").touch(mode=0o600)
    answer = sendit("run", source, tmp_path / "out")
    assert (answer.status, "[bad_key]" in answer.stderr) == (2, True)
    assert (home / "key").read_bytes() == b""


def test_a_damaged_state_is_an_error_with_a_code(sendit: Sendit, home: Path, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "ST-1/a")
    assert sendit("run", source, tmp_path / "out").status == 0
    (database,) = home.rglob("status.sqlite3")
    database.write_bytes(b"not a database at all" * 100)
    answer = sendit("run", source, tmp_path / "out")
    assert (answer.status, "[status_unavailable]" in answer.stderr) == (1, True)


def test_a_key_that_is_gone_is_never_replaced_by_a_new_one(sendit: Sendit, home: Path, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "ST-1/a")
    assert sendit("run", source, tmp_path / "out").status == 0
    (home / "key").unlink()
    for arguments in (("run", source, tmp_path / "new"), ("status",), ("deidentify", source, tmp_path / "new2")):
        answer = sendit(*arguments)
        assert (answer.status, "[bad_key]" in answer.stderr) == (2, True), arguments
    assert not (home / "key").exists()


def test_a_home_that_cannot_be_made_is_a_usage_error(sendit: Sendit, home: Path, tmp_path: Path) -> None:
    source = a_study(tmp_path / "src", "ST-1/a")
    home.write_bytes(b"a file, no folder")
    answer = sendit("run", source, tmp_path / "out")
    assert (answer.status, "[home_unusable]" in answer.stderr or "[home_not_private]" in answer.stderr) == (2, True)


def test_what_was_done_before_a_failure_is_said(sendit: Sendit, home: Path, tmp_path: Path) -> None:
    source, out = a_study(tmp_path / "src", "ST-1/a", "ST-2/b"), tmp_path / "out"
    (source / "ST-2/big").write_bytes(objects.to_bytes(objects.ct(50, rows=1024, columns=1024)))
    limited = f'ulimit -f 1024; exec "{SENDIT}" run "{source}" "{out}" --workers 1'
    answer = subprocess.run(
        ["/bin/bash", "-c", limited], env=environment(home), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    rows = {line.split()[0]: line.split()[1] for line in answer.stdout.splitlines() if line.startswith("ST-")}
    assert rows == {"ST-1": "DONEPROCESSING", "ST-2": "PROCESSING"}
