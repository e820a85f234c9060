"""Measures sendit beside its peers in one run, on generated images: `make bench`; docs/bench.md says how.

One table a set, then how sendit grows with sizes, elements and workers, then the ratios. Everything is Markdown.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from tests.bench import entries, peers, sets
from tests.bench.entries import Entry, Kind
from tests.bench.measure import Measured, measured
from tests.bench.peers import ROOT, Missing
from tests.bench.sets import Set

SETS = {"series": (200, 40, 0, 0), "patients": (200, 40, 0, 0), "mr": (100, 20, 0, 0), "frames": (1, 1, 400, 60)}
"""Files and, for frames, their number: in full and with --quick."""
SIZES = (100, 500, 2_000, 8_000, 64_000)  # kB
ELEMENTS = (100, 1_000, 10_000, 100_000)
SCALES = ("size", "elements", "workers", "screening", "blanking", "text")
CLIPS = (("ultrasound", 1), ("ultrasound", 60), ("ultrasound", 240), ("ultrasound-rle", 60))
"""Sets and frames."""
Rows = list[tuple[Entry, Measured | Missing]]


class Bench:
    """What one run has been asked for, and where its lines go."""

    def __init__(self, given: argparse.Namespace, work: Path, markdown: TextIO | None) -> None:
        self.quick: bool = given.quick
        self.rounds: int = given.rounds or (2 if given.quick else 5)
        self.core: int = given.core
        self.cpu: bool = given.cpu
        self.tools: list[str] = given.tools or [""]
        self.only: list[str] = given.only or [*SETS, *SCALES]
        self.work = work
        self.markdown = markdown

    def say(self, line: str = "") -> None:
        """One line of the result, at once."""
        for stream in (sys.stdout, self.markdown):
            if stream is not None:
                stream.write(f"{line}\n")
                stream.flush()

    def measured(self, lines: list[Entry], one: Set, *, every: bool = False) -> Rows:
        """`every` line, or those asked for and sendit's own, with which they are compared."""
        tools = [entries.LIBRARY, *self.tools]
        wanted = [line for line in lines if every or any(tool in line.label for tool in tools)]
        return measured(wanted, one, self.work, self.rounds, self.core, cpu=self.cpu)

    def made(self, kind: str, files: int, size: int = 0) -> Set:
        """A new set in the place of the last one."""
        folder = self.work / "set"
        shutil.rmtree(folder, ignore_errors=True)
        return sets.made(kind, folder, files, size)


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer files and rounds: whether it works, not how fast")
    options.add_argument("--only", action="append", choices=[*SETS, *SCALES], help="these tables alone")
    options.add_argument("--tools", action="append", help="the lines whose label has this in it, and sendit's")
    options.add_argument("--rounds", type=int, default=0, help="5, or 2 with --quick")
    options.add_argument("--core", type=int, default=_first_core(), help="the one core; -1 leaves it to the system")
    options.add_argument("--cpu", action="store_true", help="seconds of the processor: for a machine that others use")
    options.add_argument("--markdown", type=Path, help="write the result to this file, too")
    given = options.parse_args()
    memory = Path("/dev/shm")  # noqa: S108  a memory file system, so that no disk is measured
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="sendit-bench-") as name:
        markdown = given.markdown.open("w", encoding="utf-8") if given.markdown else None
        bench = Bench(given, Path(name), markdown)
        _head(bench, memory)
        found = {kind: _table(bench, kind) for kind in SETS if kind in bench.only}
        if "size" in bench.only:
            _sizes(bench)
        if "elements" in bench.only:
            _elements(bench)
        if "workers" in bench.only:
            _workers(bench)
        if "screening" in bench.only:
            _screening(bench)
        if "blanking" in bench.only:
            _blanking(bench)
        if "text" in bench.only:
            _text(bench)
        _ratios(bench, found)
        if markdown is not None:
            markdown.close()


def _first_core() -> int:
    return min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else -1


