from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from tests.data import sample_study

ACCEPTED = {"CT", "MR", "CR", "RTPLAN", "RTDOSE"}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_two_builds_write_the_same_bytes(tmp_path: Path) -> None:
    count = sample_study.build(tmp_path / "a")
    sample_study.build(tmp_path / "b")
    first = contents(tmp_path / "a")
    assert first == contents(tmp_path / "b")
    assert count == len(first) == 31
    assert sum(map(len, first.values())) < 5_000_000


def test_a_complete_sample_is_left_as_it_is_and_an_incomplete_one_completed(tmp_path: Path) -> None:
    sample_study.build(tmp_path)
    before, stamps = contents(tmp_path), {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert sample_study.build(tmp_path) == 31
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == stamps
    (tmp_path / next(iter(before))).unlink()
    sample_study.build(tmp_path)
    assert contents(tmp_path) == before


def test_two_batches_of_an_invented_patient_each_with_one_image_to_refuse(tmp_path: Path) -> None:
    sample_study.build(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ST-000001", "ST-000002"]
    for batch in (sample_study.FIRST, sample_study.SECOND):
        headers = [pydicom.dcmread(path) for path in (tmp_path / batch.batch).rglob("*.dcm")]
        assert {str(ds.PatientName) for ds in headers} == {batch.name}
        assert {ds.PatientID for ds in headers} == {batch.id}
        assert {ds.PatientBirthDate for ds in headers} == {batch.birth_date}
        assert {ds.AccessionNumber for ds in headers} == {batch.accession}
        assert len({ds.StudyInstanceUID for ds in headers}) == 1
        assert not any("PatientIdentityRemoved" in ds for ds in headers)
    everything = [pydicom.dcmread(path) for path in tmp_path.rglob("*.dcm")]
    assert len({ds.SOPInstanceUID for ds in everything}) == len(everything)
    assert all(ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID for ds in everything)
    assert [ds.Modality for ds in everything if ds.Modality not in ACCEPTED] == ["US"]
    assert {ds.Modality for ds in everything} == {*ACCEPTED, "US"}
    originals = [ds.ImageType[:2] for ds in everything if "ImageType" in ds and ds.Modality != "US"]
    assert all(list(values) == ["ORIGINAL", "PRIMARY"] for values in originals)


@pytest.mark.thorough
def test_it_runs_as_a_script_from_anywhere(tmp_path: Path) -> None:
    script = Path(sample_study.__file__).resolve()
    done = subprocess.run(
        [sys.executable, str(script), "sample"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "31 files in sample\n"
    assert sample_study.main([]) == 2
