"""What the headers of a series have in common, byte for byte, and where they differ.

The slices of a series have the same bytes in most places. A `Shape` holds those bytes, the runs, and between them the
slots: elements that differ. An object that consists of exactly these runs and has the same attribute in each slot
can differ in nothing but its slots. Nothing here decides anything about an element.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from sendit.deid.dicom.elements import PIXEL_REPRESENTATION, SHORT_VRS, Element, ElementReader
from sendit.deid.dicom.uids import uid_values
from sendit.deid.errors import DeidError

if TYPE_CHECKING:
    from sendit.deid.dicom.header import Header
    from sendit.deid.dicom.limits import Limits
    from sendit.deid.dicom.read import OpenObject
    from sendit.deid.dicom.stream import Window

LONGEST_HEADER = 256 * 1024

_BEHIND_PREFIX = 132
_SHORT = 1024

_SOP_INSTANCE = 0x00080018
_OF_FILE_META = frozenset({0x00020000, 0x00020003})  # its length, Media Storage SOP Instance UID
_NEVER_SLOTS = frozenset(
    {
        0x00080005,  # Specific Character Set: how everything else is read
        0x00080016,  # SOP Class UID: which rules there are
        0x00080050,  # Accession Number, Patient ID, its issuer, Study Instance UID: whose object it is
        0x00100020,
        0x00100021,
        0x0020000D,
        0x0020000E,  # Series Instance UID
        0x00280002,  # Samples per Pixel, Photometric Interpretation, Number of Frames, Rows, Columns, Bits Allocated,
        0x00280004,  # Pixel Representation: how long the pixel data is, and how numbers are read
        0x00280008,
        0x00280010,
        0x00280011,
        0x00280100,
        PIXEL_REPRESENTATION,
        0x7FE00001,  # Extended Offset Table, and its lengths
        0x7FE00002,
    }
)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where an element differs from image to image, and how it is read.

    `head` is its tag and VR where those tell a length of two bytes, else empty.
    """

    at: int
    tag: int
    vr: str
    is_sequence: bool
    implicit: bool
    signed: bool
    head: bytes


class Shape:
    """A header as a row of elements, File Meta included, with slots at `places` in it."""

    def __init__(self, opened: OpenObject, elements: list[Element], places: frozenset[int] = frozenset()) -> None:
        data = opened.window.data
        self.header = opened.header
        self.implicit = opened.implicit
        self.pixels = opened.pixels
        self.places = places
        self.first = len(opened.meta)
        self._row = _row(elements)
        self._raws = tuple(data[element.start : element.end] for element in elements)
        signed = self.header.values.get(PIXEL_REPRESENTATION) == b"\1\0"
        ordered = sorted(places)
        self.slots = tuple(
            Slot(
                at,
                element.tag,
                element.vr,
                element.items is not None,
                self.implicit and at >= self.first,
                signed and element.tag > PIXEL_REPRESENTATION,
                _short_head(self._raws[at], element) if at < self.first or not self.implicit else b"",
            )
            for at, element in ((at, elements[at]) for at in ordered)
        )
        end = opened.pixels.value_position if opened.pixels else elements[-1].end
        starts = [0, *(elements[at].end for at in ordered)]
        ends = [*(elements[at].start for at in ordered), end]
        self._runs = tuple(data[start:end] for start, end in zip(starts, ends, strict=True))

    def match(self, window: Window, limits: Limits) -> tuple[list[Element], int] | None:
        """The elements in the slots of an object of this shape, and where its header ends; None: it has another."""
        data = window.data
        if not data.startswith(self._runs[0]):
            return None
        # the runs hold at most half of the elements that the limits allow
        reader = ElementReader(window, replace(limits, max_elements=limits.max_elements // 2), big_endian=False)
        found: list[Element] = []
        at = len(self._runs[0])
        try:
            for slot, run in zip(self.slots, self._runs[1:], strict=True):
                element = _short(slot, window, at)
                if element is None:
                    element = reader.one(at, implicit=slot.implicit, signed=slot.signed)
                if element.tag != slot.tag or element.vr != slot.vr or (element.items is None) is slot.is_sequence:
                    return None
                found.append(element)
                data = window.upto(element.end + len(run))
                if not data.startswith(run, element.end):
                    return None
                at = element.end + len(run)
            window.check(at)
        except DeidError:
            return None  # whoever reads all of it says why
        if self.pixels is None and at != window.size:
            return None
        return found, at

    def header_of(self, elements: list[Element]) -> Header:
        """The header of a matching object, from the elements in its slots."""
        values = self.header.values.copy()
        sop_instance = self.header.sop_instance_uid
        for slot, element in zip(self.slots, elements, strict=True):
            if slot.at >= self.first:
                values[slot.tag] = element.value
                if slot.tag == _SOP_INSTANCE:
                    sop_instance = "\\".join(uid_values(element.value))
        return replace(self.header, values=values, sop_instance_uid=sop_instance)

    def places_with(self, opened: OpenObject, elements: list[Element]) -> frozenset[int] | None:
        """Where slots must be, so that another object has the shape, too; None if it cannot."""
        if self._row != _row(elements) or not self._pixels_alike(opened):
            return None
        data = opened.window.data
        differing = {at for at, element in enumerate(elements) if data[element.start : element.end] != self._raws[at]}
        for at in differing:
            tag = elements[at].tag
            if at < self.first and tag not in _OF_FILE_META:
                return None
            if at == self.first or tag in _NEVER_SLOTS or (tag >> 16 & 1 and tag & 0xFFFF <= 0xFF):
                return None
        return self.places | differing

    def _pixels_alike(self, opened: OpenObject) -> bool:
        mine, other = self.pixels, opened.pixels
        if mine is None or other is None:
            return mine is other
        return (mine.tag, mine.vr, mine.length) == (other.tag, other.vr, other.length)


def plain_elements(opened: OpenObject, limits: Limits) -> list[Element] | None:
    """All elements of a header in the order of its bytes; None if it is not small, plain little endian and Part 10.

    How an object is to be read is told by its first bytes: those of the preamble, of File Meta and of the data set.
    """
    end = opened.pixels.value_position if opened.pixels else opened.window.size
    if opened.big_endian or not opened.meta or opened.start == 0 or end > LONGEST_HEADER:
        return None
    first = opened.meta[0].start
    explicit = opened.window.data[first + 4 : first + 6]
    if first != _BEHIND_PREFIX or not (explicit.isalpha() and explicit.isupper()):
        return None
    if opened.elements_read > limits.max_elements // 2:
        return None
    elements = opened.meta + opened.elements
    return elements if all(one.end == after.start for one, after in pairwise(elements)) else None


def _short_head(raw: bytes, element: Element) -> bytes:
    head = raw[:6]
    return head if head[4:] == element.vr.encode("ascii") and element.vr in SHORT_VRS else b""


def _short(slot: Slot, window: Window, at: int) -> Element | None:
    """A short element with the slot's tag and VR, read without further ado; None if it is anything else."""
    data = window.data
    if not slot.head or not data.startswith(slot.head, at) or at + 8 > len(data):
        return None
    length = data[at + 6] | data[at + 7] << 8
    end = at + 8 + length
    if length > _SHORT or end > len(data):
        return None
    return Element(slot.tag, slot.vr, data[at + 8 : end], at, end)


def _row(elements: list[Element]) -> tuple[tuple[int, str], ...]:
    return tuple((element.tag, element.vr) for element in elements)
