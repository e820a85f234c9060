"""A strict reader of data elements (PS3.5 clause 7): bytes in, a tree of undecoded elements out.

What other readers forgive (short values, runaway lengths, endless nesting) may hide what has to be removed, so
here it is refused. Values are not decoded; those of big endian objects are swapped, so that everything behind
this module is little endian. The VR of an element is never missing and never ambiguous.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.element import Element, ElementHead, in_order_of_tags
from sendit.deid.dicom.form import LONGEST_ALIKE, MOST_ALIKE, NO_FORMS, Form, Forms
from sendit.deid.dicom.stream import Window
from sendit.deid.dicom.vrs import STRING_VRS, TAKEN_APART, concrete_vr, swapped
from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from collections.abc import Container

    from sendit.deid.dicom.element import Item
    from sendit.deid.dicom.limits import Limits

ITEM = 0xFFFEE000
ITEM_DELIMITER = 0xFFFEE00D
SEQUENCE_DELIMITER = 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF
PIXEL_REPRESENTATION = 0x00280103

_ELEMENTS_PER_ITEM = 8
_LONG_VRS = {str(vr).encode("ascii"): str(vr) for vr in EXPLICIT_VR_LENGTH_32}
_SHORT_VRS = {str(vr).encode("ascii"): str(vr) for vr in VR if len(vr) == 2 and vr not in EXPLICIT_VR_LENGTH_32}
_VRS = _SHORT_VRS.keys() | _LONG_VRS.keys()
SHORT_VRS = frozenset(_SHORT_VRS.values())
_UNPACK = [[Struct(order + of).unpack_from for of in ("HH2sH", "HHL", "L")] for order in "<>"]
"""Of little endian, and of big endian."""
_NO_TAGS: frozenset[int] = frozenset()


class ElementReader:
    """Reads elements through a window.

    Raises:
        DeidError: `truncated` if the bytes end inside an element, `malformed` if lengths, tags or VRs
            contradict each other or nesting exceeds `max_depth`, `header_too_large` beyond the limits.
    """

    def __init__(self, window: Window, limits: Limits, *, big_endian: bool, placed: bool = False) -> None:
        """Begins with all the elements that may be read; with `placed`, each is another and knows where it was read."""
        self._window = window
        self._placed = placed
        self._big_endian = big_endian
        self._limits = limits
        self.elements_left = limits.max_elements
        self._tags: dict[int, int] = {}
        self._alike: dict[tuple[bytes, bool, int, bool], tuple[list[Item], int]] = {}
        self._head, self._tag_and_length, self._long = _UNPACK[big_endian]

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
        head = self.head(at, implicit=implicit)
        where = head.value_position, head.length
        return self._element(head.tag, head.vr, where, at, self._window.size, implicit, 0, signed)

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
        same = self._tags.setdefault
        placed = not depth or self._placed
        while end is None or at < end:
            if at + 12 > len(data):
                data = window.upto(at + 8)
            start = at
            group, number, name, length = self._head(data, at)
            tag = group << 16 | number
            if tag in stop:
                break
            tag = same(tag, tag)  # one number for all frames
            at += 8
            if group == 0xFFFE:
                if tag == ITEM_DELIMITER and end is None and self._long(data, start + 4)[0] == 0:
                    break
                raise DeidError(Refusal.MALFORMED)
            short = False
            if implicit:
                vr = dictionary_vr(tag) or "UN"
                length = self._long(data, start + 4)[0]
            elif name in _SHORT_VRS:
                vr = _SHORT_VRS[name]
                short = not self._big_endian  # what most are: read without further ado
            elif name in _LONG_VRS:
                vr = _LONG_VRS[name]
                at += 4
                if at > len(data):
                    data = window.upto(at)
                length = self._long(data, start + 8)[0]
            else:
                raise DeidError(Refusal.MALFORMED)
            self.elements_left -= 1
            if self.elements_left < 0:
                raise DeidError(Refusal.HEADER_TOO_LARGE)
            behind = at + length
            if short and behind <= len(data) and (end is None or behind <= end):
                value = data[at:behind]
                if vr in TAKEN_APART and b"\\" in value:
                    self._count(value.count(b"\\"))
                at = behind
                # where it was read is asked at the top level alone, and two numbers take as much memory as most values
                element = Element(tag, vr, value, start, at) if placed else Element(tag, vr, value, 0, 0)
            else:
                element = self._element(tag, vr, (at, length), start, end, implicit, depth, signed)
                data, at = window.data, element.end
            in_order = in_order and tag > last
            last = tag
            found.append(element)
            if tag == PIXEL_REPRESENTATION:
                signed = element.value == b"\1\0"
        return (found if in_order else in_order_of_tags(found)), at

    def _count(self, elements: int) -> None:
        self.elements_left -= elements
        if self.elements_left < 0:
            raise DeidError(Refusal.HEADER_TOO_LARGE)

    def _element(
        self,
        tag: int,
        vr: str,
        where: tuple[int, int],
        start: int,
        end: int | None,
        implicit: bool,
        depth: int,
        signed: bool,
    ) -> Element:
        """The element whose value begins at, and is of the length, that `where` says."""
        at, length = where
        vr = concrete_vr(vr, signed=signed)
        if length == UNDEFINED:
            if vr in {"OB", "OW"}:
                value, behind = self._fragments(at)
                return Element(tag, vr, value, start, behind)
            # PS3.5 6.2.2: UN of undefined length is a sequence in Implicit VR Little Endian; and what the
            # dictionary does not know can, in Implicit VR, only be a sequence if its length is undefined
            if vr not in {"SQ", "UN"} or (vr == "UN" and self._big_endian and not implicit):
                raise DeidError(Refusal.MALFORMED)
            items, behind = self._sequence(at, None, implicit or vr == "UN", depth, signed)
            return Element(tag, "SQ", b"", start, behind, items)
        behind = at + length
        window = self._window
        if end is not None and behind > end:
            raise DeidError(Refusal.TRUNCATED if behind > window.size else Refusal.MALFORMED)
        if vr == "SQ":
            return Element(tag, vr, b"", start, behind, self._items(at, behind, implicit, depth, signed))
        value = (window.data if behind <= len(window.data) else window.upto(behind))[at:behind]
        if vr == "UN":
            known = dictionary_vr(tag) or "UN"
            # of a big endian UN nobody knows whether its words were turned: only text is certain
            vr = known if not self._big_endian or known in STRING_VRS else "UN"
            if vr == "SQ":
                return self._sequence_in_un(tag, value, start, behind, depth)
            vr = concrete_vr(vr, signed=signed)
        if vr in TAKEN_APART:
            self._count(value.count(b"\\"))
        return Element(tag, vr, swapped(value, vr) if self._big_endian else value, start, behind)

    def _items(self, at: int, end: int, implicit: bool, depth: int, signed: bool) -> list[Item]:
        """The items of a sequence of defined length; of several that are alike, byte for byte, the very same ones.

        Frames have most of their functional groups in common: whoever knows one knows the others.
        """
        if not depth or self._placed or end - at > LONGEST_ALIKE:
            return self._sequence(at, end, implicit, depth, signed)[0]
        key = self._window.upto(end)[at:end], implicit, depth, signed
        known = self._alike.get(key)
        if known is not None:
            self._count(known[1])
            return known[0]
        before = self.elements_left
        items = self._sequence(at, end, implicit, depth, signed)[0]
        if len(self._alike) < MOST_ALIKE:
            self._alike[key] = items, before - self.elements_left
        return items

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
        forms = NO_FORMS if depth or implicit or self._big_endian or self._placed else Forms()
        while end is None or at < end:
            known = forms.match(window.data, at, end)
            if known is not None:
                self._count(known.cost)
                items.append(known)
                at += known.form.cut.size
                continue
            start = at
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
            # some writers switch to Implicit VR inside items
            item_implicit = implicit or (window.data[at + 4 : at + 6] not in _VRS and self.looks_implicit(at))
            item, at = self.elements(at, item_end, implicit=item_implicit, depth=depth + 1, signed=signed)
            if item_end is not None and at != item_end:
                raise DeidError(Refusal.MALFORMED)
            if forms.learns(window.data, start, at):
                item = forms.learn(self._form(window.data[start:at], signed))
            items.append(item)
        if end is not None and at != end:
            raise DeidError(Refusal.MALFORMED)
        return items, at

    def _form(self, raw: bytes, signed: bool) -> Form:
        """The form of an item, its bytes read again."""
        reader = ElementReader(Window.over(raw), self._limits, big_endian=False, placed=True)
        items, _ = reader._sequence(0, len(raw), False, 0, signed)
        return Form(raw, items[0], self._limits.max_elements - reader.elements_left)

    def _sequence_in_un(self, tag: int, value: bytes, start: int, end: int, depth: int) -> Element:
        """A public sequence that travelled as UN; what is no sequence stays UN, which no rule retains."""
        inner = ElementReader(Window.over(value), self._limits, big_endian=False)
        inner.elements_left = self.elements_left
        try:
            items, _ = inner._sequence(0, len(value), True, depth, False)
        except DeidError as error:
            if error.code is Refusal.HEADER_TOO_LARGE:
                raise
            return Element(tag, "UN", value, start, end)
        finally:
            self.elements_left = inner.elements_left
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
