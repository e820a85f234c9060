"""The crosswalk as docs/crosswalk.md says, through the command line."""

import io
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from tests.data import objects
from tests.data.canaries import CANARY_FOLDER, planted, search_tree
from tests.data.canary_search import Canary, find
from tests.laptop.conftest import Answer, Sendit, environment, images_in

from sendit.cli import main

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/crosswalk.md"
ON = {"SENDIT_CROSSWALK": "on"}
WHY = ("--reason", "ethics 12/26")


@pytest.fixture
def sendit(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sendit:
    """The command line in this process: there are many look-ups, and most of a process' time is its start."""
    for owner, hook in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(owner, hook, getattr(owner, hook))  # to be put back
    stopper = signal.getsignal(signal.SIGTERM)

    def start(*arguments: str | Path, **more: str) -> Answer:
        with monkeypatch.context() as typed, pytest.raises(SystemExit) as stop:
            for name, value in {"SENDIT_HOME": str(home), "SENDIT_WORKERS": "1", **more}.items():
                typed.setenv(name, value)
            typed.setattr(sys, "argv", ["sendit", *map(str, arguments)])
            main()
        signal.signal(signal.SIGTERM, stopper)
        return Answer(int(stop.value.code or 0), *capsys.readouterr())

    return start


def a_file(path: Path, number: int, patient: str, accession: str) -> Dataset:
    dataset = objects.ct(number)
    dataset.PatientID, dataset.AccessionNumber, dataset.IssuerOfPatientID = patient, accession, "HOSPITAL"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.826.{accession}", f"1.2.827.{accession}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(objects.to_bytes(dataset))
    return dataset


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    """Two batches of two patients; the second of them is in both."""
    for number, (batch, patient) in enumerate((("ST-1", 1), ("ST-1", 2), ("ST-2", 2)), 1):
        a_file(tmp_path / f"incoming/{batch}/{number}", number, f"PAT-{patient}", f"77{patient}")
    return tmp_path / "incoming"


def entries_in(home: Path) -> int:
    with closing(sqlite3.connect(home / "crosswalk.sqlite3")) as file:
        return int(file.execute("SELECT count(*) FROM entries").fetchone()[0])


def outputs(out: Path) -> list[Dataset]:
    return [dcmread(io.BytesIO(data)) for data in images_in(out).values()]


def as_typed(sendit: Sendit, line: str, folder: Path, **values: str) -> Answer:
    """What a reader of the document would type, in this folder, with their own values in the place of its examples."""
    words = shlex.split(line)
    given = dict(word.split("=", 1) for word in words if word.startswith("SENDIT_"))
    program, verb, *rest = words[len(given) :]
    assert program == "sendit"
    if verb in {"run", "deidentify"}:
        rest = [str(folder / word) if not word.startswith("-") else word for word in rest]
    return sendit(verb, *(values.get(word, word) for word in rest), **given)


def test_each_line_of_the_document_does_what_it_says(sendit: Sendit, incoming: Path) -> None:
    folder = incoming.parent
    (run, uid, patient, accession, audit, expiring) = [
        line
        for block in re.findall(r"```sh\n(.+?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
        for line in block.splitlines()
        if "sendit " in line
    ]
    answer = as_typed(sendit, run, folder)
    assert answer.status == 0, answer.stderr
    image = next(one for one in outputs(folder / "out") if one.AccessionNumber)
    examples = {
        "2.25.33": str(image.SOPInstanceUID),
        "P-RKHMX4XVT7HCLE6W": str(image.PatientID),
        "A-EOYWL4RKHLDPWZ": str(image.AccessionNumber),
    }
    for line in (uid, patient, accession):
        found = as_typed(sendit, line, folder, **examples)
        assert (found.status, "PAT-" in found.stdout) == (0, True), found.stderr
    told = as_typed(sendit, audit, folder)
    assert told.stdout.count(" yes ") == 3, told.stdout
    assert as_typed(sendit, expiring, folder).status == 0


def test_from_any_outputs_uid_patient_or_accession_the_originals_are_found(sendit: Sendit, incoming: Path) -> None:
    out = incoming.parent / "out"
    assert sendit("run", incoming, out, **ON).status == 0
    originals = {f"1.2.826.77{number}": (f"PAT-{number}", f"77{number}") for number in (1, 2)}
    one, *_ = outputs(out)
    (instance,) = sendit("reidentify", "--uid", one.SOPInstanceUID, *WHY, "--json").json
    assert instance["kind"] == "instance"
    assert originals[instance["study"]["original"]] == (
        instance["patient"]["original"], instance["accession"]["original"],
    )  # fmt: skip
    assert instance["patient"]["issuer"] == "HOSPITAL"
    assert instance["series"]["original"] == instance["study"]["original"].replace("826", "827")
    for question, kind, original in (
        (("--uid", one.StudyInstanceUID), "study", instance["study"]["original"]),
        (("--uid", one.SeriesInstanceUID), "series", instance["series"]["original"]),
        (("--patient", one.PatientID), "patient", instance["patient"]["original"]),
        (("--accession", one.AccessionNumber), "accession", instance["accession"]["original"]),
    ):
        (found,) = sendit("reidentify", *question, *WHY, "--json").json
        assert (found["kind"], found["original"]) == (kind, original)
        assert len(found["batches"]) == (2 if original.endswith("2") else 1)
    assert all(question not in sendit("status", "--json").stdout for question in ("PAT-1", "PAT-2"))


def test_files_to_files_keep_it_too(sendit: Sendit, incoming: Path) -> None:
    out = incoming.parent / "files"
    assert sendit("deidentify", incoming, out, **ON).status == 0
    for image in outputs(out):
        assert len(sendit("reidentify", "--uid", image.SOPInstanceUID, *WHY, "--json").json) == 1


def test_a_pseudonym_of_a_table_leads_back_too(sendit: Sendit, incoming: Path) -> None:
    table = incoming.parent / "patients.csv"
    table.write_text("id,pseudonym,issuer,shift\nPAT-1,SUBJ-001,*,17\nPAT-2,SUBJ-002,*,-3\n")
    more = {"SENDIT_IDENTIFIERS": "mapping", "SENDIT_MAPPING": str(table), **ON}
    assert sendit("run", incoming, incoming.parent / "out", **more).status == 0
    (found,) = sendit("reidentify", "--patient", "SUBJ-001", *WHY, "--json").json
    assert (found["original"], found["shift_days"]) == ("PAT-1", 17)
    assert "3 days later" in sendit("reidentify", "--patient", "SUBJ-002", *WHY).stdout


def test_off_nothing_is_written_and_a_look_up_writes_nothing(sendit: Sendit, incoming: Path, home: Path) -> None:
    out = incoming.parent / "out"
    assert sendit("run", incoming, out).status == 0
    assert sendit("deidentify", incoming, incoming.parent / "files").status == 0
    asked = sendit("reidentify", "--uid", outputs(out)[0].SOPInstanceUID, *WHY)
    assert (asked.status, "[no_crosswalk]" in asked.stderr) == (2, True), asked.stderr
    assert [path for path in home.rglob("*") if "crosswalk" in path.name] == []


def test_what_is_not_there_or_has_expired_is_not_found(sendit: Sendit, incoming: Path, home: Path) -> None:
    out = incoming.parent / "out"
    assert sendit("run", incoming, out, SENDIT_CROSSWALK="on", SENDIT_CROSSWALK_DAYS="1").status == 0
    with closing(sqlite3.connect(home / "crosswalk.sqlite3")) as file, file:
        for (trigger,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f"DROP TRIGGER {trigger}")
        file.execute("UPDATE entries SET expires_at = 0")  # long ago
    for asked in (outputs(out)[0].SOPInstanceUID, "2.25.1"):
        answer = sendit("reidentify", "--uid", asked, *WHY)
        assert (answer.status, answer.stdout, "[not_in_crosswalk]" in answer.stderr) == (1, "", True), answer.stderr
    assert entries_in(home) == 0
    assert [row["found"] for row in sendit("reidentify", "--audit", "--json").json] == [False, False]


@pytest.mark.parametrize(
    "words",
    [
        ("--uid", "2.25.1"),
        ("--uid", "2.25.1", "--patient", "P", *WHY),
        WHY,
        ("--audit", *WHY),
        ("--uid", "CANARY", *WHY),
        (),
    ],
)
def test_a_wrong_question_is_told_what_is_wrong_and_nothing_is_made(
    sendit: Sendit, home: Path, words: tuple[str, ...]
) -> None:
    answer = sendit("reidentify", *words)
    assert (answer.status, answer.stdout) == (2, "")
    assert ("[bad_setting]" in answer.stderr, "CANARY" in answer.stderr) == (True, False)
    assert not home.exists()


def test_without_its_record_no_look_up_is_answered(sendit: Sendit, incoming: Path, home: Path) -> None:
    out = incoming.parent / "out"
    assert sendit("run", incoming, out, **ON).status == 0
    with closing(sqlite3.connect(home / "crosswalk.sqlite3", isolation_level=None)) as file:
        file.execute("CREATE TRIGGER full BEFORE INSERT ON lookups BEGIN SELECT RAISE(ABORT, 'no'); END")
    answer = sendit("reidentify", "--uid", outputs(out)[0].SOPInstanceUID, *WHY)
    assert (answer.status, answer.stdout, "[crosswalk_unavailable]" in answer.stderr) == (1, "", True), answer.stderr


def test_a_key_that_is_gone_open_or_another_one(sendit: Sendit, incoming: Path, home: Path) -> None:
    out, key = incoming.parent / "out", home / "crosswalk.key"
    assert sendit("run", incoming, out, **ON).status == 0
    asked = ("reidentify", "--uid", outputs(out)[0].SOPInstanceUID, *WHY)
    assert key.read_text() != (home / "key").read_text()
    key.chmod(0o640)
    assert "chmod 600" in sendit(*asked).stderr
    key.chmod(0o600)
    key.write_text("5e" * 32)
    answer = sendit(*asked)
    assert (answer.status, "[not_in_crosswalk]" in answer.stderr) == (1, True)
    key.unlink()
    for answer in (sendit(*asked), sendit("run", incoming, incoming.parent / "out2", **ON)):
        assert (answer.status, "[bad_crosswalk_key]" in answer.stderr) == (2, True), answer.stderr
    assert not key.exists()
    assert len(sendit("reidentify", "--audit", "--json").json) == 1  # whoever asks who asked needs no key


def test_a_crosswalk_that_cannot_be_opened_stops_the_run_before_anything_is_stored(
    sendit: Sendit, incoming: Path, home: Path
) -> None:
    out = incoming.parent / "out"
    assert sendit("run", incoming, incoming.parent / "first", **ON).status == 0
    (home / "crosswalk.sqlite3").write_bytes(b"no database" * 1000)
    answer = sendit("run", incoming, out, **ON)
    assert (answer.status, "[crosswalk_unavailable]" in answer.stderr) == (1, True), answer.stderr
    assert images_in(out) == {}


@pytest.mark.parametrize(
    "dies_in", ["sqlite_crosswalk:SqliteCrosswalk.keep", "sqlite_status:SqliteStatusStore.save_outcomes"]
)
def test_killed_between_storing_and_recording_the_next_run_leaves_no_gap_and_no_second_entry(
    sendit: Sendit, incoming: Path, home: Path, dies_in: str
) -> None:
    out = incoming.parent / "out"
    module, _, place = dies_in.partition(":")
    owner, method = place.split(".")
    program = (
        "import os, sys, sendit.cli\n"
        f"from sendit.adapters.{module} import {owner}\n"
        f"{owner}.{method} = lambda *_, **__: os.kill(os.getpid(), 9)\n"
        f"sys.argv = ['sendit', 'run', {str(incoming)!r}, {str(out)!r}, '--workers', '1']\n"
        "sendit.cli.main()\n"
    )
    died = subprocess.run(
        [sys.executable, "-c", program], env=environment(home, **ON), capture_output=True, check=False
    )
    assert died.returncode == -signal.SIGKILL
    assert len(images_in(out)) == 2  # all of the first batch
    assert sendit("run", incoming, out, **ON).status == 0
    # an instance each; a patient, an accession, a study and a series for each patient of a batch
    assert entries_in(home) == 3 + 4 * 3
    for image in outputs(out):
        assert sendit("reidentify", "--uid", image.SOPInstanceUID, *WHY).status == 0


def test_neither_the_file_nor_a_log_nor_the_state_holds_what_was_planted(
    sendit: Sendit, home: Path, tmp_path: Path
) -> None:
    canaries: dict[str, Canary] = {}
    batch = tmp_path / "src" / CANARY_FOLDER.value
    batch.mkdir(parents=True)
    for number, kind in enumerate(("ct", "mr", "rtplan")):
        dataset, values = planted(kind)
        canaries |= {canary.value: canary for canary in values}
        dataset.SOPInstanceUID += ".1" * number
        (batch / f"{kind}.dcm").write_bytes(objects.to_bytes(dataset))
    everything = tuple(canaries.values())
    # the write-ahead log is looked at while it is there: a copy is made at the moment of writing
    program = (
        "import shutil, sys, sendit.cli\n"
        "from sendit.adapters.sqlite_crosswalk import SqliteCrosswalk\n"
        "keep = SqliteCrosswalk.keep\n"
        "def keeping(self, sealed):\n"
        "    keep(self, sealed)\n"
        f"    shutil.copy({str(home)!r} + '/crosswalk.sqlite3-wal', {str(home)!r} + '/copy')\n"
        "SqliteCrosswalk.keep = keeping\n"
        f"sys.argv = ['sendit', 'run', {str(batch.parent)!r}, {str(tmp_path / 'out')!r}, '--workers', '1']\n"
        "sendit.cli.main()\n"
    )
    more = {**ON, "SENDIT_LOG_FORMAT": "json", "SENDIT_LOG_LEVEL": "debug"}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment(home, **more), capture_output=True, check=False
    )
    assert len(images_in(tmp_path / "out")) == 3, ran.stderr
    assert (home / "copy").stat().st_size > 5000
    image = outputs(tmp_path / "out")[0]
    answer = sendit("reidentify", "--uid", image.SOPInstanceUID, *WHY, SENDIT_LOG_LEVEL="debug")
    assert len(find(everything, answer.stdout.encode())) >= 4  # it is the one place that says who it is
    assert find(everything, answer.stderr.encode() + ran.stderr) == []
    assert search_tree(home, everything) == []
    secret = (home / "crosswalk.key").read_text().strip()
    needles = (secret.encode(), bytes.fromhex(secret))
    others = [path.read_bytes() for path in home.rglob("*") if path.is_file() and path.name != "crosswalk.key"]
    assert not any(needle in data for needle in needles for data in others)
