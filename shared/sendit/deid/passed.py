"""An item that has passed the gate, and others that differ from it in the values of some elements.

It is made of the gate's own reading of what was written, and takes nobody's word for what became of an item: one is
like another if its bytes are the same but for values that are looked at alone, and those are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.dicom.form import Cut
from sendit.deid.errors import DeidError, Refusal

if TYPE_CHECKING:
    from sendit.deid.dicom.element import Element
    from sendit.deid.dicom.form import FormedItem
    from sendit.deid.identity.matcher import Matcher
    from sendit.deid.look import Look, Seen, Written

    Alone = tuple[int, int, Look, Element | None, tuple[str, ...]]
    """Where in an item a value begins and ends, what is looked for in it, the original element, and the codecs."""

_NOTHING_BESIDE: list[Written] = []
"""A look that asks for the elements beside is not one at an element alone."""


class Passed:
    """An item of a form that has passed, with the `alone` among its elements; `elements` are all of them, counted."""

    def __init__(self, encoded: bytes | memoryview, item: FormedItem, alone: list[Alone], elements: int) -> None:
        leaves = {id(leaf): number for number, leaf in enumerate(item.leaves)}
        self._cut = Cut(bytes(encoded), [(start, end) for start, end, *_ in alone])
        self._looks = [(look, before, leaves.get(id(before)), codecs) for _, _, look, before, codecs in alone]
        self._elements = elements

    def lets_pass(self, encoded: bytes | memoryview, item: FormedItem, matcher: Matcher, seen: Seen) -> bool:
        """Whether another item of the form is like this one, and passes, too.

        Raises:
            DeidError: `gate_identifier_left`, it is, and does not pass.
        """
        cut = self._cut
        values = cut.values_in(encoded) if len(encoded) == cut.size else None
        if values is None:
            return False
        leaves = item.leaves
        for value, known, (look, first, number, codecs) in zip(values, cut.values, self._looks, strict=True):
            before = first if number is None else leaves[number]
            # a date is compared with the one that stood in its place: the same may pass beside one, not beside another
            if (value != known or before is not first) and look(matcher, value, before, _NOTHING_BESIDE, codecs, seen):
                raise DeidError(Refusal.GATE_IDENTIFIER_LEFT)
        seen.elements += self._elements
        return True
