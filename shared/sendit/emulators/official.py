"""The official Firestore and Pub/Sub emulators of the Google Cloud SDK, started without gcloud's own wrapper.

Java is started directly: between us and it there is neither gcloud nor a shell that could leave it behind.
"""

import http.client
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sendit.emulators.part import Launch
from sendit.emulators.ports import HOST, free_port
from sendit.errors import Code, UsageError

_JAVA_OPTIONS = (
    "-Xms64m",
    "-Xmx1g",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",  # its file in the system's temporary folder would stay behind
    "-Duser.language=en",  # the Firestore emulator supports error messages in English alone
)
_FIRESTORE_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_PORT_TAKEN = re.compile(r"java\.net\.BindException")  # after which the Pub/Sub emulator does not end
_JAVA_TOO_OLD = (
    re.compile("UnsupportedClassVersionError"),
    "Install a newer Java runtime: the one on the PATH is too old for the emulators of this gcloud.",
)
_ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sdk:
    """What the official emulators need of this machine."""

    java: str
    firestore_jar: Path
    pubsub_jar: Path

    @classmethod
    def find(cls) -> Self:
        """Look for Java, gcloud and its two emulators. Raises `UsageError` (emulator_missing): what to install."""
        java = shutil.which("java")
        if java is None:
            raise UsageError(Code.EMULATOR_MISSING, "Install a Java runtime, 17 or newer (java is not on the PATH).")
        gcloud = shutil.which("gcloud")
        if gcloud is None:
            hint = "Install the Google Cloud CLI (gcloud is not on the PATH): https://cloud.google.com/sdk/docs/install"
            raise UsageError(Code.EMULATOR_MISSING, hint)
        platform = Path(os.path.realpath(gcloud)).parent.parent / "platform"
        return cls(
            java,
            _component(platform, "cloud-firestore-emulator", "cloud-firestore-emulator.jar"),
            _component(platform, "pubsub-emulator", "lib/cloud-pubsub-emulator-*.jar"),
        )


def firestore(sdk: Sdk, temporary: Path) -> Launch:
    """The Firestore emulator, on a free port: group `port` of what it says."""

    def command() -> Sequence[str]:
        where = f"--host={HOST}", f"--port={free_port()}"
        return *_java(sdk, temporary), "-cp", str(sdk.firestore_jar), _FIRESTORE_MAIN, *where

    ready = re.compile(r"FIRESTORE_EMULATOR_HOST=\S+:(?P<port>\d+)")
    return _launch("Firestore", command, ready, "/")


def pubsub(sdk: Sdk, temporary: Path) -> Launch:
    """The Pub/Sub emulator, on a free port: group `port` of what it says."""

    def command() -> Sequence[str]:
        return *_java(sdk, temporary), "-jar", str(sdk.pubsub_jar), f"--host={HOST}", f"--port={free_port()}"

    ready = re.compile(r"Server started, listening on (?P<port>\d+)")
    return _launch("Pub/Sub", command, ready, "/v1/projects/probe/topics")


def _launch(name: str, command: Callable[[], Sequence[str]], ready: re.Pattern[str], path: str) -> Launch:
    return Launch(
        name,
        command,
        ready,
        answers=lambda said: _answers(int(said["port"]), path),
        hopeless=_PORT_TAKEN,
        advice=_JAVA_TOO_OLD,
        environment=_environment(),
    )


def _java(sdk: Sdk, temporary: Path) -> tuple[str, ...]:
    return sdk.java, *_JAVA_OPTIONS, f"-Djava.io.tmpdir={temporary}"


def _environment() -> dict[str, str]:
    # JAVA_TOOL_OPTIONS and the like stay outside: a debugger's port would be asked for twice
    return {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}


def _component(platform: Path, name: str, pattern: str) -> Path:
    for jar in sorted((platform / name).glob(pattern)):
        return jar
    package = f"google-cloud-cli-{name.removeprefix('cloud-')}"
    hint = f"Run: gcloud components install {name}  (or, with Debian's packages: apt-get install {package})"
    raise UsageError(Code.EMULATOR_MISSING, hint)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
