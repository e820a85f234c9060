"""From a stream to File Meta, the data set up to its pixel data, and where the pixel data lies (PS3.10)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack
from typing import TYPE_CHECKING

from pydicom.dataelem import RawDataElement
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.elements import ElementHead, ElementReader, element_of, inherit_character_sets
from sendit.deid.dicom.header import Header
from sendit.deid.dicom.stream import BoundedReader, InflatedStream
from sendit.deid.dicom.text import identity_text, known_codecs
from sendit.deid.dicom.uids import REGISTERED, uid_values
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.identity.entity import Entity

if TYPE_CHECKING:
    from typing import BinaryIO

    from pydicom.dataset import Dataset

    from sendit.deid.dicom.limits import Limits

PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float Pixel Data, Double Float Pixel Data, Pixel Data."""

_TRANSFER_SYNTAX, _MEDIA_STORAGE_SOP_CLASS = 0x00020010, 0x00020002
_SPECIFIC_CHARACTER_SET = 0x00080005
_WITHOUT_A_PLACE_FOR_PIXELS = (
    "1.2.840.10008.1.2.4.94",  # JPIP Referenced
    "1.2.840.10008.1.2.4.95",  # JPIP Referenced Deflate
    "1.2.840.10008.1.2.4.204",  # JPIP HTJ2K Referenced
    "1.2.840.10008.1.2.4.205",  # JPIP HTJ2K Referenced Deflate
    "1.2.840.10008.1.2.6.1",  # RFC 2557 MIME
    "1.2.840.10008.1.2.6.2",  # XML
    "1.2.840.10008.1.2.7.",  # SMPTE ST 2110: a flow, not an object
)
_PREAMBLE = 128
_LONGEST_FIRST_VALUE = 1024
_IDENTITY = (0x00080016, 0x00080018, 0x0020000D, 0x0020000E)


@dataclass(frozen=True, slots=True)
class OpenObject:
    """A header that was read, and the stream that stands behind it, with where its pixel data begins."""

    header: Header
    stream: BoundedReader
    reader: ElementReader
    pixels: ElementHead | None
    big_endian: bool
    implicit: bool
    output_transfer_syntax: str


def open_object(source: BinaryIO, limits: Limits) -> OpenObject:
    """Reads an object up to its pixel data.

    Raises:
        DeidError: with the code for what keeps it from being read.
    """
    stream = BoundedReader(source, limits.max_header_bytes)
    if stream.size == 0:
        raise DeidError(Refusal.EMPTY_FILE)
    notes: list[str] = []
    transfer_syntax, media_storage_sop_class = _read_file_meta(stream, limits, notes)
    start = stream.position
    if not transfer_syntax:
        transfer_syntax = _guessed_transfer_syntax(stream)
        notes.append("no-transfer-syntax" if "no-file-meta" not in notes else "transfer-syntax-guessed")
    _require_supported(transfer_syntax)
    if transfer_syntax == DeflatedExplicitVRLittleEndian:
        inflated = InflatedStream(source, start, limits.max_inflated_bytes)
        stream = BoundedReader(inflated, limits.max_header_bytes)  # type: ignore[arg-type]
        notes.append("deflated")
    big_endian = transfer_syntax == ExplicitVRBigEndian
    if big_endian:
        notes.append("big-endian")
    reader = ElementReader(stream, limits, big_endian=big_endian)
    implicit = transfer_syntax == ImplicitVRLittleEndian
    if not big_endian and stream.position < stream.size and reader.looks_implicit() != implicit:
        implicit = not implicit
        notes.append("vr-encoding")
    dataset = reader.dataset(implicit=implicit, stop=PIXEL_TAGS.__contains__)
    pixels = reader.head(implicit=implicit) if stream.position < stream.size else None
    codecs = dataset_codecs(dataset, ("ascii",))
    inherit_character_sets(dataset, implicit, ["iso8859"])
    return OpenObject(
        header=_header(dataset, transfer_syntax, media_storage_sop_class, codecs, tuple(notes)),
        stream=stream,
        reader=reader,
        pixels=pixels,
        big_endian=big_endian,
        implicit=implicit,
        output_transfer_syntax=_output_transfer_syntax(transfer_syntax),
    )


