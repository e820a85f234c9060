"""The functions of this project under functions-framework, as parts: the same files that run in the cloud."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sendit.emulators.part import Launch
from sendit.emulators.ports import HOST
from sendit.errors import Code, UsageError

_OTHERS = re.compile(
    r"GOOGLE_.*|CLOUDSDK_.*|BOTO_.*|.*_EMULATOR_HOST|.*_PROXY"
    r"|FUNCTION_.*|K_SERVICE|ENTRY_POINT|DEBUG|HOST|PORT|WORKERS|THREADS|CLOUD_RUN_.*|GUNICORN_.*",
    re.IGNORECASE,
)
_OF_GUNICORN = re.compile(r"^\[\d{4}-\d\d-\d\d [\d:]+ [+-]\d{4}\] \[\d+\] \[(DEBUG|INFO)\]")
_LISTENS = re.compile(rf"Listening at: http://{re.escape(HOST)}:(?P<port>\d+)")


def functions_folder() -> Path:
    """Where the functions lie: inside the installed package, or beside it in a checkout.

    Raises `UsageError` (emulator_missing).
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "functions", package.parents[1] / "functions"):
        if (folder / "finalize" / "main.py").is_file():
            return folder
    raise UsageError(Code.EMULATOR_MISSING, "The functions are not in this installation: install sendit anew.")


def function(name: str, folder: Path, environment: Mapping[str, str], temporary: Path) -> Launch:
    """One CloudEvent function on a free port, group `port` of what it says."""
    own = temporary / name
    own.mkdir(mode=0o700)

    def command() -> Sequence[str]:
        source = "--source", str(folder / name / "main.py"), "--target", name, "--signature-type", "cloudevent"
        return sys.executable, "-m", "functions_framework", *source, "--host", HOST, "--port", "0"

    variables = {
        **environment,
        "GUNICORN_LOG_LEVEL": "info",  # or it would not say where it listens
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(own),
        "XDG_RUNTIME_DIR": str(own),  # where gunicorn puts its control socket; two of them must not share one
    }
    return Launch(name, command, _LISTENS, environment=variables, folder=own, tries=1)


def surroundings() -> dict[str, str]:
    """The caller's environment, without what could lead a client past the emulators, or change the web server."""
    return {name: value for name, value in os.environ.items() if not _OTHERS.fullmatch(name)}


def is_chatter(line: str) -> bool:
    """Whether a line of a function is the web server's talk about itself, not a log line."""
    return not line or _OF_GUNICORN.match(line) is not None
