"""What the objects of a series have in common, so that of each further one only the rest is looked at.

The slices of a series have the same bytes in most places. A `Series` holds those bytes, the runs, with what became of
them, and between them the slots: elements that differ. An object that consists of exactly these runs, and in whose
slots the same attribute stands with the same evidence in it, has the same context; so the outcomes of its runs are
known, and its slots are judged one by one. Nothing here decides anything about an element.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sendit.deid.context import Judged
from sendit.deid.dicom.elements import PIXEL_REPRESENTATION, Element, ElementHead, ElementReader
from sendit.deid.errors import DeidError
from sendit.deid.report import together
from sendit.deid.treatment import PSEUDONYM_VRS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sendit.deid.context import Context
    from sendit.deid.dicom.limits import Limits
    from sendit.deid.dicom.read import OpenObject
    from sendit.deid.dicom.stream import Window
    from sendit.deid.identity.evidence import Evidence

LONGEST_HEADER = 256 * 1024
_NEVER_SLOTS = frozenset(
    {
        0x00080005,  # Specific Character Set: how everything else is read
        0x00080016,  # SOP Class UID: which rules there are
        0x00080050,  # Accession Number, Patient ID, its issuer, Study Instance UID: whose object it is
        0x00100020,
        0x00100021,
        0x0020000D,
        0x0020000E,  # Series Instance UID
        0x00280002,  # Samples per Pixel, Photometric Interpretation, Number of Frames, Rows, Columns, Bits Allocated,
        0x00280004,  # Pixel Representation: how long the pixel data is, and how numbers are read
        0x00280008,
        0x00280010,
        0x00280011,
        0x00280100,
        PIXEL_REPRESENTATION,
    }
)
_OF_FILE_META = frozenset({0x00020000, 0x00020003})  # its length, Media Storage SOP Instance UID


@dataclass(frozen=True, slots=True)
class Piece:
    """One top-level element of an object, and what became of it: nothing for one of File Meta, which is made anew."""

    element: Element
    raw: bytes
    evidence: Evidence
    judged: Judged | None


@dataclass(frozen=True, slots=True)
class Slot:
    """Where an element differs from image to image, and what must be the same all the same."""

    tag: int
    vr: str
    in_meta: bool
    is_sequence: bool
    stays: bool
    signed: bool
    evidence: tuple[object, ...]


class Series:
    """What is known of a series after some of its objects.

    `judged` is what became of the runs, merged with additions, around the slots of the data set; `uids` are the
    unregistered UIDs in the runs; `values` the undecoded top-level values by tag.
    """

    def __init__(
        self,
        opened: OpenObject,
        context: Context,
        pieces: Sequence[Piece],
        creators: dict[int, str],
        slots: frozenset[int],
    ) -> None:
        self.context = context
        self.creators = creators
        self.header = opened.header
        self.pieces = pieces
        self.places = slots
        self.shape = shape_of(pieces)
        self.implicit = opened.implicit
        self.pixels = opened.pixels
        self.output_transfer_syntax = opened.output_transfer_syntax
        self.values = {piece.element.tag: piece.element.value for piece in pieces}
        self._signed = self.values.get(PIXEL_REPRESENTATION) == b"\1\0"
        ordered = sorted(slots)
        data = opened.window.data
        self.end = opened.pixels.value_position if opened.pixels else pieces[-1].element.end
        starts = [0, *(pieces[at].element.end for at in ordered)]
        ends = [*(pieces[at].element.start for at in ordered), self.end]
        self._runs = tuple(data[start:end] for start, end in zip(starts, ends, strict=True))
        self.slots = tuple(self._slot(pieces[at]) for at in ordered)
        self.uids = frozenset(uid for at, piece in enumerate(pieces) if at not in slots for uid in piece.evidence.uids)
        self.judged = tuple(self._merged())

    def match(self, window: Window, limits: Limits) -> tuple[list[Element], int] | None:
        """The elements in the slots of an object of this series, and where its header ends; None: it is of another."""
        data = window.data
        if not data.startswith(self._runs[0]):
            return None
        reader = ElementReader(window, limits, big_endian=False)
        found: list[Element] = []
        at = len(self._runs[0])
        try:
            for slot, run in zip(self.slots, self._runs[1:], strict=True):
                element = reader.one(at, implicit=self.implicit and not slot.in_meta, signed=slot.signed)
                if element.tag != slot.tag or element.vr != slot.vr or (element.items is None) is slot.is_sequence:
                    return None
                found.append(element)
                data = window.upto(element.end + len(run))
                if not data.startswith(run, element.end):
                    return None
                at = element.end + len(run)
        except DeidError:
            return None  # whoever reads all of it says why
        if self.pixels is None and at != window.size:
            return None
        return found, at

    def pixels_alike(self, pixels: ElementHead | None) -> bool:
        """Whether pixel data begins with the same head."""
        mine = self.pixels
        if mine is None or pixels is None:
            return mine is pixels
        return (mine.tag, mine.vr, mine.length) == (pixels.tag, pixels.vr, pixels.length)

    def _slot(self, piece: Piece) -> Slot:
        element = piece.element
        return Slot(
            element.tag,
            element.vr,
            piece.judged is None,
            element.items is not None,
            piece.judged is not None and bool(piece.judged.encoded),
            self._signed and element.tag > PIXEL_REPRESENTATION,
            piece.evidence.but_uids(),
        )

    def _merged(self) -> Iterator[Judged]:
        """What stands before the first slot of the data set, between two of them, and behind the last."""
        slots = {self.pieces[at].element.tag for at in self.places if self.pieces[at].judged is not None}
        outcomes = outcomes_of(self.pieces, self.context)
        run: list[Judged] = []
        for tag, judged in outcomes:
            if tag in slots:
                yield _as_one(run)
                run = []
            else:
                run.append(judged)
        yield _as_one(run)


def shape_of(pieces: Sequence[Piece]) -> tuple[tuple[int, str], ...]:
    """Which elements an object has; objects of another shape are of another series."""
    return tuple((piece.element.tag, piece.element.vr) for piece in pieces)


def can_be_slots(pieces: Sequence[Piece], places: frozenset[int], context: Context) -> bool:
    """Whether elements may differ within a series without changing what becomes of the others."""
    for at in places:
        piece = pieces[at]
        tag = piece.element.tag
        if piece.judged is None and tag not in _OF_FILE_META:
            return False
        if tag in _NEVER_SLOTS or tag in context.additions or (tag >> 16 & 1 and tag & 0xFFFF <= 0xFF):
            return False
    return True


def outcomes_of(pieces: Sequence[Piece], context: Context) -> list[tuple[int, Judged]]:
    """What became of the elements of a data set, with pseudonyms and marks, in tag order."""
    present = {piece.element.tag: piece.judged for piece in pieces if piece.judged is not None}
    for tag, addition in context.additions.items():
        before = present.get(tag)
        if before is None:
            present[tag] = addition
        else:
            done = before.done if tag in PSEUDONYM_VRS else together((before.done, addition.done))
            present[tag] = Judged(addition.encoded, done)
    return sorted(present.items())


def _as_one(judged: list[Judged]) -> Judged:
    return Judged(
        b"".join(one.encoded for one in judged),
        together([one.done for one in judged]),
        frozenset().union(*(one.uids for one in judged)),
        frozenset().union(*(one.dotted for one in judged)),
    )
