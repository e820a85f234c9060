"""A strict reader of data elements (PS3.5 clause 7): bytes in, a tree of undecoded elements out.

What other readers forgive (short values, runaway lengths, endless nesting) may hide what has to be removed, so
here it is refused. Values are not decoded; those of big endian objects are swapped, so that everything behind
this module is little endian. The VR of an element is never missing and never ambiguous.
"""

from __future__ import annotations

from itertools import pairwise
from struct import Struct
from typing import TYPE_CHECKING

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.stream import Window
from sendit.deid.dicom.vrs import NUMERIC_STRING_VRS, STRING_VRS, concrete_vr, swapped
from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from collections.abc import Container

    from sendit.deid.dicom.limits import Limits

ITEM = 0xFFFEE000
ITEM_DELIMITER = 0xFFFEE00D
SEQUENCE_DELIMITER = 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF
PIXEL_REPRESENTATION = 0x00280103

_ELEMENTS_PER_ITEM = 8
_LONG_VRS = {str(vr).encode("ascii"): str(vr) for vr in EXPLICIT_VR_LENGTH_32}
_SHORT_VRS = {str(vr).encode("ascii"): str(vr) for vr in VR if len(vr) == 2 and vr not in EXPLICIT_VR_LENGTH_32}
SHORT_VRS = frozenset(_SHORT_VRS.values())
_TAKEN_APART = STRING_VRS - NUMERIC_STRING_VRS
_NO_TAGS: frozenset[int] = frozenset()
_DELIMITER_BYTES = b"\xfe\xff\x0d\xe0"


class Element:
    """One element: a value in little endian, or the items of a sequence; `start` and `end` are where it was read."""

    __slots__ = ("end", "items", "start", "tag", "value", "vr")

    def __init__(
        self, tag: int, vr: str, value: bytes, start: int, end: int, items: list[list[Element]] | None = None
    ) -> None:
        self.tag = tag
        self.vr = vr
        self.value = value
        self.start = start
        self.end = end
        self.items = items

    def __repr__(self) -> str:
        return "Element(…)"


Item = list[Element]


class ElementHead:
    """Tag, VR and length of one element, and where its value begins."""

    __slots__ = ("length", "tag", "value_position", "vr")

    def __init__(self, tag: int, vr: str, length: int, value_position: int) -> None:
        self.tag = tag
        self.vr = vr
        self.length = length
        self.value_position = value_position


