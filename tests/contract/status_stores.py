"""What a status store is as a whole, for the suites that run over every one there is."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from sendit.ports import StatusStore, UpkeepStore


class WholeStore(StatusStore, UpkeepStore, Protocol):
    """Both ports: the adapters of the one are those of the other."""


Maker = Callable[[], AbstractContextManager[WholeStore]]
