"""The local cloud, as the installed `sendit emulate` starts it, and as a class that tests enter once a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.emulator.cloud import Cloud
from tests.emulator.local import fresh_key, started

from sendit.emulators.cloud import LocalCloud
from sendit.emulators.resources import Delivery

BRISK = Delivery(minimum_backoff=1.0, maximum_backoff=2.0)
"""Repeated deliveries without the cloud's 30 s in between. The emulator looks for them every three seconds."""


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fresh_key(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="session")
def cloud_lines() -> list[str]:
    """Every log line of the functions, as `name: line`."""
    return []


@pytest.fixture(scope="session")
def local_cloud(key_file: Path, cloud_lines: list[str]) -> Iterator[LocalCloud]:
    # tests look at the sources of batches that rest; those of cleaning have functions of their own
    with started(key_file, cloud_lines, BRISK, SENDIT_KEEP_SOURCES="never") as cloud:
        yield cloud


@pytest.fixture
def cloud(local_cloud: LocalCloud, cloud_lines: list[str]) -> Cloud:
    return Cloud(local_cloud.environment, cloud_lines)