class ElementReader:
    """Reads elements through a window.

    Raises:
        DeidError: `truncated` if the bytes end inside an element, `malformed` if lengths, tags or VRs
            contradict each other or nesting exceeds `max_depth`, `header_too_large` beyond the limits.
    """

    def __init__(self, window: Window, limits: Limits, *, big_endian: bool) -> None:
        order = ">" if big_endian else "<"
        self._window = window
        self._big_endian = big_endian
        self._limits = limits
        self._elements_left = limits.max_elements
        self._head = Struct(order + "HH2sH").unpack_from
        self._tag_and_length = Struct(order + "HHL").unpack_from
        self._long = Struct(order + "L").unpack_from

    @property
    def elements_left(self) -> int:
        """How many more elements may be read."""
        return self._elements_left

    def looks_implicit(self, at: int) -> bool:
        """Whether the element at a position has no VR where Explicit VR has one."""
        vr = self._window.peek(at, 6)[4:]
        return len(vr) == 2 and not (vr.isalpha() and vr.isupper())

    def head(self, at: int, *, implicit: bool) -> ElementHead:
        """The tag, VR and length at a position."""
        data = self._window.upto(at + 8)
        group, number, name, short = self._head(data, at)
        tag = group << 16 | number
        if implicit or group == 0xFFFE:
            vr = "" if group == 0xFFFE else dictionary_vr(tag) or "UN"
            return ElementHead(tag, vr, self._long(data, at + 4)[0], at + 8)
        if name in _SHORT_VRS:
            return ElementHead(tag, _SHORT_VRS[name], short, at + 8)
        if name not in _LONG_VRS:
            raise DeidError(Refusal.MALFORMED)
        data = self._window.upto(at + 12)
        return ElementHead(tag, _LONG_VRS[name], self._long(data, at + 8)[0], at + 12)

    def one(self, at: int, *, implicit: bool, signed: bool) -> Element:
        """The top-level element at a position."""
        return self._element(self.head(at, implicit=implicit), at, self._window.size, implicit, 0, signed)

    def elements(
        self,
        at: int,
        end: int | None,
        *,
        implicit: bool,
        stop: Container[int] = _NO_TAGS,
        depth: int = 0,
        signed: bool = False,
    ) -> tuple[list[Element], int]:
        """The elements from a position up to `end`, the item delimiter if it is None, or before a tag of `stop`.

        In tag order, whatever their order was; and the position behind them.
        """
        window = self._window
        data = window.data
        found: list[Element] = []
        last, in_order = -1, True
        while end is None or at < end:
            if at + 12 > len(data):
                data = window.upto(at + 8)
            start = at
            group, number, name, length = self._head(data, at)
            tag = group << 16 | number
            if tag in stop:
                break
            at += 8
            if group == 0xFFFE:
                if tag == ITEM_DELIMITER and end is None and self._long(data, start + 4)[0] == 0:
                    break
                raise DeidError(Refusal.MALFORMED)
            if implicit:
                vr = dictionary_vr(tag) or "UN"
                length = self._long(data, start + 4)[0]
            elif name in _SHORT_VRS:
                vr = _SHORT_VRS[name]
            elif name in _LONG_VRS:
                vr = _LONG_VRS[name]
                at += 4
                if at > len(data):
                    data = window.upto(at)
                length = self._long(data, start + 8)[0]
            else:
                raise DeidError(Refusal.MALFORMED)
            self._count(1)
            element = self._element(ElementHead(tag, vr, length, at), start, end, implicit, depth, signed)
            data, at = window.data, element.end
            in_order = in_order and tag > last
            last = tag
            found.append(element)
            if tag == PIXEL_REPRESENTATION:
                signed = element.value == b"\1\0"
        return (found if in_order else _in_order(found)), at

    def _count(self, elements: int) -> None:
        self._elements_left -= elements
        if self._elements_left < 0:
            raise DeidError(Refusal.HEADER_TOO_LARGE)

    def _element(
        self, head: ElementHead, start: int, end: int | None, implicit: bool, depth: int, signed: bool
    ) -> Element:
        tag, at = head.tag, head.value_position
        vr = concrete_vr(head.vr, signed=signed)
        if head.length == UNDEFINED:
            if vr in {"OB", "OW"}:
                value, behind = self._fragments(at)
                return Element(tag, vr, value, start, behind)
            # PS3.5 6.2.2: UN of undefined length is a sequence in Implicit VR Little Endian; and what the
            # dictionary does not know can, in Implicit VR, only be a sequence if its length is undefined
            if vr not in {"SQ", "UN"} or (vr == "UN" and self._big_endian and not implicit):
                raise DeidError(Refusal.MALFORMED)
            items, behind = self._sequence(at, None, implicit or vr == "UN", depth, signed)
            return Element(tag, "SQ", b"", start, behind, items)
        behind = at + head.length
        window = self._window
        if end is not None and behind > end:
            raise DeidError(Refusal.TRUNCATED if behind > window.size else Refusal.MALFORMED)
        if vr == "SQ":
            items, behind = self._sequence(at, behind, implicit, depth, signed)
            return Element(tag, vr, b"", start, behind, items)
        value = (window.data if behind <= len(window.data) else window.upto(behind))[at:behind]
        if vr == "UN":
            known = dictionary_vr(tag) or "UN"
            # of a big endian UN nobody knows whether its words were turned: only text is certain
            vr = known if not self._big_endian or known in STRING_VRS else "UN"
            if vr == "SQ":
                return self._sequence_in_un(tag, value, start, behind, depth)
            vr = concrete_vr(vr, signed=signed)
        if vr in _TAKEN_APART:
            # their values are taken apart later, which costs more than their bytes
            self._count(value.count(b"\\"))
        return Element(tag, vr, swapped(value, vr) if self._big_endian else value, start, behind)

    def _sequence(
        self, at: int, end: int | None, implicit: bool, depth: int, signed: bool
    ) -> tuple[list[list[Element]], int]:
        """The items of a sequence that ends at `end`, or at its delimiter if `end` is None."""
        if depth >= self._limits.max_depth:
            raise DeidError(Refusal.MALFORMED)
        window = self._window
        if end is not None:
            window.upto(end)
        items: list[list[Element]] = []
        while end is None or at < end:
            group, number, length = self._tag_and_length(window.upto(at + 8), at)
            tag = group << 16 | number
            at += 8
            if tag == SEQUENCE_DELIMITER and end is None and length == 0:
                break
            item_end = None if length == UNDEFINED else at + length
            if tag != ITEM or (item_end is not None and end is not None and item_end > end):
                raise DeidError(Refusal.MALFORMED)
            if item_end is not None and item_end > window.size:
                raise DeidError(Refusal.TRUNCATED)
            self._count(_ELEMENTS_PER_ITEM)
            item_implicit = implicit or (length != 0 and self._looks_implicit_item(at))
            item, at = self.elements(at, item_end, implicit=item_implicit, depth=depth + 1, signed=signed)
            if item_end is not None and at != item_end:
                raise DeidError(Refusal.MALFORMED)
            items.append(item)
        if end is not None and at != end:
            raise DeidError(Refusal.MALFORMED)
        return items, at

    def _looks_implicit_item(self, at: int) -> bool:
        """Some writers switch to Implicit VR inside items; a delimiter has no VR in either encoding."""
        return self._window.peek(at, 4) != _DELIMITER_BYTES and self.looks_implicit(at)

    def _sequence_in_un(self, tag: int, value: bytes, start: int, end: int, depth: int) -> Element:
        """A public sequence that travelled as UN; what is no sequence stays UN, which no rule retains."""
        inner = ElementReader(Window.over(value), self._limits, big_endian=False)
        inner._elements_left = self._elements_left
        try:
            items, _ = inner._sequence(0, len(value), True, depth, False)
        except DeidError as error:
            if error.code is Refusal.HEADER_TOO_LARGE:
                raise
            return Element(tag, "UN", value, start, end)
        finally:
            self._elements_left = inner._elements_left
        # what is read again is held again: both share one budget
        self._window.spend(len(value))
        return Element(tag, "SQ", b"", start, end, items)

    def _fragments(self, at: int) -> tuple[bytes, int]:
        """Encapsulated fragments outside the top-level pixel data, as one value; no rule retains them."""
        fragments: list[bytes] = []
        while True:
            group, number, length = self._tag_and_length(self._window.upto(at + 8), at)
            tag = group << 16 | number
            at += 8
            if tag == SEQUENCE_DELIMITER and length == 0:
                return b"".join(fragments), at
            if tag != ITEM or length == UNDEFINED:
                raise DeidError(Refusal.MALFORMED)
            fragments.append(self._window.upto(at + length)[at : at + length])
            at += length


def _in_order(elements: list[Element]) -> list[Element]:
    elements = sorted(elements, key=lambda element: element.tag)
    if any(one.tag == after.tag for one, after in pairwise(elements)):
        raise DeidError(Refusal.MALFORMED)
    return elements


def element_of(elements: list[Element], tag: int) -> Element | None:
    """The element of a tag, None if it is absent."""
    return next((element for element in elements if element.tag == tag), None)


def raw_value(elements: list[Element], tag: int) -> bytes:
    """The undecoded value of an element; empty if it is absent or a sequence."""
    element = element_of(elements, tag)
    return element.value if element is not None else b""
