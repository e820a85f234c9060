"""What every `CrosswalkStore` must do, under the key that its entries are sealed with."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1.bulk_batch import BulkWriteBatch

from sendit.adapters.firestore_crosswalk import FirestoreCrosswalk
from sendit.adapters.sqlite_crosswalk import SqliteCrosswalk
from sendit.crosswalk import ENTRIES_A_WRITE, Asked, CrosswalkStore, Entry, Kept, Kind, LookUp, Replaced, Sealed
from sendit.errors import Code, TransientError
from sendit.sealing import CrosswalkKey

NOW = datetime(2026, 11, 20, 13, 22, 47, 1, UTC)
KEY = CrosswalkKey(bytes(range(32)))


def kept(new: str = "P-1", original: str = "PAT-1", batch: str = "b1", kind: Kind = Kind.PATIENT) -> Kept:
    return Kept(Entry(kind, Replaced(new, original), Replaced("P-1", "PAT-1"), "HOSPITAL", 17, "k1"), batch, NOW)


def sealed(*about: Kept, until: datetime | None = None) -> list[Sealed]:
    return [KEY.seal(one, until) for one in about]


def found(store: CrosswalkStore, asked: Asked, new: str) -> set[tuple[str, str]]:
    """Original and batch of every entry about it."""
    opened = map(KEY.open, store.find(KEY.subject(asked, new)))
    return {(one.entry.value.original, one.batch_id) for one in opened}


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[CrosswalkStore]:
    with closing(SqliteCrosswalk(tmp_path / "crosswalk.sqlite3", NOW)) as store:
        yield store


@pytest.fixture
def client(firestore_emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[firestore.Client]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator)
    project = f"contract-{uuid.uuid4().hex[:12]}"
    client = firestore.Client(project=project, database="crosswalk", credentials=AnonymousCredentials())
    yield client
    client.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def firestore_store(client: firestore.Client) -> CrosswalkStore:
    return FirestoreCrosswalk(client)


@pytest.fixture(params=["sqlite", "firestore"])
def store(request: pytest.FixtureRequest) -> CrosswalkStore:
    store: CrosswalkStore = request.getfixturevalue(f"{request.param}_store")
    return store


def test_an_entry_is_found_by_what_it_is_about_and_comes_back_as_it_was(store: CrosswalkStore) -> None:
    study = replace(kept("2.25.1", "1.2.3", kind=Kind.STUDY).entry, accession=Replaced("A-1", "ÄCC^1"))
    entries = [kept(), Kept(study, "b1", NOW), kept("A-1", "ÄCC^1", kind=Kind.ACCESSION)]
    store.keep(sealed(*entries))
    for asked, new, entry in zip((Asked.PATIENT, Asked.UID, Asked.ACCESSION), ("P-1", "2.25.1", "A-1"), entries,
                                 strict=True):  # fmt: skip
        (one,) = store.find(KEY.subject(asked, new))
        assert KEY.open(one) == entry
        assert (one.key_id, one.expires_at) == (KEY.key_id, None)
    assert found(store, Asked.ACCESSION, "P-1") == set()
    assert found(store, Asked.PATIENT, "P-") == set()


def test_the_same_facts_again_are_no_error_and_change_nothing(store: CrosswalkStore) -> None:
    first = sealed(kept())
    store.keep(first)
    store.keep(sealed(replace(kept(), at=NOW + timedelta(days=1)), kept("P-2", "PAT-2"), kept("P-3", "PAT-3")))
    assert store.find(KEY.subject(Asked.PATIENT, "P-1")) == first
    assert found(store, Asked.PATIENT, "P-2") == {("PAT-2", "b1")}
    assert found(store, Asked.PATIENT, "P-3") == {("PAT-3", "b1")}


def test_two_facts_about_one_pseudonym_are_both_there(store: CrosswalkStore) -> None:
    store.keep(sealed(kept(), kept(batch="b2"), kept(original="PAT-9")))
    assert found(store, Asked.PATIENT, "P-1") == {("PAT-1", "b1"), ("PAT-1", "b2"), ("PAT-9", "b1")}


def test_as_many_as_may_be_are_written_at_once_and_none_is_lost_beside_those_that_are_there(
    store: CrosswalkStore,
) -> None:
    many = [kept(f"2.25.{number}", f"1.2.{number}", kind=Kind.INSTANCE) for number in range(ENTRIES_A_WRITE)]
    store.keep(sealed(*many[::3]))
    store.keep(sealed(*many))
    store.keep([])
    for number in (0, 1, 2, ENTRIES_A_WRITE - 1):
        assert found(store, Asked.UID, f"2.25.{number}") == {(f"1.2.{number}", "b1")}


def test_when_an_entry_expires_stands_beside_it(store: CrosswalkStore) -> None:
    until = NOW + timedelta(days=30)
    store.keep(sealed(kept(), until=until))
    (one,) = store.find(KEY.subject(Asked.PATIENT, "P-1"))
    assert one.expires_at == until
    store.keep(sealed(kept(), until=until + timedelta(hours=1)))  # the same day: the same entry
    assert len(store.find(one.id.split("-")[0])) == 1
    store.keep(sealed(kept(), until=until + timedelta(days=1)))  # what is stored later is kept later
    assert len(store.find(one.id.split("-")[0])) == 2


def test_look_ups_are_told_in_their_order(store: CrosswalkStore) -> None:
    asked = [
        LookUp(NOW + timedelta(seconds=number), f"broker{number}", "dose, 12/26", Asked.UID, "0" * 32, bool(number % 2))
        for number in range(3)
    ]
    assert store.lookups() == []
    for one in asked:
        store.record(one)
    assert store.lookups() == asked


def test_a_file_deletes_what_has_expired_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "crosswalk.sqlite3"
    with closing(SqliteCrosswalk(path, NOW)) as store:
        store.keep(sealed(kept(), until=NOW + timedelta(days=1)))
        store.keep(sealed(kept("P-2", "PAT-2")))
    with closing(SqliteCrosswalk(path, NOW + timedelta(hours=23))) as store:
        assert found(store, Asked.PATIENT, "P-1")
    with closing(SqliteCrosswalk(path, NOW + timedelta(days=1))) as store:
        assert found(store, Asked.PATIENT, "P-1") == set()
        assert found(store, Asked.PATIENT, "P-2")


@pytest.mark.parametrize(
    "statement", ["UPDATE entries SET content = x''", "UPDATE lookups SET user = 'x'", "DELETE FROM lookups"]
)
def test_a_file_refuses_to_change_what_it_holds(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "crosswalk.sqlite3"
    with closing(SqliteCrosswalk(path, NOW)) as store:
        store.keep(sealed(kept()))
        store.record(LookUp(NOW, "broker", "why", Asked.UID, "0" * 32, True))
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as direct, pytest.raises(sqlite3.IntegrityError, match="never"):
        direct.execute(statement)


def test_documents_show_the_keys_id_and_when_they_expire_and_nothing_else(
    firestore_store: CrosswalkStore, client: firestore.Client
) -> None:
    firestore_store.keep(sealed(kept(), until=NOW) + sealed(kept()))
    shown = [document.to_dict() or {} for document in client.collection("entries").stream()]
    assert sorted(map(sorted, shown)) == [["content", "expires_at", "key_id"], ["content", "key_id"]]
    assert {one["key_id"] for one in shown} == {KEY.key_id}


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (exceptions.PermissionDenied("CANARY"), Code.CROSSWALK_FORBIDDEN),
        (exceptions.InvalidArgument("CANARY"), Code.CROSSWALK_UNAVAILABLE),
        (exceptions.NotFound("CANARY"), Code.CROSSWALK_UNAVAILABLE),
    ],
)
def test_what_firestore_refuses_has_a_code_of_the_crosswalk(
    firestore_store: CrosswalkStore, monkeypatch: pytest.MonkeyPatch, raised: Exception, code: Code
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr("sendit.adapters.firestore_crosswalk.BulkWriteBatch.commit", refuse)
    with pytest.raises(TransientError) as error:
        firestore_store.keep(sealed(kept()))
    assert (error.value.code, error.value.__cause__) == (code, None)


def test_what_a_write_was_answered_with_for_some_documents_is_tried_again_for_those(
    firestore_store: CrosswalkStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, sizes = BulkWriteBatch.commit, list[int]()

    def busy(batch: BulkWriteBatch, **given: object) -> object:
        sizes.append(len(batch._write_pbs))
        answer = commit(batch, **given)  # type: ignore[arg-type]
        if len(sizes) == 1:
            answer.status[0].code = 14  # UNAVAILABLE
        return answer

    monkeypatch.setattr(BulkWriteBatch, "commit", busy)
    firestore_store.keep(sealed(kept(), kept("P-2", "PAT-2")))
    assert sizes == [2, 1]
    assert found(firestore_store, Asked.PATIENT, "P-1") == {("PAT-1", "b1")}


def test_a_file_that_is_none_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "crosswalk.sqlite3"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(TransientError) as error:
        SqliteCrosswalk(path, NOW)
    assert error.value.code is Code.CROSSWALK_UNAVAILABLE
