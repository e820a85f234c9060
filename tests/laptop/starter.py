"""Starts `sendit` again and again, each time as a process of its own, and imports it once: most of a start is that.

Reads what to start, a line of JSON each, and answers with the exit status.
"""

import json
import os
import sys
from typing import Any, NoReturn

import sendit.cli


def started(asked: dict[str, Any]) -> NoReturn:
    """The program, in this process: with the arguments, environment and folder that were asked for, and no terminal."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    for number, name in enumerate((os.devnull, asked["stdout"], asked["stderr"])):
        file = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["sendit", *asked["arguments"]]
    sendit.cli.main()


def serve() -> None:
    """Until nothing more is asked for."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            started(json.loads(line))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
