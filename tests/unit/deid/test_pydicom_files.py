"""Every file that pydicom ships: an output with the same pixels, or a refusal that is known."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from tests.data.deid_objects import KEYS, deidentified

from sendit.deid import DeidError

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
REFUSED = {
    "JPEGLSNearLossless_08.dcm": "missing_uid",
    "JPEGLSNearLossless_16.dcm": "missing_uid",
    "MR_small_padded.dcm": "pixel_data_too_long",
    "MR_truncated.dcm": "truncated",
    "README": "not_dicom",
    "README.txt": "not_dicom",
    "SC_rgb_jls_lossy_line.dcm": "missing_uid",
    "SC_rgb_jls_lossy_sample.dcm": "missing_uid",
    "UN_sequence.dcm": "missing_uid",
    "badVR.dcm": "malformed",
    "crayons.icc": "not_dicom",
    "empty_charset_LEI.dcm": "missing_uid",
    "meta_missing_tsyntax.dcm": "missing_uid",
    "nested_priv_SQ.dcm": "missing_uid",
    "no_meta.dcm": "not_dicom",
    "no_meta_group_length.dcm": "missing_uid",
    "priv_SQ.dcm": "missing_uid",
    "rtplan.dump": "not_dicom",
    "rtplan_truncated.dcm": "truncated",
    "rtstruct.dump": "not_dicom",
    "test1.json": "not_dicom",
    "test_PN.json": "not_dicom",
    "zipMR.gz": "not_dicom",
}


def expected_refusal(path: Path) -> str | None:
    if path.name.startswith("DICOMDIR"):
        return "malformed" if path.name == "DICOMDIR-nooffset" else "missing_uid"
    if "TINY_ALPHA" in path.parts and path.name != "README":
        return "no_pixel_data"  # headers of images, made to test directories
    return REFUSED.get(path.name)


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(FOLDER)) for path in FILES])
def test_file(path: Path) -> None:
    data = path.read_bytes()
    expected = expected_refusal(path)
    if expected is not None:
        with pytest.raises(DeidError) as raised:
            deidentified(data)
        assert raised.value.code == expected
        return
    report, output = deidentified(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, after = pydicom.dcmread(io.BytesIO(data), force=True), pydicom.dcmread(io.BytesIO(output))
        assert after.SOPInstanceUID == KEYS.uid(before.SOPInstanceUID.strip())
        assert after.StudyInstanceUID == KEYS.uid(before.StudyInstanceUID.strip())
        assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID
        assert after.PatientID == str(after.PatientName) == report.patient
        if "PixelData" in before and "big-endian" not in report.normalised:
            assert after.PixelData == before.PixelData
        for keyword in ("Rows", "Columns", "BitsStored", "PhotometricInterpretation", "PixelSpacing"):
            assert after.get(keyword) == before.get(keyword)
        list(after.iterall())
    assert report.output_bytes == len(output)


def test_the_refusals_are_few_and_counted() -> None:
    counts = Counter(expected_refusal(path) for path in FILES)
    assert len(FILES) == 176
    assert counts[None] == 94
    assert counts["no_pixel_data"] == 50
