"""Preamble and File Meta (PS3.10 7.1) of an object whose transfer syntax has changed."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from sendit.deid.dicom.write import element_bytes
from sendit.deid.errors import DeidError, Refusal
from sendit.pixels.layer import exactly

if TYPE_CHECKING:
    from typing import BinaryIO

    from sendit.deid.dicom.element import Element

_GROUP_LENGTH, _TRANSFER_SYNTAX = 0x00020000, 0x00020010


def head_of(source: BinaryIO, meta: list[Element], transfer_syntax: str) -> bytes:
    """What stands before the data set: as it was, but for the Transfer Syntax UID and the group's length.

    Raises:
        DeidError: `malformed` if there is no File Meta, or a sequence in it.
    """
    if not meta or any(element.items is not None for element in meta):
        raise DeidError(Refusal.MALFORMED)
    before = exactly(source, 0, min(element.start for element in meta))
    rest = b"".join(
        element_bytes(
            element.tag,
            element.vr,
            transfer_syntax.encode("ascii") if element.tag == _TRANSFER_SYNTAX else element.value,
            implicit=False,
        )
        for element in meta
        if element.tag != _GROUP_LENGTH
    )
    return bytes(before) + element_bytes(_GROUP_LENGTH, "UL", pack("<L", len(rest)), implicit=False) + rest
