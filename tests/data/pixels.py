"""Pixel data without numpy: ramps, and the attributes that describe them."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from tests.data.headers import Patient, frame_of_reference_uid, item

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

IDENTITY = ["1", "0", "0", "0", "1", "0"]


def gradient(rows: int, columns: int, bits: int, frames: int = 1) -> bytes:
    """Return little-endian pixels of a diagonal ramp: rows × columns × frames of 8 or 16 bits."""
    top = 4096 if bits == 16 else 256
    ramp = array("H" if bits == 16 else "B", ((r * 7 + c * 3) % top for r in range(rows) for c in range(columns)))
    frame = ramp.tobytes() * frames
    return frame + b"\0" * (len(frame) % 2)


def pixels(rows: int, columns: int, *, bits: int = 16, stored: int = 12, frames: int = 1) -> Dataset:
    """Return the Image Pixel attributes of a greyscale ramp."""
    ds = item(
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=rows,
        Columns=columns,
        BitsAllocated=bits,
        BitsStored=stored,
        HighBit=stored - 1,
        PixelRepresentation=0,
    )
    ds.add_new(0x7FE00010, "OW" if bits == 16 else "OB", gradient(rows, columns, bits, frames))
    return ds


def plane(patient: Patient, study: int, instance: int) -> Dataset:
    """Return the Frame of Reference and Image Plane attributes of an axial slice."""
    return item(
        FrameOfReferenceUID=frame_of_reference_uid(patient, study),
        PositionReferenceIndicator="SN",
        PatientPosition="HFS",
        PixelSpacing=["0.7", "0.7"],
        ImageOrientationPatient=IDENTITY,
        ImagePositionPatient=["-22.4", "-22.4", str(instance * 5)],
        SliceLocation=str(instance * 5),
        SliceThickness="5",
    )
