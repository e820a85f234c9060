"""What a process remembers from object to object: the contexts and series of one profile and key."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from sendit.deid.context import Contexts
from sendit.deid.dicom.element import Element, ElementHead
from sendit.deid.dicom.elements import UNDEFINED
from sendit.deid.dicom.header import check_identity
from sendit.deid.dicom.pixels import plan_of
from sendit.deid.dicom.read import read_object, read_trailer
from sendit.deid.dicom.stream import Window
from sendit.deid.errors import DeidError
from sendit.deid.prepared import NO_TRAILER, Prepared, prepared, trailer_done
from sendit.deid.series import Learnt, Series
from sendit.deid.shape import Shape, plain_elements

if TYPE_CHECKING:
    from collections.abc import Callable

    from sendit.deid.context import Context, Kind
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

    def is_of(self, profile: Profile, keys: Keyring, limits: Limits) -> bool:
        """Whether what is remembered is of objects of this profile, this very key, and these limits."""
        same_profile = self.profile is profile or self.profile == profile
        return self.keys is keys and same_profile and (self.limits is limits or self.limits == limits)

    def prepared(self, stream: BoundedReader, identify: Callable[[Entity], Identifiers]) -> Prepared:
        """An object's header, ready to leave.

        Raises:
            DeidError: the object cannot be read, or what came of its header may not leave.
        """
        budget = stream.budget
        ready = self._recalled(stream, identify)
        if ready is None:
            stream.budget = budget
            stream.seek(0)
            ready, learnt = prepared(stream, self.limits, self.profile, self.keys, identify, self._context)
            if learnt is not None:
                self._learn(*learnt, ready.context)
        return ready

    def _context(self, kind: Kind, entity: Entity, identifiers: Identifiers, evidence: Evidence) -> Context:
        with self._lock:
            return self._contexts.context(kind, entity, identifiers, evidence)

    def _recalled(self, stream: BoundedReader, identify: Callable[[Entity], Identifiers]) -> Prepared | None:
        window = Window(stream, self.limits.max_header_bytes)
        with self._lock:
            known = tuple(self._series)
        try:
            for series in known:
                found = series.shape.match(window, self.limits)
                if found is not None:
                    _bring_forward(series, self._series, self._lock)
                    return self._of_series(series, window, stream, *found, identify)
            for series in known:
                wider = self._widened(series, window)
                found = None if wider is None else wider.shape.match(window, self.limits)
                if wider is not None and found is not None:
                    ready = self._of_series(wider, window, stream, *found, identify)
                    if ready is not None:
                        self._replace(series, wider)
                    return ready
        except DeidError:
            pass  # whoever looks at all of it says why
        return None

    def _widened(self, series: Series, window: Window) -> Series | None:
        """A series with slots where an object differs, too; None if it is of another, or differs nowhere else."""
        places = series.shape.places_in(window, self.limits)
        return None if places is None or places == series.shape.places else series.widened(places)

    def _of_series(
        self,
        series: Series,
        window: Window,
        stream: BoundedReader,
        elements: list[Element],
        end: int,
        identify: Callable[[Entity], Identifiers],
    ) -> Prepared | None:
        """None if its slots hold what changes more than themselves.

        Raises:
            DeidError: it cannot be read, or may not leave.
        """
        context, shape = series.context, series.shape
        known = shape.header
        uids = known.sop_class_uid, shape.sop_instance_uid(elements), known.study_uid, known.series_uid
        check_identity(uids)
        plan = series.plan
        if plan is not None and plan.encapsulated:
            stream.seek(end)
            head = ElementHead(plan.tag, plan.vr, UNDEFINED, end)
            plan = plan_of(head, shape.header_of(elements).values, stream, known.transfer_syntax, big_endian=False)
        elif plan is not None:
            plan = plan._replace(start=end)
        trailer = NO_TRAILER
        if plan is None or plan.start + plan.source_length != stream.size:
            stream.seek(end)
            stream.skip(plan.source_length if plan is not None else 0)
            trailer = trailer_done(read_trailer(stream, self.limits, big_endian=False, implicit=shape.implicit))
        if identify(known.entity) != context.identifiers:
            return None
        judged = series.judged(elements, window.data)
        if judged is None:
            return None
        return Prepared(uids, known.normalised, context, judged, trailer, stream, plan, series.output_transfer_syntax)

    def _learn(self, opened: OpenObject, learnt: Learnt, context: Context) -> None:
        """Takes an object as the first of its series, or finds out where those of its series differ."""
        elements = plain_elements(opened, self.limits)
        if elements is None:
            return
        with self._lock:
            known = tuple(self._series)
        for series in known:
            places = series.shape.places_with(opened, elements) if series.context is context else None
            if places is not None:
                wider = series.widened(places)
                if wider is not None:
                    self._replace(series, wider)
                return
        self._replace(None, Series(Shape(opened, elements), context, learnt))

    def _replace(self, old: Series | None, new: Series) -> None:
        with self._lock:
            self._series[:] = [new, *(one for one in self._series if one is not old)][:_MOST_SERIES]


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
                _bring_forward(shape, self._shapes, self._lock)
                return shape.header_of(found[0])
        for shape in known:
            places = shape.places_in(window, self.limits)
            wider = None if places is None or places == shape.places else shape.widened(places)
            found = None if wider is None else wider.match(window, self.limits)
            if wider is not None and found is not None:
                self._replace(shape, wider)
                return wider.header_of(found[0])
        opened = read_object(stream, self.limits)
        elements = plain_elements(opened, self.limits)
        if elements is not None:
            self._replace(None, Shape(opened, elements))
        return opened.header

    def _replace(self, old: Shape | None, new: Shape) -> None:
        with self._lock:
            self._shapes[:] = [new, *(one for one in self._shapes if one is not old)][:_MOST_SERIES]


Known = TypeVar("Known")


def _bring_forward(one: Known, known: list[Known], lock: Lock) -> None:
    """What was used last is looked at first."""
    if known[:1] == [one]:
        return
    with lock:
        if one in known[1:]:
            known.remove(one)
            known.insert(0, one)


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
        if memory is None or not memory.is_of(profile, keys, limits):
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