def dataset_codecs(dataset: Dataset, inherited: tuple[str, ...]) -> tuple[str, ...]:
    """The codecs of a data set's text; of an unknown character set only the ASCII part is understood."""
    if _SPECIFIC_CHARACTER_SET not in dataset:
        return inherited
    return tuple(known_codecs(raw_value(dataset, _SPECIFIC_CHARACTER_SET))) or ("ascii",)


def raw_value(dataset: Dataset, tag: int) -> bytes:
    """The undecoded value of an element; empty if it is absent or a sequence."""
    element = element_of(dataset, tag)
    return element.value or b"" if isinstance(element, RawDataElement) else b""


def _read_file_meta(stream: BoundedReader, limits: Limits, notes: list[str]) -> tuple[str, str]:
    """Moves to the data set; the Transfer Syntax and Media Storage SOP Class UIDs, empty if File Meta names none."""
    if stream.peek(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM":
        stream.skip(_PREAMBLE + 4)
    elif stream.peek(4) == b"DICM":
        stream.skip(4)
        notes.append("no-preamble")
    elif _looks_like_elements(stream.peek(8)):
        notes.append("no-preamble")
    else:
        raise DeidError(Refusal.NOT_DICOM)
    if stream.peek(2) != b"\x02\x00":
        notes.append("no-file-meta")
        return "", ""
    reader = ElementReader(stream, limits, big_endian=False)
    meta = reader.dataset(implicit=reader.looks_implicit(), stop=lambda tag: tag >> 16 != 2)
    return uid_values(raw_value(meta, _TRANSFER_SYNTAX))[0], uid_values(raw_value(meta, _MEDIA_STORAGE_SOP_CLASS))[0]


def _looks_like_elements(start: bytes) -> bool:
    """Whether bytes with no DICM before them begin with File Meta or with a public element of group 0008."""
    if len(start) < 8:
        return False
    order = ">" if start[0] == 0 else "<"
    group, element, length = unpack(order + "HHL", start)
    vr = "UL" if element == 0 else dictionary_vr(group << 16 | element)
    if group not in {0x0002, 0x0008} or vr is None:
        return False
    return start[4:6] == vr.encode("ascii") or (order == "<" and length <= _LONGEST_FIRST_VALUE)


def _guessed_transfer_syntax(stream: BoundedReader) -> str:
    """The encoding that the first element of a data set shows."""
    start = stream.peek(6)
    if start[:1] == b"\0" and start[4:6].isalpha():
        return str(ExplicitVRBigEndian)
    return str(ExplicitVRLittleEndian if start[4:6].isalpha() else ImplicitVRLittleEndian)


def _require_supported(transfer_syntax: str) -> None:
    uid = UID(transfer_syntax)
    standard = transfer_syntax in REGISTERED and uid.is_transfer_syntax
    if not standard or transfer_syntax.startswith(_WITHOUT_A_PLACE_FOR_PIXELS):
        raise DeidError(Refusal.UNSUPPORTED_TRANSFER_SYNTAX)


def _output_transfer_syntax(transfer_syntax: str) -> str:
    if transfer_syntax in {DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian}:
        return str(ExplicitVRLittleEndian)
    return transfer_syntax


def _header(
    dataset: Dataset,
    transfer_syntax: str,
    media_storage_sop_class: str,
    codecs: tuple[str, ...],
    notes: tuple[str, ...],
) -> Header:
    # several values make no UID: Header.check_identity refuses the whole
    sop_class, sop_instance, study, series = ("\\".join(uid_values(raw_value(dataset, tag))) for tag in _IDENTITY)
    entity = Entity(
        issuer=identity_text(raw_value(dataset, 0x00100021), codecs),
        patient_id=identity_text(raw_value(dataset, 0x00100020), codecs),
        study_uid=study,
        accession=identity_text(raw_value(dataset, 0x00080050), codecs),
    )
    return Header(
        dataset, transfer_syntax, media_storage_sop_class, entity, sop_class, sop_instance, study, series, notes
    )
