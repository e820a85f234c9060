"""A local cloud whose leases and ack deadlines end within seconds, chance from one seed, and figures to print."""

import random
from collections.abc import Callable, Iterator

import pytest
from tests.chaos.figures import Figures
from tests.emulator.cloud import Cloud
from tests.emulator.killing import TERMS
from tests.emulator.local import fresh_key, started

from sendit.emulators.cloud import LocalCloud
from sendit.emulators.resources import Delivery
from sendit.emulators.scheduler import Scheduler
from sendit.label import LABEL

IMPATIENT = Delivery(ack_deadline=10, minimum_backoff=1.0, maximum_backoff=2.0, attempts=100)
"""The shortest ack deadline there is, and more deliveries than any test needs."""

SECONDS_BETWEEN_TICKS = 4.0


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether this is the long form."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Where a test takes every random choice from."""
    return random.Random(f"{request.config.getoption('--seed')} {request.node.name}")  # noqa: S311  no secret


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Iterator[Figures]:
    """What the summary prints of a test."""
    with Figures() as figures:
        record_property("figures", figures.told)
        yield figures


@pytest.fixture(scope="session")
def cloud_lines() -> list[str]:
    """Every log line of the functions, as `name: line`."""
    return []


@pytest.fixture(scope="session")
def local_cloud(cloud_lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with started(
        fresh_key(tmp_path_factory.mktemp("key")),
        cloud_lines,
        IMPATIENT,
        **TERMS,
        SENDIT_REQUEUE_AFTER="10",
        SENDIT_LOG_LEVEL="debug",
    ) as cloud:
        yield cloud


@pytest.fixture
def ticks(cloud: Cloud) -> Iterator[None]:
    """Let the sweep look every few seconds for what is lost or left."""
    scheduler = Scheduler(cloud.environment["PUBSUB_EMULATOR_HOST"], SECONDS_BETWEEN_TICKS)
    yield
    scheduler.stop()


@pytest.fixture(scope="session")
def cloud(local_cloud: LocalCloud, cloud_lines: list[str]) -> Cloud:
    return Cloud(local_cloud.environment, cloud_lines)


@pytest.fixture(autouse=True)
def no_strays(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test leaves in the output bucket is the output of an image that Firestore knows, under any patient."""
    yield
    if "local_cloud" not in request.fixturenames:
        return
    local: LocalCloud = request.getfixturevalue("local_cloud")
    cloud = Cloud(local.environment, [])
    there = {blob.name for blob in cloud.client.list_blobs(cloud.output)} - {LABEL}
    known = cloud.all_of_firestore()
    assert {name for name in there if f'"{name}"' not in known} == set()
