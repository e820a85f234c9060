"""What one thread remembers from object to object: the contexts and series of one profile and key."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from threading import local
from typing import TYPE_CHECKING

from sendit.deid.context import Contexts
from sendit.deid.dicom.elements import Element, ElementHead
from sendit.deid.dicom.pixels import plan_of
from sendit.deid.dicom.read import read_trailer
from sendit.deid.dicom.stream import Window
from sendit.deid.dicom.uids import uid_values
from sendit.deid.identity.evidence import Evidence
from sendit.deid.identity.matcher import uids_in
from sendit.deid.prepared import Learnt, Prepared, check_uids, prepared, trailer_done
from sendit.deid.series import LONGEST_HEADER, Piece, Series, can_be_slots, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sendit.deid.dicom.limits import Limits
    from sendit.deid.dicom.stream import BoundedReader
    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.identity.keys import Keyring
    from sendit.deid.rules.profile import Profile

_MOST_SERIES = 8
"""Batches are read folder by folder, a few series at a time."""
_SOP_INSTANCE = 0x00080018


class Memory:
    """Prepares objects of one profile and key, each further one of a series with what is known of that."""

    def __init__(self, profile: Profile, keys: Keyring, limits: Limits) -> None:
        self.profile = profile
        self.keys = keys
        self.limits = limits
        self._contexts = Contexts(_MOST_SERIES)
        self._series: list[Series] = []

    def prepared(self, stream: BoundedReader, identify: Callable[[Entity], Identifiers]) -> Prepared:
        """An object's header, ready to leave.

        Raises:
            DeidError: the object cannot be read, or what came of its header may not leave.
        """
        ready = self._recalled(stream, identify)
        if ready is None:
            stream.seek(0)
            ready, learnt = prepared(stream, self.limits, self.profile, self.keys, identify, self._contexts)
            self._learn(learnt)
        return ready

    def _recalled(self, stream: BoundedReader, identify: Callable[[Entity], Identifiers]) -> Prepared | None:
        window = Window(stream, self.limits.max_header_bytes)
        for at, series in enumerate(self._series):
            found = series.match(window, self.limits)
            if found is not None:
                if at:
                    self._series.insert(0, self._series.pop(at))
                return self._of_series(series, window, stream, *found, identify)
        return None

    def _of_series(
        self,
        series: Series,
        window: Window,
        stream: BoundedReader,
        elements: list[Element],
        end: int,
        identify: Callable[[Entity], Identifiers],
    ) -> Prepared | None:
        """None if its slots hold what changes more than themselves."""
        context = series.context
        header = series.header
        uids = series.uids
        judged = [series.judged[0]]
        between = iter(series.judged[1:])
        for slot, element in zip(series.slots, elements, strict=True):
            if slot.in_meta:
                continue
            raw = window.data[element.start : element.end]
            evidence = context.evidence_of(element, raw, series.creators)
            if evidence.but_uids() != slot.evidence:
                return None
            uids |= evidence.uids
            one = context.judged(element, raw, series.creators)
            if bool(one.encoded) is not slot.stays:
                return None
            judged += (one, next(between))
            if element.tag == _SOP_INSTANCE:
                header = replace(header, sop_instance_uid="\\".join(uid_values(element.value)))
        header.check_identity()
        if identify(header.entity) != context.identifiers or any(uids_in(one.dotted, uids) for one in judged):
            return None
        check_uids(judged, uids, self.profile)
        plan = None
        trailer = trailer_done([])
        if series.pixels is not None:
            head = ElementHead(series.pixels.tag, series.pixels.vr, series.pixels.length, end)
            stream.seek(end)
            values = {**series.values, **{element.tag: element.value for element in elements}}
            plan = plan_of(head, values, stream, header.transfer_syntax, big_endian=False)
            trailer = trailer_done(read_trailer(stream, self.limits, big_endian=False, implicit=series.implicit))
        return Prepared(header, context, judged, trailer, stream, plan, series.output_transfer_syntax)

    def _learn(self, learnt: Learnt) -> None:
        """Takes an object as the first of its series, or finds out where those of its series differ."""
        pieces = _with_file_meta(learnt)
        if pieces is None:
            return
        shape = shape_of(pieces)
        places: frozenset[int] = frozenset()
        for at, known in enumerate(self._series):
            if known.context is learnt.context and known.shape == shape and known.pixels_alike(learnt.opened.pixels):
                differing = {i for i, piece in enumerate(pieces) if piece.raw != known.pieces[i].raw}
                places = known.places | differing
                if not can_be_slots(pieces, places, learnt.context):
                    return
                del self._series[at]
                break
        self._series.insert(0, Series(learnt.opened, learnt.context, pieces, learnt.creators, places))
        del self._series[_MOST_SERIES:]


def _with_file_meta(learnt: Learnt) -> list[Piece] | None:
    """All that was read of an object's header, in the order of its bytes; None if it is not plain enough."""
    opened = learnt.opened
    end = opened.pixels.value_position if opened.pixels else opened.window.size
    if opened.big_endian or not opened.meta or opened.start == 0 or end > LONGEST_HEADER:
        return None
    data = opened.window.data
    meta = [Piece(element, data[element.start : element.end], Evidence(), None) for element in opened.meta]
    pieces = meta + learnt.pieces
    return pieces if all(one.element.end == after.element.start for one, after in pairwise(pieces)) else None


_held = local()


def memory_of(profile: Profile, keys: Keyring, limits: Limits) -> Memory:
    """This thread's memory; another profile, key or limit begins a new one."""
    memory: Memory | None = getattr(_held, "memory", None)
    if memory is None or memory.keys is not keys or memory.profile != profile or memory.limits != limits:
        memory = _held.memory = Memory(profile, keys, limits)
    return memory
