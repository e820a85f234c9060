"""Which batch a person means, by name, id or beginning of an id, also where names are hidden."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sendit import deid
from sendit.adapters.folder_staging import FolderStaging
from sendit.adapters.sqlite_status import SqliteStatusStore
from sendit.cli.choice import chosen, files_of, name_of
from sendit.errors import Code, UsageError
from sendit.ids import DocumentIds
from sendit.manifest import Manifest
from sendit.records import Batch, BatchState
from sendit.refs import BatchName, Entry

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEYS, OTHER_KEYS = deid.Keyring(bytes(32)), deid.Keyring(bytes([1] * 32))


@dataclass
class World:
    """A status store and the manifests; ids are under `KEYS`."""

    store: SqliteStatusStore
    staging: FolderStaging
    ids: DocumentIds
    reports: str = ""

    def add(
        self, name: str, *, hidden: bool = True, frozen: bool = True, ids: DocumentIds | None = None, key_id: str = ""
    ) -> Batch:
        ids = ids or self.ids
        at = NOON + timedelta(seconds=sum(1 for _ in self.store.batches()))
        parsed = BatchName.parse(name)
        batch = Batch(ids.batch(parsed), None if hidden else name, BatchState.NEW, 7, at, at, key_id=key_id)
        self.store.register(batch)
        if frozen:
            entries = [Entry("a.dcm", 1, 1)]
            manifest = Manifest.freeze(
                entries, batch=ids.full(parsed), profile_digest="x", key_id=ids.key_id, version="1"
            )
            self.staging.write_manifest(batch.id, 7, manifest.to_bytes())
        return batch


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(SqliteStatusStore(tmp_path / "status.sqlite3")) as store:
        yield World(store, FolderStaging(tmp_path, tmp_path / "manifests"), DocumentIds(KEYS))


def code_of(error: pytest.ExceptionInfo[UsageError]) -> Code:
    return error.value.code


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_a_batch_is_found_by_its_name_whether_that_is_hidden_or_not_and_frozen_or_not(
    world: World, hidden: bool, frozen: bool
) -> None:
    wanted = world.add("1_6/ST-1", hidden=hidden, frozen=frozen)
    world.add("ST-2", hidden=hidden, frozen=frozen)
    assert chosen(world, "1_6/ST-1") == [wanted]
    assert str(name_of(world, wanted, "1_6/ST-1")) == "1_6/ST-1"


def test_a_batch_is_found_by_its_id_and_by_the_beginning_of_it(world: World) -> None:
    wanted, other = world.add("ST-1"), world.add("ST-2")
    assert chosen(world, wanted.id) == chosen(world, wanted.id[:6]) == [wanted]
    assert chosen(world, None) == [wanted, other]
    assert str(name_of(world, wanted, wanted.id)) == "ST-1"
    with pytest.raises(UsageError) as error:
        chosen(world, wanted.id[:5])
    assert code_of(error) is Code.NO_SUCH_BATCH


def test_of_hidden_names_the_whole_one_is_meant_before_one_that_ends_alike(world: World) -> None:
    whole = world.add("ST-1")
    world.add("1_6/ST-1")
    assert chosen(world, "ST-1") == [whole]


def test_on_one_machine_a_hidden_name_is_found_without_the_folder_around_it(world: World) -> None:
    scoped = DocumentIds(KEYS, "/data/src/")
    wanted = world.add("ST-1", ids=scoped)
    world.add("ST-2", ids=scoped)
    assert chosen(world, "ST-1") == chosen(world, "/data/src/ST-1") == [wanted]
    world.add("ST-1", ids=DocumentIds(KEYS, "/data/other/"))
    with pytest.raises(UsageError) as error:
        chosen(world, "ST-1")
    assert "give the id" in error.value.hint


@pytest.mark.parametrize("wanted", ["ST-3", "T-1", "", "a//b", "../ST-1", "\ud800"])
def test_a_name_that_no_batch_has_names_none(world: World, wanted: str) -> None:
    world.add("ST-1")
    with pytest.raises(UsageError) as error:
        chosen(world, wanted)
    assert code_of(error) is Code.NO_SUCH_BATCH


def test_a_damaged_manifest_is_told_and_the_others_tell_the_name(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = world.add("ST-1")
    world.staging.write_manifest(batch.id, 6, b"damaged")
    assert str(name_of(world, batch, batch.id)) == "ST-1"
    assert Code.BAD_MANIFEST in capsys.readouterr().err
    assert set(files_of(world, batch).values()) == {"ST-1/a.dcm"}
    damaged = world.add("ST-2", frozen=False)
    world.staging.write_manifest(damaged.id, 7, b"damaged")
    assert chosen(world, "ST-2") == [damaged]
    assert files_of(world, damaged) == {}


def test_a_hidden_name_that_was_never_frozen_has_to_be_given(world: World) -> None:
    batch = world.add("ST-1", frozen=False)
    with pytest.raises(UsageError) as error:
        name_of(world, batch, batch.id)
    assert code_of(error) is Code.NO_SUCH_BATCH


@pytest.mark.parametrize("hidden", [False, True])
def test_a_batch_of_another_key_is_not_asked_for_again_under_this_one(world: World, hidden: bool) -> None:
    batch = world.add("ST-1", hidden=hidden, ids=DocumentIds(OTHER_KEYS))
    with pytest.raises(UsageError) as error:
        name_of(world, batch, batch.id)
    assert code_of(error) is Code.BAD_KEY


def test_files_are_resolved_by_image_id_and_not_under_another_key(world: World) -> None:
    batch = world.add("ST-1")
    image_id = world.ids.image(BatchName.parse("ST-1"), "a.dcm")
    assert files_of(world, batch) == {image_id: "ST-1/a.dcm"}
    assert files_of(world, replace(batch, key_id=KEYS.key_id)) == {image_id: "ST-1/a.dcm"}
    with pytest.raises(UsageError) as error:
        files_of(world, replace(batch, key_id=OTHER_KEYS.key_id))
    assert code_of(error) is Code.BAD_KEY
