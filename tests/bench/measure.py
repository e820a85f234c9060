"""Measures entries on a set: rounds of fresh processes, the median, and nothing that did not do all of its work."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.launch import TIMED_OUT
from tests.bench.peers import CACHE, HERE, ROOT, Missing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.entries import Entry
    from tests.bench.sets import Set

LONGEST = 300  # seconds of one round
_SMALLEST_IMAGE = 1000  # bytes; what a tool leaves beside the images is not counted as one


@dataclass(frozen=True, slots=True)
class Measured:
    """The median of the rounds."""

    seconds: float
    peak_mib: float
    spread: float
    """How far apart the slowest and the fastest round lie, of the median."""


def measured(
    entries: list[Entry], one: Set, work: Path, rounds: int, core: int, *, cpu: bool = False
) -> list[tuple[Entry, Measured | Missing]]:
    """Every entry's median on a set; in each round each entry has its turn, so that a busy minute hits them all.

    Seconds are those of the clock, or with `cpu` those of the processor.
    """
    seconds: list[list[float]] = [[] for _ in entries]
    peaks: list[list[float]] = [[] for _ in entries]
    missing = [entry.command if isinstance(entry.command, Missing) else None for entry in entries]
    for _ in range(rounds):
        for index, entry in enumerate(entries):
            if missing[index] is None:
                result = _round(entry, one, work, core)
                if isinstance(result, Missing):
                    missing[index] = result
                else:
                    seconds[index].append(result[1 if cpu else 0])
                    peaks[index].append(result[2])
    return [
        (entry, why or _median(spent, peak))
        for entry, why, spent, peak in zip(entries, missing, seconds, peaks, strict=True)
    ]


def _median(seconds: list[float], peaks: list[float]) -> Measured:
    middle = statistics.median(seconds)
    return Measured(middle, statistics.median(peaks), (max(seconds) - min(seconds)) / middle)


def _round(entry: Entry, one: Set, work: Path, core: int) -> tuple[float, float, float] | Missing:
    """Seconds of the clock and of the processor and peak MiB of one round, or why it does not count."""
    assert not isinstance(entry.command, Missing)
    out = work / "out"
    for leftover in work.glob("out*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    shutil.rmtree(work / "home", ignore_errors=True)
    if entry.prepare is not None:
        entry.prepare(one.folder, out)
    environ = {
        **os.environ,
        **entry.environment,
        "SENDIT_HOME": str(work / "home"),
        "SENDIT_LOG_LEVEL": "error",
        "MPLCONFIGDIR": str(CACHE / "matplotlib"),  # deid draws; where no home can be written it would do so slowly
        "PYTHONWARNINGS": "ignore",
    }
    result = work / "out.launch"
    command = entry.command(one.warm, one.folder, out)
    launcher = [sys.executable, "-I", "-S", str(HERE / "launch.py"), str(result), str(LONGEST)]
    launcher += [str(core if entry.cores == 1 else -1), str(work / "out.stdout"), str(work / "out.stderr"), "--"]
    subprocess.run([*launcher, *command], env=environ, check=True, cwd=ROOT)
    code, elapsed, spent, peak = result.read_text("ascii").split()
    if int(code) == TIMED_OUT:
        return Missing(f"more than {LONGEST} s")
    refused: dict[str, int] = {}
    if entry.warm and int(code) == 0:
        report = json.loads((work / "out.json").read_text("utf-8"))
        elapsed, spent, refused = report["seconds"], report["cpu"], report["refused"]
    if refused:
        return Missing(f"refused {sum(refused.values())} of {one.files} ({', '.join(sorted(refused))})")
    stored = sum(path.is_file() and path.stat().st_size >= _SMALLEST_IMAGE for path in out.rglob("*"))
    if int(code) or stored < one.files:
        lines = (work / "out.stderr").read_text("utf-8", "replace").strip().splitlines()
        said = f": {lines[-1][:60]}" if lines and not lines[-1].startswith("{") else ""  # not our own log
        return Missing(f"status {code}, {stored} of {one.files} stored{said}")
    return float(elapsed), float(spent), int(peak) / 1024
