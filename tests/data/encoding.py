"""Turns a made-up dataset into the bytes of a DICOM file in the transfer syntax a test asks for."""

from __future__ import annotations

from array import array
from io import BytesIO

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

IMPLEMENTATION = UID("1.2.826.0.1.3680043.8.498.45787841905188114249417923477166")
SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)

# pydicom writes these VRs' bytes as they stand, so big endian has to be made here
_WORDS = {"OW": "H", "OL": "I", "OF": "I", "OV": "Q", "OD": "Q"}


def to_bytes(
    ds: Dataset,
    transfer_syntax: UID = ExplicitVRLittleEndian,
    *,
    preamble: bool = True,
    file_meta: bool = True,
) -> bytes:
    """Return the dataset as the bytes of a file; the dataset itself is left as it is.

    A `preamble` or `file_meta` that the dataset brings along is kept and completed.

    Args:
        ds: A dataset whose word-valued elements (OW, OF, …) are little endian.
        transfer_syntax: One of SYNTAXES.
        preamble: Whether the 128 bytes and "DICM" are written.
        file_meta: Whether group 0002 is written.

    Raises:
        ValueError: For another transfer syntax, or for deflated data without File Meta, which nobody
            could read.
    """
    if transfer_syntax not in SYNTAXES:
        raise ValueError(f"cannot encode {transfer_syntax.name}")
    if transfer_syntax == DeflatedExplicitVRLittleEndian and not file_meta:
        raise ValueError("a deflated object needs its File Meta")
    little_endian = transfer_syntax != ExplicitVRBigEndian
    out = _copied(ds, swap=not little_endian)
    out.preamble = (getattr(ds, "preamble", None) or bytes(128)) if preamble else None
    if file_meta:
        meta = FileMetaDataset()
        meta.update(getattr(ds, "file_meta", None) or {})
        meta.FileMetaInformationVersion = b"\x00\x01"
        meta.MediaStorageSOPClassUID = ds.SOPClassUID
        meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        meta.TransferSyntaxUID = transfer_syntax
        meta.ImplementationClassUID = IMPLEMENTATION
        meta.ImplementationVersionName = "MADE_UP_1"
        meta.FileMetaInformationGroupLength = 0
        out.file_meta = meta
    stream = BytesIO()
    pydicom.dcmwrite(
        stream,
        out,
        implicit_vr=None if file_meta else transfer_syntax == ImplicitVRLittleEndian,
        little_endian=None if file_meta else little_endian,
    )
    return stream.getvalue()


def _copied(ds: Dataset, *, swap: bool) -> Dataset:
    """Return a dataset of the same elements; with `swap`, of those with words in big endian."""
    out = Dataset()
    out.update(ds)
    if swap:
        for element in ds:
            if element.VR == "SQ":
                out[element.tag] = DataElement(
                    element.tag, "SQ", Sequence(_copied(nested, swap=True) for nested in element.value)
                )
            elif element.VR in _WORDS and isinstance(element.value, bytes):
                words = array(_WORDS[element.VR], element.value)
                words.byteswap()
                out[element.tag] = DataElement(element.tag, element.VR, words.tobytes())
    return out
