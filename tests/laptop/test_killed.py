"""Killed at any moment and started again: every image once, nothing left behind."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.data import objects
from tests.laptop.conftest import SENDIT, Sendit, environment, images_in, leftovers_in

IMAGES = 1000
KILLS = 10
SEED = 20261120


def stored_in(out: Path) -> int:
    """How many images there are while a run is at work; a folder may go while it is looked at."""
    return sum(name.endswith(".dcm") for _, _, names in os.walk(out) for name in names)


def a_batch(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    template = objects.ct(1, rows=16, columns=16)
    for number in range(count):
        template.SOPInstanceUID = f"1.2.826.0.1.{number + 1}"
        (folder / f"{number:05d}.dcm").write_bytes(objects.to_bytes(template))


def assert_alone(session: int) -> None:
    """Every process of a run that ended ends within seconds."""
    deadline = time.monotonic() + 10
    while True:
        alive = subprocess.run(["ps", "-o", "args=", "-s", str(session)], capture_output=True, text=True, check=False)
        if not alive.stdout.split():
            return
        assert time.monotonic() < deadline, alive.stdout
        time.sleep(0.1)


@pytest.mark.timeout(900)
def test_killed_ten_times_every_image_is_stored_once_and_no_temporary_file_is_left(
    sendit: Sendit, home: Path, tmp_path: Path
) -> None:
    source, out = tmp_path / "src", tmp_path / "out"
    a_batch(source / "ST-1", IMAGES)
    chance = random.Random(SEED)  # noqa: S311  no secret
    command = [str(SENDIT), "run", str(source), str(out)]
    stored_at_kill: list[int] = []
    for kill in range(KILLS):
        with subprocess.Popen(
            command, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            # each time a little further into the work, at a random point of it
            target = len(stored_at_kill) and stored_at_kill[-1]
            goal = target + chance.randrange(1, IMAGES // (KILLS + 2))
            while run.poll() is None and stored_in(out) < goal:
                time.sleep(0.005)
            assert run.poll() is None, f"finished before kill {kill}"
            run.send_signal(signal.SIGKILL)
        stored_at_kill.append(stored_in(out))
    sys.stdout.write(f"seed {SEED}, images stored at each kill: {stored_at_kill}\n")
    last = sendit("run", source, out, "--json")
    assert last.status == 0, last.stderr
    (batch,) = last.json["batches"]
    assert (batch["found"], batch["stored"], batch["duplicates"]) == (IMAGES, IMAGES, 0)
    images = images_in(out)
    assert len(images) == IMAGES
    assert leftovers_in(out) == []
    assert not (out / ".sendit-tmp").exists()
    assert [path for path in home.rglob("*.part")] == []
    (record,) = sendit("status", "--json").json
    assert record["attempt"] == KILLS + 1
    uninterrupted = sendit("run", source, tmp_path / "whole", "--json")
    assert uninterrupted.json["batches"][0]["stored"] == IMAGES
    assert images_in(tmp_path / "whole") == images


@pytest.mark.parametrize("at", [1, 2, 3])
def test_killed_while_it_sets_itself_up_it_leaves_no_half_written_file(
    sendit: Sendit, home: Path, tmp_path: Path, at: int
) -> None:
    # each of the private files is linked into its place: the key, what the state is about, the manifest
    source, out = tmp_path / "src", tmp_path / "out"
    a_batch(source / "ST-1", 3)
    program = (
        "import os, sys, sendit.cli, sendit.files as files\n"
        "link, count = os.link, [0]\n"
        "def dying(*names, **more):\n"
        "    count[0] += 1\n"
        f"    if count[0] == {at}: os.kill(os.getpid(), 9)\n"
        "    return link(*names, **more)\n"
        "os.link = dying\n"
        f"sys.argv = ['sendit', 'run', {str(source)!r}, {str(out)!r}, '--workers', '1']\n"
        "sendit.cli.main()\n"
    )
    died = subprocess.run([sys.executable, "-c", program], env=environment(home), capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL
    assert len(list(home.rglob("*.part"))) == 1
    assert sendit("run", source, out).status == 0
    assert list(home.rglob("*.part")) == []
    assert len(images_in(out)) == 3


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_politely_it_says_how_to_go_on_and_leaves_no_process(
    sendit: Sendit, home: Path, tmp_path: Path, how: signal.Signals
) -> None:
    source, out = tmp_path / "src", tmp_path / "out"
    a_batch(source / "ST-1", 600)
    command = [str(SENDIT), "run", str(source), str(out), "--workers", "2"]
    with subprocess.Popen(
        command,
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        while stored_in(out) < 20:
            assert run.poll() is None
            time.sleep(0.005)
        run.send_signal(how)
        _, complaint = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "run the same command to go on" in complaint
    assert "Traceback" not in complaint
    assert_alone(run.pid)
    assert leftovers_in(out) == []
    assert sendit("run", source, out).status == 0
    assert len(images_in(out)) == 600


def test_workers_end_with_the_run_that_was_killed(home: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "src", tmp_path / "out"
    a_batch(source / "ST-1", 600)
    command = [str(SENDIT), "run", str(source), str(out), "--workers", "2"]
    with subprocess.Popen(
        command, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as run:
        while stored_in(out) < 20:
            assert run.poll() is None
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
    assert_alone(run.pid)