def _head(bench: Bench, memory: Path) -> None:
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False).stdout
    say = bench.say
    version = (commit.stdout.strip() or "no commit") + (" and changes" if changed else "")
    say(f"{datetime.now(UTC):%Y-%m-%d}, sendit at {version}, Python {platform.python_version()}, {platform.system()}.")
    where = f"core {bench.core} alone" if bench.core >= 0 else "any core (this system pins none)"
    place = "a memory file system" if memory.is_dir() else "the temporary folder, on whatever that is"
    say(f"{peers.machine()}, {os.cpu_count()} processors; {where} unless two workers are named; files in {place};")
    notes = ["; seconds of the PROCESSOR"] * bench.cpu + ["; QUICK: not for comparing"] * bench.quick
    say(f"median of {bench.rounds} rounds, each a fresh process{''.join(notes)}.")


def _table(bench: Bench, kind: str) -> Rows:
    files, quick, size, quick_size = SETS[kind]
    one = bench.made(kind, quick if bench.quick else files, quick_size if bench.quick else size)
    rows = bench.measured([*entries.libraries(), *entries.programs(bench.work)], one)
    bench.say(f"\n### {one.title}")
    bench.say(f"\n{one.files} files, {one.megabytes:.0f} MB, {one.elements} elements in the first\n")
    base = next((row for entry, row in rows if entry.label == entries.LIBRARY), None)
    for warm, title in ((True, "called file by file, warm"), (False, "the whole program, from the shell")):
        bench.say(f"| {title} | img/s | MB/s | peak MiB | of sendit |")
        bench.say("| --- | ---: | ---: | ---: | ---: |")
        for entry, row in rows:
            if entry.warm is warm:
                bench.say(f"| {entry.label} | {_cells(row, base, one)} |")
        bench.say()
    spreads = sorted((row.spread, entry.label) for entry, row in rows if isinstance(row, Measured))
    if spreads and bench.rounds > 1:
        middle, (most, label) = spreads[len(spreads) // 2][0], spreads[-1]
        bench.say(f"From the fastest to the slowest round: {middle:.0%} in the middle, {most:.0%} at most ({label}).")
    return rows


def _cells(row: Measured | Missing, base: Measured | Missing | None, one: Set) -> str:
    if isinstance(row, Missing):
        return f"{row.reason.replace('|', '/')} | – | – | –"
    ratio = f"{base.seconds / row.seconds:.2f}" if isinstance(base, Measured) else "–"
    return f"{one.files / row.seconds:,.1f} | {one.megabytes / row.seconds:,.0f} | {row.peak_mib:.0f} | {ratio}"


def _sizes(bench: Bench) -> None:
    bench.say("\n### Sizes\n\n| a CT of | sendit, ms | MB/s | peak MiB | open, read, write: ms |\n|" + " ---: |" * 5)
    for size in SIZES[:4] if bench.quick else SIZES:
        one = bench.made("size", max(2, min(100, (20_000 if bench.quick else 128_000) // size)), size)
        rows = bench.measured([entries.sendit_library(), entries.python_copy()], one, every=True)
        cells = [_ms(row, one.files) for _, row in rows]
        rate = f"{one.megabytes / rows[0][1].seconds:,.0f}" if isinstance(rows[0][1], Measured) else "–"
        bench.say(f"| {one.megabytes / one.files:.1f} MB | {cells[0]} | {rate} | {_peak(rows[0][1])} | {cells[1]} |")


def _elements(bench: Bench) -> None:
    bench.say("\n### Elements\n\n| a CT of | sendit, ms | µs an element | peak MiB | pydicom, ms |\n|" + " ---: |" * 5)
    for elements in ELEMENTS[:3] if bench.quick else ELEMENTS:
        one = bench.made("elements", max(1, min(50, 20_000 // elements)), elements)
        rows = bench.measured([entries.sendit_library(), entries.pydicom_reading()], one, every=True)
        cells = [_ms(row, one.files) for _, row in rows]
        first = rows[0][1]
        each = f"{1e6 * first.seconds / one.files / one.elements:.2f}" if isinstance(first, Measured) else "–"
        bench.say(f"| {one.elements:,} elements | {cells[0]} | {each} | {_peak(first)} | {cells[1]} |")


def _workers(bench: Bench) -> None:
    one = bench.made("series", 100 if bench.quick else 1000)
    bench.say(f"\n### Workers\n\n{one.title}, {one.megabytes:.0f} MB, two cores\n")
    bench.say("| program | img/s | MB/s | peak MiB | of 1 worker |")
    bench.say("| --- | ---: | ---: | ---: | ---: |")
    for verb in ("deidentify", "run"):
        lines = [entries.sendit_program(verb, workers, cores=2) for workers in (1, 2)]
        rows = bench.measured(lines, one, every=True)
        for entry, row in rows:
            bench.say(f"| {entry.label} | {_cells(row, rows[0][1], one)} |")


def _screening(bench: Bench) -> None:
    one = bench.made("series", 40 if bench.quick else 200)
    pinned = ["taskset", "-c", str(bench.core)] if bench.core >= 0 and shutil.which("taskset") else []
    command = [*pinned, sys.executable, "-m", "tests.bench.screening", str(one.folder)]
    spent = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout)
    bench.say(f"\n### Screening\n\n{one.title}; median µs an image\n")
    bench.say("| reading the header | deciding by the shipped rules | de-identifying | deciding, of that |")
    bench.say("| ---: | ---: | ---: | ---: |")
    share = spent["decide"] / spent["deidentify"]
    bench.say(f"| {spent['inspect']:,.0f} | {spent['decide']:,.1f} | {spent['deidentify']:,.0f} | {share:.1%} |")


def _blanking(bench: Bench) -> None:
    bench.say("\n### Blanking\n\nA banner of 1024 × 80 made black in every frame; called file by file, warm")
    for kind, frames in CLIPS[:2] if bench.quick else CLIPS:
        one = bench.made(kind, 20 if frames == 1 else 1, frames)
        bench.say(f"\n| {one.title} | ms a frame | peak MiB |\n| --- | ---: | ---: |")
        for entry, row in bench.measured(entries.blanking(), one, every=True):
            bench.say(f"| {entry.label} | {_ms(row, one.files * frames)} | {_peak(row)} |")


def _text(bench: Bench) -> None:
    command = [sys.executable, "-m", "tests.bench.text"]
    spent = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT).stdout)
    bench.say("\n### Looking for text\n\nUltrasounds of 1024 × 768, 8 bits, native\n")
    bench.say("| processes | s of a processor an image | img/s |\n| ---: | ---: | ---: |")
    for workers in (1, 2):
        bench.say(f"| {workers} | {spent[f'cpu_{workers}']:.2f} | {spent[f'rate_{workers}']:.2f} |")


def _ms(row: Measured | Missing, files: int) -> str:
    return f"{1000 * row.seconds / files:,.2f}" if isinstance(row, Measured) else row.reason


def _peak(row: Measured | Missing) -> str:
    return f"{row.peak_mib:.0f}" if isinstance(row, Measured) else "–"


def _ratios(bench: Bench, found: dict[str, Rows]) -> None:
    """How many times as fast the library call is as the fastest of each kind."""
    if not found:
        return
    bench.say("\n### sendit's library call: how many times as fast as\n")
    bench.say(f"| | {' | '.join(found)} |\n| --- |{' ---: |' * len(found)}")
    kinds = {
        Kind.PYTHON: "the fastest Python tool that de-identifies",
        Kind.GDCMANON: "the faster gdcmanon",
        Kind.LOOP: "open, read, write in Python",
        Kind.COPY: "cp -r",
    }
    for kind, title in kinds.items():
        bench.say(f"| {title} | {' | '.join(_fastest(rows, kind) for rows in found.values())} |")


def _fastest(rows: Rows, kind: Kind) -> str:
    ours = next((row for entry, row in rows if entry.label == entries.LIBRARY), None)
    theirs = [(row.seconds, entry.label) for entry, row in rows if entry.kind is kind and isinstance(row, Measured)]
    if not theirs or not isinstance(ours, Measured):
        return "–"
    seconds, label = min(theirs)
    name = f" ({label.partition(',')[0]})" if kind in (Kind.PYTHON, Kind.GDCMANON) else ""
    return f"{seconds / ours.seconds:.2f}{name}"


if __name__ == "__main__":
    main()
