"""A function that is killed with -9 and starts again, as the platform does it."""

import os
import signal
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from tests.chaos.processes import children
from tests.emulator.cloud import Cloud
from tests.emulator.functions import Function, function


class Restarting:
    """One function while it is entered. What it logged before it was killed is kept."""

    def __init__(self, name: str, cloud: Cloud, folder: Path, **settings: str) -> None:
        self._name = name
        self._cloud = cloud
        self._folder = folder
        self._settings = settings
        self._stack = ExitStack()
        self._earlier: list[dict[str, Any]] = []
        self.function: Function

    def __enter__(self) -> Self:
        self.function = self._stack.enter_context(
            function(self._cloud, self._name, self._folder, None, **self._settings)
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def host(self) -> str:
        """Where it listens now, as host:port."""
        return self.function.address.rpartition("/")[2]

    def kill_serving(self) -> None:
        """Kill the process that serves, and the worker processes below it go too; another one takes its place."""
        for pid in children(self.function.group):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_whole(self) -> None:
        """Kill every process of it at once, and start it anew at another address."""
        self._stack.close()
        self._earlier += self.function.logged()
        self.__enter__()

    def logged(self) -> list[dict[str, Any]]:
        """The structured log lines since the beginning."""
        return [*self._earlier, *self.function.logged()]
