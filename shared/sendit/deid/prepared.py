"""A header made ready to leave: read, de-identified, and past the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sendit.deid.context import Context, Judged, Kind, raw_of
from sendit.deid.dicom.creators import CREATORS, block_of, creators_of
from sendit.deid.dicom.dictionary import name_of
from sendit.deid.dicom.elements import PIXEL_REPRESENTATION
from sendit.deid.dicom.pixels import DESCRIBED_BY, check_result, plan_pixels
from sendit.deid.dicom.read import read_object, read_trailer
from sendit.deid.dicom.uids import REGISTERED, uid_values
from sendit.deid.errors import DeidError, Refusal
from sendit.deid.identity.evidence import NO_EVIDENCE, Evidence
from sendit.deid.identity.matcher import uids_in
from sendit.deid.own_uids import check_uids
from sendit.deid.place import Notes
from sendit.deid.report import MOST_CHARACTERS, Done
from sendit.deid.rules.actions import Action
from sendit.deid.series import Learnt, Piece, outcomes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sendit.deid.dicom.element import Element
    from sendit.deid.dicom.header import Uids
    from sendit.deid.dicom.limits import Limits
    from sendit.deid.dicom.pixels import PixelPlan
    from sendit.deid.dicom.read import OpenObject
    from sendit.deid.dicom.stream import BoundedReader
    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.identity.keys import Keyring
    from sendit.deid.rules.profile import Profile

_UIDS = (0x00080016, 0x00080018, 0x0020000D, 0x0020000E)  # of the SOP class, the object, its study and its series
_LOOKED_AT = DESCRIBED_BY | set(_UIDS)
_MOST_CHARACTERS_LISTED = 16 * MOST_CHARACTERS
_SHORT_HEAD = 8
"""The bytes before the value of an element with a VR of short length, or without VR."""


class Prepared(NamedTuple):
    """All that has to be written, and what is to be said of it; `uids` are the original's four."""

    uids: Uids
    normalised: tuple[str, ...]
    context: Context
    judged: Sequence[Judged]
    trailer: Done
    stream: BoundedReader
    plan: PixelPlan | None
    transfer_syntax: str

    @property
    def new_uids(self) -> Uids:
        """SOP Class, SOP Instance, Study and Series Instance UID of the output."""
        sop_class, sop_instance, study, series = self.uids
        uid = self.context.treatment.uid
        return uid(sop_class), uid(sop_instance), uid(study), uid(series)


def prepared(
    stream: BoundedReader,
    limits: Limits,
    profile: Profile,
    keys: Keyring,
    identify: Callable[[Entity], Identifiers],
    context_of: Callable[[Kind, Entity, Identifiers, Evidence], Context],
) -> tuple[Prepared, tuple[OpenObject, Learnt] | None]:
    """Reads an object as a whole, de-identifies its header, and looks at what came of it; and what there is to learn.

    Nothing is learnt of an object whose texts hold its own UIDs, which are others in the next object, or of which more
    was changed than is listed.

    Raises:
        DeidError: the object cannot be read, or what came of its header may not leave.
    """
    opened = read_object(stream, limits)
    header = opened.header
    header.check_identity()
    plan = plan_pixels(opened)
    trailer = trailer_done(read_trailer(opened.stream, limits, big_endian=opened.big_endian, implicit=opened.implicit))
    signed = header.values.get(PIXEL_REPRESENTATION) == b"\1\0"
    # of SOP classes that are not registered nothing is known, so that they are all alike
    sop_class_uid = header.sop_class_uid if header.sop_class_uid in REGISTERED else ""
    kind = Kind(profile, keys, sop_class_uid, opened.codecs, signed, _writes_implicit(opened), opened.big_endian)
    creators = creators_of(opened.elements)
    evidence = [kind.evidence_of(element, creators) for element in opened.elements]
    whole = Evidence()
    for one in evidence:
        if one is not NO_EVIDENCE:
            whole.take(one)
    context = context_of(kind, header.entity, identify(header.entity), whole)
    pieces = _judged(opened, context, evidence, creators)
    own_uids = frozenset(whole.uids)
    names_itself = _names_own_uid(pieces, own_uids)
    if names_itself:
        context = Context(kind, header.entity, context.identifiers, whole, own_uids)
        pieces = _judged(opened, context, evidence, creators)
    outcomes = outcomes_of(pieces, context)
    check_uids((judged for _, judged in outcomes), own_uids, profile)
    values = {tag: judged.encoded[_SHORT_HEAD:] for tag, judged in outcomes if tag in _LOOKED_AT}
    result = Prepared(
        header.uids,
        header.normalised,
        context,
        [judged for _, judged in outcomes],
        trailer,
        opened.stream,
        plan,
        opened.output_transfer_syntax,
    )
    if any(uid_values(values.get(tag, b"")) != [uid] for tag, uid in zip(_UIDS, result.new_uids, strict=True)):
        raise DeidError(Refusal.GATE_UID_MISMATCH)
    if plan is not None:
        check_result(plan, values)
    if names_itself or any(piece.judged.done.omitted for piece in pieces):
        return result, None
    return result, (opened, Learnt(pieces, creators, plan, opened.output_transfer_syntax))


def _writes_implicit(opened: OpenObject) -> bool:
    return opened.output_transfer_syntax == "1.2.840.10008.1.2"


def _judged(opened: OpenObject, context: Context, evidence: list[Evidence], creators: dict[int, str]) -> list[Piece]:
    """What becomes of the elements; a private creator is judged when it is known that something of its block stays."""
    data, place = opened.window.data, context.place(opened.elements)
    # how numbers are read depends on an element before them: where that stands elsewhere, nothing is known of others
    starts = [element.start for element in opened.elements]
    in_order = starts == sorted(starts)
    judged: dict[int, Judged] = {}
    listed = 0
    used: set[int] = set()
    for element in sorted(opened.elements, key=_is_creator):
        tag = element.tag
        if _is_creator(element) and tag not in used:
            one = idle(tag)
        else:
            one = context.judged(element, raw_of(element, data) if in_order else None, place)
        if tag >> 16 & 1 and one.encoded:
            used.add(block_of(tag))
        for path, _ in one.done.changed:
            listed += len(path)
        judged[tag] = one if listed <= _MOST_CHARACTERS_LISTED else one._replace(done=one.done.without_paths())
    return [
        Piece(element, found, judged[element.tag]) for element, found in zip(opened.elements, evidence, strict=True)
    ]


def _is_creator(element: Element) -> bool:
    return bool(element.tag >> 16 & 1) and element.tag & 0xFFFF in CREATORS


NO_TRAILER = Done()


def trailer_done(trailer: list[Element]) -> Done:
    """Accounts for the elements behind the pixel data, of which none goes into the output."""
    if not trailer:
        return NO_TRAILER
    notes = Notes()
    for element in trailer:
        notes.take(name_of(element.tag), Action.REMOVE)
    return notes.done()


def idle(tag: int) -> Judged:
    """What becomes of a private creator of whose block nothing stays."""
    return Judged(b"", Done(changed=((name_of(tag), str(Action.REMOVE)),)))


def _names_own_uid(pieces: list[Piece], own_uids: frozenset[str]) -> bool:
    dotted = frozenset().union(*(piece.judged.dotted for piece in pieces))
    return uids_in(dotted, own_uids)
