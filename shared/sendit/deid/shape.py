"""What the headers of a series have in common, byte for byte, and where they differ.

The slices of a series have the same bytes in most places. A `Shape` holds those bytes, the runs, and between them the
slots: elements that differ. An object that consists of exactly these runs and has the same attribute in each slot
can differ in nothing but its slots. Nothing here decides anything about an element.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from sendit.deid.dicom.element import Element
from sendit.deid.dicom.elements import PIXEL_REPRESENTATION, SHORT_VRS, ElementReader
from sendit.deid.dicom.uids import uid_values
from sendit.deid.errors import DeidError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from sendit.deid.dicom.element import Item
    from sendit.deid.dicom.header import Header
    from sendit.deid.dicom.limits import Limits
    from sendit.deid.dicom.read import OpenObject
    from sendit.deid.dicom.stream import Window

LONGEST_HEADER = 256 * 1024

_BEHIND_PREFIX = 132
_HEAD, _SHORT, _FAR = 8, 1024, 1 << 62

SOP_INSTANCE = 0x00080018
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


_PASSED = Element(0, "", b"", 0, 0)


class Shape:
    """A header as a row of elements, File Meta included, with slots at `places` in it."""

    def __init__(self, opened: OpenObject, elements: list[Element], places: frozenset[int] = frozenset()) -> None:
        end = opened.pixels.value_position if opened.pixels else elements[-1].end
        self.header = opened.header
        self.implicit = opened.implicit
        self.pixels = opened.pixels
        self.first = len(opened.meta)
        self._data = data = opened.window.data[:end]
        self._elements = elements
        self._row = _row(elements)
        self._raws = tuple(data[element.start : element.end] for element in elements)
        self._signed = self.header.values.get(PIXEL_REPRESENTATION) == b"\1\0"
        self._open(places)

    def _open(self, places: frozenset[int]) -> None:
        elements, data = self._elements, self._data
        ordered = sorted(places)
        self.places = places
        self.slots = tuple(self._slot(at) for at in ordered)
        starts = [0, *(elements[at].end for at in ordered)]
        ends = [*(elements[at].start for at in ordered), len(data)]
        first, *runs = (data[start:end] for start, end in zip(starts, ends, strict=True))
        self._beginning = first + (self.slots[0].head if self.slots else b"")
        self._first_slot = len(first)
        self._runs = runs
        self.read_only(range(len(runs)))

    def _slot(self, at: int) -> Slot:
        element = self._elements[at]
        implicit = self.implicit and at >= self.first
        signed = self._signed and element.tag > PIXEL_REPRESENTATION
        head = b"" if implicit else _short_head(self._raws[at], element)
        return Slot(at, element.tag, element.vr, element.items is not None, implicit, signed, head)

    def tag_at(self, place: int) -> int:
        """The tag of an element."""
        return self._elements[place].tag

    def widened(self, places: frozenset[int]) -> Shape:
        """The same with slots at these places."""
        wider = copy(self)
        wider._open(places)
        return wider

    def read_only(self, numbers: Container[int]) -> None:
        """Has the slots of these numbers read; of what is in others, only as much as is needed to pass it by."""
        heads = [slot.head for slot in self.slots[1:]] + [b""]
        self._steps = tuple(
            (slot, bool(slot.head), number in numbers, run + head, len(run))
            for number, (slot, run, head) in enumerate(zip(self.slots, self._runs, heads, strict=False))
        )

    def match(self, window: Window, limits: Limits) -> tuple[list[Element], int] | None:
        """The elements in the slots of an object of this shape, and where its header ends; None: it has another.

        Elements that are not read have no tag.
        """
        data = window.data
        if not data.startswith(self._beginning):
            return None
        found: list[Element] = []
        reader: ElementReader | None = None
        at, size, passed = self._first_slot, len(data), 0
        try:
            for slot, short, read, behind, length in self._steps:
                # tag and VR of a short element have been compared together with what stands before it
                end = at + _HEAD + (data[at + 6] | data[at + 7] << 8) if short and at + _HEAD <= size else _FAR
                if end <= size and end - at <= _SHORT:
                    found.append(Element(slot.tag, slot.vr, data[at + _HEAD : end], at, end) if read else _PASSED)
                    passed += end - at
                else:
                    reader = reader or _reader(window, limits)
                    element = reader.one(at, implicit=slot.implicit, signed=slot.signed)
                    if element.tag != slot.tag or element.vr != slot.vr or (element.items is None) is slot.is_sequence:
                        return None
                    found.append(element)
                    end = element.end
                at = end + length
                if at + _HEAD > size:
                    data = window.upto(min(at + _HEAD, window.size))
                    size = len(data)
                if not data.startswith(behind, end):
                    return None
            window.check(at)
        except DeidError:
            return None  # whoever reads all of it says why
        if passed > limits.max_elements // 2:
            return None  # their values may be more than the limits allow
        if at > window.size or (self.pixels is None and at != window.size):
            return None
        return found, at

    def header_of(self, elements: list[Element]) -> Header:
        """The header of a matching object, from the elements in its slots."""
        values: dict[int, bytes] = self.header.values.copy()
        sequences: Mapping[int, Sequence[Item]] = self.header.sequences
        for slot, element in zip(self.slots, elements, strict=True):
            if slot.at >= self.first:
                values[slot.tag] = element.value
                if element.items is not None:
                    sequences = {**sequences, slot.tag: element.items}
        return replace(
            self.header, values=values, sequences=sequences, sop_instance_uid=self.sop_instance_uid(elements)
        )

    def sop_instance_uid(self, elements: list[Element]) -> str:
        """The SOP Instance UID of a matching object, from the elements in its slots."""
        for slot, element in zip(self.slots, elements, strict=True):
            if slot.tag == SOP_INSTANCE:
                return "\\".join(uid_values(element.value))
        return self.header.sop_instance_uid

    def places_with(self, opened: OpenObject, elements: list[Element]) -> frozenset[int] | None:
        """Where slots must be, so that another object has the shape, too; None if it cannot."""
        if self._row != _row(elements) or not self._pixels_alike(opened):
            return None
        data = opened.window.data
        differing = {at for at, element in enumerate(elements) if data[element.start : element.end] != self._raws[at]}
        return self.places | differing if all(map(self._may_differ, differing)) else None

    def places_in(self, window: Window, limits: Limits) -> frozenset[int] | None:
        """The same of an object that was not read yet."""
        start = self._elements[0].start
        data = window.data
        if not data.startswith(self._data[:start]):
            return None
        differing: set[int] = set()
        reader: ElementReader | None = None
        at = start
        try:
            for place, raw in enumerate(self._raws):
                if at + len(raw) > len(data):
                    data = window.upto(min(at + len(raw), window.size))
                if data.startswith(raw, at):
                    at += len(raw)
                    continue
                if not self._may_differ(place):
                    return None
                slot = self._slot(place)
                reader = reader or _reader(window, limits)
                element = reader.one(at, implicit=slot.implicit, signed=slot.signed)
                if element.tag != slot.tag or element.vr != slot.vr or (element.items is None) is slot.is_sequence:
                    return None
                differing.add(place)
                data, at = window.data, element.end
        except DeidError:
            return None  # whoever reads all of it says why
        return self.places | differing

    def _may_differ(self, place: int) -> bool:
        """Whether there may be a slot: not where elements say how others are to be read or whose they are."""
        tag = self._elements[place].tag
        if place < self.first:
            return tag in _OF_FILE_META
        return place != self.first and tag not in _NEVER_SLOTS and not (tag >> 16 & 1 and tag & 0xFFFF <= 0xFF)

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


def _reader(window: Window, limits: Limits) -> ElementReader:
    """For what is in slots: the runs hold at most half of the elements that the limits allow."""
    return ElementReader(window, _halved(limits), big_endian=False)


@lru_cache(maxsize=8)
def _halved(limits: Limits) -> Limits:
    return replace(limits, max_elements=limits.max_elements // 2)


def _row(elements: list[Element]) -> tuple[tuple[int, str], ...]:
    return tuple((element.tag, element.vr) for element in elements)
