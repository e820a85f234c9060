"""What is known of a series: what became of the bytes that its objects share.

An object of the series' shape, in whose slots stands the same evidence, has the same context; so the outcomes of its
runs are known, and its slots are judged one by one. Nothing here decides anything about an element.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sendit.deid.context import Judged
from sendit.deid.identity.evidence import may_identify
from sendit.deid.report import together
from sendit.deid.treatment import PSEUDONYM_VRS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sendit.deid.context import Context
    from sendit.deid.dicom.elements import Element
    from sendit.deid.dicom.pixels import PixelPlan
    from sendit.deid.dicom.read import OpenObject
    from sendit.deid.identity.evidence import Evidence
    from sendit.deid.shape import Shape


@dataclass(frozen=True, slots=True)
class Piece:
    """One top-level element of an object, what identifies in it, and what became of it."""

    element: Element
    evidence: Evidence
    judged: Judged


@dataclass(frozen=True, slots=True)
class Learnt:
    """An object that was read as a whole, for what it teaches about its series."""

    opened: OpenObject
    context: Context
    pieces: list[Piece]
    creators: dict[int, str]
    plan: PixelPlan | None


@dataclass(frozen=True, slots=True)
class Expected:
    """What an element in a slot must have in common with those that stood there before.

    `evidence` is None for a kind of element in which there can be none.
    """

    stays: bool
    evidence: tuple[object, ...] | None


class Series:
    """A shape with its context: `judged` is what became of the runs, merged with additions, around the slots.

    `deciding` are the slots whose elements have to be looked at, by their number, and what must stand in each; the
    elements in the others go whatever they hold. `together` is what became of all runs, `uids` are the unregistered
    UIDs in them.
    """

    def __init__(self, shape: Shape, context: Context, learnt: Learnt) -> None:
        self.shape = shape
        self.context = context
        self.creators = learnt.creators
        self.plan = learnt.plan
        self.output_transfer_syntax = learnt.opened.output_transfer_syntax
        pieces = learnt.pieces
        self.deciding = tuple(
            (number, _expected(pieces[slot.at - shape.first]))
            for number, slot in enumerate(shape.slots)
            if slot.at >= shape.first and not context.ignores(pieces[slot.at - shape.first].element, learnt.creators)
        )
        slots = {shape.slots[number].at - shape.first for number, _ in self.deciding}
        self.uids = frozenset(uid for at, piece in enumerate(pieces) if at not in slots for uid in piece.evidence.uids)
        self.judged = tuple(_between(outcomes_of(pieces, context), {pieces[at].element.tag for at in slots}))
        self.together = _as_one(list(self.judged))


def _expected(piece: Piece) -> Expected:
    evidence = piece.evidence.but_uids() if may_identify(piece.element) else None
    return Expected(bool(piece.judged.encoded), evidence)


def outcomes_of(pieces: Sequence[Piece], context: Context) -> list[tuple[int, Judged]]:
    """What became of the elements of a data set, with pseudonyms and marks, in tag order."""
    present = {piece.element.tag: piece.judged for piece in pieces}
    for tag, addition in context.additions.items():
        before = present.get(tag)
        if before is None or tag in PSEUDONYM_VRS:
            present[tag] = addition
        else:
            present[tag] = Judged(addition.encoded, together((before.done, addition.done)))
    return sorted(present.items())


def _between(outcomes: list[tuple[int, Judged]], slots: set[int]) -> Iterator[Judged]:
    """What stands before the first slot of the data set, between two of them, and behind the last."""
    run: list[Judged] = []
    for tag, judged in outcomes:
        if tag in slots:
            yield _as_one(run)
            run = []
        else:
            run.append(judged)
    yield _as_one(run)


def _as_one(judged: list[Judged]) -> Judged:
    return Judged(
        b"".join(one.encoded for one in judged),
        together([one.done for one in judged]),
        frozenset().union(*(one.uids for one in judged)),
        frozenset().union(*(one.dotted for one in judged)),
        frozenset().union(*(one.runs for one in judged)),
    )
