"""The lines of a table: each tool as a call in a warm process, and as a program from the shell."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from tests.bench import peers
from tests.bench.peers import HERE, TABLE, Missing, Program

SENDIT = Path(sys.executable).with_name("sendit")
LIBRARY = "sendit, library"
Command = Callable[[Path, Path, Path], list[str]]


class Kind(StrEnum):
    """What a tool is to the ratios below the tables."""

    COPY = "copy"
    LOOP = "loop"
    SENDIT = "sendit"
    PYTHON = "python"
    PYDICOM = "pydicom"
    GDCMANON = "gdcmanon"
    OTHER = "other"


def make_folder(_: Path, out: Path) -> None:
    """For programs that want OUT to exist."""
    out.mkdir()


def copy_input(source: Path, out: Path) -> None:
    """For programs that change files where they lie; before the clock runs."""
    shutil.copytree(source, out)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: the command from the folders warm, in and out, or why there is none."""

    label: str
    kind: Kind
    command: Command | Missing
    warm: bool = False
    cores: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[Path, Path], None] | None = None


def library(label: str, kind: Kind, tool: str, python: Program | Missing) -> Entry:
    """A tool that drive.py calls file by file."""
    if isinstance(python, Missing):
        return Entry(label, kind, python, warm=True)
    head = [str(python.path), str(HERE / "drive.py"), tool]
    return Entry(label, kind, lambda *folders: [*head, *map(str, folders), str(TABLE)], warm=True)


def sendit_library() -> Entry:
    """The line that all others are compared with."""
    return library(LIBRARY, Kind.SENDIT, "sendit", Program(Path(sys.executable)))


def python_copy() -> Entry:
    """The floor of a Python program that makes new files."""
    return library("open, read, write in Python", Kind.LOOP, "copy", Program(Path(sys.executable)))


def pydicom_reading() -> Entry:
    """Every element decoded and encoded again."""
    version = peers.version_of("peers.txt", "pydicom")
    here = peers.environment("peers.txt")
    return library(f"pydicom {version}, each element read, save", Kind.PYDICOM, "pydicom", here)


def libraries() -> list[Entry]:
    """What is called file by file in a warm process."""
    most, other = peers.environment("peers.txt"), peers.environment("peers_rsna.txt")

    def of(name: str, tool: str, file: str = "peers.txt") -> Entry:
        label = f"{name.replace('_', '-')} {peers.version_of(file, name)}"
        return library(label, Kind.PYTHON, tool, most if file == "peers.txt" else other)

    pydicom = f"pydicom {peers.version_of('peers.txt', 'pydicom')}, read, save"
    return [
        sendit_library(),
        python_copy(),
        library(pydicom, Kind.PYDICOM, "pydicom-lazy", most),
        pydicom_reading(),
        of("grand-challenge-dicom-de-identifier", "grand-challenge"),
        of("dicom_anonymizer", "dicom-anonymizer"),
        of("dicognito", "dicognito"),
        of("rsna-anonymizer", "rsna", "peers_rsna.txt"),
        of("deid", "deid"),
    ]


def blanking() -> list[Entry]:
    """What makes a rectangle black in every frame."""
    here, most = Program(Path(sys.executable)), peers.environment("peers.txt")
    pydicom = f"pydicom {peers.version_of('peers.txt', 'pydicom')} and numpy"
    cleaner = f"deid {peers.version_of('peers.txt', 'deid')}, DicomCleaner"
    return [
        library("sendit, blanking", Kind.SENDIT, "sendit-blanking", here),
        library("sendit, blanking and de-identifying", Kind.SENDIT, "sendit-blanked", here),
        library(pydicom, Kind.PYDICOM, "pydicom-blanking", most),
        library(cleaner, Kind.PYTHON, "deid-blanking", most),
    ]


def sendit_program(verb: str, workers: int, cores: int | None = None) -> Entry:
    """`sendit run` or `sendit deidentify`; on as many cores as it has workers."""
    label = f"sendit {verb}, {workers} worker{'s' * (workers > 1)}"
    options = ["--profile", "research", "--workers", str(workers)]
    return Entry(
        label,
        Kind.OTHER,
        lambda _, source, out: [str(SENDIT), verb, str(source), str(out), *options],
        cores=cores or workers,
    )


