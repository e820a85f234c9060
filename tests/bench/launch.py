"""Starts one program and measures it: `python -I -S launch.py RESULT SECONDS CORE OUT ERR -- PROGRAM ARGUMENT…`.

A process of its own and a small one, because the peak memory of a child counts the pages of the process that forked
it. Writes the exit status, the seconds of the clock, those of the processor and the peak in KiB (of the largest
process among the program and its children) to RESULT. CORE is the number of the one processor it may use, or -1.
"""

import os
import signal
import sys
import time
from types import FrameType

TIMED_OUT = 124


def main() -> None:
    result, seconds, core, out, err, _, *command = sys.argv[1:]
    if int(core) >= 0 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.setsid()
        for target, name in ((1, out), (2, err)):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), target)
        try:
            os.execvp(command[0], command)  # noqa: S606
        finally:
            os._exit(127)

    timed_out = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal timed_out
        timed_out = True
        os.killpg(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(int(seconds))
    _, status, usage = os.wait4(child, 0)
    elapsed = time.perf_counter() - started
    code = TIMED_OUT if timed_out else os.waitstatus_to_exitcode(status)
    with open(result, "w", encoding="ascii") as stream:  # noqa: PTH123  pathlib would add to the memory measured
        stream.write(f"{code} {elapsed:.6f} {usage.ru_utime + usage.ru_stime:.6f} {usage.ru_maxrss}\n")


if __name__ == "__main__":
    main()
