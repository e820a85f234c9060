"""A strict reader of data elements (PS3.5 clause 7): bytes in, pydicom data sets of raw elements out.

pydicom's own reader forgives short values, runaway lengths and endless nesting; each of those may hide what
has to be removed, so here they are refused. Values are not decoded. Those of big endian objects are swapped,
so that everything behind this module is little endian. A sequence comes out as a `DataElement` with its
items, any other element as a `RawDataElement` with a VR that is never None and never ambiguous.
"""

from __future__ import annotations

import io
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, cast

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

from sendit.deid.dicom import quiet  # noqa: F401  pydicom must be quiet before it reads anything
from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.stream import BoundedReader
from sendit.deid.dicom.text import known_codecs
from sendit.deid.dicom.vrs import NUMERIC_STRING_VRS, STRING_VRS, concrete_vr, swapped
from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from sendit.deid.dicom.limits import Limits

ITEM = 0xFFFEE000
ITEM_DELIMITER = 0xFFFEE00D
SEQUENCE_DELIMITER = 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF
_ELEMENTS_PER_ITEM = 8
SPECIFIC_CHARACTER_SET = 0x00080005
PIXEL_REPRESENTATION = 0x00280103

_STANDARD_VRS = {str(vr).encode("ascii"): str(vr) for vr in VR if len(vr) == 2}
_LONG_VRS = {str(vr) for vr in EXPLICIT_VR_LENGTH_32}

Element = RawDataElement | DataElement


class ElementHead:
    """Tag, VR and length of one element, and where its value begins."""

    __slots__ = ("length", "tag", "value_position", "vr")

    def __init__(self, tag: int, vr: str, length: int, value_position: int) -> None:
        self.tag = tag
        self.vr = vr
        self.length = length
        self.value_position = value_position


