"""What was done to one item, done likewise to others of its form: only values that differ take their course.

What becomes of an element depends on its own bytes and on those of elements that are the same in all items of a form.
So the outcome of an item is that of the first one, with other values in the places of those that differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sendit.deid.dicom.form import FormedItem

if TYPE_CHECKING:
    from collections.abc import Callable

    from sendit.deid.course import Course
    from sendit.deid.dicom.element import Element, Item
    from sendit.deid.dicom.form import Form
    from sendit.deid.place import Notes, Place
    from sendit.deid.rules.actions import Action

    Follow = Callable[[Course, Element, Place], tuple[Action, bytes]]

_CREDIT = 8
"""So many more items may turn out to be unlike the first than like it, before none is tried any more."""


class Step(NamedTuple):
    """What became of an element: how, where it stood, what was done, and what was written at which place."""

    course: Course
    place: Place
    action: Action
    encoded: bytes
    at: int


class Trace:
    """What becomes of the elements of one item, noted while it is encoded; `at` is how long it is so far."""

    __slots__ = ("at", "steps")

    def __init__(self) -> None:
        self.at = 0
        self.steps: dict[int, Step] = {}

    def take(self, element: Element, course: Course, place: Place, action: Action, encoded: bytes) -> None:
        """Notes what became of an element."""
        self.steps[id(element)] = Step(course, place, action, encoded, self.at)
        self.at += len(encoded)

    def left_out(self, at: int, before: list[bytes], after: list[bytes]) -> None:
        """Corrects the places, where of elements that began at one some were left out."""
        for part, kept in zip(before, after, strict=True):
            at += len(kept)
            gone = len(part) - len(kept)
            if gone:
                self.at -= gone
                for key, step in self.steps.items():
                    if step.at > at:
                        self.steps[key] = step._replace(at=step.at - gone)


class Outcome:
    """What became of the first item of a form: the bytes, which leaf gave which of them, and what is said of it."""

    def __init__(self, item: FormedItem, encoded: bytes, trace: Trace, kept: int, changed: list[tuple[str, Action]]):
        self.kept = kept
        self.changed = changed
        self.credit = _CREDIT
        self._parts: list[bytes] = []
        self._steps: list[tuple[Course, Place, Action, int, int] | None] = []  # by leaf; None: its sequence goes
        at = 0
        for leaf in item.leaves:
            step = trace.steps.get(id(leaf))
            if step is None:
                self._steps.append(None)
                continue
            length = len(step.encoded)
            if length:
                self._parts += (encoded[at : step.at], step.encoded)
                at = step.at + length
            self._steps.append((step.course, step.place, step.action, length, len(self._parts) - 1))
        self._parts.append(encoded[at:])
        self.is_sound = b"".join(self._parts) == encoded

    def likewise(self, item: FormedItem, follow: Follow) -> bytes | None:
        """What becomes of another item; None: not the same.

        Raises:
            DeidError: `malformed`, the object cannot do without an element and its value is not sound.
        """
        parts = self._parts.copy()
        for number in item.differing:
            step = self._steps[number]
            if step is None:
                continue
            course, place, before, length, at = step
            action, encoded = follow(course, item.leaves[number], place)
            if action is not before or len(encoded) != length:
                self.credit -= 1
                return None
            if length:
                parts[at] = encoded
        self.credit = min(_CREDIT, self.credit + 1)
        return b"".join(parts)


class Likewise:
    """Encodes the items of one sequence: the first of a form by `encode`, others likewise."""

    def __init__(self, encode: Callable[[Item, str], bytes], follow: Follow, notes: Notes) -> None:
        self._encode = encode
        self._follow = follow
        self._notes = notes
        self._known: dict[Form, Outcome | None] = {}

    def item(self, item: Item, path: str) -> bytes:
        """An item, whose elements have paths that begin with this one.

        Raises:
            DeidError: `malformed`, the object cannot do without an element and its value is not sound.
        """
        if not isinstance(item, FormedItem) or not item.form.shared:
            return self._encode(item, path)
        if item is item.form.first:
            return self._first(item, path)
        known = self._known.get(item.form)
        encoded = known.likewise(item, self._follow) if known is not None and known.credit else None
        if known is None or encoded is None:
            return self._encode(item, path)
        notes = self._notes
        notes.kept += known.kept
        for inside, action in known.changed:
            notes.take(path + inside, action)
        return encoded

    def _first(self, item: FormedItem, path: str) -> bytes:
        notes = self._notes
        kept, listed = notes.kept, len(notes.changed)
        notes.trace = trace = Trace()
        encoded = self._encode(item, path)
        notes.trace = None
        if not notes.omitted and trace.at == len(encoded):
            outcome = Outcome(item, encoded, trace, notes.kept - kept, notes.since(listed, path))
            if outcome.is_sound:
                self._known[item.form] = outcome
        return encoded
