"""What every `Reports` must do. A new adapter adds a rig and a parameter."""

import os
from pathlib import Path
from typing import Protocol

import pytest
from tests.contract.buckets import TestBucket, unreachable_client

from sendit.adapters.folder_reports import FolderReports
from sendit.adapters.gcs_reports import GcsReports
from sendit.errors import Code, TransientError
from sendit.refs import BatchName
from sendit.staging_area import Reports

BATCH = BatchName.parse("1_6/ST-000001")
ID = "0123456789abcdef0123"
TEXT = "Batch ST-000001\n    …—ünï.dcm\n"


def id_of(batch: BatchName) -> str:
    return ID


class Rig(Protocol):
    reports: Reports
    longest: int  # bytes of a name of one part that can have a report

    def kept(self) -> dict[str, str]: ...
    def cut_off(self) -> None: ...


class FolderRig:
    def __init__(self, folder: Path) -> None:
        self.folder, self.longest = folder / "reports", 255 - len(".err")
        self.reports: Reports = FolderReports(self.folder, id_of)

    def kept(self) -> dict[str, str]:
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.folder)): path.read_text("utf-8") for path in files}

    def cut_off(self) -> None:
        self.folder.parent.joinpath("file").write_bytes(b"")
        self.reports = FolderReports(self.folder.parent / "file" / "reports", id_of)


class GcsRig:
    def __init__(self, made: TestBucket) -> None:
        self._made, self.longest = made, 1024 - len(made.place.name_of("failed/.err"))
        self.reports: Reports = GcsReports(made.client, made.place, id_of)

    def kept(self) -> dict[str, str]:
        return {
            name.removeprefix("failed/"): self._made.get(name).decode("utf-8")
            for name in self._made.names()
            if name.startswith("failed/")
        }

    def cut_off(self) -> None:
        self.reports = GcsReports(unreachable_client(), self._made.place, id_of)


@pytest.fixture(params=["folder", "gcs"])
def rig(request: pytest.FixtureRequest) -> Rig:
    if request.param == "folder":
        return FolderRig(request.getfixturevalue("tmp_path"))
    return GcsRig(TestBucket.make(request))


def test_a_report_lies_under_its_batchs_name_and_is_replaced(rig: Rig) -> None:
    rig.reports.write(BATCH, TEXT)
    assert rig.kept() == {"1_6/ST-000001.err": TEXT}
    rig.reports.write(BATCH, "shorter")
    assert rig.kept() == {"1_6/ST-000001.err": "shorter"}


def test_what_is_written_once_stays_as_it_is(rig: Rig) -> None:
    assert rig.reports.write_once(BATCH, TEXT)
    assert not rig.reports.write_once(BATCH, "later")
    assert rig.kept() == {"1_6/ST-000001.err": TEXT}
    rig.reports.write(BATCH, "replaced")
    assert rig.kept() == {"1_6/ST-000001.err": "replaced"}


def test_a_report_is_removed_with_those_inside_its_folder_and_none_beside_it(rig: Rig) -> None:
    names = ["1_6/ST-000001", "1_6/ST-000001/SE-1", "1_6/ST-000001/SE-2/deeper", "1_6/ST-0000011", "1_6"]
    for name in names:
        rig.reports.write(BatchName.parse(name), name)
    rig.reports.remove(BATCH)
    assert set(rig.kept()) == {"1_6/ST-0000011.err", "1_6.err"}
    rig.reports.remove(BATCH)
    assert rig.reports.write_once(BATCH, TEXT)


@pytest.mark.parametrize("name", ["-dash", "$(touch x)", "…—ünï", "back\\slash", "a.err", "%2e%2e/x", "~"])
def test_hostile_names_stay_inside_their_place(rig: Rig, name: str) -> None:
    rig.reports.write(BatchName.parse(name), TEXT)
    assert rig.kept() == {f"{name}.err": TEXT}
    rig.reports.remove(BatchName.parse(name))
    assert rig.kept() == {}


@pytest.mark.parametrize("over", [1, 4])
@pytest.mark.parametrize("letter", ["x", "ü"])
def test_the_report_of_a_name_that_leaves_no_room_for_it_lies_under_the_id(rig: Rig, letter: str, over: int) -> None:
    fits = letter * (rig.longest // len(letter.encode())) + "y" * (rig.longest % len(letter.encode()))
    longer = BatchName.parse(fits + "y" * over)
    for name in (BatchName.parse(fits), longer):
        assert [rig.reports.write_once(name, TEXT) for _ in range(2)] == [True, False]
        rig.reports.write(name, "replaced")
    assert rig.kept() == {f"{fits}.err": "replaced", f"{ID}.err": "replaced"}
    rig.reports.remove(longer)
    assert rig.kept() == {f"{fits}.err": "replaced"}


def test_reports_out_of_reach_are_transient(rig: Rig) -> None:
    rig.cut_off()
    for call in (lambda: rig.reports.write(BATCH, TEXT), lambda: rig.reports.write_once(BATCH, TEXT)):
        with pytest.raises(TransientError) as error:
            call()
        assert error.value.code is Code.STAGING_UNAVAILABLE


def test_a_report_on_this_machine_is_private_and_whole(tmp_path: Path) -> None:
    rig = FolderRig(tmp_path)
    rig.reports.write(BATCH, TEXT)
    rig.reports.write(BATCH, TEXT)
    for folder, _, files in os.walk(rig.folder):
        assert Path(folder).stat().st_mode & 0o777 == 0o700
        for name in files:
            assert (Path(folder) / name).stat().st_mode & 0o777 == 0o600
            assert name == "ST-000001.err"  # nothing half-written is left
