"""A strict reader of data elements (PS3.5 clause 7): bytes in, dictionaries of undecoded values out."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR
from tests.oracle.model import DataSet, Items, Value
from tests.oracle.stream import Stream

from sendit.deid.dicom.dictionary import dictionary_vr
from sendit.deid.dicom.vrs import NUMERIC_STRING_VRS, STRING_VRS, concrete_vr, swapped
from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from sendit.deid.dicom.limits import Limits

ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF
_ELEMENTS_PER_ITEM = 8
_PIXEL_REPRESENTATION = 0x00280103
_STANDARD_VRS = {str(vr).encode("ascii"): str(vr) for vr in VR if len(vr) == 2}
LONG_VRS = {str(vr) for vr in EXPLICIT_VR_LENGTH_32}


@dataclass(frozen=True, slots=True)
class Head:
    """Tag, VR and length of one element, where its value begins, and the VR that was written."""

    tag: int
    vr: str
    length: int
    start: int
    stated: str


class ElementReader:
    """Reads data sets from a stream.

    Raises:
        DeidError: `truncated` if the stream ends inside an element, `malformed` if lengths, tags or VRs
            contradict each other or nesting exceeds `max_depth`, `header_too_large` beyond the budget.
    """

    def __init__(self, stream: Stream, limits: Limits, *, big_endian: bool) -> None:
        order = ">" if big_endian else "<"
        self.stream = stream
        self.limits = limits
        self.elements_left = limits.max_elements
        self.big_endian = big_endian
        self._tag, self._long, self._short = Struct(order + "HH"), Struct(order + "L"), Struct(order + "H")

    def dataset(self, *, implicit: bool, stop: Callable[[int], bool] | None = None) -> DataSet:
        """The top-level data set up to the end, or to before the first tag that `stop` picks."""
        return self._elements(self.stream.size, implicit=implicit, depth=0, signed=False, stop=stop)

    def looks_implicit(self) -> bool:
        """Whether the element ahead has no VR where Explicit VR has one."""
        vr = self.stream.peek(6)[4:]
        return len(vr) == 2 and not (vr.isalpha() and vr.isupper())

    def head(self, *, implicit: bool) -> Head:
        """The tag, VR and length ahead."""
        ahead = self.stream.take(8)
        group, number = self._tag.unpack_from(ahead)
        tag = group << 16 | number
        if group == 0xFFFE:
            return Head(tag, "", self._long.unpack_from(ahead, 4)[0], self.stream.position, "")
        if implicit:
            length = self._long.unpack_from(ahead, 4)[0]
            return Head(tag, dictionary_vr(tag) or "UN", length, self.stream.position, "")
        vr = _STANDARD_VRS.get(ahead[4:6])
        if vr is None:
            raise DeidError(Refusal.MALFORMED)
        long = vr in LONG_VRS
        length = self._long.unpack(self.stream.take(4))[0] if long else self._short.unpack_from(ahead, 6)[0]
        return Head(tag, vr, length, self.stream.position, vr)

    def sequence_in_un(self, value: bytes, depth: int) -> list[DataSet] | None:
        """The items of a sequence that travelled as UN (PS3.5 6.2.2); None if the bytes are none."""
        inner = ElementReader(Stream(value, self.stream.budget), self.limits, big_endian=False)
        inner.elements_left = self.elements_left
        try:
            return inner._items(len(value), True, depth, False)
        except DeidError as error:
            if error.code is Refusal.HEADER_TOO_LARGE:
                raise
            return None
        finally:
            self.stream.budget = inner.stream.budget
            self.elements_left = inner.elements_left

    def _count(self, elements: int) -> None:
        self.elements_left -= elements
        if self.elements_left < 0:
            raise DeidError(Refusal.HEADER_TOO_LARGE)

    def _next_tag(self) -> int:
        ahead = self.stream.peek(4)
        if len(ahead) < 4:
            raise DeidError(Refusal.TRUNCATED)
        group, element = self._tag.unpack(ahead)
        return int(group) << 16 | int(element)

    def _take_tag(self) -> int:
        group, element = self._tag.unpack(self.stream.take(4))
        return int(group) << 16 | int(element)

    def _elements(
        self,
        end: int | None,
        *,
        implicit: bool,
        depth: int,
        signed: bool,
        stop: Callable[[int], bool] | None = None,
    ) -> DataSet:
        """The elements up to `end`, or to the item delimiter if `end` is None."""
        result: DataSet = {}
        while end is None or self.stream.position < end:
            if stop is not None and stop(self._next_tag()):
                break
            head = self.head(implicit=implicit)
            if head.tag == ITEM_DELIMITER and end is None and head.length == 0:
                break
            if head.tag >> 16 == 0xFFFE or head.tag in result:
                raise DeidError(Refusal.MALFORMED)
            self._count(1)
            element = self._element(head, end, implicit, depth, signed)
            result[head.tag] = element
            if head.tag == _PIXEL_REPRESENTATION:
                signed = isinstance(element, Value) and element.value == b"\1\0"
        return dict(sorted(result.items()))

    def _element(self, head: Head, end: int | None, implicit: bool, depth: int, signed: bool) -> Value | Items:
        vr = concrete_vr(head.vr, signed=signed)
        if head.length == UNDEFINED:
            if vr in {"OB", "OW"}:
                return Value(vr, self._fragments(), head.stated)
            if vr not in {"SQ", "UN"} or (vr == "UN" and self.big_endian and not implicit):
                raise DeidError(Refusal.MALFORMED)
            return Items(self._items(None, implicit or vr == "UN", depth, signed))
        value_end = self.stream.position + head.length
        if end is not None and value_end > end:
            raise DeidError(Refusal.TRUNCATED if value_end > self.stream.size else Refusal.MALFORMED)
        if vr == "SQ":
            return Items(self._items(value_end, implicit, depth, signed))
        value = self.stream.take(head.length)
        if vr == "UN":
            known = dictionary_vr(head.tag) or "UN"
            # of a big endian UN nobody knows whether its words were turned: only text is certain
            vr = known if not self.big_endian or known in STRING_VRS else "UN"
            if vr == "SQ":
                items = self.sequence_in_un(value, depth)
                return Value("UN", value, head.stated) if items is None else Items(items)
            vr = concrete_vr(vr, signed=signed)
        if vr in STRING_VRS and vr not in NUMERIC_STRING_VRS:
            self._count(value.count(b"\\"))
        return Value(vr, swapped(value, vr) if self.big_endian else value, head.stated)

    def _items(self, end: int | None, implicit: bool, depth: int, signed: bool) -> list[DataSet]:
        """The items of a sequence that ends at `end`, or at its delimiter if `end` is None."""
        if depth >= self.limits.max_depth:
            raise DeidError(Refusal.MALFORMED)
        stream = self.stream
        items: list[DataSet] = []
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
            # some writers switch to Implicit VR inside items; a delimiter has no VR in either encoding
            switched = length != 0 and stream.peek(4) != b"\xfe\xff\x0d\xe0" and self.looks_implicit()
            items.append(self._elements(item_end, implicit=implicit or switched, depth=depth + 1, signed=signed))
        if end is not None and stream.position != end:
            raise DeidError(Refusal.MALFORMED)
        return items

    def _fragments(self) -> bytes:
        """Encapsulated fragments outside the top-level pixel data, as one value; no rule retains them."""
        fragments: list[bytes] = []
        while True:
            tag = self._take_tag()
            length = self._long.unpack(self.stream.take(4))[0]
            if tag == SEQUENCE_DELIMITER and length == 0:
                return b"".join(fragments)
            if tag != ITEM or length == UNDEFINED:
                raise DeidError(Refusal.MALFORMED)
            fragments.append(self.stream.take(length))
