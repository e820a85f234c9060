"""What the items of one sequence have in common, byte for byte: frames differ in a few values of the same length.

A `Form` is one item cut at the values that may differ. Another item that is the same between the cuts has the same
structure, and the same elements but for those values. What decides about other elements (character sets, what the
numbers mean, private creators, codes and their schemes, all of a content item) is never cut out. Nothing here decides
anything about an element.
"""

from __future__ import annotations

from itertools import compress, count, pairwise
from operator import ne
from struct import Struct
from typing import TYPE_CHECKING

from sendit.deid.content import CONTENT_SEQUENCES
from sendit.deid.dicom.element import Element
from sendit.deid.dicom.vrs import TAKEN_APART

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sendit.deid.dicom.element import Item

NEVER_ALONE = frozenset(
    {
        0x00080005,  # Specific Character Set: how texts are read
        0x00080100,  # Code Value and Coding Scheme Designator: the gate looks at them together
        0x00080102,
        0x00280103,  # Pixel Representation: how numbers are read
    }
)
"""The elements of an item that may not differ where it is to be treated like another."""

LONGEST_ITEM = 16 * 1024
"""Of an item so short, no length without a VR looks as if it began with one: two capital letters are more."""

MOST_ALIKE, LONGEST_ALIKE = 512, 1024
"""So many sequences, of so many bytes at most, are remembered to find others that are alike: the first of them, for
what is alike in all frames is in the first ones."""

_MOST_FORMS = 8
_CREDIT, _COST = 64, 8
_SHORT_HEAD = 8
_ITEM_TAG = b"\xfe\xff\x00\xe0"
_NO_SEQUENCE = Element(0, "", b"", 0, 0)


class Cut:
    """Bytes with gaps: in these other bytes of the same lengths may stand, and between them nothing else may."""

    __slots__ = ("_between", "_unpack", "size", "values")

    def __init__(self, data: bytes, gaps: Iterable[tuple[int, int]]) -> None:
        lengths: list[int] = []
        at = 0
        for start, end in gaps:
            lengths += (start - at, end - start)
            at = end
        struct = Struct("".join([f"{length}s" for length in (*lengths, len(data) - at)]))
        parts = struct.unpack(data)
        self._between: tuple[bytes, ...] = parts[0::2]
        self.values: tuple[bytes, ...] = parts[1::2]
        self._unpack = struct.unpack_from
        self.size = struct.size

    def values_in(self, data: bytes | memoryview, at: int = 0) -> tuple[bytes, ...] | None:
        """What stands in the gaps at a position, behind which `size` bytes are; None if it differs between them."""
        parts = self._unpack(data, at)
        return parts[1::2] if parts[0::2] == self._between else None


class FormedItem(list[Element]):
    """An item of a form. `leaves` are the elements that may differ; where they do not, they are those of the first.

    `differing` are the numbers of those that do. `cost` is what reading it counts against the limits.
    """

    __slots__ = ("cost", "differing", "form", "leaves")

    def __init__(self, elements: Item, form: Form, leaves: list[Element], differing: tuple[int, ...], cost: int):
        super().__init__(elements)
        self.cost = cost
        self.form = form
        self.leaves = leaves
        self.differing = differing


