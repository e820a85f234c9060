"""What was replaced by what: written while images are stored, read by whoever may re-identify, else by nobody.

The crosswalk only grows. Whoever works on images creates entries and needs to read none; an entry that is there stays
as it is. So the name of an entry says what it is about and what it says: the same fact is one entry however
often it is found, and two facts about one pseudonym are two.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Protocol

from sendit.ports import Clock

if TYPE_CHECKING:
    from sendit.outcome import Planned
    from sendit.sealing import CrosswalkKey

ENTRIES_A_WRITE = 400


class Kind(StrEnum):
    """What a value is of."""

    PATIENT = "patient"
    ACCESSION = "accession"
    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"


class Asked(StrEnum):
    """What a look-up goes by. All UIDs are one: an output's reader need not know which of them it has."""

    PATIENT = "patient"
    ACCESSION = "accession"
    UID = "uid"

    @classmethod
    def for_kind(cls, kind: Kind) -> "Asked":
        """By what a value of this kind is found."""
        return cls(kind) if kind in {Kind.PATIENT, Kind.ACCESSION} else cls.UID


@dataclass(frozen=True, slots=True)
class Replaced:
    """A value as the output has it, and as it came; the original is empty where there was none."""

    new: str
    original: str

    def __repr__(self) -> str:
        """Nothing of the original, if it is logged by mistake."""
        return f"Replaced({self.new!r}, …)"


@dataclass(frozen=True, slots=True)
class Entry:
    """One value, whose it is, and, as far as they tell more, the study, the series and the accession that it is of.

    The patient's dates became earlier by `shift_days`, or later where that is negative. `key_id` is the project key's.
    """

    kind: Kind
    value: Replaced
    patient: Replaced
    issuer: str
    shift_days: int
    key_id: str
    study: Replaced | None = None
    series: Replaced | None = None
    accession: Replaced | None = None

    def __repr__(self) -> str:
        return f"Entry({self.kind}, …)"


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry, with the batch that it was found in, and when."""

    entry: Entry
    batch_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry as it lies: `id` and `content` tell nothing without the crosswalk's key, whose id stands beside them."""

    id: str
    key_id: str
    expires_at: datetime | None
    content: bytes


@dataclass(frozen=True, slots=True)
class LookUp:
    """That somebody asked: who, when, why, by what, for which entries, and whether there was one."""

    at: datetime
    user: str
    reason: str
    asked: Asked
    subject: str
    found: bool


class CrosswalkStore(Protocol):
    """Where sealed entries lie, and who asked for them. All raise `TransientError` (crosswalk_unavailable)."""

    def keep(self, sealed: Sequence[Sealed]) -> None:
        """Create up to ENTRIES_A_WRITE entries of different ids. One that is there stays as it is; nothing is read."""

    def find(self, subject: str) -> list[Sealed]:
        """Every entry about a subject, which is what their ids begin with up to a hyphen; expired ones, too."""

    def record(self, lookup: LookUp) -> None:
        """Record a look-up; it is never changed or removed."""

    def lookups(self) -> list[LookUp]:
        """Every look-up, the oldest first."""


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """Where, under which key and for how many days what was replaced is kept; `key_id` is the project key's."""

    store: CrosswalkStore
    key: "CrosswalkKey"
    key_id: str
    clock: Clock
    days: float | None

    def keep(self, batch_id: str, entries: Sequence[Entry]) -> None:
        """Seal and write entries. Raises `TransientError` (crosswalk_unavailable)."""
        now = self.clock()
        expires_at = None if self.days is None else _end_of_day(now + timedelta(days=self.days))
        for start in range(0, len(entries), ENTRIES_A_WRITE):
            part = [Kept(entry, batch_id, now) for entry in entries[start : start + ENTRIES_A_WRITE]]
            self.store.keep([self.key.seal(one, expires_at) for one in part])


def _end_of_day(moment: datetime) -> datetime:
    """So that a fact that is met several times on a day is kept as long as it is for the last of them."""
    return datetime.combine(moment.date() + timedelta(days=1), time.min, moment.tzinfo)


class Keeping:
    """What one attempt at a batch has stored, on its way into the crosswalk; with none, nothing is kept.

    Patients, accessions, studies and series are written once, instances each.
    """

    def __init__(self, crosswalk: Crosswalk | None, batch_id: str) -> None:
        self._crosswalk = crosswalk
        self._batch_id = batch_id
        self._noted: list[Planned] = []
        self._written: set[Entry] = set()

    def note(self, planned: "Planned") -> None:
        """An image is stored as planned."""
        if self._crosswalk is not None:
            self._noted.append(planned)

    def taken(self) -> Callable[[], None]:
        """What writes all that was noted so far; to be called before these images are recorded as stored.

        It raises `TransientError` (crosswalk_unavailable).
        """
        noted, self._noted = self._noted, []
        return partial(self._write, noted)

    def _write(self, noted: Sequence["Planned"]) -> None:
        if self._crosswalk is None:
            return
        found = (entry for planned in noted for entry in entries_of(planned, self._crosswalk.key_id))
        fresh = list(dict.fromkeys(entry for entry in found if entry not in self._written))
        self._crosswalk.keep(self._batch_id, fresh)
        self._written.update(entry for entry in fresh if entry.kind is not Kind.INSTANCE)


def entries_of(planned: "Planned", key_id: str) -> Iterator[Entry]:
    """What was replaced in one image. Without a Patient ID its patient is the study, so that is told of both."""
    entity, who = planned.inspected.entity, planned.who
    _, *new = planned.identity.removesuffix(".dcm").split("/")
    study, series, instance = map(Replaced, new, planned.inspected.uids)
    accession = Replaced(who.accession, entity.accession) if who.accession else None
    about = partial(
        Entry,
        patient=Replaced(who.patient, entity.patient_id),
        issuer=entity.issuer,
        shift_days=who.shift_days,
        key_id=key_id,
    )
    yield about(Kind.PATIENT, Replaced(who.patient, entity.patient_id), study=None if entity.patient_id else study)
    if accession is not None:
        yield about(Kind.ACCESSION, accession)
    yield about(Kind.STUDY, study, accession=accession)
    yield about(Kind.SERIES, series, study=study)
    yield about(Kind.INSTANCE, instance, study=study, series=series, accession=accession)
