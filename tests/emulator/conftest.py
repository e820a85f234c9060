"""The local cloud, as the installed `sendit emulate` starts it, and as a class that tests enter once a session."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.emulator.cloud import Cloud

from sendit.emulators.cloud import CloudOptions, LocalCloud
from sendit.emulators.resources import Delivery
from sendit.errors import UsageError
from sendit.files import create_private

BRISK = Delivery(minimum_backoff=1.0, maximum_backoff=2.0)
"""Repeated deliveries without the cloud's 30 s in between. The emulator looks for them every three seconds."""


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "key"
    create_private(path, f"{secrets.token_hex(32)}\n".encode("ascii"))
    return path


@pytest.fixture(scope="session")
def cloud_lines() -> list[str]:
    """Every log line of the functions, as `name: line`."""
    return []


@pytest.fixture(scope="session")
def local_cloud(key_file: Path, cloud_lines: list[str]) -> Iterator[LocalCloud]:
    options = CloudOptions(
        function_environment={"SENDIT_KEEP_SOURCES": "never"},  # a tick of one test must not clean up after another
        delivery=BRISK,
        seconds_between_ticks=86_400.0,  # tests push theirs by hand
        hear=lambda name, line: cloud_lines.append(f"{name}: {line}"),
    )
    try:
        with LocalCloud(key_file, options) as cloud:
            yield cloud
    except UsageError as error:
        error.add_note("\n".join([error.hint, *cloud_lines[-100:]]))
        raise


@pytest.fixture
def cloud(local_cloud: LocalCloud, cloud_lines: list[str]) -> Cloud:
    return Cloud(local_cloud.environment, cloud_lines)
