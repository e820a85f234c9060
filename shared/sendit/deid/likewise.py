"""What was done to one item, done likewise to others of its form: only values that differ take their course.

What becomes of an element depends on its own bytes and on those of elements that are the same in all items of a form.
So an item of which the same elements stay, as long as before, is the one before with other values in their places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sendit.deid.dicom.form import FormedItem
from sendit.deid.place import Notes
from sendit.deid.rules.actions import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from sendit.deid.course import Course
    from sendit.deid.dicom.element import Element, Item
    from sendit.deid.dicom.form import Form
    from sendit.deid.place import Place

    Follow = Callable[[Course, Element, Place], tuple[Action, bytes]]

_MOST_OUTCOMES = 8
_CREDIT, _COST = 64, 8
"""An item that is like none before costs so much, each that is like one gives one back; then none is tried any more."""


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


class Outcome(NamedTuple):
    """What became of an item: its bytes, every second part those of a leaf, and what is said of it."""

    parts: list[bytes]
    kept: int
    changed: list[tuple[str, Action]]


class Known:
    """What is known of a form: how its leaves are treated, and what became of items in which the same stayed.

    Without `credit`, nothing more is learnt or looked up.
    """

    def __init__(self) -> None:
        self._steps: list[Step | None] = []
        self._first: list[tuple[Action, bytes]] = []
        self._outcomes: dict[tuple[tuple[Action, int], ...], Outcome] = {}
        self.credit = _CREDIT

    def learn(self, item: FormedItem, trace: Trace, encoded: bytes, outcome: Outcome) -> None:
        """Takes what became of an item, but for the parts of its bytes."""
        steps = [trace.steps.get(id(leaf)) for leaf in item.leaves]
        # of a leaf whose sequence goes nothing stays, whatever it holds
        done = [(Action.REMOVE, b"") if step is None else (step.action, step.encoded) for step in steps]
        if not item.differing:
            self._steps, self._first = steps, done
        parts, at = outcome.parts, 0
        for step in steps:
            if step is not None and step.encoded:
                parts += (encoded[at : step.at], step.encoded)
                at = step.at + len(step.encoded)
        parts.append(encoded[at:])
        if b"".join(parts) == encoded and len(self._outcomes) < _MOST_OUTCOMES:
            self._outcomes[_likeness(done)] = outcome

    def likewise(self, item: FormedItem, follow: Follow) -> tuple[bytes, Outcome] | None:
        """What becomes of another item, and the outcome that it is like; None: it is like none.

        Raises:
            DeidError: `malformed`, the object cannot do without an element and its value is not sound.
        """
        done = self._first.copy()
        for number in item.differing if self._outcomes else ():
            step = self._steps[number]
            if step is not None:
                done[number] = follow(step.course, item.leaves[number], step.place)
        outcome = self._outcomes.get(_likeness(done))
        if outcome is None:
            self.credit -= _COST
            return None
        self.credit = min(_CREDIT, self.credit + 1)
        parts = outcome.parts.copy()
        parts[1::2] = [encoded for _, encoded in done if encoded]
        return b"".join(parts), outcome


def _likeness(done: list[tuple[Action, bytes]]) -> tuple[tuple[Action, int], ...]:
    """What items have in common that have the same bytes around their leaves, and of which the same is said."""
    return tuple([(action, len(encoded)) for action, encoded in done])


class Likewise:
    """Encodes the items of one sequence: with `encode`, or like one of the same form."""

    def __init__(self, encode: Callable[[Item, str, Notes], bytes], follow: Follow, notes: Notes) -> None:
        self._encode = encode
        self._follow = follow
        self._notes = notes
        self._known: dict[Form, Known] = {}

    def item(self, item: Item, path: str) -> bytes:
        """An item, whose elements have paths that begin with this one.

        Raises:
            DeidError: `malformed`, the object cannot do without an element and its value is not sound.
        """
        if not isinstance(item, FormedItem) or not item.form.shared:
            return self._encode(item, path, self._notes)
        known = self._known.get(item.form)
        if known is None:
            known = self._known[item.form] = Known()
        if known.credit <= 0:
            return self._encode(item, path, self._notes)
        found = known.likewise(item, self._follow) or self._learnt(item, known)
        if found is None:
            return self._encode(item, path, self._notes)
        encoded, outcome = found
        notes = self._notes
        notes.kept += outcome.kept
        for inside, action in outcome.changed:
            notes.take(path + inside, action)
        return encoded

    def _learnt(self, item: FormedItem, known: Known) -> tuple[bytes, Outcome] | None:
        """What becomes of an item that is like none before; None: more is to be said of it than is listed."""
        notes = Notes()
        notes.trace = trace = Trace()
        encoded = self._encode(item, "", notes)
        if notes.omitted:
            known.credit = 0
            return None
        outcome = Outcome([], notes.kept, [(path, Action(action)) for path, action in notes.changed])
        known.learn(item, trace, encoded, outcome)
        return encoded, outcome
