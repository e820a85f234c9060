from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian
from tests.data import dciodvfy, objects
from tests.data.headers import item, reference

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.uid import UID

KINDS = sorted(objects.KINDS)
IDENTIFYING = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge",
    "AccessionNumber", "StudyID", "InstitutionName", "InstitutionAddress", "ReferringPhysicianName",
    "PerformingPhysicianName", "OperatorsName", "StationName", "DeviceSerialNumber", "StudyDescription",
    "SeriesDescription", "ProtocolName", "StudyDate", "StudyTime", "SeriesDate",
    "RequestAttributesSequence", "ReferencedStudySequence", "OtherPatientIDsSequence",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("syntax", objects.SYNTAXES, ids=lambda syntax: str(syntax.name))
def test_every_kind_reads_back_as_it_was_built_in_every_syntax(kind: str, syntax: UID) -> None:
    built = objects.KINDS[kind]()
    read = pydicom.dcmread(BytesIO(objects.to_bytes(built, syntax)))
    assert read.file_meta.TransferSyntaxUID == syntax
    assert read.file_meta.MediaStorageSOPInstanceUID == built.SOPInstanceUID
    assert [element.tag for element in read] == [element.tag for element in built]
    assert str(read.PatientName) == str(built.PatientName)
    if "PixelData" in built:
        assert len(read.PixelData) == len(built.PixelData)
        swapped = syntax == ExplicitVRBigEndian and read["PixelData"].VR == "OW"
        assert (read.PixelData == built.PixelData) is not swapped


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_holds_the_usual_identifying_attributes_and_private_blocks(kind: str) -> None:
    ds = objects.KINDS[kind]()
    assert [keyword for keyword in IDENTIFYING if not ds.get(keyword)] == []
    assert ds.RequestAttributesSequence[0].RequestedProcedureID
    assert any(element.tag.is_private and element.VR == "SQ" for element in ds)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_call_gives_the_same_bytes(kind: str) -> None:
    assert objects.to_bytes(objects.KINDS[kind]()) == objects.to_bytes(objects.KINDS[kind]())


def test_encoding_leaves_the_dataset_alone() -> None:
    ds = objects.ct()
    before = objects.to_bytes(ds)
    for syntax in objects.SYNTAXES:
        objects.to_bytes(ds, syntax)
    assert objects.to_bytes(ds) == before
    assert not hasattr(ds, "file_meta")


@pytest.mark.parametrize("kind", KINDS)
def test_dciodvfy_finds_no_error_in_what_the_standard_knows(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"{kind}.dcm"
    path.write_bytes(objects.to_bytes(objects.KINDS[kind]()))
    unknown = frozenset({"Error - Information Object Not found"})
    assert dciodvfy.errors(path) == (unknown if kind == "unknown_sop_class" else frozenset())


def test_dciodvfy_errors_of_two_objects_compare_without_their_values(tmp_path: Path) -> None:
    sets = []
    for instance, value in ((1, "19 June"), (2, "yesterday")):
        ds = objects.ct(instance)
        ds.add_new("StudyDate", "LO", value)
        ds["StudyDate"].VR = "DA"
        del ds.KVP
        path = tmp_path / value
        path.write_bytes(objects.to_bytes(ds))
        sets.append(dciodvfy.errors(path))
    missing = "Error - Missing attribute Type 2 Required Element=<KVP> Module=<CTImage>"
    assert all(missing in found for found in sets)
    assert not any("June" in line or "yesterday" in line for found in sets for line in found)
    assert any("Study Date" in line for line in sets[0])


def test_dciodvfy_that_is_not_installed_is_an_error_not_a_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(dciodvfy.DciodvfyMissingError, match="dicom3tools"):
        dciodvfy.errors(tmp_path / "any.dcm")


def test_instances_share_study_and_series_but_no_instance_uid() -> None:
    first, second, other_study = objects.ct(1), objects.ct(2), objects.ct(1, study=2)
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert len({ds.SOPInstanceUID for ds in (first, second, other_study)}) == 3
    assert first.StudyInstanceUID != other_study.StudyInstanceUID


def test_another_patient_has_another_study() -> None:
    other = objects.Patient(name="Sample^Sam", id="MRN-1", accession="A-1")
    ds = objects.mr(patient=other)
    assert (str(ds.PatientName), ds.PatientID, ds.AccessionNumber) == ("Sample^Sam", "MRN-1", "A-1")
    assert ds.StudyInstanceUID != objects.mr().StudyInstanceUID


def test_references_lead_to_the_objects_of_the_same_study() -> None:
    structures, plan, dose = objects.rtstruct(), objects.rtplan(), objects.rtdose()
    assert plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID == structures.SOPInstanceUID
    assert dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == plan.SOPInstanceUID
    image = structures.ROIContourSequence[0].ContourSequence[0].ContourImageSequence[0]
    assert image == reference(objects.ct().SOPClassUID, objects.ct().SOPInstanceUID)


def test_multiframe_has_the_frames_it_was_asked_for() -> None:
    ds = objects.multiframe(5, 8, 6)
    assert (ds.NumberOfFrames, ds.Rows, ds.Columns, len(ds.PixelData)) == (5, 8, 6, 5 * 8 * 6 * 2)


def test_without_preamble_and_file_meta_the_bytes_begin_with_the_first_group() -> None:
    ds = objects.ct()
    assert objects.to_bytes(ds)[128:136] == b"DICM\x02\0\0\0"
    assert objects.to_bytes(ds, preamble=False)[:4] == b"\x02\0\0\0"
    assert objects.to_bytes(ds, preamble=False, file_meta=False)[:6] == b"\x08\0\x05\0CS"
    implicit = objects.to_bytes(ds, ImplicitVRLittleEndian, preamble=False, file_meta=False)
    assert implicit[:8] == b"\x08\0\x05\0\x0a\0\0\0"
    with pytest.raises(ValueError, match="needs its File Meta"):
        objects.to_bytes(ds, DeflatedExplicitVRLittleEndian, file_meta=False)


def test_a_misspelt_keyword_is_refused() -> None:
    with pytest.raises(KeyError, match="PatientsName"):
        item(PatientsName="x")
