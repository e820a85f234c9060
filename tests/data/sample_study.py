"""Builds the sample that `make run` uses when it is given no folder: two batches of an invented patient each.

The images are pydicom's bundled test files. Names, ids, dates and institution of people who do not exist are
written into them, so that one sees what goes. All are originals of accepted kinds but one ultrasound
image, which the screen turns away.

    python tests/data/sample_study.py FOLDER
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pydicom.data
from pydicom.uid import generate_uid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import FileDataset

TEST_FILES = Path(pydicom.data.__file__).parent / "test_files"


@dataclass(frozen=True, slots=True)
class Visit:
    """An invented patient's visit: one batch, one study."""

    batch: str
    name: str
    id: str
    birth_date: str
    sex: str
    age: str
    accession: str
    date: str


FIRST = Visit("ST-000001", "Beispiel^Jürgen^Emil", "NWH-100417", "19480229", "M", "071Y", "NWH19-000417", "20190607")
SECOND = Visit("ST-000002", "Ejemplo^Dolores", "NWH-100922", "19711103", "F", "047Y", "NWH19-000922", "20190611")


def _below(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"dicomdirtests/{folder}/{name}" for name in names)


MR_SMALL = tuple(f"MR_small{kind}.dcm" for kind in ("", "_implicit", "_RLE", "_jp2klossless", "_jpeg_ls_lossless"))
PLAN: tuple[tuple[Visit, str, tuple[str, ...]], ...] = (
    (FIRST, "CT", ("CT_small.dcm",)),
    (FIRST, "CT", _below("98892001/CT5N", "2062", "2392", "2693", "3023", "3353")),
    (FIRST, "CT", _below("98892001/CT2N", "6293", "6924")),
    (FIRST, "MR", MR_SMALL),
    (FIRST, "RT", ("rtplan.dcm", "rtdose.dcm")),
    (SECOND, "CT", _below("77654033/CT2", "17106", "17136", "17166", "17196")),
    (SECOND, "CR", _below("77654033", "CR1/6154", "CR2/6247", "CR3/6278")),
    (SECOND, "MR", _below("98892003/MR1", "15820", "4919", "5641")),
    (SECOND, "MR", _below("98892003/MR2", "15970", "4950", "4981", "5011", "6273")),
    (SECOND, "US", ("examples_jpeg2k.dcm",)),
)
"""Per series: whose, its folder, pydicom's files."""


def build(folder: Path) -> int:
    """Write the sample below the folder and return its number of files.

    A file that is there with the right bytes is not touched, so a complete sample stays as it is.
    """
    count = 0
    for name, content in _files():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.tmp")
            partial.write_bytes(content)
            partial.replace(path)
        count += 1
    return count


def _files() -> Iterator[tuple[str, bytes]]:
    numbers: dict[str, int] = {}
    for visit, kind, sources in PLAN:
        for source in sources:
            place = f"{visit.batch}/{kind}"
            numbers[place] = number = numbers.get(place, 0) + 1
            name = f"{place}/IM{number:06d}.dcm"
            ds = pydicom.dcmread(TEST_FILES / source)
            _write_in(ds, visit, name, number)
            stream = BytesIO()
            ds.save_as(stream, enforce_file_format=True)
            yield name, stream.getvalue()


def _write_in(ds: FileDataset, visit: Visit, name: str, number: int) -> None:
    """Write the invented visit over the bundled header, and identity that conflicts with no other file's."""
    for keyword in (
        "PatientIdentityRemoved",
        "DeidentificationMethod",
        "LongitudinalTemporalInformationModified",
    ):
        if keyword in ds:
            delattr(ds, keyword)  # true of pydicom's file, no longer of this one
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName = visit.name
    ds.PatientID = visit.id
    ds.IssuerOfPatientID = "NOWHERE GENERAL"
    ds.PatientBirthDate = visit.birth_date
    ds.PatientSex = visit.sex
    ds.PatientAge = visit.age
    ds.PatientAddress = "7 Fictive Court, Nowhere 99998"
    ds.AccessionNumber = visit.accession
    ds.StudyInstanceUID = generate_uid(entropy_srcs=["sendit-sample", visit.batch])
    ds.StudyID = visit.batch
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = visit.date
    ds.StudyTime = "081500"
    ds.InstitutionName = "Nowhere General Hospital"
    ds.InstitutionAddress = "12 Imaginary Lane, Nowhere 99999"
    ds.ReferringPhysicianName = "Referrant^Rosamund"
    ds.OperatorsName = "Operatrix^Olga"
    ds.StationName = "PRETEND3"
    ds.InstanceNumber = number
    ds.SOPInstanceUID = generate_uid(entropy_srcs=["sendit-sample", name])
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    if "ImageType" in ds and ds.Modality != "US":
        ds.pop("ConversionType", None)
        ds.ImageType = ["ORIGINAL", "PRIMARY", *list(ds.ImageType)[2:]]


def main(arguments: list[str]) -> int:
    """Build the sample in the folder that the arguments name and return the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python tests/data/sample_study.py FOLDER\n")
        return 2
    folder = Path(arguments[0])
    sys.stdout.write(f"{build(folder)} files in {folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
