"""What every `Staging` must do. A new adapter adds a rig and a parameter."""

from pathlib import Path
from typing import Protocol

import pytest
from google.api_core.exceptions import BadRequest
from tests.contract.buckets import TestBucket, unreachable_client

from sendit.adapters.folder_staging import FolderStaging
from sendit.adapters.gcs_staging import GcsStaging
from sendit.adapters.kept_staging import KeptStaging
from sendit.errors import Code, ImageError, TransientError
from sendit.ports import Staging
from sendit.refs import BatchName, Entry

BATCH = BatchName.parse("1_6/ST-000001")


class Rig(Protocol):
    staging: Staging
    refused_names: frozenset[str]  # names that nobody can stage there

    def put(self, path: str, data: bytes) -> None: ...
    def remove(self, path: str) -> None: ...
    def cut_off(self) -> None: ...


class FolderRig:
    def __init__(self, folder: Path) -> None:
        self.root = folder / "incoming"
        self.root.mkdir()
        self.staging: Staging = FolderStaging(self.root, folder / "manifests")
        self.refused_names: frozenset[str] = frozenset()

    def put(self, path: str, data: bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def cut_off(self) -> None:
        self.root.rename(self.root.with_name("elsewhere"))


class GcsRig:
    def __init__(self, made: TestBucket) -> None:
        self._made = made
        self.staging: Staging = GcsStaging(made.client, made.place)
        self.refused_names = frozenset({"new\nline", "carriage\rreturn"})

    def put(self, path: str, data: bytes) -> None:
        self._made.put(f"incoming/{path}", data)

    def remove(self, path: str) -> None:
        self._made.remove(f"incoming/{path}")

    def cut_off(self) -> None:
        self.staging = GcsStaging(unreachable_client(), self._made.place)


class KeptRig(GcsRig):
    def __init__(self, made: TestBucket) -> None:
        super().__init__(made)
        self.staging = KeptStaging(self.staging, 1024)

    def cut_off(self) -> None:
        super().cut_off()
        self.staging = KeptStaging(self.staging, 1024)


@pytest.fixture(params=["folder", "gcs", "kept gcs"])
def rig(request: pytest.FixtureRequest) -> Rig:
    if request.param == "folder":
        return FolderRig(request.getfixturevalue("tmp_path"))
    return {"gcs": GcsRig, "kept gcs": KeptRig}[request.param](TestBucket.make(request))


def listed(rig: Rig) -> dict[str, Entry]:
    entries = list(rig.staging.list(BATCH))
    assert len({entry.name for entry in entries}) == len(entries)
    return {entry.name: entry for entry in entries}


def test_a_listing_holds_every_object_below_the_folder_and_none_beside_it(rig: Rig) -> None:
    rig.put("1_6/ST-000001/a.dcm", b"aaa")
    rig.put("1_6/ST-000001/deep/er/b", b"bb")
    rig.put("1_6/ST-000001/.hidden", b"h")
    rig.put("1_6/ST-0000011/not-mine", b"x")
    rig.put("1_6/ST-000001.tmp1/not-mine", b"x")
    assert {name: entry.size for name, entry in listed(rig).items()} == {"a.dcm": 3, "deep/er/b": 2, ".hidden": 1}


def test_a_folder_that_is_not_there_lists_as_nothing(rig: Rig) -> None:
    assert listed(rig) == {}


@pytest.mark.parametrize(
    "name",
    [
        "new\nline",
        "carriage\rreturn",
        "…—ünï",
        "-dash",
        "trailing ",
        "'q\"",
        "$(touch x)",
        "%2e%2e",
        "..name",
        "back\\slash",
        "a" * 255,
    ],
)
def test_hostile_names_are_listed_and_read_like_any_other_if_they_can_be_there_at_all(rig: Rig, name: str) -> None:
    if name in rig.refused_names:
        with pytest.raises(BadRequest):
            rig.put(f"1_6/ST-000001/{name}", b"data")
        assert listed(rig) == {}
        return
    rig.put(f"1_6/ST-000001/{name}", b"data")
    with rig.staging.open(BATCH, listed(rig)[name]) as stream:
        assert stream.read() == b"data"


def test_a_stream_is_seekable(rig: Rig) -> None:
    rig.put("1_6/ST-000001/a", b"0123456789")
    with rig.staging.open(BATCH, listed(rig)["a"]) as stream:
        stream.seek(4)
        assert stream.read(3) == b"456"
        stream.seek(0)
        assert stream.read() == b"0123456789"


def test_an_object_that_changed_since_it_was_listed_is_never_read_in_its_place(rig: Rig) -> None:
    rig.put("1_6/ST-000001/a", b"old")
    entry = listed(rig)["a"]
    rig.put("1_6/ST-000001/a", b"newer")
    with pytest.raises(ImageError) as error, rig.staging.open(BATCH, entry):
        pass
    assert error.value.code is Code.CHANGED_DURING_PROCESSING


def test_every_generation_of_an_object_reads_as_itself(rig: Rig) -> None:
    rig.put("1_6/ST-000001/a", b"older")
    with rig.staging.open(BATCH, listed(rig)["a"]) as stream:
        assert stream.read() == b"older"
    rig.put("1_6/ST-000001/a", b"newer")
    with rig.staging.open(BATCH, listed(rig)["a"]) as stream:
        assert stream.read() == b"newer"


def test_an_object_that_is_gone_is_changed(rig: Rig) -> None:
    rig.put("1_6/ST-000001/a", b"old")
    rig.put("1_6/ST-000001/b", b"stays")
    entry = listed(rig)["a"]
    rig.remove("1_6/ST-000001/a")
    with pytest.raises(ImageError) as error, rig.staging.open(BATCH, entry):
        pass
    assert error.value.code is Code.CHANGED_DURING_PROCESSING


def test_parts_that_say_unfinished_are_listed_as_a_problem(rig: Rig) -> None:
    rig.put("1_6/ST-000001/a.dcm.tmp12", b"half")
    rig.put("1_6/ST-000001/sub.tmp9/b.dcm", b"half")
    assert {entry.problem for entry in listed(rig).values()} == {Code.UNFINISHED_FILE}
    entry = listed(rig)["a.dcm.tmp12"]
    with pytest.raises(ImageError) as error, rig.staging.open(BATCH, entry):
        pass
    assert error.value.code is Code.UNFINISHED_FILE


def test_a_staging_area_out_of_reach_is_transient_and_no_image_error(rig: Rig) -> None:
    rig.put("1_6/ST-000001/a", b"old")
    entry = listed(rig)["a"]
    rig.cut_off()
    with pytest.raises(TransientError) as error, rig.staging.open(BATCH, entry):
        pass
    assert error.value.code is Code.STAGING_UNAVAILABLE
    with pytest.raises(TransientError):
        listed(rig)


def test_a_manifest_is_kept_as_it_was_first_written(rig: Rig) -> None:
    assert rig.staging.read_manifest("id", 1) is None
    rig.staging.write_manifest("id", 1, b"first")
    rig.staging.write_manifest("id", 1, b"second")
    rig.staging.write_manifest("id", 2, b"other generation")
    assert rig.staging.read_manifest("id", 1) == b"first"
    assert rig.staging.read_manifest("id", 2) == b"other generation"


def test_all_manifests_of_a_batch_come_oldest_first(rig: Rig) -> None:
    assert list(rig.staging.manifests("id")) == []
    for generation in (1700000000000001, 9, 10):
        rig.staging.write_manifest("id", generation, str(generation).encode())
    rig.staging.write_manifest("id2", 1, b"of another batch")
    assert list(rig.staging.manifests("id")) == [b"9", b"10", b"1700000000000001"]


def test_answers_of_a_batch_lie_side_by_side_and_apart_from_manifests_and_other_batches(rig: Rig) -> None:
    assert list(rig.staging.answers("id")) == []
    rig.staging.write_manifest("id", 1, b"manifest")
    for data in (b"one", b"two", b"one", b""):
        rig.staging.add_answers("id", data)
    rig.staging.add_answers("id2", b"of another batch")
    assert sorted(rig.staging.answers("id")) == [b"", b"one", b"one", b"two"]
    assert list(rig.staging.manifests("id")) == [b"manifest"]
