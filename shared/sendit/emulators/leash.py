"""Becomes the program it is given, on a leash: if the process that started it goes, however it goes, it is killed.

Run as a script, before the program: `python leash.py PARENT COMMAND…`. It imports nothing of the rest, so that it
takes no time. Linux alone has such a leash; elsewhere the guard does it (see `guard`).
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def leashed(command: list[str]) -> list[str]:
    """The command that starts a program on a leash held by the calling thread: its end counts as ours."""
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(os.getpid()), *command]


def main() -> None:
    """Take the leash, see that whoever holds it is still there, and become the program."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    os.execvp(command[0], command)  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    main()
