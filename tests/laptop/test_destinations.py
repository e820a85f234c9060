"""`sendit run --to` and `sendit send`: on to other places, through the installed program."""

import re
import shlex
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from tests.data import objects
from tests.laptop.conftest import SENDIT, Sendit, environment, images_in

DOWN = "dicomweb+http://user:CANARY@127.0.0.1:9/dicom-web"  # the port of discard, where nobody listens
SAID = "dicomweb+http://127.0.0.1:9/dicom-web"


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for number in range(1, 4):
        path = tmp_path / f"src/ST-1/{number}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(objects.to_bytes(objects.ct(number)))
    return tmp_path / "src"


def test_one_place_that_is_down_keeps_no_other_back_and_is_said(sendit: Sendit, source: Path, tmp_path: Path) -> None:
    out, there, archives = tmp_path / "out", tmp_path / "there", tmp_path / "archives"
    to = ("--to", there, "--to", f"archive+{archives}#collection=LUNG", "--to", DOWN)
    answer = sendit("run", "--workers", "1", source, out, *to)
    assert answer.status == 1, answer.stderr
    assert images_in(there) == images_in(out)
    assert len(list(archives.rglob("*.tar.gz"))) == 1
    (batch,) = sendit("status", "--json").json
    assert [one["status"] for one in batch["deliveries"]] == ["DONE", "DONE", "WAITING"]
    assert (batch["status"], batch["deliveries"][2]["destination"]) == ("DONEPROCESSING", SAID)
    (trouble,) = sendit("errors", "--json").json
    assert (trouble["what"], SAID in trouble["why"]) == ("destination_unavailable", True)
    before = {path: path.stat().st_mtime_ns for folder in (there, archives) for path in files_in(folder)}
    again = sendit("run", "--workers", "1", source, out, "--to", there, "--json")
    assert again.status == 1  # it waits for the third still
    assert {path: path.stat().st_mtime_ns for folder in (there, archives) for path in files_in(folder)} == before
    assert "CANARY" not in answer.stdout + answer.stderr + again.stdout + again.stderr + repr(batch) + repr(trouble)
    assert not [path for path in files_in(tmp_path / "home") if b"CANARY" in path.read_bytes()]


def test_a_run_that_waits_for_a_silent_server_ends_when_it_is_interrupted(
    source: Path, home: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        to = f"dicomweb+http://127.0.0.1:{listener.getsockname()[1]}/dicom-web"
        command = [str(SENDIT), "run", "--workers", "1", str(source), str(tmp_path / "out"), "--to", to]
        with subprocess.Popen(command, env=environment(home), stderr=subprocess.PIPE, text=True) as run:
            connection, _ = listener.accept()
            with connection:
                run.send_signal(signal.SIGINT)
                said = run.communicate(timeout=60)[1]
    assert (run.returncode, "Interrupted." in said) == (130, True), said


def test_what_is_there_otherwise_is_a_conflict_and_stays(sendit: Sendit, source: Path, tmp_path: Path) -> None:
    out, there = tmp_path / "out", tmp_path / "there"
    assert sendit("run", "--workers", "1", source, out).status == 0
    name = next(iter(images_in(out)))
    (there / name).parent.mkdir(parents=True)
    (there / name).write_bytes(b"another's")
    answer = sendit("send", "ST-1", "--to", there, "--json")
    assert answer.status == 1
    (delivery,) = answer.json
    assert (delivery["state"], delivery["sent"], delivery["refused"], delivery["code"]) == ("ERROR", 2, 1, "conflict")
    assert (there / name).read_bytes() == b"another's"
    (trouble,) = sendit("errors", "--json").json
    assert (trouble["what"], bool(trouble["image"])) == ("conflict", True)
    assert sendit("run", "--workers", "1", source, out).status == 1
    (there / name).unlink()
    answer = sendit("send", "ST-1", "--to", there)
    assert answer.status == 0, answer.stderr
    assert images_in(there) == images_in(out)
    (batch,) = sendit("status", "--json").json
    assert (batch["status"], batch["has_error"]) == ("DONE", False)


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("FOLDER/src/inside", "folders_overlap"),
        ("FOLDER/out/inside", "folders_overlap"),
        ("FOLDER/home/inside", "folders_overlap"),
        ("FOLDER/there#layout={canary}", "bad_setting"),
        ("archive+FOLDER/there", "bad_setting"),  # below which study?
        ("https://user:canary@host/", "bad_setting"),
    ],
)
def test_a_place_that_cannot_be_one_is_refused_before_anything_is_done(
    sendit: Sendit, source: Path, tmp_path: Path, to: str, code: str
) -> None:
    answer = sendit("run", "--workers", "1", source, tmp_path / "out", "--to", to.replace("FOLDER", str(tmp_path)))
    assert (answer.status, f"[{code}]" in answer.stderr) == (2, True), answer.stderr
    assert "canary@" not in answer.stderr
    assert not (tmp_path / "out").exists()


def test_identified_images_go_only_where_they_may(sendit: Sendit, source: Path, tmp_path: Path) -> None:
    out, there = tmp_path / "out", tmp_path / "there"
    allowed = {"SENDIT_DEIDENTIFY": "false", "SENDIT_IDENTIFIED_DESTINATIONS": str(out)}
    answer = sendit("run", "--workers", "1", source, out, "--to", there, **allowed)
    assert (answer.status, "[identified_not_allowed]" in answer.stderr) == (2, True)
    allowed["SENDIT_IDENTIFIED_DESTINATIONS"] += f",{there}"
    assert sendit("run", "--workers", "1", source, out, "--to", there, **allowed).status == 0
    assert images_in(there) == images_in(out)


def test_sending_asks_for_a_place_and_a_batch_that_can_be_sent(sendit: Sendit, source: Path, tmp_path: Path) -> None:
    (source / "ST-2").mkdir()
    (source / "ST-2/1.dcm").write_bytes(b"no image")
    assert sendit("run", "--workers", "1", source, tmp_path / "out").status == 3
    assert "[not_configured]" in sendit("send", "ST-1").stderr
    assert "[nothing_to_send]" in sendit("send", "ST-2", "--to", tmp_path / "there").stderr
    assert sendit("send", "ST-1", SENDIT_DESTINATIONS=str(tmp_path / "there")).status == 0


def test_the_commands_that_the_document_shows_do_what_it_says(
    sendit: Sendit, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.rename(tmp_path / "incoming")
    (tmp_path / "incoming/ST-1").rename(tmp_path / "incoming/ST-000001")
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).resolve().parents[2] / "docs/destinations.md").read_text("utf-8")
    commands = [line for block in re.findall(r"```sh\n(.+?)```", text, re.DOTALL) for line in block.splitlines()]
    assert len(commands) == 3
    for command in commands:
        before, _, arguments = command.partition("sendit ")
        given = dict(one.split("=", 1) for one in before.split())
        answer = sendit(*shlex.split(arguments), SENDIT_WORKERS="1", **given)
        assert answer.status == 0, (command, answer.stderr)
    images = images_in(tmp_path / "deidentified")
    assert images_in(tmp_path / "results") == images_in(tmp_path / "later") == images
    (tmp_path / "later" / next(iter(images))).unlink()
    assert sendit("send", "ST-000001", "--to", "later").status == 0  # what was lost there since is sent again
    assert images_in(tmp_path / "later") == images
    assert len(list((tmp_path / "archives").rglob("*.tar.gz"))) == 1
