"""What is known of a series: what became of the bytes that its objects share.

An object of the series' shape, in whose slots stands the same evidence, has the same context; so the outcomes of its
runs are known, and its slots are judged one by one. Nothing here decides anything about an element.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sendit.deid.context import Judged, raw_of
from sendit.deid.identity.matcher import uids_in
from sendit.deid.own_uids import check_uids
from sendit.deid.report import together
from sendit.deid.shape import SOP_INSTANCE
from sendit.deid.treatment import PSEUDONYM_VRS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sendit.deid.context import Context
    from sendit.deid.dicom.element import Element
    from sendit.deid.dicom.pixels import PixelPlan
    from sendit.deid.identity.collector import Found
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
    """What an object that was read as a whole teaches about its series."""

    pieces: list[Piece]
    creators: dict[int, str]
    plan: PixelPlan | None
    output_transfer_syntax: str


class Deciding(NamedTuple):
    """A slot whose elements have to be looked at, by its number, and what must stand in it.

    `judge` says what becomes of an element and the bytes it was read from, and `stays` whether anything did so far;
    `behind` is what became of the run behind it. `evidence` finds the UIDs in it and what else identifies, which must
    be `others`; None where neither can be.
    """

    number: int
    judge: Callable[[Element, bytes | None], Judged]
    stays: bool
    behind: Judged
    evidence: Callable[[Element, bytes | None], Found] | None
    others: object


class Series:
    """A shape with its context, and what became of the runs, merged with additions, around the slots.

    The elements in slots that are not `deciding` go whatever they hold. `together` is what became of all runs, `uids`
    are the unregistered UIDs in them.
    """

    def __init__(self, shape: Shape, context: Context, learnt: Learnt) -> None:
        self.shape = shape
        self.context = context
        self.creators = learnt.creators
        self.plan = learnt.plan
        self.output_transfer_syntax = learnt.output_transfer_syntax
        self._learnt = learnt
        self._place = context.place([piece.element for piece in learnt.pieces])
        pieces = learnt.pieces
        deciding = [
            number
            for number, slot in enumerate(shape.slots)
            if slot.at >= shape.first and not context.ignores(pieces[slot.at - shape.first].element, learnt.creators)
        ]
        if self.plan is None or not self.plan.encapsulated:
            sop_instance = (number for number, slot in enumerate(shape.slots) if slot.tag == SOP_INSTANCE)
            shape.read_only({*deciding, *sop_instance})
        slots = [shape.slots[number].at - shape.first for number in deciding]
        self.uids = frozenset(
            uid for at, piece in enumerate(pieces) if at not in set(slots) for uid in piece.evidence.uids
        )
        self._first, *behind = _between(outcomes_of(pieces, context), {pieces[at].element.tag for at in slots})
        self.together = _as_one([self._first, *behind])
        self._deciding = tuple(
            self._slot(number, pieces[at], run) for number, at, run in zip(deciding, slots, behind, strict=True)
        )

    def judged(self, elements: list[Element], data: bytes) -> list[Judged] | None:
        """What becomes of an object of this shape, from the elements in its slots.

        None if its slots hold what changes more than themselves.

        Raises:
            DeidError: it may not leave.
        """
        uids = set(self.uids)
        judged = [self._first]
        for number, judge, stays, behind, evidence, others in self._deciding:
            element = elements[number]
            raw = raw_of(element, data)
            if evidence is not None:
                found, and_else = evidence(element, raw)
                if and_else != others:
                    return None
                uids |= found
            one = judge(element, raw)
            if bool(one.encoded) is not stays:
                return None
            judged += (one, behind)
        own_uids = frozenset(uids)
        seen = (self.together, *judged[1::2])
        if any(one.dotted and uids_in(one.dotted, own_uids) for one in seen):
            return None
        check_uids(seen, own_uids, self.context.kind.profile)
        return judged

    def widened(self, places: frozenset[int]) -> Series | None:
        """The same with slots at these places; None if there cannot be one: what is added to stands there."""
        if any(self.shape.tag_at(place) in self.context.additions for place in places):
            return None
        return Series(self.shape.widened(places), self.context, self._learnt)

    def _slot(self, number: int, piece: Piece, behind: Judged) -> Deciding:
        context, element = self.context, piece.element
        judge, evidence = context.judge_of(element, self._place), context.evidence_of(element, self.creators)
        return Deciding(number, judge, bool(piece.judged.encoded), behind, evidence, piece.evidence.but_uids())


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
