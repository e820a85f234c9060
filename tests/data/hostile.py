"""Writes bad input: every file and folder that a careless export, a broken disk or an attacker may leave.

Each writer returns what it wrote as {path: Label}. The label says what is wrong with the file, not what a
program should answer. `tests.data.hostile_names` has the names that are hard to carry.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import TYPE_CHECKING

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from tests.data import objects
from tests.data.hostile_labels import Label, Written
from tests.data.hostile_names import conflict, duplicate, hostile_names, links, special_files, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset
    from pydicom.uid import UID

__all__ = [
    "WRITERS",
    "Label",
    "Written",
    "bad_length",
    "big_endian",
    "burned_in",
    "conflict",
    "deep_nesting",
    "deflated",
    "deflated_bomb",
    "duplicate",
    "empty",
    "hostile_names",
    "huge_multiframe",
    "kinds",
    "links",
    "no_file_meta",
    "no_preamble",
    "not_dicom",
    "slice_bytes",
    "special_files",
    "truncated",
    "truncated_at",
    "unknown_sop_class",
    "unreadable",
    "write_all",
    "wrong_vr",
]  # fmt: skip

FRAME = 1024  # rows and columns of the huge objects: 2 MiB a frame
MEBIBYTE = 1 << 20
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)


def slice_bytes(instance: int, transfer_syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """Return a good CT slice of 16 × 16; each instance has its own SOP Instance UID."""
    return objects.to_bytes(objects.ct(instance, rows=16, columns=16), transfer_syntax)


def _write(path: Path, content: bytes, label: Label) -> Written:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {path: label}


def not_dicom(folder: Path) -> Written:
    """Write text, JSON, a PNG, a gzip member and noise under names that promise an image."""
    noise = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(128))
    contents = {
        "text.dcm": b"This is not the image you are looking for.\n" * 20,
        "json.dcm": b'{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Exemplar^Ada"}]}}\n',
        "png.dcm": PNG + bytes(64),
        "gzip.dcm": b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + bytes(64),
        "noise.dcm": noise,
        "only_preamble.dcm": bytes(128) + b"DICM",
    }
    written: Written = {}
    for name, content in contents.items():
        written |= _write(folder / name, content, Label.NOT_DICOM)
    return written


def empty(folder: Path) -> Written:
    """Write a file of no bytes."""
    return _write(folder / "empty.dcm", b"", Label.EMPTY)


def truncated_at(path: Path, offset: int, label: Label, instance: int = 10) -> Written:
    """Write the first `offset` bytes of a good slice; a negative offset counts from its end."""
    return _write(path, slice_bytes(instance)[:offset], label)


def truncated(folder: Path) -> Written:
    """Write slices that end within File Meta, within a header element, and within the pixels."""
    within_birth_date = slice_bytes(11).index(b"\x10\x00\x30\x00DA") + 11
    return (
        truncated_at(folder / "file_meta.dcm", 200, Label.TRUNCATED_HEADER, 12)
        | truncated_at(folder / "header.dcm", within_birth_date, Label.TRUNCATED_HEADER, 11)
        | truncated_at(folder / "pixels.dcm", -100, Label.TRUNCATED_PIXELS, 10)
    )


def no_preamble(folder: Path) -> Written:
    """Write an object that begins with group 0002."""
    ds = objects.ct(20, rows=16, columns=16)
    return _write(folder / "no_preamble.dcm", objects.to_bytes(ds, preamble=False), Label.NO_PREAMBLE)


def no_file_meta(folder: Path) -> Written:
    """Write objects that begin with group 0008, in explicit and in implicit VR."""
    written: Written = {}
    for number, syntax, name in (
        (21, ExplicitVRLittleEndian, "explicit"),
        (22, ImplicitVRLittleEndian, "implicit"),
    ):
        ds = objects.ct(number, rows=16, columns=16)
        content = objects.to_bytes(ds, syntax, preamble=False, file_meta=False)
        written |= _write(folder / f"{name}.dcm", content, Label.NO_FILE_META)
    return written


def _patched(instance: int, old: bytes, new: bytes) -> bytes:
    content = slice_bytes(instance)
    if content.count(old) != 1 or len(old) != len(new):
        raise AssertionError(f"{old!r} is not in the object exactly once")
    return content.replace(old, new)


def wrong_vr(folder: Path) -> Written:
    """Write a VR that is another than the dictionary's, and one that does not exist."""
    other = _patched(23, b"\x18\x00\x60\x00DS", b"\x18\x00\x60\x00US")
    unknown = _patched(24, b"\x10\x00\x00\x40LT", b"\x10\x00\x00\x40ZZ")
    return _write(folder / "other.dcm", other, Label.WRONG_VR) | _write(folder / "unknown.dcm", unknown, Label.WRONG_VR)


def bad_length(folder: Path) -> Written:
    """Write lengths that reach beyond the end: of a short VR, of a sequence, of the pixel data."""
    pixels = b"\xe0\x7f\x10\x00OW\0\0"
    sequence = b"\x40\x00\x75\x02SQ\0\0"
    study_id = b"\x20\x00\x10\x00SH"
    contents = {
        "short_vr.dcm": _patched(25, study_id + b"\x06\0", study_id + b"\xf0\xff"),
        "sequence.dcm": _overlong(26, sequence),
        "pixels.dcm": _overlong(27, pixels),
    }
    written: Written = {}
    for name, content in contents.items():
        written |= _write(folder / name, content, Label.BAD_LENGTH)
    return written


