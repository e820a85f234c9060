"""A data set as the oracle sees it: plain dictionaries of undecoded values and of sequences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Value:
    """An element that is no sequence: its bytes in little endian, and a VR that is never ambiguous.

    `stated` is the VR that the source wrote, "" where it wrote none (Implicit VR).
    """

    vr: str
    value: bytes
    stated: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence."""

    items: list[DataSet]


DataSet = dict[int, Value | Items]


def value_of(dataset: DataSet, tag: int) -> bytes:
    """The bytes of an element; empty if it is absent or a sequence."""
    element = dataset.get(tag)
    return element.value if isinstance(element, Value) else b""


def items_of(dataset: DataSet, tag: int) -> list[DataSet]:
    """The items of a sequence; none if the element is absent or no sequence."""
    element = dataset.get(tag)
    return element.items if isinstance(element, Items) else []


def holds(dataset: DataSet, tag: int) -> bool:
    """Whether a tag stands anywhere in a data set."""
    if tag in dataset:
        return True
    return any(holds(item, tag) for one in dataset.values() if isinstance(one, Items) for item in one.items)
