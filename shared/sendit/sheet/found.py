"""What lies below OUT: every file, its checksum, and of its header what may stand on a page."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import google_crc32c
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from sendit.deid.dicom.write import IMPLEMENTATION_CLASS_UID
from sendit.errors import Code
from sendit.holders import HOLDERS
from sendit.label import LABEL
from sendit.refs import output_name

_BLOCK = 1024 * 1024
_MOST_CHARACTERS = 200
_UNREAD = frozenset({Code.LINK, Code.SPECIAL_FILE, Code.UNREADABLE, Code.UNREADABLE_FOLDER})
_TAGS = [
    "SOPInstanceUID", "StudyDate", "Modality", "StudyDescription", "SeriesDescription", "PatientID", "StudyInstanceUID",
    "SeriesInstanceUID", "SeriesNumber", "InstanceNumber", "NumberOfFrames", "Rows", "Columns", "SpecificCharacterSet",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """A file below OUT. `name` is built of its new UIDs, whatever the file is called; empty if it has none.

    `problem` says why nothing of it can be shown.
    """

    path: Path
    size: int = 0
    crc32c: int = 0
    name: str = ""
    patient: str = ""
    study: str = ""
    study_date: str = ""
    study_description: str = ""
    series: str = ""
    series_number: int = 0
    modality: str = ""
    series_description: str = ""
    image: str = ""
    image_number: int = 0
    frames: int = 1
    rows: int = 0
    columns: int = 0
    problem: Code | None = None


def files_below(out: Path) -> Iterator[Found]:
    """Everything below a folder that is no folder, hidden or not, in the same order each time; but not the label.

    Nothing is read yet. What cannot be looked at has a problem: a link, which is not followed, a special file, a folder
    that cannot be listed.
    """
    waiting = [out]  # not one call a folder: folders may be nested deeper than calls
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as scanned:
                items = sorted(scanned, key=lambda item: item.name)
        except OSError:
            yield Found(folder, problem=Code.UNREADABLE_FOLDER)
            continue
        inner = []
        for item in items:
            path = Path(item.path)
            if item.is_symlink():
                yield Found(path, problem=Code.LINK)
            elif item.is_dir(follow_symlinks=False):
                inner += [path] if path != out / HOLDERS else []
            elif not item.is_file(follow_symlinks=False):
                yield Found(path, problem=Code.SPECIAL_FILE)
            elif path != out / LABEL:
                yield Found(path)
        waiting += reversed(inner)


def found_at(path: Path) -> Found:
    """What a file is; one that cannot be read or was not written by sendit has a problem and no header values."""
    try:
        with path.open("rb") as stream:
            size, crc32c = _checked(stream)
            stream.seek(0)
            return _described(stream, path, size, crc32c)
    except OSError:
        return Found(path, problem=Code.UNREADABLE)


def digest_of(images: Iterable[Found]) -> str:
    """One short word for exactly these images: their names and checksums, in whatever order they were found."""
    lines = sorted(f"{one.name} {one.size} {one.crc32c:08x}{_unread(one)}\n" for one in images)
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()[:32]


def _unread(one: Found) -> str:
    """Why the bytes of a file were not read, if they were not."""
    return f" {one.problem}" if one.problem in _UNREAD else ""


def _checked(stream: BinaryIO) -> tuple[int, int]:
    crc, size = google_crc32c.Checksum(), 0
    while block := stream.read(_BLOCK):
        crc.update(block)
        size += len(block)
    return size, int.from_bytes(crc.digest(), "big")


def _described(stream: BinaryIO, path: Path, size: int, crc32c: int) -> Found:
    try:
        dataset = dcmread(stream, stop_before_pixels=True, specific_tags=list(_TAGS))
        if dataset.file_meta.get("ImplementationClassUID") != IMPLEMENTATION_CLASS_UID:
            return Found(path, size, crc32c, problem=Code.FOREIGN_FILE)
        uids = (str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID))
        patient = _text(dataset, "PatientID")
        name = output_name(patient or "none", *uids)
    except OSError:
        raise
    except InvalidDicomError:
        return Found(path, size, crc32c, problem=Code.NOT_DICOM)
    except Exception:  # noqa: BLE001  pydicom says of a damaged header in many ways that it is one, quoting its values
        return Found(path, size, crc32c, problem=Code.MALFORMED)
    rows, columns = _number(dataset, "Rows"), _number(dataset, "Columns")
    return Found(
        path,
        size,
        crc32c,
        name=name,
        patient=patient,
        study=uids[0],
        study_date=_text(dataset, "StudyDate"),
        study_description=_text(dataset, "StudyDescription"),
        series=uids[1],
        series_number=_number(dataset, "SeriesNumber"),
        modality=_text(dataset, "Modality"),
        series_description=_text(dataset, "SeriesDescription"),
        image=uids[2],
        image_number=_number(dataset, "InstanceNumber"),
        frames=max(1, _number(dataset, "NumberOfFrames")),
        rows=rows,
        columns=columns,
        problem=None if rows > 0 and columns > 0 else Code.NO_PICTURE,
    )


def _text(dataset: Dataset, keyword: str) -> str:
    """A value as text of bounded length; nothing where it cannot be read."""
    try:
        value = dataset.get(keyword)
        return "" if value is None else str(value).strip()[:_MOST_CHARACTERS]
    except Exception:  # noqa: BLE001  what pydicom raises for a value that its VR does not allow quotes it
        return ""


def _number(dataset: Dataset, keyword: str) -> int:
    """A value as a number; 0 where there is none, or more than one."""
    try:
        return int(dataset.get(keyword) or 0)
    except Exception:  # noqa: BLE001  as above
        return 0