def _overlong(instance: int, head: bytes) -> bytes:
    content = slice_bytes(instance)
    at = content.index(head) + len(head)
    return content[:at] + b"\xf0\xff\xff\xff" + content[at + 4 :]


def deflated(folder: Path) -> Written:
    """Write a good deflated slice."""
    return _write(folder / "deflated.dcm", slice_bytes(28, DeflatedExplicitVRLittleEndian), Label.DEFLATED)


def big_endian(folder: Path) -> Written:
    """Write a good big-endian slice (retired in 2006, still about)."""
    return _write(folder / "big_endian.dcm", slice_bytes(29, ExplicitVRBigEndian), Label.BIG_ENDIAN)


def _huge_header(instance: int, frames: int) -> tuple[Dataset, bytes]:
    ds = objects.nm(instance, frames=frames, rows=2, columns=2)
    ds.Rows = ds.Columns = FRAME
    del ds.PixelData
    length = frames * FRAME * FRAME * 2
    if length > 0xFFFFFFFE:
        raise ValueError("an element holds less than 4 GiB")
    return ds, b"\xe0\x7f\x10\x00OW\0\0" + struct.pack("<I", length)


def huge_multiframe(path: Path, gigabytes: float = 1) -> Written:
    """Write a multi-frame NM object with this many GiB of black pixels, as a sparse file.

    Raises:
        ValueError: For 4 GiB or more.
    """
    frames = max(1, round(gigabytes * 512))
    ds, pixel_head = _huge_header(901, frames)
    head = objects.to_bytes(ds) + pixel_head
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(head)
        stream.truncate(len(head) + frames * FRAME * FRAME * 2)
    return {path: Label.HUGE}


def deflated_bomb(path: Path, mebibytes: int = 1024) -> Written:
    """Write a deflated object of about a thousandth of the size that its pixels inflate to."""
    frames = max(1, mebibytes // 2)
    ds, pixel_head = _huge_header(902, frames)
    whole = objects.to_bytes(ds, DeflatedExplicitVRLittleEndian)
    start = 144 + int.from_bytes(whole[140:144], "little")
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [whole[:start], stream.compress(zlib.decompress(whole[start:], -zlib.MAX_WBITS) + pixel_head)]
    parts.append(stream.flush(zlib.Z_FULL_FLUSH))
    # after a full flush equal input gives equal output, so one frame's bytes serve for all
    frame = stream.compress(bytes(2 * MEBIBYTE)) + stream.flush(zlib.Z_FULL_FLUSH)
    parts += [frame] * frames
    parts.append(stream.flush(zlib.Z_FINISH))
    return _write(path, b"".join(parts), Label.DEFLATED_BOMB)


def unknown_sop_class(folder: Path) -> Written:
    """Write an object of a SOP class that nobody knows."""
    content = objects.to_bytes(objects.unknown_sop_class())
    return _write(folder / "unknown_sop_class.dcm", content, Label.UNKNOWN_SOP_CLASS)


def burned_in(folder: Path) -> Written:
    """Write a slice that says itself that text is burned into its pixels."""
    ds = objects.ct(30, rows=16, columns=16)
    ds.BurnedInAnnotation = "YES"
    return _write(folder / "burned_in.dcm", objects.to_bytes(ds), Label.BURNED_IN)


def deep_nesting(path: Path, depth: int = 5000) -> Written:
    """Write a slice with this many sequences inside each other, deeper than a recursive reader can go."""
    ds = objects.ct(31, rows=16, columns=16)
    whole = objects.to_bytes(ds)
    pixels = whole.rindex(b"\xe0\x7f\x10\x00OW")
    undefined = b"\xff\xff\xff\xff"
    start = b"\x40\x00\x30\xa7SQ\0\0" + undefined + b"\xfe\xff\x00\xe0" + undefined
    end = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return _write(path, whole[:pixels] + start * depth + end * depth + whole[pixels:], Label.DEEP_NESTING)


def kinds(folder: Path) -> Written:
    """Write one good file of every kind of object, those that the screen turns away among them."""
    written: Written = {}
    for kind, builder in objects.KINDS.items():
        if kind != "unknown_sop_class":
            label = Label.REFUSED if kind in REFUSED else Label.ACCEPTED
            written |= _write(folder / f"{kind}.dcm", objects.to_bytes(builder()), label)
    return written


def write_all(folder: Path, *, huge: bool = False) -> Written:
    """Write one of each good and bad kind, each in a folder of its own, and return what they are.

    Args:
        folder: Where to; every writer has a folder below it.
        huge: Whether the multi-frame object has 1 GiB and the bomb inflates to as much;
            otherwise 4 and 16 MiB.
    """
    written: Written = {}
    for writer in WRITERS:
        written |= writer(folder / writer.__name__)
    written |= huge_multiframe(folder / "huge" / "multiframe.dcm", 1 if huge else 1 / 256)
    written |= deflated_bomb(folder / "huge" / "bomb.dcm", 1024 if huge else 16)
    written |= deep_nesting(folder / "deep_nesting" / "deep.dcm")
    return written


REFUSED = ("us", "secondary_capture", "encapsulated_pdf")
WRITERS: tuple[Callable[[Path], Written], ...] = (
    kinds, not_dicom, empty, truncated, no_preamble, no_file_meta, wrong_vr, bad_length, deflated, big_endian,
    unknown_sop_class, burned_in, hostile_names, links, special_files, unreadable, duplicate, conflict,
)  # fmt: skip
"""The writers that need nothing but a folder."""
