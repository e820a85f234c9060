"""Whether two files are one instance, although their bytes differ: element for element, pixel data as bytes."""

from typing import IO

from pydicom import Dataset, dcmread

from sendit.deid.dicom import quiet  # noqa: F401  pydicom's warnings quote values
from sendit.errors import Code

_BLOCK = 64 * 1024
_OF_ARCHIVES = (
    0x00080015,  # Instance Coercion DateTime
    0x00080054,  # Retrieve AE Title
    0x00080056,  # Instance Availability
    0x04000561,  # Original Attributes Sequence
)
"""What an archive may add of its own: where it has an instance, and since when (PS3.3 C.12.1, PS3.4 C.4.1.1.3.2)."""


def difference(mine: IO[bytes], theirs: IO[bytes]) -> Code | None:
    """None if both hold the same instance, else conflict; destination_not_verified if their transfer syntaxes hide it.

    File meta information (group 0002), group lengths and what archives add are not compared. From the pixel data on it
    is the bytes that count.
    """
    try:
        ours, other = (_header(file) for file in (mine, theirs))
        if ours.file_meta.TransferSyntaxUID != other.file_meta.TransferSyntaxUID:
            return Code.DESTINATION_NOT_VERIFIED
        if ours.file_meta.TransferSyntaxUID.is_deflated:  # of which the pixel data is a part
            return Code.DESTINATION_NOT_VERIFIED
        equal = _bare(ours) == _bare(other) and _same_rest(mine, theirs)
    except Exception:  # noqa: BLE001  pydicom's are of every kind, and quote the header
        return Code.CONFLICT
    return None if equal else Code.CONFLICT


def _header(file: IO[bytes]) -> Dataset:
    """The elements before the pixel data, with which the file then goes on."""
    file.seek(0)
    return dcmread(file, stop_before_pixels=True)


def _bare(header: Dataset) -> Dataset:
    """Without what is an archive's own."""
    bare = Dataset()
    for tag in header.keys():  # noqa: SIM118  its iterator gives elements
        if tag.element and tag not in _OF_ARCHIVES:
            bare[tag] = header[tag]
    return bare


def _same_rest(mine: IO[bytes], theirs: IO[bytes]) -> bool:
    while block := mine.read(_BLOCK):
        if theirs.read(_BLOCK) != block:
            return False
    return not theirs.read(1)
