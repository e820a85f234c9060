"""What the bench measures on: generated folders of files, and a few other files of the same kind to warm up on.

`made` builds a set in a process of its own, so that the bench itself stays small: `python -m tests.bench.sets`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import Dataset
    from tests.data.headers import Patient

    Build = Callable[[int, list[Patient], bool], Dataset]

WARM_FILES = 5
PATIENTS = 40
TITLES = {
    "series": "One CT series, {files} slices of 512 × 512",
    "patients": "CT of many patients, {files} slices of 512 × 512, five of each",
    "mr": "MR with heavy private elements, {files} slices of 256 × 256",
    "frames": "One Enhanced CT of {size} frames",
    "size": "CT of {size} kB",
    "elements": "CT of {size} elements",
    "ultrasound": "Ultrasound of {size} frames of 1024 × 768 in colour",
    "ultrasound-rle": "Ultrasound of {size} frames of 1024 × 768 in colour, RLE",
}


@dataclass(frozen=True, slots=True)
class Set:
    """A folder of files of one kind and one with those to warm up on."""

    title: str
    folder: Path
    warm: Path
    files: int
    megabytes: float
    elements: int
    """Elements of the first file, at all levels."""


def made(kind: str, work: Path, files: int, size: int = 0) -> Set:
    """Generate a set of `files` files; `size` is what the kind understands by it (frames, kilobytes, elements).

    Raises:
        subprocess.CalledProcessError: it could not be made.
    """
    command = [sys.executable, "-m", "tests.bench.sets", kind, str(work), str(files), str(size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    about = json.loads(done.stdout)
    return Set(about["title"], work / "in", work / "warm", about["files"], about["bytes"] / 1e6, about["elements"])


def in_rle(data: bytes) -> bytes:
    """The same object, its frames compressed without loss."""
    from pydicom import dcmread
    from pydicom.uid import RLELossless

    ds = dcmread(BytesIO(data))
    ds.compress(RLELossless, generate_instance_uid=False)
    written = BytesIO()
    ds.save_as(written)
    return written.getvalue()


def main() -> None:
    """Make one set and say what it is as JSON."""
    from tests.bench import scanner
    from tests.data.encoding import to_bytes

    kind, work, files, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    side = max(2, int((size * 1000 / 2) ** 0.5))  # of a square of 16 bits a pixel
    builds: dict[str, Build] = {
        "series": lambda number, people, _: scanner.ct(number, people[0]),
        "patients": lambda number, people, _: scanner.ct(1 + number % 5, people[number // 5 % PATIENTS]),
        "mr": lambda number, people, _: scanner.mr(number, people[1]),
        "frames": lambda _, people, warm: scanner.enhanced_ct(2 if warm else size, people[2]),
        "size": lambda number, people, warm: scanner.ct(number, people[3], side=512 if warm else side),
        "elements": lambda number, people, warm: scanner.with_elements(
            200 if warm else size, people[number % PATIENTS]
        ),
        "ultrasound": lambda number, people, warm: scanner.ultrasound(1 if warm else size, people[number % PATIENTS]),
        "ultrasound-rle": lambda number, people, warm: scanner.ultrasound(
            1 if warm else size, people[number % PATIENTS]
        ),
    }
    total, elements = 0, 0
    for folder, count, first in (("in", files, 0), ("warm", WARM_FILES, PATIENTS)):
        people = [scanner.patient(first + number) for number in range(PATIENTS)]
        (work / folder).mkdir(parents=True)
        for number in range(count):
            ds = builds[kind](number, people, folder == "warm")
            ds.SOPInstanceUID = f"{ds.SOPInstanceUID[:55]}.{number}"
            data = to_bytes(ds)
            if kind.endswith("-rle"):
                data = in_rle(data)
            (work / folder / f"{number:04d}.dcm").write_bytes(data)
            if folder == "in":
                total += len(data)
                elements = elements or scanner.count(ds)
    about = {"title": TITLES[kind].format(files=files, size=size), "files": files, "bytes": total, "elements": elements}
    sys.stdout.write(json.dumps(about))


if __name__ == "__main__":
    main()