def programs(work: Path) -> list[Entry]:
    """What is started from the shell once for the folder."""
    return [
        Entry("cp -r", Kind.COPY, lambda _, source, out: ["cp", "-r", str(source), str(out)]),
        sendit_program("deidentify", 1),
        sendit_program("run", 1),
        sendit_program("run", 2),
        *_of_debian(work),
        *_of_pypi(),
    ]


def _of_debian(work: Path) -> list[Entry]:
    gdcmanon, dcmodify = peers.debian("gdcmanon"), peers.debian("dcmodify")
    owner = peers.certificate(work)
    with_owner = owner if isinstance(owner, Missing) else gdcmanon
    return [
        _debian(
            "gdcmanon {} -e",
            with_owner,
            Kind.GDCMANON,
            lambda source, out: ["-e", "-c", str(owner), "-r", "-i", source, "-o", out],
            make_folder,
        ),
        _debian(
            "gdcmanon {} --dumb, tags of E.1-1",
            gdcmanon,
            Kind.GDCMANON,
            lambda source, out: ["--dumb", *_dumb(), "-r", "-i", source, "-o", out],
            make_folder,
        ),
        _debian("dcmodify {}, tags of E.1-1, in place", dcmodify, Kind.OTHER, lambda _, out: _modify(out), copy_input),
    ]


def _debian(
    label: str,
    program: Program | Missing,
    kind: Kind,
    arguments: Callable[[str, str], list[str]],
    prepare: Callable[[Path, Path], None],
) -> Entry:
    if isinstance(program, Missing):
        return Entry(label.replace(" {}", ""), kind, program)

    def command(_: Path, source: Path, out: Path) -> list[str]:
        return [str(program.path), *arguments(str(source), str(out))]

    return Entry(label.format(program.version), kind, command, environment=program.environment, prepare=prepare)


def _emptied(group: int, action: str) -> bool:
    """Whether an attribute is emptied, not removed: where an image needs it; neither program empties a sequence."""
    return action[0] in "ZD" and group in (0x0008, 0x0010, 0x0020)


def _dumb() -> list[str]:
    """Top-level elements are removed or emptied; it cannot make new UIDs, so those of Table E.1-1 stay."""
    options = []
    for group, element, action in peers.basic_profile():
        if action[0] in "XZD" and group > 2:
            options += ["--empty" if _emptied(group, action) else "--remove", f"{group:04x},{element:04x}"]
    return options


def _modify(folder: str) -> list[str]:
    """At all levels; a new UID is another one in each file, and of references nothing is left."""
    options = ["-q", "-nb", "-imt", "-ie", "-ep", "-gst", "-gse", "-gin"]
    generated = {(0x0008, 0x0018), (0x0020, 0x000D), (0x0020, 0x000E)}
    for group, element, action in peers.basic_profile():
        if (group, element) not in generated and group > 2:
            emptied = _emptied(group, action)
            options += ["-ma" if emptied else "-ea", f"({group:04x},{element:04x}){'=' if emptied else ''}"]
    return [*options, *sorted(str(path) for path in Path(folder).iterdir())]


def _of_pypi() -> list[Entry]:
    names = ("dicom-anonymizer, program", "dicognito, program")
    python = peers.environment("peers.txt")
    if isinstance(python, Missing):
        return [Entry(name, Kind.OTHER, python) for name in names]
    anonymizer, interpreter = str(python.path.with_name("dicom-anonymizer")), str(python.path)
    commands: tuple[Command, ...] = (
        lambda _, source, out: [anonymizer, str(source), str(out)],
        lambda _, source, out: [interpreter, "-m", "dicognito", "-q", "-o", str(out), str(source)],
    )
    return [
        Entry(name, Kind.OTHER, command, prepare=make_folder) for name, command in zip(names, commands, strict=True)
    ]
