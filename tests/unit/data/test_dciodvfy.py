"""dciodvfy finds no error in an output that the input did not have, but for the few that are known."""

from __future__ import annotations

import io
import re
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from tests.data import dciodvfy, objects
from tests.data.deid_kinds import DEID_KINDS
from tests.data.deid_objects import deidentified

from sendit.deid import DeidError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

pytestmark = pytest.mark.thorough

PROFILES = ("basic", "research", "strict")
FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
DEFLATED = "1.2.840.10008.1.2.1.99"
_ATTRIBUTE = re.compile(r"(?:Element=|ttribute )<([^>]+)>")

KNOWN: dict[str, tuple[frozenset[str], str]] = {
    "WaveformData": (
        frozenset(PROFILES),
        "not in Table E.1-1, of Type 1 in waveforms (PS3.3 C.10.9); removed because a voice is one",
    ),
    "GraphicData": (frozenset({"basic", "strict"}), "the dummy of coordinates is one point, whatever the graphic type"),
}
"""The attributes that dciodvfy finds fault with, under which profiles, and why it is so."""


@cache
def corpus() -> tuple[tuple[str, bytes], ...]:
    """The files of pydicom that are accepted."""
    return tuple(
        (str(path.relative_to(FOLDER)), path.read_bytes())
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file() and outputs(path.read_bytes())
    )


def outputs(data: bytes) -> dict[str, bytes]:
    """The output under each profile that accepts the object."""
    found = {}
    for profile in PROFILES:
        try:
            found[profile] = deidentified(data, profile)[1]
        except DeidError:
            continue
    return found


def comparable(data: bytes) -> bytes:
    """The input as dciodvfy can read it: it does not inflate what is deflated."""
    if DEFLATED.encode() not in data[:1024]:
        return data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset: Dataset = pydicom.dcmread(io.BytesIO(data))
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        out = io.BytesIO()
        dataset.save_as(out)
    return out.getvalue()


def errors(data: bytes, folder: Path) -> frozenset[str]:
    path = folder / "object.dcm"
    path.write_bytes(data)
    return dciodvfy.errors(path)


def new_errors(data: bytes, folder: Path) -> Iterator[tuple[str, str]]:
    """Each error that an output has and its input has not, with the profile."""
    before = None
    for profile, output in outputs(data).items():
        if before is None:
            before = errors(comparable(data), folder)
        for line in errors(output, folder) - before:
            yield profile, line


def blamed(line: str) -> str:
    """The attribute that an error is about."""
    if "FrameIncrementPointer" in line:
        return "FrameIncrementPointer"
    found = _ATTRIBUTE.search(line)
    return found.group(1) if found else line


def unknown(data: bytes, folder: Path) -> list[tuple[str, str]]:
    """The new errors that are not known."""
    return [
        (profile, line)
        for profile, line in new_errors(data, folder)
        if profile not in KNOWN.get(blamed(line), (frozenset(), ""))[0]
    ]


@pytest.mark.parametrize("syntax", objects.SYNTAXES[:3], ids=lambda syntax: str(syntax.name))
@pytest.mark.parametrize("kind", DEID_KINDS)
def test_output_of_a_made_up_object_has_no_new_error(kind: str, syntax: pydicom.uid.UID, tmp_path: Path) -> None:
    data = objects.to_bytes(DEID_KINDS[kind](), syntax)
    assert outputs(data).keys() == set(PROFILES)
    assert unknown(data, tmp_path) == []


@pytest.mark.parametrize("kind", DEID_KINDS)
def test_made_up_objects_are_valid_themselves(kind: str, tmp_path: Path) -> None:
    unheard = frozenset({"Error - Information Object Not found"})
    found = errors(objects.to_bytes(DEID_KINDS[kind]()), tmp_path)
    assert found == (unheard if kind == "unknown_sop_class" else frozenset())


def test_made_up_objects_are_of_many_sop_classes() -> None:
    assert len({build().SOPClassUID for build in DEID_KINDS.values()}) == 27


@pytest.mark.parametrize("part", range(8))
def test_outputs_of_pydicoms_files_have_no_new_error(part: int, tmp_path: Path) -> None:
    found = {name: unknown(data, tmp_path) for name, data in corpus()[part::8]}
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert len(corpus()) >= 94


def test_everything_that_is_known_is_still_so(tmp_path: Path) -> None:
    found: dict[str, set[str]] = {}
    names = ("JPEG-lossy.dcm", "test-SR.dcm", "rtstruct.dcm", "waveform_ecg.dcm")
    files = [data for name, data in corpus() if Path(name).name in names]
    kinds = ("basic_text_sr", "ecg", "encapsulated_pdf", "presentation_state", "rtstruct", "segmentation")
    for data in (*files, *(objects.to_bytes(DEID_KINDS[kind]()) for kind in kinds)):
        for profile, line in new_errors(data, tmp_path):
            found.setdefault(blamed(line), set()).add(profile)
    assert found == {attribute: set(profiles) for attribute, (profiles, _) in KNOWN.items()}