class Form:
    """The form of an item, and the first item of it. `raw` are its bytes, its own tag and length among them.

    The elements of `item` know where they stand in these. `shared`: another item is of it, too. `is_sound`: all
    its sequences say that they are; one that travels as UN counts as held again in each item.
    """

    __slots__ = ("_parents", "_places", "cut", "first", "is_sound", "shared")

    def __init__(self, raw: bytes, item: Item, cost: int) -> None:
        leaves: list[Element] = []
        self._places: list[tuple[int, int]] = []  # in which list of elements a leaf stands, and where
        # in which list the sequence of a nested one stands, where, in which item, and that sequence
        self._parents: list[tuple[int, int, int, Element]] = [(0, 0, 0, _NO_SEQUENCE)]
        self._find(0, item, raw, leaves)
        if any(one.end > after.start for one, after in pairwise(leaves)):
            leaves.clear()  # elements that were not in order
        self.cut = Cut(raw, [(leaf.end - len(leaf.value), leaf.end) for leaf in leaves])
        self.is_sound = _says_what_it_is(item, raw)
        self.shared = False
        self.first = FormedItem(item, self, leaves, (), cost)

    def _find(self, number: int, item: Item, raw: bytes, leaves: list[Element]) -> None:
        for at, element in enumerate(item):
            tag, start, value = element.tag, element.start, element.value
            vr = raw[start + 4 : start + 6].decode("latin-1")
            if vr != element.vr or tag >> 16 & 1 or tag in NEVER_ALONE or tag in CONTENT_SEQUENCES:
                continue
            if element.items is not None:
                for index, inner in enumerate(element.items):
                    self._parents.append((number, at, index, element))
                    self._find(len(self._parents) - 1, inner, raw, leaves)
            elif value and element.end - start == _SHORT_HEAD + len(value):
                self._places.append((number, at))
                leaves.append(element)

    def item(self, values: tuple[bytes, ...]) -> FormedItem:
        """The item with other values."""
        first = self.first.leaves
        differing = tuple(compress(count(), map(ne, values, self.cut.values)))
        leaves = first.copy() if differing else first
        item = FormedItem(self.first, self, leaves, differing, self.first.cost)
        opened: dict[int, Item] = {0: item}
        for number in differing:
            before, value = first[number], values[number]
            leaves[number] = leaf = Element(before.tag, before.vr, value, 0, 0)
            if leaf.vr in TAKEN_APART:
                item.cost += value.count(b"\\") - before.value.count(b"\\")
            among, at = self._places[number]
            self._opened(among, opened)[at] = leaf
        self.shared = True
        return item

    def _opened(self, number: int, opened: dict[int, Item]) -> Item:
        """A list of elements to be changed: it and the sequences around it are no longer those of the first item."""
        if number not in opened:
            above, at, index, sequence = self._parents[number]
            around = self._opened(above, opened)
            if around[at] is sequence:
                around[at] = Element(sequence.tag, sequence.vr, b"", 0, 0, [*(sequence.items or ())])
            items = around[at].items or []
            items[index] = opened[number] = items[index].copy()
        return opened[number]


def _says_what_it_is(item: Item, raw: bytes) -> bool:
    return all(
        raw[element.start + 4 : element.start + 6] == b"SQ"
        and all(_says_what_it_is(inner, raw) for inner in element.items)
        for element in item
        if element.items is not None
    )


class Forms:
    """The last few forms of the items of one sequence; none any more when most items are of none."""

    def __init__(self, credit: int = _CREDIT) -> None:
        self._forms: list[Form] = []
        self._credit = credit

    def match(self, data: bytes, at: int, end: int | None) -> FormedItem | None:
        """The item at a position of the data, if it is of a known form and does not reach beyond `end`."""
        forms = self._forms
        end = len(data) if end is None else end
        for number, form in enumerate(forms):
            values = form.cut.values_in(data, at) if at + form.cut.size <= end else None
            if values is not None:
                if number:
                    forms.insert(0, forms.pop(number))
                self._credit = min(_CREDIT, self._credit + 1)
                return form.item(values)
        return None

    def learns(self, data: bytes, start: int, end: int) -> bool:
        """Whether the form of an item is to be learnt: one behind which another stands."""
        return self._credit > 0 and end - start <= LONGEST_ITEM and data.startswith(_ITEM_TAG, end)

    def learn(self, form: Form) -> FormedItem:
        """Takes a form, and gives the first item of it."""
        self._credit -= _COST
        if form.is_sound:
            self._forms = [form, *self._forms][:_MOST_FORMS]
        if self._credit <= 0:
            self._forms.clear()
        return form.first


NO_FORMS = Forms(credit=0)
"""Of a sequence whose items are read one by one."""
