"""Every status store, for the suites that run over them. A new adapter adds a maker and a parameter."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from tests.contract.status_stores import Maker, WholeStore

from sendit.adapters.firestore_status import FirestoreStatusStore
from sendit.adapters.sqlite_status import SqliteStatusStore


@pytest.fixture(params=["sqlite", "firestore"])
def maker(request: pytest.FixtureRequest) -> Maker:
    maker: Maker = request.getfixturevalue(f"{request.param}_maker")
    return maker


@pytest.fixture
def sqlite_maker(tmp_path: Path) -> Maker:
    return lambda: closing(SqliteStatusStore(tmp_path / "status.sqlite3"))


@pytest.fixture
def firestore_maker(firestore_emulator: str, monkeypatch: pytest.MonkeyPatch) -> Maker:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator)
    project = f"contract-{uuid.uuid4().hex[:12]}"  # every test has a database of its own

    @contextmanager
    def opened() -> Iterator[WholeStore]:
        client = firestore.Client(project=project, credentials=AnonymousCredentials())
        yield FirestoreStatusStore(client)
        client.close()  # type: ignore[no-untyped-call]

    return opened


@pytest.fixture
def store(maker: Maker) -> Iterator[WholeStore]:
    with maker() as opened:
        yield opened
