"""Asks dciodvfy (Debian dicom3tools) what is wrong with an object, in a form that can be compared."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# "= <value>" of an attribute, which may hold any character or end with the line; "Element=<…>" is a name
_VALUE = re.compile(r"(?<= )= ?<.*(?:>|$)")
_OTHER = re.compile(r"(?<!Element=)(?<!Module=)(?<!ttribute )<[^>]*>")
_UID = re.compile(r"\b\d+(?:\.\d+){2,}|(?<=InstanceUID )\d+")
_OFFSET = re.compile(r"(?<=ffset )(?:0x)?[0-9a-f]+(?: dec)?", re.IGNORECASE)
_ITEM = re.compile(r"\[\d+\]")


class DciodvfyMissingError(RuntimeError):
    """dciodvfy is not installed; a test that needs it must fail, not pass without it."""


def errors(path: Path) -> frozenset[str]:
    """Return dciodvfy's error lines about a file, without what differs between an image and its copy.

    The file's path, values, offsets and item numbers are replaced by "…"; names of attributes and modules
    stay, so that the sets of an input and of its output can be subtracted.

    Raises:
        DciodvfyMissingError: If the program is not installed.
    """
    program = shutil.which("dciodvfy")
    if program is None:
        raise DciodvfyMissingError("dciodvfy is not installed: apt-get install dicom3tools")
    done = subprocess.run([program, str(path.absolute())], capture_output=True, check=False, timeout=120)
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    lines = {normalised(line.strip(), path) for line in text.splitlines() if line.startswith("Error")}
    if done.returncode < 0:
        lines.add(f"Error - dciodvfy itself ended by signal {-done.returncode}")
    return frozenset(lines)


def normalised(line: str, path: Path | None = None) -> str:
    """Return an error line without path, values, UIDs, offsets and item numbers."""
    if path is not None:
        line = line.replace(str(path.absolute()), "…")
    line = _VALUE.sub("= <…>", line)
    line = _OTHER.sub("<…>", line)
    for varying in (_UID, _OFFSET):
        line = varying.sub("…", line)
    return _ITEM.sub("[…]", line)
