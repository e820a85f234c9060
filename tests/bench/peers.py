"""Gets the tools that sendit is measured beside: from PyPI into environments under build/, from Debian's archive.

A tool that cannot be had is a `Missing` with the reason, and has its line in the table all the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = ROOT / "build" / "bench"
TABLE = ROOT / "shared" / "sendit" / "deid" / "data" / "table_e1_1.json"
DEBIAN = {"gdcmanon": "libgdcm-tools", "dcmodify": "dcmtk"}
SECONDS = 600


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a tool is not there."""

    reason: str


@dataclass(frozen=True, slots=True)
class Program:
    """Where a program lies, what it needs in its environment, and its version."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)
    version: str = ""


@cache
def environment(requirements: str) -> Program | Missing:
    """The Python of a virtual environment with what `requirements` in this folder pins; made on first use."""
    pinned = HERE / requirements
    digest = hashlib.sha256(pinned.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"{pinned.stem}-{digest}"
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "-r", pinned]
        for command in ([sys.executable, "-m", "venv", folder], install):
            failure = _failure([str(part) for part in command])
            if failure:
                return Missing(failure)
        (folder / ".ready").touch()
    return Program(python)


def version_of(requirements: str, package: str) -> str:
    """The version of a package that a requirements file of this folder pins."""
    found = re.search(rf"(?im)^{re.escape(package)}==(\S+)", (HERE / requirements).read_text("utf-8"))
    return found[1] if found else ""


@cache
def debian(name: str) -> Program | Missing:
    """A program of Debian: the installed one, or its package unpacked under build/ without installing it."""
    installed = shutil.which(name)
    if installed:
        return Program(Path(installed), {}, _version([installed], {}))
    unpacked = _unpacked()
    if isinstance(unpacked, Missing):
        return Missing(f"{unpacked.reason}; apt-get install {DEBIAN[name]}")
    libraries = [unpacked / "usr" / "lib", *(unpacked / "usr" / "lib").glob("*-linux-gnu*")]
    needed = {"LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries))}
    for dictionary in unpacked.glob("usr/share/libdcmtk*/dicom.dic"):
        needed["DCMDICTPATH"] = str(dictionary)
    path = unpacked / "usr" / "bin" / name
    version = _version([str(path)], needed)
    return Program(path, needed, version) if version else Missing(f"does not start; apt-get install {DEBIAN[name]}")


@cache
def _unpacked() -> Path | Missing:
    """Both programs' packages, and what of their libraries is not installed."""
    folder = CACHE / "debian"
    if (folder / ".ready").exists():
        return folder
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return Missing("not installed")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    would = ["apt-get", "install", "-s", "--no-install-recommends", *DEBIAN.values()]
    listed = subprocess.run(would, capture_output=True, text=True, check=False, timeout=SECONDS)
    packages = re.findall(r"(?m)^Inst (\S+)", listed.stdout)
    failure = _failure(["apt-get", "download", "-q", *packages], folder) if packages else "not in the archive"
    for package in [] if failure else sorted(folder.glob("*.deb")):
        failure = failure or _failure(["dpkg-deb", "-x", str(package), str(folder)])
        package.unlink()
    if failure:
        return Missing(failure)
    (folder / ".ready").touch()
    return folder


def certificate(work: Path) -> Path | Missing:
    """The certificate without which gdcmanon does not run: it encrypts the original values for its owner."""
    path = work / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=bench"]
    failure = _failure([*command, "-keyout", str(work / "key.pem"), "-out", str(path)])
    return Missing(failure) if failure else path


def basic_profile() -> list[tuple[int, int, str]]:
    """Group, element and action of the rows of Table E.1-1 that name one attribute."""
    rows = json.loads(TABLE.read_text("utf-8"))["rows"]
    single = [
        (row[1].strip("()").split(","), row[4]) for row in rows if re.fullmatch(r"\([0-9A-F]{4},[0-9A-F]{4}\)", row[1])
    ]
    return [(int(group, 16), int(element, 16), action) for (group, element), action in single]


def machine() -> str:
    """The processor's name, if the system tells it."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        text = ""
    found = re.search(r"model name\s*: (.+)", text)
    return " ".join(found[1].split()) if found else sysconfig.get_platform()


def _version(command: list[str], needed: dict[str, str]) -> str:
    done = subprocess.run(
        [*command, "--version"], capture_output=True, text=True, check=False, env={**os.environ, **needed}
    )
    found = re.search(r"\d+\.\d+\.\d+", done.stdout)
    return found[0] if found and done.returncode == 0 else ""


def _failure(command: list[str], folder: Path | None = None) -> str:
    """Nothing, or the last line in which a command says why it failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS, cwd=folder)
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    lines = (done.stderr or done.stdout).strip().splitlines() or [f"status {done.returncode}"]
    return lines[-1][:80] if done.returncode else ""
