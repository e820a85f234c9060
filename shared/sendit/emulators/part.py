"""One part of the local cloud: a program in a process group of its own, heard, watched and ended as a whole."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sendit.emulators.leash import leashed
from sendit.errors import Code, UsageError

Hear = Callable[[str, str], None]
"""What is done with a line of a part: its name, and the line."""

_TRIES = 3
_GLANCE_SECONDS = 0.02
_LONGEST_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Launch:
    """How a part is started, and how it shows that it is ready.

    `command` is asked anew for each try, so that it can choose another port; `ready` is what the program says once
    it listens; `answers` is asked after that, with what `ready` matched. One that says `hopeless` counts as ended.
    `advice` is what to do about something that it may say as it fails.
    """

    name: str
    command: Callable[[], Sequence[str]]
    ready: re.Pattern[str]
    answers: Callable[[re.Match[str]], bool] = lambda _: True
    hopeless: re.Pattern[str] | None = None
    advice: tuple[re.Pattern[str], str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    tries: int = _TRIES


class Part:
    """A running part. Start, wait and stop in the thread that stays: the leash ends with the thread that made it."""

    def __init__(
        self, launch: Launch, hear: Hear = lambda *_: None, started: Callable[[int], None] = lambda _: None
    ) -> None:
        self._launch = launch
        self._hear = hear
        self._started = started
        self._process: subprocess.Popen[bytes] | None = None
        self._pump: threading.Thread | None = None
        self._match: re.Match[str] | None = None
        self._hopeless = False
        self._advice = ""
        self._tries = 0

    @property
    def name(self) -> str:
        """What people call it."""
        return self._launch.name

    @property
    def group(self) -> int:
        """Its process group, which is the id of its first process. 0 if it was never started."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Whether its first process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def fate(self) -> str:
        """What became of its first process, as the end of a sentence."""
        status = self._process.poll() if self._process else None
        if status is None:
            return "runs"
        return f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"

    def start(self) -> None:
        """Start the program, and a thread that hears what it says; `started` is told its process group.

        Raises `UsageError` (emulator_failed).
        """
        self._tries += 1
        self._match, self._hopeless = None, False
        try:
            self._process = subprocess.Popen(  # noqa: S603  our own words
                leashed(list(self._launch.command())),
                env={**self._launch.environment},
                cwd=self._launch.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise UsageError(Code.EMULATOR_FAILED, f"{self.name} could not be started: {error.strerror}.") from None
        self._started(self._process.pid)
        self._pump = threading.Thread(target=self._listen, args=(self._process,), name=f"{self.name} pump", daemon=True)
        self._pump.start()

    def wait_ready(self, seconds: float, stopped: Callable[[], bool] = lambda: False) -> re.Match[str]:
        """Wait until it says that it is ready, and answers. One that ends before is tried again, with another port.

        Raises `UsageError` (emulator_failed) if it keeps ending or takes longer, or (emulator_missing) with the advice
        for it; and KeyboardInterrupt if `stopped`.
        """
        deadline = time.monotonic() + seconds
        while True:
            if stopped():
                raise KeyboardInterrupt
            if self._hopeless or not self.alive:
                self.stop(0.0)  # which also hears it out
                if self._advice:
                    raise UsageError(Code.EMULATOR_MISSING, self._advice)
                if self._tries >= self._launch.tries:
                    raise UsageError(Code.EMULATOR_FAILED, f"{self.name} ended as it started.")
                self.start()
            if self._match and self._launch.answers(self._match) and self.alive:
                return self._match
            if time.monotonic() > deadline:
                raise UsageError(Code.EMULATOR_FAILED, f"{self.name} was not ready within {seconds:.0f} seconds.")
            time.sleep(_GLANCE_SECONDS)

    def terminate(self) -> None:
        """Ask the whole group to end."""
        self._signal(signal.SIGTERM)

    def stop(self, grace_seconds: float) -> None:
        """End the whole group: politely, then after the grace at once. A part that was never started is no matter."""
        if self._process is None:
            return
        if grace_seconds and self.alive:
            self.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
        # also what the first process left behind; if it is gone with its group, so is the signal
        self._signal(signal.SIGKILL)
        self._process.wait()
        if self._pump:
            self._pump.join(1.0)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if self._process:
                os.killpg(self._process.pid, number)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            for data in iter(lambda: lines.readline(_LONGEST_LINE), b""):
                line = data.decode("utf-8", "backslashreplace").rstrip()
                found = None if self._match else self._launch.ready.search(line)
                if found:
                    self._match = found
                if self._launch.advice and self._launch.advice[0].search(line):
                    self._advice = self._launch.advice[1]
                if self._launch.hopeless and self._launch.hopeless.search(line):
                    self._hopeless = True
                self._hear(self.name, line)
