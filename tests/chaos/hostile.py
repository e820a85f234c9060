"""Broken and hostile files, names and JSON made by chance, and the canaries that are planted into them."""

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.data import get_testdata_files
from tests.data import objects
from tests.data.canaries import CANARY_FILE, Canary, planted

CANARY = "KANARIENVOGEL"
"""What stands in names, messages and JSON, and in two elements of the files."""
LARGEST_OF_PYDICOM = 64 * 1024
KINDS = ("ct", "mr", "nm", "rtplan", "us")
IDENTIFYING = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "AccessionNumber", "StudyID",
    "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "ReferringPhysicianName", "InstitutionName",
)  # fmt: skip
LONG_ENOUGH = 8
"""Characters of a value of pydicom's files that nobody writes by chance."""
LENGTHS = (b"\xff\xff\xff\xff", b"\xfe\xff\xff\xff", b"\xff\xff", b"\0\0\0\x80", b"\0\0")
SCALARS: tuple[object, ...] = (None, True, -1, 0, 1.5, 10**30, "", CANARY, "\ud800", "..", "a\0b", [], {}, [[]])
PIECES = (
    "..",
    ".",
    "",
    "a",
    CANARY,
    "\ud800",
    "\udcff",
    "\0",
    "\n",
    "\x1b[31m",
    "\u202e",
    "tmp",
    "x.tmp9",
    "test1",
    "é" * 600,
)
ENDS = ("", "", "\n", "\x1b[31m", "\u202e", "\udcff", ".tmp9", "é" * 100, "'\"`$(x)", "%2e%2e")
"""With which the names of files end."""
ENDS_OF_OBJECTS = tuple(end for end in ENDS if end not in {"\n", "\udcff"})
"""What Cloud Storage allows of them."""


@dataclass(frozen=True)
class Form:
    """How many inputs of each kind there are."""

    files: int
    files_in_cloud: int
    manifests: int
    pushes: int  # of each of three kinds

    @property
    def inputs(self) -> int:
        return self.files + self.files_in_cloud + self.manifests + 3 * self.pushes


QUICK = Form(files=200, files_in_cloud=48, manifests=300, pushes=60)
LONG = Form(files=5000, files_in_cloud=1200, manifests=1000, pushes=1400)


def seeds() -> tuple[list[bytes], tuple[Canary, ...]]:
    """What is mutated, and what must not be quoted of it: objects full of canaries, and pydicom's small files."""
    canaries: set[Canary] = {Canary(CANARY, "PatientName"), CANARY_FILE}
    own: list[bytes] = []
    for number, kind in enumerate(KINDS):
        dataset, values = planted(kind)
        dataset.PatientName = dataset.PatientComments = CANARY
        dataset.SOPInstanceUID = f"{dataset.SOPInstanceUID}.{number}"
        canaries |= set(values)
        own.append(objects.to_bytes(dataset))
    theirs = sorted(Path(name) for name in get_testdata_files("*.dcm"))
    small = [path for path in theirs if path.stat().st_size <= LARGEST_OF_PYDICOM]
    for path in small:
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        values_of = {keyword: str(header.get(keyword) or "") for keyword in IDENTIFYING}
        canaries |= {
            Canary(value, f"{keyword} of {path.name}")
            for keyword, value in values_of.items()
            if len(value) >= LONG_ENOUGH
        }
    return own + [path.read_bytes() for path in small], tuple(sorted(canaries))


def named(number: int, chance: random.Random, ends: Sequence[str] = ENDS) -> str:
    """The name of a file, with the canary of file names in it."""
    return f"{number:05}-{CANARY_FILE.value}{chance.choice(ends)}"


def broken(data: bytes, chance: random.Random) -> bytes:
    """Some bytes of a file changed, cut off, put in or doubled, its lengths and VRs above all."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at = chance.randrange(len(out) or 1)
        match chance.randrange(6):
            case 0:
                del out[at:]
            case 1:
                wrong = chance.choice(LENGTHS)
                out[at : at + len(wrong)] = wrong
            case 2:
                out[at : at + 2] = chance.choice((b"SQ", b"UN", b"OB", b"ZZ", b"PN", b"US"))
            case 3:
                out[at:at] = out[at : at + chance.randrange(64)]
            case 4:
                out[at : at + 4] = struct.pack("<HH", chance.randrange(1 << 16), chance.randrange(1 << 16))
            case _:
                out[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(out)


def mangled(value: Any, chance: random.Random) -> Any:
    """A JSON value with one thing in it that is gone, or something else."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(sorted(value))
        if chance.random() < 0.2:
            return {name: one for name, one in value.items() if name != key}
        return {**value, key: mangled(value[key], chance)}
    return chance.choice(SCALARS)


def hostile_name(chance: random.Random) -> str:
    return chance.choice(("/", "", "//")).join(chance.choice(PIECES) for _ in range(chance.randrange(1, 5)))
