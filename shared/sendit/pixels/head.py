"""What stands before the pixel data of an object whose encoding has changed (PS3.10 7.1)."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.vrs import concrete_vr
from sendit.deid.dicom.write import element_bytes
from sendit.deid.errors import DeidError, Refusal
from sendit.pixels.layer import exactly

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from sendit.deid.dicom.element import Element
    from sendit.deid.dicom.read import OpenObject

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
    return before + element_bytes(_GROUP_LENGTH, "UL", pack("<L", len(rest)), implicit=False) + rest


def data_set_of(opened: OpenObject, values: Mapping[int, bytes | None]) -> bytes:
    """The elements before the pixel data as they were, but for those that get another value, or go if it is None.

    The lengths of the groups that change, which are retired, go too (PS3.5 7.2).
    """
    window = opened.window.data
    encoded = {one.tag: window[one.start : one.end] for one in opened.elements}
    before = opened.header.values
    for tag, value in values.items():
        was = before.get(tag, b"")
        if value in {was, was.rstrip(b" ")}:
            continue
        encoded.pop(tag & 0xFFFF0000, None)
        if value is None:
            encoded.pop(tag, None)
        else:
            vr = concrete_vr(dictionary_vr(tag) or "UN", signed=False)
            encoded[tag] = element_bytes(tag, vr, value, implicit=opened.implicit)
    return b"".join(encoded[tag] for tag in sorted(encoded))
