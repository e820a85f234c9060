"""What every test stands on: no setting of the machine reaches it, and the summary counts each tier."""

import logging
import os
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from tests.emulators import running
from tests.orthanc import Archive, orthanc

from sendit.emulators import official
from sendit.emulators.storage import storage

ROOT = Path(__file__).resolve().parent
OUTCOMES = ("passed", "failed", "error", "skipped")


hypothesis.settings.register_profile("sendit", deadline=None)  # how slow this machine is proves nothing
hypothesis.settings.load_profile("sendit")


def pytest_addoption(parser: pytest.Parser) -> None:
    chaos = parser.getgroup("chaos")
    chaos.addoption("--long", action="store_true", help="the long form of tests/chaos, and of others that have one")
    chaos.addoption("--seed", type=int, help="what tests/chaos leaves to chance: a number that a run printed")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.seed is None:
        config.option.seed = secrets.randbelow(2**32)


def pytest_report_header(config: pytest.Config) -> str:
    return f"chaos: --seed {config.option.seed}"


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in [name for name in os.environ if name.startswith("SENDIT_")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    monkeypatch.setenv("SENDIT_HOME", str(home))


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("sendit")
    before = root.handlers[:], root.level, own.level
    yield
    root.handlers[:], root.level = before[0], before[1]
    own.setLevel(before[2])


@pytest.fixture(scope="session")
def official_sdk() -> official.Sdk:
    return official.Sdk.find()


@pytest.fixture(scope="session")
def firestore_emulator(official_sdk: official.Sdk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(official.firestore(official_sdk, tmp_path_factory.mktemp("firestore"))) as host:
        yield host


@pytest.fixture(scope="session")
def pubsub_emulator(official_sdk: official.Sdk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(official.pubsub(official_sdk, tmp_path_factory.mktemp("pubsub"))) as host:
        yield host


@pytest.fixture(scope="session")
def gcs_emulator(pubsub_emulator: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(storage(pubsub_emulator, tmp_path_factory.mktemp("storage"))) as host:
        yield host


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with running(orthanc(tmp_path_factory.mktemp("orthanc"))) as host:
        yield Archive(host)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tiers: Counter[tuple[str, str]] = Counter()
    figures: list[str] = []
    for outcome in OUTCOMES:
        for report in terminalreporter.stats.get(outcome, []):
            told = dict(getattr(report, "user_properties", ())).get("figures", {})
            if told:
                figures.append(f"{report.nodeid.rpartition('::')[2]}: {', '.join(f'{k} {v}' for k, v in told.items())}")
            path = (terminalreporter.config.rootpath / report.nodeid.split("::")[0]).resolve()
            if path.is_relative_to(ROOT):
                tiers[path.relative_to(ROOT).parts[0], outcome] += 1
    terminalreporter.section("tiers")
    for tier in sorted({tier for tier, _ in tiers}):
        counts = ", ".join(f"{tiers[tier, outcome]} {outcome}" for outcome in OUTCOMES if tiers[tier, outcome])
        terminalreporter.write_line(f"{tier}: {counts}")
    if figures:
        terminalreporter.section(f"chaos, --seed {terminalreporter.config.option.seed}")
        for line in figures:
            terminalreporter.write_line(line)
