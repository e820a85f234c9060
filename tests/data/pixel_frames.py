"""Encapsulated pixel data: frames in fragments, with and without offset tables, and what pydicom's encoders make."""

from __future__ import annotations

from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID
from tests.data.deid_objects import BASE, ITEM, SEQUENCE_END, element, tag_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from tests.data.pixel_objects import Picture

RLE, J2K, JLS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80"
BASELINE, LOSSLESS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"
TABLES = ("none", "basic", "extended")
BUNDLED = Path(str(pydicom.__file__)).parent / "data" / "test_files"


def encoded(picture: Picture, cells: NDArray[Any], transfer_syntax: str) -> list[bytes]:
    """The frames of a picture, losslessly compressed."""
    frames = []
    for frame in cells:
        raw = get_encoder(UID(transfer_syntax)).encode(
            frame.tobytes(),
            rows=picture.rows,
            columns=picture.columns,
            samples_per_pixel=picture.samples,
            bits_allocated=picture.allocated,
            bits_stored=picture.stored,
            pixel_representation=int(picture.signed),
            photometric_interpretation=picture.photometric,
            planar_configuration=picture.planar,
            number_of_frames=1,
        )
        frames.append(bytes(raw))
    return frames


def encapsulated(
    picture: Picture,
    frames: Sequence[Sequence[bytes]],
    transfer_syntax: str,
    *,
    table: str = "none",
    extra: dict[int, tuple[str, bytes]] | None = None,
    trailer: bytes = b"",
) -> bytes:
    """An object of frames, each of them given as its fragments."""
    items: list[bytes] = []
    offsets, lengths = [], []
    for fragments in frames:
        offsets.append(sum(map(len, items)))
        lengths.append(sum(map(len, fragments)))
        items += [ITEM + pack("<L", len(one) + len(one) % 2) + one + bytes(len(one) % 2) for one in fragments]
    elements: dict[int, tuple[str, Any]] = {**BASE, **picture.elements(), **(extra or {})}
    basic = pack(f"<{len(offsets)}L", *offsets) if table == "basic" else b""
    if table == "extended":
        elements[0x7FE00001] = ("OV", pack(f"<{len(offsets)}Q", *offsets))
        elements[0x7FE00002] = ("OV", pack(f"<{len(lengths)}Q", *lengths))
    body = b"".join(element(tag, *elements[tag]) for tag in sorted(elements))
    value = ITEM + pack("<L", len(basic)) + basic + b"".join(items) + SEQUENCE_END + bytes(4)
    pixels = tag_bytes(0x7FE00010) + b"OB\0\0\xff\xff\xff\xff" + value
    return picture.before(transfer_syntax) + body + pixels + trailer


def bundled_compressed() -> list[str]:
    """The files of pydicom with compressed pixel data."""
    found = []
    for path in sorted(BUNDLED.glob("*.dcm")):
        ds = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        syntax = getattr(ds, "file_meta", {}).get("TransferSyntaxUID")
        if syntax is not None and syntax.is_encapsulated and "Rows" in ds:
            found.append(path.name)
    return found
