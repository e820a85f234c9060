"""Measures sendit beside its peers in one run, on generated images: `make bench`.

Images per second and megabytes per second, the median of several rounds on warm files, each with the peak
memory of its process. Peers: `cp`, and pydicom reading and writing each file without changing anything.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.data import objects

SENDIT = Path(sys.executable).with_name("sendit")
READ_AND_SAVE = """
import sys, pathlib, pydicom
source, out = map(pathlib.Path, sys.argv[1:])
out.mkdir()
for path in sorted(source.rglob("*.dcm")):
    pydicom.dcmread(path).save_as(out / path.name)
"""


@dataclass(frozen=True)
class Set:
    """Generated input: `images` files of one kind."""

    name: str
    folder: Path
    images: int
    megabytes: float


@dataclass(frozen=True)
class Measured:
    """The median round of one program on one set."""

    seconds: float
    peak_mib: float


def main() -> None:
    """Print one table a set."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--images", type=int, default=200, help="CT images of 0.5 MB")
    options.add_argument("--frames", type=int, default=400, help="frames of the multi-frame image")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    shared_memory = Path("/dev/shm")  # noqa: S108  a memory file system, so that no disk is measured
    with tempfile.TemporaryDirectory(dir=shared_memory if shared_memory.is_dir() else None) as name:
        work = Path(name)
        # in a process of its own: the peak of a child that is started from a large process is that process's
        with ProcessPoolExecutor(1) as maker:
            sets = [
                maker.submit(_ct_set, work, given.images).result(),
                maker.submit(_multi_frame_set, work, given.frames).result(),
            ]
        say(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}")
        for one in sets:
            say(f"\n{one.name}: {one.images} files, {one.megabytes:.0f} MB, median of {given.rounds} rounds\n")
            say("| program | img/s | MB/s | peak MiB |")
            say("| --- | ---: | ---: | ---: |")
            for label, command in _programs(one, work).items():
                best = _measure(command, work, given.rounds)
                rates = f"{one.images / best.seconds:.1f} | {one.megabytes / best.seconds:.0f}"
                say(f"| {label} | {rates} | {best.peak_mib:.0f} |")


def say(line: str) -> None:
    """One line of the result, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _ct_set(work: Path, images: int) -> Set:
    folder = work / "ct" / "ST-1"
    folder.mkdir(parents=True)
    for number in range(1, images + 1):
        (folder / f"{number}.dcm").write_bytes(objects.to_bytes(objects.ct(number, rows=512, columns=512)))
    return Set("CT, 512 × 512, 0.5 MB each", folder.parent, images, _megabytes(folder))


def _multi_frame_set(work: Path, frames: int) -> Set:
    folder = work / "multi" / "ST-1"
    folder.mkdir(parents=True)
    (folder / "1.dcm").write_bytes(objects.to_bytes(objects.multiframe(frames, 512, 512)))
    return Set(f"one multi-frame of {frames} frames", folder.parent, 1, _megabytes(folder))


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


def _programs(one: Set, work: Path) -> dict[str, Callable[[], list[str]]]:
    source, out = str(one.folder), str(work / "out")
    sendit = str(SENDIT)
    return {
        "cp -r": lambda: ["cp", "-r", source, out],
        "pydicom read + save": lambda: [sys.executable, "-c", READ_AND_SAVE, source, out],
        "sendit deidentify, 1 worker": lambda: [sendit, "deidentify", source, out, "--workers", "1"],
        "sendit run, 1 worker": lambda: [sendit, "run", source, out, "--workers", "1"],
        "sendit run, 2 workers": lambda: [sendit, "run", source, out, "--workers", "2"],
    }


def _measure(command: Callable[[], list[str]], work: Path, rounds: int) -> Measured:
    """The median of the rounds after one that only warms up; start of the process included."""
    seconds, peaks = [], []
    for _ in range(rounds + 1):
        for leftover in ("out", "home"):
            shutil.rmtree(work / leftover, ignore_errors=True)
        environ = {**os.environ, "SENDIT_HOME": str(work / "home"), "SENDIT_LOG_LEVEL": "error"}
        started = time.perf_counter()
        with subprocess.Popen(command(), env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{command()[0]} ended with {process.returncode}")
        seconds.append(time.perf_counter() - started)
        peaks.append(usage.ru_maxrss / 1024)
    return Measured(statistics.median(seconds[1:]), statistics.median(peaks[1:]))


if __name__ == "__main__":
    main()
