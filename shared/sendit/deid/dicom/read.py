"""From a stream to File Meta, the data set up to its pixel data, and where the pixel data lies (PS3.10)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import pack, unpack
from typing import TYPE_CHECKING

from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from sendit.deid.dicom import quiet  # noqa: F401  pydicom must be quiet before it reads anything
from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.element import Element, ElementHead, raw_value
from sendit.deid.dicom.elements import ElementReader
from sendit.deid.dicom.header import Header
from sendit.deid.dicom.stream import BoundedReader, InflatedStream, Window
from sendit.deid.dicom.text import codecs_of, identity_text
from sendit.deid.dicom.uids import REGISTERED, uid_values
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.identity.entity import Entity

if TYPE_CHECKING:
    from sendit.deid.dicom.limits import Limits

PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float Pixel Data, Double Float Pixel Data, Pixel Data."""

_TRANSFER_SYNTAX, _MEDIA_STORAGE_SOP_CLASS = 0x00020010, 0x00020002
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
_LAST_PIXEL_TAG = max(PIXEL_TAGS)
_PATIENT_ID, _ISSUER_OF_PATIENT_ID, _ACCESSION_NUMBER = 0x00100020, 0x00100021, 0x00080050
_IDENTITY = (0x00080016, 0x00080018, 0x0020000D, 0x0020000E)


@dataclass(frozen=True, slots=True)
class OpenObject:
    """A header that was read, and the stream it came from, with where its pixel data begins.

    `window` holds the bytes up to there; the elements know where in it they stand.
    """

    header: Header
    stream: BoundedReader
    window: Window
    start: int
    meta: list[Element]
    elements: list[Element]
    codecs: tuple[str, ...]
    elements_read: int
    pixels: ElementHead | None
    big_endian: bool
    implicit: bool
    output_transfer_syntax: str


def read_object(stream: BoundedReader, limits: Limits) -> OpenObject:
    """Reads an object up to its pixel data.

    Raises:
        DeidError: with the code for what keeps it from being read.
    """
    window = Window(stream, limits.max_header_bytes)
    if window.size == 0:
        raise DeidError(Refusal.EMPTY_FILE)
    notes: list[str] = []
    meta, start = _read_file_meta(window, limits, notes)
    transfer_syntax = uid_values(raw_value(meta, _TRANSFER_SYNTAX))[0]
    media_storage_sop_class = uid_values(raw_value(meta, _MEDIA_STORAGE_SOP_CLASS))[0]
    if not transfer_syntax:
        transfer_syntax = _guessed_transfer_syntax(window.peek(start, 6))
        notes.append("no-transfer-syntax" if "no-file-meta" not in notes else "transfer-syntax-guessed")
    _require_supported(transfer_syntax)
    if transfer_syntax == DeflatedExplicitVRLittleEndian:
        stream = BoundedReader(
            InflatedStream(stream.source, start, limits.max_inflated_bytes),  # type: ignore[arg-type]
            limits.max_header_bytes,
        )
        window, start = Window(stream, limits.max_header_bytes), 0
        notes.append("deflated")
    big_endian = transfer_syntax == ExplicitVRBigEndian
    if big_endian:
        notes.append("big-endian")
    reader = ElementReader(window, limits, big_endian=big_endian)
    implicit = transfer_syntax == ImplicitVRLittleEndian
    if not big_endian and start < window.size and reader.looks_implicit(start) != implicit:
        implicit = not implicit
        notes.append("vr-encoding")
    elements, at = reader.elements(start, window.size, implicit=implicit, stop=PIXEL_TAGS)
    window.check(at)
    pixels = reader.head(at, implicit=implicit) if at < window.size else None
    stream.seek(pixels.value_position if pixels else at)
    codecs = codecs_of(elements, ("ascii",))
    return OpenObject(
        header=_header(elements, pixels, transfer_syntax, media_storage_sop_class, codecs, tuple(notes)),
        stream=stream,
        window=window,
        start=start,
        meta=meta,
        elements=elements,
        codecs=codecs,
        elements_read=limits.max_elements - reader.elements_left,
        pixels=pixels,
        big_endian=big_endian,
        implicit=implicit,
        output_transfer_syntax=_output_transfer_syntax(transfer_syntax),
    )


def read_trailer(stream: BoundedReader, limits: Limits, *, big_endian: bool, implicit: bool) -> list[Element]:
    """The elements behind the pixel data, behind which the stream stands; the object must end with them.

    Raises:
        DeidError: with the code for what keeps them from being read, or `malformed`.
    """
    if stream.position == stream.size:
        return []
    window = Window(stream, limits.max_header_bytes)
    reader = ElementReader(window, limits, big_endian=big_endian)
    trailer, at = reader.elements(0, window.size, implicit=implicit)
    window.check(at)
    if any(element.tag <= _LAST_PIXEL_TAG for element in trailer):
        raise DeidError(Refusal.MALFORMED)
    return trailer


def _read_file_meta(window: Window, limits: Limits, notes: list[str]) -> tuple[list[Element], int]:
    """The elements of File Meta, none if there are none, and where the data set begins."""
    at = 0
    if window.peek(_PREAMBLE, 4) == b"DICM":
        at = _PREAMBLE + 4
    elif window.peek(0, 4) == b"DICM":
        at = 4
        notes.append("no-preamble")
    elif _looks_like_elements(window.peek(0, 8)):
        notes.append("no-preamble")
    else:
        raise DeidError(Refusal.NOT_DICOM)
    if window.peek(at, 2) != b"\x02\x00":
        notes.append("no-file-meta")
        return [], at
    reader = ElementReader(window, limits, big_endian=False)
    return reader.elements(at, window.size, implicit=reader.looks_implicit(at), stop=_BEHIND_FILE_META)


class _BehindFileMeta:
    """The tags of every group but 0002."""

    def __contains__(self, tag: object) -> bool:
        return isinstance(tag, int) and tag >> 16 != 2


_BEHIND_FILE_META = _BehindFileMeta()


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


def _guessed_transfer_syntax(start: bytes) -> str:
    """The encoding that the first bytes of a data set show."""
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
    elements: list[Element],
    pixels: ElementHead | None,
    transfer_syntax: str,
    media_storage_sop_class: str,
    codecs: tuple[str, ...],
    notes: tuple[str, ...],
) -> Header:
    values = {element.tag: element.value for element in elements}
    if pixels is not None:
        values[pixels.tag] = pack("<L", pixels.length) if pixels.length else b""
    # several values make no UID: Header.check_identity refuses the whole
    sop_class, sop_instance, study, series = ("\\".join(uid_values(values.get(tag, b""))) for tag in _IDENTITY)
    entity = Entity(
        issuer=identity_text(values.get(_ISSUER_OF_PATIENT_ID, b""), codecs),
        patient_id=identity_text(values.get(_PATIENT_ID, b""), codecs),
        study_uid=study,
        accession=identity_text(values.get(_ACCESSION_NUMBER, b""), codecs),
    )
    return Header(
        values=values,
        sequences={element.tag: element.items for element in elements if element.items is not None},
        codecs=codecs,
        transfer_syntax=transfer_syntax,
        media_storage_sop_class_uid=media_storage_sop_class,
        entity=entity,
        sop_class_uid=sop_class,
        sop_instance_uid=sop_instance,
        study_uid=study,
        series_uid=series,
        normalised=notes,
    )
