"""From bytes to File Meta, the data set up to its pixel data, and where the pixel data lies (PS3.10)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack
from typing import TYPE_CHECKING

from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from tests.oracle.elements import ElementReader, Head
from tests.oracle.model import DataSet, value_of
from tests.oracle.stream import Stream, inflated

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.text import identity_text, known_codecs
from sendit.deid.dicom.uids import REGISTERED, is_uid, uid_values
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.identity.entity import Entity

if TYPE_CHECKING:
    from sendit.deid.dicom.limits import Limits

PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
SPECIFIC_CHARACTER_SET = 0x00080005
UNREADABLE = (
    "1.2.840.10008.1.2.4.94",  # JPIP Referenced
    "1.2.840.10008.1.2.4.95",  # JPIP Referenced Deflate
    "1.2.840.10008.1.2.4.204",  # JPIP HTJ2K Referenced
    "1.2.840.10008.1.2.4.205",  # JPIP HTJ2K Referenced Deflate
    "1.2.840.10008.1.2.6.1",  # RFC 2557 MIME
    "1.2.840.10008.1.2.6.2",  # XML
    "1.2.840.10008.1.2.7.",  # SMPTE ST 2110: a flow, not an object
)
_LONGEST_FIRST_VALUE = 1024


@dataclass(frozen=True, slots=True)
class Opened:
    """A header that was read, and the stream that stands behind it, with where its pixel data begins."""

    dataset: DataSet
    transfer_syntax: str
    stream: Stream
    reader: ElementReader
    pixels: Head | None
    big_endian: bool
    implicit: bool

    @property
    def output_transfer_syntax(self) -> str:
        """Big endian and deflated objects become Explicit VR Little Endian."""
        if self.transfer_syntax in {DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian}:
            return str(ExplicitVRLittleEndian)
        return self.transfer_syntax

    def uid(self, tag: int) -> str:
        """One of the UIDs of the object; several values make no UID."""
        return "\\".join(uid_values(value_of(self.dataset, tag)))

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID."""
        return self.uid(0x00080016)

    def entity(self) -> Entity:
        """Whose object it is."""
        codecs = codecs_of(self.dataset, ("ascii",))
        issuer, patient, accession = (
            identity_text(value_of(self.dataset, tag), codecs) for tag in (0x00100021, 0x00100020, 0x00080050)
        )
        return Entity(issuer=issuer, patient_id=patient, study_uid=self.uid(0x0020000D), accession=accession)

    def check_identity(self) -> None:
        """Raises DeidError: one of the four UIDs is `missing_uid` or `invalid_uid`."""
        uids = [self.uid(tag) for tag in (0x00080016, 0x00080018, 0x0020000D, 0x0020000E)]
        if not all(uids):
            raise DeidError(Refusal.MISSING_UID)
        if not all(is_uid(uid) for uid in uids) or not REGISTERED.isdisjoint(uids[1:]):
            raise DeidError(Refusal.INVALID_UID)


def open_object(data: bytes, limits: Limits) -> Opened:
    """Reads an object up to its pixel data.

    Raises:
        DeidError: with the code for what keeps it from being read.
    """
    stream = Stream(data, limits.max_header_bytes)
    if not data:
        raise DeidError(Refusal.EMPTY_FILE)
    transfer_syntax = _file_meta(stream, limits) or _guessed_transfer_syntax(stream)
    uid = UID(transfer_syntax)
    if transfer_syntax not in REGISTERED or not uid.is_transfer_syntax or transfer_syntax.startswith(UNREADABLE):
        raise DeidError(Refusal.UNSUPPORTED_TRANSFER_SYNTAX)
    if transfer_syntax == DeflatedExplicitVRLittleEndian:
        stream = Stream(inflated(data[stream.position :], limits.max_inflated_bytes), limits.max_header_bytes)
    big_endian = transfer_syntax == ExplicitVRBigEndian
    reader = ElementReader(stream, limits, big_endian=big_endian)
    implicit = transfer_syntax == ImplicitVRLittleEndian
    if not big_endian and stream.position < stream.size:
        implicit = reader.looks_implicit()
    dataset = reader.dataset(implicit=implicit, stop=PIXEL_TAGS.__contains__)
    pixels = reader.head(implicit=implicit) if stream.position < stream.size else None
    return Opened(dataset, transfer_syntax, stream, reader, pixels, big_endian, implicit)


def codecs_of(dataset: DataSet, inherited: tuple[str, ...]) -> tuple[str, ...]:
    """The codecs of a data set's text; of an unknown character set only the ASCII part is understood."""
    if SPECIFIC_CHARACTER_SET not in dataset:
        return inherited
    return tuple(known_codecs(value_of(dataset, SPECIFIC_CHARACTER_SET))) or ("ascii",)


def _file_meta(stream: Stream, limits: Limits) -> str:
    """Moves to the data set; its Transfer Syntax UID, empty if File Meta names none."""
    if stream.peek(132)[128:] == b"DICM":
        stream.skip(132)
    elif stream.peek(4) == b"DICM":
        stream.skip(4)
    elif not _looks_like_elements(stream.peek(8)):
        raise DeidError(Refusal.NOT_DICOM)
    if stream.peek(2) != b"\x02\x00":
        return ""
    reader = ElementReader(stream, limits, big_endian=False)
    meta = reader.dataset(implicit=reader.looks_implicit(), stop=lambda tag: tag >> 16 != 2)
    return uid_values(value_of(meta, 0x00020010))[0]


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


def _guessed_transfer_syntax(stream: Stream) -> str:
    """The encoding that the first element of a data set shows."""
    start = stream.peek(6)
    if start[:1] == b"\0" and start[4:6].isalpha():
        return str(ExplicitVRBigEndian)
    return str(ExplicitVRLittleEndian if start[4:6].isalpha() else ImplicitVRLittleEndian)