class ElementReader:
    """Reads data sets from a bounded stream.

    Raises:
        DeidError: `truncated` if the stream ends inside an element, `malformed` if lengths, tags or VRs
            contradict each other or nesting exceeds `max_depth`, `header_too_large` beyond the budget.
    """

    def __init__(self, stream: BoundedReader, limits: Limits, *, big_endian: bool) -> None:
        order = ">" if big_endian else "<"
        self._stream = stream
        self._big_endian = big_endian
        self._limits = limits
        self._elements_left = limits.max_elements
        self._tag = Struct(order + "HH")
        self._long = Struct(order + "L")
        self._short = Struct(order + "H")

    def dataset(self, *, implicit: bool, stop: Callable[[int], bool] | None = None) -> Dataset:
        """The top-level data set up to the end of the stream, or to before the first tag that `stop` picks."""
        return self._elements(self._stream.size, implicit=implicit, depth=0, signed=False, stop=stop)

    def looks_implicit(self) -> bool:
        """Whether the element ahead has no VR where Explicit VR has one."""
        vr = self._stream.peek(6)[4:]
        return len(vr) == 2 and not (vr.isalpha() and vr.isupper())

    def head(self, *, implicit: bool) -> ElementHead:
        """The tag, VR and length ahead."""
        stream = self._stream
        ahead = stream.take(8)  # no head is shorter: a tag, and a length of four bytes or a VR with one of two
        group, number = self._tag.unpack_from(ahead)
        tag = group << 16 | number
        if group == 0xFFFE:
            return ElementHead(tag, "", self._long.unpack_from(ahead, 4)[0], stream.position)
        if implicit:
            vr = _public_vr(tag)
            length = self._long.unpack_from(ahead, 4)[0]
        else:
            name = _STANDARD_VRS.get(ahead[4:6])
            if name is None:
                raise DeidError(Refusal.MALFORMED)
            vr = name
            long = vr in _LONG_VRS
            length = self._long.unpack(stream.take(4))[0] if long else self._short.unpack_from(ahead, 6)[0]
        return ElementHead(tag, vr, length, stream.position)

    def _count(self, elements: int) -> None:
        self._elements_left -= elements
        if self._elements_left < 0:
            raise DeidError(Refusal.HEADER_TOO_LARGE)

    def _next_tag(self) -> int:
        ahead = self._stream.peek(4)
        if len(ahead) < 4:
            raise DeidError(Refusal.TRUNCATED)
        group, element = self._tag.unpack(ahead)
        return int(group) << 16 | int(element)

    def _take_tag(self) -> int:
        group, element = self._tag.unpack(self._stream.take(4))
        return int(group) << 16 | int(element)

    def _elements(
        self,
        end: int | None,
        *,
        implicit: bool,
        depth: int,
        signed: bool,
        stop: Callable[[int], bool] | None = None,
    ) -> Dataset:
        """The elements up to `end`, or to the item delimiter if `end` is None."""
        stream = self._stream
        elements: dict[BaseTag, Element] = {}
        while end is None or stream.position < end:
            if stop is not None and stop(self._next_tag()):
                break
            head = self.head(implicit=implicit)
            if head.tag == ITEM_DELIMITER and end is None and head.length == 0:
                break
            if head.tag >> 16 == 0xFFFE or BaseTag(head.tag) in elements:
                raise DeidError(Refusal.MALFORMED)
            self._count(1)
            element = self._element(head, end, implicit, depth, signed)
            elements[BaseTag(head.tag)] = element
            if head.tag == PIXEL_REPRESENTATION:
                signed = element.value == b"\1\0"
        return Dataset(elements)

    def _element(self, head: ElementHead, end: int | None, implicit: bool, depth: int, signed: bool) -> Element:
        stream, tag = self._stream, head.tag
        vr = concrete_vr(head.vr, signed=signed)
        if head.length == UNDEFINED:
            if vr in {"OB", "OW"}:
                return _raw(head, vr, self._fragments())
            # PS3.5 6.2.2: UN of undefined length is a sequence in Implicit VR Little Endian; and what the
            # dictionary does not know can, in Implicit VR, only be a sequence if its length is undefined
            if vr not in {"SQ", "UN"} or (vr == "UN" and self._big_endian and not implicit):
                raise DeidError(Refusal.MALFORMED)
            return self._sequence(head, None, implicit or vr == "UN", depth, signed)
        value_end = stream.position + head.length
        if end is not None and value_end > end:
            raise DeidError(Refusal.TRUNCATED if value_end > stream.size else Refusal.MALFORMED)
        if vr == "SQ":
            return self._sequence(head, value_end, implicit, depth, signed)
        value = stream.take(head.length)
        if vr == "UN":
            known = _public_vr(tag)
            # of a big endian UN nobody knows whether its words were turned: only text is certain
            vr = known if not self._big_endian or known in STRING_VRS else "UN"
            if vr == "SQ":
                return self._sequence_in_un(head, value, depth)
            vr = concrete_vr(vr, signed=signed)
        if vr in STRING_VRS and vr not in NUMERIC_STRING_VRS:
            # their values are taken apart later, which costs more than their bytes
            self._count(value.count(b"\\"))
        return _raw(head, vr, swapped(value, vr) if self._big_endian else value)

    def _sequence(self, head: ElementHead, end: int | None, implicit: bool, depth: int, signed: bool) -> DataElement:
        """The items of a sequence that ends at `end`, or at its delimiter if `end` is None."""
        if depth >= self._limits.max_depth:
            raise DeidError(Refusal.MALFORMED)
        stream = self._stream
        items: list[Dataset] = []
        while end is None or stream.position < end:
            tag = self._take_tag()
            length = self._long.unpack(stream.take(4))[0]
            if tag == SEQUENCE_DELIMITER and end is None and length == 0:
                break
            item_end = None if length == UNDEFINED else stream.position + length
            if tag != ITEM or (item_end is not None and end is not None and item_end > end):
                raise DeidError(Refusal.MALFORMED)
            if item_end is not None and item_end > stream.size:
                raise DeidError(Refusal.TRUNCATED)
            self._count(_ELEMENTS_PER_ITEM)
            item_implicit = implicit or (length != 0 and self._looks_implicit_item())
            item = self._elements(item_end, implicit=item_implicit, depth=depth + 1, signed=signed)
            items.append(item)
        if end is not None and stream.position != end:
            raise DeidError(Refusal.MALFORMED)
        return _sequence_element(head.tag, items)

    def _looks_implicit_item(self) -> bool:
        """Some writers switch to Implicit VR inside items; a delimiter has no VR in either encoding."""
        return self._stream.peek(4) != b"\xfe\xff\x0d\xe0" and self.looks_implicit()

    def _sequence_in_un(self, head: ElementHead, value: bytes, depth: int) -> Element:
        """A public sequence that travelled as UN; what is no sequence stays UN, which no rule retains."""
        inner = ElementReader(BoundedReader(io.BytesIO(value), self._stream.budget), self._limits, big_endian=False)
        inner._elements_left = self._elements_left
        try:
            return inner._sequence(head, len(value), True, depth, False)
        except DeidError as error:
            if error.code is Refusal.HEADER_TOO_LARGE:
                raise
            return _raw(head, "UN", value)
        finally:
            # what is read again is held again: both share one budget
            self._stream.budget = inner._stream.budget
            self._elements_left = inner._elements_left

    def _fragments(self) -> bytes:
        """Encapsulated fragments outside the top-level pixel data, as one value; no rule retains them."""
        fragments: list[bytes] = []
        while True:
            tag = self._take_tag()
            length = self._long.unpack(self._stream.take(4))[0]
            if tag == SEQUENCE_DELIMITER and length == 0:
                return b"".join(fragments)
            if tag != ITEM or length == UNDEFINED:
                raise DeidError(Refusal.MALFORMED)
            fragments.append(self._stream.take(length))


