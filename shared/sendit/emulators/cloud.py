"""The local cloud: emulators, functions, and what connects them, started together and ended together."""

import importlib.util
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sendit.emulators import resources
from sendit.emulators.clients import Addresses, client_environment
from sendit.emulators.exports import ExportFile
from sendit.emulators.functions import function, functions_folder, is_chatter, surroundings
from sendit.emulators.guard import Guard, remove_folder
from sendit.emulators.official import Sdk, firestore, pubsub
from sendit.emulators.part import Hear, Launch, Part
from sendit.emulators.ports import HOST
from sendit.emulators.resources import FUNCTIONS, Delivery
from sendit.emulators.scheduler import Scheduler
from sendit.emulators.storage import storage
from sendit.errors import Code, UsageError

_READY_SECONDS = 60.0
_GRACE_SECONDS = 2.0
_GLANCE_SECONDS = 0.1
_FOLDER_PREFIX = "sendit-emulate-"


@dataclass(frozen=True, slots=True)
class CloudOptions:
    """What a local cloud may do differently. `hear` gets the functions' log lines, and with `verbose` everything."""

    export_to: Path | None = None
    functions: Path | None = None
    function_environment: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = field(default_factory=Delivery)
    seconds_between_ticks: float = 60.0
    hear: Hear = lambda *_: None
    tell: Callable[[str], None] = lambda _: None
    verbose: bool = False


class LocalCloud:
    """The whole cloud on this machine, while it is entered. Whatever happens, nothing of it is left.

    Entering raises `UsageError`: emulator_missing says what to install, emulator_failed which part did not start,
    bad_setting that the file of variables cannot be written; and KeyboardInterrupt if `stop` was called meanwhile.
    """

    def __init__(self, key_file: Path, options: CloudOptions | None = None) -> None:
        self._key_file = key_file
        self._options = options or CloudOptions()
        self._parts: list[Part] = []
        self._guard: Guard | None = None
        self._folder: Path | None = None
        self._exports: ExportFile | None = None
        self._scheduler: Scheduler | None = None
        self._stopping = False
        self.environment: Mapping[str, str] = {}
        """What a client of the local cloud exports, and each function gets."""

    @property
    def pids(self) -> Mapping[str, int]:
        """The first process of each part by the part's name, the guard's included."""
        pids = {part.name: part.group for part in self._parts}
        return {**pids, "guard": self._guard.pid} if self._guard else pids

    def __enter__(self) -> Self:
        """Start everything, and return when all of it is ready."""
        try:
            self._start()
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise UsageError(Code.EMULATOR_FAILED, f"{error.strerror}.") from None
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """See `close`."""
        self.close()

    def stop(self) -> None:
        """Let `__enter__` or `wait` end soon. Safe in a signal handler."""
        self._stopping = True

    def wait(self) -> None:
        """Return when `stop` is called. Raises `UsageError` (emulator_failed) if a part dies before that."""
        while not self._stopping:
            for part in self._parts:
                if not part.alive:
                    raise UsageError(Code.EMULATOR_FAILED, f"{part.name} {part.fate}.")
            if self._guard is None or not self._guard.alive:
                raise UsageError(Code.EMULATOR_FAILED, "The guard that cleans up was killed.")
            time.sleep(_GLANCE_SECONDS)

    def close(self) -> None:
        """End every part, the functions first, and remove what was written. May be called more than once."""
        if self._exports:
            self._exports.remove()
        if self._scheduler:
            self._scheduler.stop()
        # latest first: functions whose emulators are gone would complain
        for names in (set(FUNCTIONS), {part.name for part in self._parts}):
            ending = [part for part in self._parts if part.name in names]
            for part in ending:
                part.terminate()
            deadline = time.monotonic() + _GRACE_SECONDS
            for part in ending:
                part.stop(max(deadline - time.monotonic(), 0.0))
            self._parts = [part for part in self._parts if part not in ending]
        if self._folder:
            remove_folder(self._folder)
        if self._guard:
            self._guard.dismiss()
        self._guard = self._folder = self._exports = self._scheduler = None

    def _start(self) -> None:
        options = self._options
        sdk, functions = self._required()
        guard, folder = self._prepare()
        options.tell("Starting the Pub/Sub and Firestore emulators …")
        topics, documents = self._begin(pubsub(sdk, folder)), self._begin(firestore(sdk, folder))
        pubsub_host = f"{HOST}:{self._ready(topics)['port']}"
        options.tell("Starting the Cloud Storage emulator …")
        objects = self._begin(storage(pubsub_host, folder))
        resources.make_topics(pubsub_host)
        firestore_host = f"{HOST}:{self._ready(documents)['port']}"
        ports = self._ready(objects)
        storage_host = f"{HOST}:{ports['port']}"
        addresses = Addresses(storage_host, int(ports["tls_port"]), firestore_host, pubsub_host)
        self.environment = client_environment(addresses, folder, self._key_file)
        options.tell("Starting the functions …")
        environment = {**surroundings(), **self.environment, **options.function_environment}
        running = {name: self._begin(function(name, functions, environment, folder)) for name in FUNCTIONS}
        resources.make_buckets(storage_host)
        resources.notify_of_markers(storage_host)
        for name, pushed in FUNCTIONS.items():
            port = int(self._ready(running[name])["port"])
            for topic in pushed:
                resources.push(pubsub_host, topic, port, options.delivery)
        self._scheduler = Scheduler(pubsub_host, options.seconds_between_ticks)
        if self._exports:
            self._exports.write(self.environment, guard)

    def _required(self) -> tuple[Sdk, Path]:
        """What has to be there before anything starts."""
        sdk = Sdk.find()
        if importlib.util.find_spec("gcp_storage_emulator") is None:
            raise UsageError(Code.EMULATOR_MISSING, "Run: pip install gcp-storage-emulator")
        if self._options.export_to:
            ExportFile.check(self._options.export_to)
        return sdk, self._options.functions or functions_folder()

    def _prepare(self) -> tuple[Guard, Path]:
        """The guard, and the folder that it guards; the file of an earlier local cloud is gone."""
        guard = self._guard = Guard()
        folder = self._folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX))
        guard.folder(folder)
        if self._options.export_to:
            self._exports = ExportFile(self._options.export_to, str(folder))
            self._exports.clear()
        return guard, folder

    def _begin(self, launch: Launch) -> Part:
        part = Part(launch, self._overhear, self._guarded)
        self._parts.append(part)
        part.start()
        return part

    def _ready(self, part: Part) -> re.Match[str]:
        return part.wait_ready(_READY_SECONDS, lambda: self._stopping)

    def _guarded(self, group: int) -> None:
        if self._guard:
            self._guard.group(group)

    def _overhear(self, name: str, line: str) -> None:
        if self._options.verbose or (name in FUNCTIONS and not is_chatter(line)):
            self._options.hear(name, line)
