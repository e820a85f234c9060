"""The program as a person at a laptop starts it: the installed `sendit`, in a process of its own."""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SENDIT = Path(sys.executable).with_name("sendit")


@dataclass(frozen=True)
class Answer:
    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


Sendit = Callable[..., Answer]


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SENDIT_")}
    return {**kept, "SENDIT_HOME": str(home), **more}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def sendit(home: Path) -> Sendit:
    return sendit_at(home)


def sendit_at(home: Path) -> Sendit:
    """The program with a home of its own."""

    def start(*arguments: str | Path, **more: str) -> Answer:
        with tempfile.TemporaryDirectory() as folder:
            stdout, stderr = Path(folder, "stdout"), Path(folder, "stderr")
            asked = {
                "arguments": [str(argument) for argument in arguments],
                "environment": environment(home, **more),
                "folder": str(Path.cwd()),
                "stdout": str(stdout),
                "stderr": str(stderr),
            }
            return Answer(_started(json.dumps(asked)), stdout.read_bytes().decode(), stderr.read_bytes().decode())

    return start


@cache
def _starter() -> "subprocess.Popen[str]":
    """Ends when this process does."""
    command = [sys.executable, str(Path(__file__).with_name("starter.py"))]
    starter = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(starter.communicate)
    return starter


def _started(asked: str) -> int:
    starter = _starter()
    assert starter.stdin
    assert starter.stdout
    starter.stdin.write(f"{asked}\n")
    starter.stdin.flush()
    return int(starter.stdout.readline())


def images_in(out: Path) -> dict[str, bytes]:
    """Every image below OUT by its name there."""
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*.dcm"))}


def leftovers_in(out: Path) -> list[str]:
    """What lies in OUT beside images and the label."""
    files = (path for path in out.rglob("*") if not path.is_dir())
    return [str(path) for path in files if path.suffix != ".dcm" and path.name != ".sendit.json"]
