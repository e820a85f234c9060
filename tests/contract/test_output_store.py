"""What every `OutputStore` must do. A new adapter adds a rig and a parameter."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import google_crc32c
import pytest
from tests.contract.buckets import TestBucket, unreachable_client

from sendit.adapters.folder_output import FolderOutput
from sendit.adapters.gcs_output import GcsOutput
from sendit.errors import Code, ImageError, TransientError
from sendit.ports import OutputStore, Stored

NAME = "P-1/2.25.1/2.25.2/2.25.3.dcm"


class Rig(Protocol):
    store: OutputStore

    def names(self) -> set[str]: ...
    def cut_off(self) -> None: ...


class FolderRig:
    def __init__(self, folder: Path) -> None:
        self.root = folder / "out"
        self.root.mkdir()
        self.store: OutputStore = FolderOutput(self.root)

    def names(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}

    def cut_off(self) -> None:
        self.root.rmdir()


class GcsRig:
    def __init__(self, made: TestBucket) -> None:
        self._made = made
        self.store: OutputStore = GcsOutput(made.client, made.place)

    def names(self) -> set[str]:
        return self._made.names()

    def cut_off(self) -> None:
        self.store = GcsOutput(unreachable_client(), self._made.place)


@pytest.fixture(params=["folder", "gcs"])
def rig(request: pytest.FixtureRequest) -> Rig:
    if request.param == "folder":
        return FolderRig(request.getfixturevalue("tmp_path"))
    return GcsRig(TestBucket.make(request))


def put(store: OutputStore, data: bytes, name: str = NAME) -> Stored:
    with store.create(name) as pending:
        for start in range(0, len(data), 7):
            pending.write(data[start : start + 7])
        return pending.commit()


def test_a_committed_object_reads_back_with_its_size_and_crc32c(rig: Rig) -> None:
    stored = put(rig.store, b"the bytes of an image")
    assert stored == Stored(NAME, 21, google_crc32c.value(b"the bytes of an image"), created=True)
    with rig.store.open(NAME) as stream:
        assert stream.read() == b"the bytes of an image"
    found = rig.store.stat(NAME)
    assert found is not None
    assert found.size == 21
    assert found.crc32c in {None, stored.crc32c}
    assert rig.names() == {NAME}


def test_what_is_not_committed_leaves_no_trace(rig: Rig) -> None:
    with rig.store.create(NAME) as pending:
        pending.write(b"half")
    with pytest.raises(ZeroDivisionError), rig.store.create(NAME) as pending:
        pending.write(b"half")
        raise ZeroDivisionError
    assert rig.store.stat(NAME) is None
    assert rig.names() == set()
    with pytest.raises(FileNotFoundError), rig.store.open(NAME):
        pass


def test_the_same_bytes_again_are_no_change(rig: Rig) -> None:
    first = put(rig.store, b"same")
    again = put(rig.store, b"same")
    assert (again.size, again.crc32c) == (first.size, first.crc32c)
    assert not again.created
    assert rig.names() == {NAME}


@pytest.mark.parametrize("other", [b"else", b"longer than before", b""])
def test_other_bytes_under_a_name_are_a_conflict_and_never_an_overwrite(rig: Rig, other: bytes) -> None:
    put(rig.store, b"same")
    with pytest.raises(ImageError) as error:
        put(rig.store, other)
    assert error.value.code is Code.CONFLICT
    with rig.store.open(NAME) as stream:
        assert stream.read() == b"same"
    assert rig.names() == {NAME}


def test_of_many_writers_at_once_one_creates_and_the_rest_find_it(rig: Rig) -> None:
    data = bytes(range(256)) * 1000
    with ThreadPoolExecutor(8) as threads:
        stored = list(threads.map(lambda _: put(rig.store, data), range(16)))
    assert [one.created for one in stored].count(True) == 1
    with rig.store.open(NAME) as stream:
        assert stream.read() == data
    assert rig.names() == {NAME}


def test_metadata_beside_an_object_changes_nothing_of_it(rig: Rig) -> None:
    for metadata in ({"PatientID": "P-1"}, {"PatientID": "P-2"}, None):
        with rig.store.create(NAME, metadata) as pending:
            pending.write(b"same")
            assert pending.commit().created is (metadata == {"PatientID": "P-1"})
    with rig.store.open(NAME) as stream:
        assert stream.read() == b"same"
    assert rig.names() == {NAME}


def test_an_empty_object_can_be_stored(rig: Rig) -> None:
    assert put(rig.store, b"").size == 0
    assert (found := rig.store.stat(NAME)) is not None
    assert found.size == 0


def test_a_store_out_of_reach_is_transient(rig: Rig) -> None:
    rig.cut_off()
    with pytest.raises(TransientError) as error:
        put(rig.store, b"data")
    assert error.value.code is Code.OUTPUT_UNAVAILABLE


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_folder_that_may_not_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(number, "DOE^JOHN")

    monkeypatch.setattr(os, "open", refuse)  # root may write everywhere
    with pytest.raises(TransientError) as error:
        put(FolderOutput(tmp_path), b"data")
    assert error.value.code is Code.OUTPUT_FORBIDDEN
    assert "DOE" not in str(error.value)