def _public_vr(tag: int) -> str:
    """The VR that PS3.6 gives a tag, UN if it gives none."""
    return dictionary_vr(tag) or "UN"


def _raw(head: ElementHead, vr: str, value: bytes) -> RawDataElement:
    return RawDataElement(BaseTag(head.tag), vr, len(value), value, head.value_position, False, True)


def _sequence_element(tag: int, items: list[Dataset]) -> DataElement:
    return DataElement(BaseTag(tag), "SQ", Sequence(items), already_converted=True)


def inherit_character_sets(dataset: Dataset, implicit: bool, inherited: list[str]) -> None:
    """Tells pydicom the character set of a data set and, where they name none, of its items (PS3.5 7.5.3)."""
    named = element_of(dataset, SPECIFIC_CHARACTER_SET)
    codecs = inherited
    if isinstance(named, RawDataElement) and named.value:
        # pydicom reads the default repertoire as Latin-1, so that a wrong byte does not stop it
        codecs = [codec if codec != "ascii" else "iso8859" for codec in known_codecs(named.value)] or inherited
    dataset.set_original_encoding(implicit, True, codecs)
    for _, element in elements_of(dataset):
        if isinstance(element, DataElement):
            for item in element.value:
                inherit_character_sets(item, implicit, codecs)


_TAG = itemgetter(0)


def elements_of(dataset: Dataset) -> list[tuple[int, Element]]:
    """The elements of a data set in tag order, undecoded as they were read."""
    return sorted(((int(tag), element) for tag, element in dataset.items()), key=_TAG)


def element_of(dataset: Dataset, tag: int) -> Element | None:
    """One undecoded element, None if it is absent."""
    return cast("Element", dataset.get_item(tag)) if tag in dataset else None


def items_of(dataset: Dataset, tag: int) -> list[Dataset]:
    """The items of a sequence; none if the element is absent or no sequence."""
    element = element_of(dataset, tag)
    return list(element.value) if isinstance(element, DataElement) else []
