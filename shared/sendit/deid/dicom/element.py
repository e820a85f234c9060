"""A data element as it was read, undecoded (PS3.5 clause 7)."""

from __future__ import annotations

from itertools import pairwise

from sendit.deid.errors import DeidError, Refusal


class Element:
    """One element: a value in little endian, or the items of a sequence.

    `start` and `end` are where one of the top level was read.
    """

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


def element_of(elements: list[Element], tag: int) -> Element | None:
    """The element of a tag, None if it is absent."""
    return next((element for element in elements if element.tag == tag), None)


def raw_value(elements: list[Element], tag: int) -> bytes:
    """The undecoded value of an element; empty if it is absent or a sequence."""
    element = element_of(elements, tag)
    return element.value if element is not None else b""


def in_order_of_tags(elements: Item) -> Item:
    """The elements sorted.

    Raises:
        DeidError: `malformed`, two of them have the same tag.
    """
    elements = sorted(elements, key=lambda element: element.tag)
    if any(one.tag == after.tag for one, after in pairwise(elements)):
        raise DeidError(Refusal.MALFORMED)
    return elements
