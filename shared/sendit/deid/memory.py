"""What a process remembers from object to object: the contexts and series of one profile and key."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from sendit.deid.context import Contexts
from sendit.deid.dicom.elements import UNDEFINED, Element, ElementHead
from sendit.deid.dicom.pixels import plan_of
from sendit.deid.dicom.read import read_object, read_trailer
from sendit.deid.dicom.stream import Window
from sendit.deid.errors import DeidError
from sendit.deid.identity.matcher import uids_in
from sendit.deid.prepared import Prepared, check_uids, prepared, trailer_done
from sendit.deid.series import Learnt, Series
from sendit.deid.shape import Shape, plain_elements

if TYPE_CHECKING:
    from collections.abc import Callable

    from sendit.deid.context import Context, Judged, Kind
    from sendit.deid.dicom.header import Header
    from sendit.deid.dicom.limits import Limits
    from sendit.deid.dicom.read import OpenObject
    from sendit.deid.dicom.stream import BoundedReader
    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.deid.identity.evidence import Evidence
    from sendit.deid.identity.keys import Keyring
    from sendit.deid.rules.profile import Profile

_MOST_SERIES = 8
"""Batches are read folder by folder, a few series at a time."""


class Memory:
    """Prepares objects of one profile and key, each further one of a series with what is known of that."""

    def __init__(self, profile: Profile, keys: Keyring, limits: Limits) -> None:
        self.profile = profile
        self.keys = keys
        self.limits = limits
        self._lock = Lock()  # never held while a source is read or an identifier asked for
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
            ready, learnt = prepared(stream, self.limits, self.profile, self.keys, identify, self._context)
            if learnt is not None:
                self._learn(learnt)
        return ready

    def _context(self, kind: Kind, entity: Entity, identifiers: Identifiers, evidence: Evidence) -> Context:
        with self._lock:
            return self._contexts.context(kind, entity, identifiers, evidence)

    def _recalled(self, stream: BoundedReader, identify: Callable[[Entity], Identifiers]) -> Prepared | None:
        window = Window(stream, self.limits.max_header_bytes)
        with self._lock:
            known = tuple(self._series)
        for series in known:
            found = series.shape.match(window, self.limits)
            if found is not None:
                with self._lock:
                    if series in self._series[1:]:
                        self._series.remove(series)
                        self._series.insert(0, series)
                try:
                    return self._of_series(series, window, stream, *found, identify)
                except DeidError:
                    return None  # whoever looks at all of it says why
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
        context, shape = series.context, series.shape
        header = shape.header_of(elements)
        header.check_identity()
        stream.seek(end)
        plan = series.plan
        if plan is not None and plan.encapsulated:
            head = ElementHead(plan.tag, plan.vr, UNDEFINED, end)
            plan = plan_of(head, header.values, stream, header.transfer_syntax, big_endian=False)
        elif plan is not None:
            stream.skip(plan.source_length)
            plan = replace(plan, start=end)
        trailer = trailer_done(read_trailer(stream, self.limits, big_endian=False, implicit=shape.implicit))
        if identify(header.entity) != context.identifiers:
            return None
        uids = series.uids
        slots: list[Judged] = []
        judged = [series.judged[0]]
        between = iter(series.judged[1:])
        for number, expected in series.deciding:
            element = elements[number]
            raw = window.data[element.start : element.end]
            if expected.evidence is not None:
                evidence = context.evidence_of(element, raw, series.creators)
                if evidence.but_uids() != expected.evidence:
                    return None
                uids |= evidence.uids
            one = context.judged(element, raw, series.creators, in_slot=True)
            if bool(one.encoded) is not expected.stays:
                return None
            slots.append(one)
            judged += (one, next(between))
        seen = (series.together, *slots)
        if any(uids_in(one.dotted, uids) for one in seen):
            return None
        check_uids(seen, uids, self.profile)
        return Prepared(header, context, judged, trailer, stream, plan, series.output_transfer_syntax)

    def _learn(self, learnt: Learnt) -> None:
        """Takes an object as the first of its series, or finds out where those of its series differ."""
        opened, context = learnt.opened, learnt.context
        elements = plain_elements(opened, self.limits)
        if elements is None:
            return
        with self._lock:
            known = tuple(self._series)
        places: frozenset[int] = frozenset()
        replaced: Series | None = None
        for series in known:
            widened = series.shape.places_with(opened, elements) if series.context is context else None
            if widened is not None:
                if any(elements[place].tag in context.additions for place in widened):
                    return
                places, replaced = widened, series
                break
        new = Series(Shape(opened, elements, places), context, learnt)
        with self._lock:
            self._series[:] = [new, *(one for one in self._series if one is not replaced)][:_MOST_SERIES]


class Headers:
    """The shapes of headers that were only looked at."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lock = Lock()
        self._shapes: list[Shape] = []

    def header(self, stream: BoundedReader) -> Header:
        """An object's header.

        Raises:
            DeidError: the object cannot be read.
        """
        window = Window(stream, self.limits.max_header_bytes)
        with self._lock:
            known = tuple(self._shapes)
        for shape in known:
            found = shape.match(window, self.limits)
            if found is not None:
                with self._lock:
                    if shape in self._shapes[1:]:
                        self._shapes.remove(shape)
                        self._shapes.insert(0, shape)
                return shape.header_of(found[0])
        opened = read_object(stream, self.limits)
        elements = plain_elements(opened, self.limits)
        if elements is not None:
            self._learn(opened, elements, known)
        return opened.header

    def _learn(self, opened: OpenObject, elements: list[Element], known: tuple[Shape, ...]) -> None:
        places: frozenset[int] = frozenset()
        replaced: Shape | None = None
        for shape in known:
            widened = shape.places_with(opened, elements)
            if widened is not None:
                places, replaced = widened, shape
                break
        new = Shape(opened, elements, places)
        with self._lock:
            self._shapes[:] = [new, *(one for one in self._shapes if one is not replaced)][:_MOST_SERIES]


class _Process:
    """What this process remembers: the threads of a worker take the slices of one series in turn."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.memory: Memory | None = None
        self.headers: Headers | None = None


_process = _Process()


def prepared_by_memory(
    stream: BoundedReader,
    limits: Limits,
    profile: Profile,
    keys: Keyring,
    identify: Callable[[Entity], Identifiers],
) -> Prepared:
    """An object's header, ready to leave; another profile, key or limit begins a new memory.

    Raises:
        DeidError: the object cannot be read, or what came of its header may not leave.
    """
    with _process.lock:
        memory = _process.memory
        if memory is None or memory.keys is not keys or memory.profile != profile or memory.limits != limits:
            memory = _process.memory = Memory(profile, keys, limits)
    return memory.prepared(stream, identify)


def header_by_memory(stream: BoundedReader, limits: Limits) -> Header:
    """An object's header, to look at; other limits begin a new memory.

    Raises:
        DeidError: the object cannot be read.
    """
    with _process.lock:
        headers = _process.headers
        if headers is None or headers.limits != limits:
            headers = _process.headers = Headers(limits)
    return headers.header(stream)
