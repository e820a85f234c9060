"""What is said to an identifier service of DASHER's kind, and what of its answers can be used. Pure.

`{"identifiers": [{"id", "id_source", "id_timestamp", "items": [{"id", "id_source", "id_timestamp"}]}]}` is answered by
`{"results": [{"id", "id_source", "suid", "jitter", "jittered_timestamp", "items": […]}]}`. A patient is what its
Patient ID names; its items are accession numbers. The timestamps are Patient's Birth Date and Study Date.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

MOST_ITEMS = 950
"""Of one request. The service's own limit is 1,000."""

_LONGEST_PATIENT, _LONGEST_ACCESSION = 64, 16  # of LO and SH, PS3.5 6.2
_PSEUDONYM = re.compile(r"[A-Za-z0-9_-]+")
_MOST_DAYS = 365

Row = Mapping[str, Any]
_NONE: Row = {}


class NotAnAnswer(ValueError):
    """What came is not in the protocol."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A patient, by id_source and id, with accession numbers; each with its day, YYYYMMDD or ''."""

    source: str
    patient_id: str
    day: str
    items: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return "Asked(…)"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a patient and the accession numbers become; '' where what was answered cannot be used.

    `jitter` is by how many days dates become later; 0 without a pseudonym.
    """

    asked: Asked
    suid: str
    jitter: int
    items: Mapping[str, str]

    def __repr__(self) -> str:
        return "Answered(…)"


class Pending:
    """Who is still to be asked for: patients by (id_source, id). Of several days of one the earliest is told."""

    def __init__(self) -> None:
        self._wanted: dict[tuple[str, str], tuple[str, dict[str, str]]] = {}

    def __len__(self) -> int:
        """How many items that makes; a patient without any counts as one."""
        return sum(max(len(items), 1) for _, items in self._wanted.values())

    def add(self, patient: tuple[str, str], day: str, accession: str, accession_day: str) -> None:
        """One more image of a patient; `accession` is '' where it has none, or it is known."""
        known, items = self._wanted.get(patient, ("", {}))
        self._wanted[patient] = _earliest(known, day), items
        if accession:
            items[accession] = _earliest(items.get(accession, ""), accession_day)

    def take(self) -> list[Asked]:
        """What goes into one request, `MOST_ITEMS` at most; the rest stays. A patient may go on in the next one."""
        taken, room = list[Asked](), MOST_ITEMS
        for patient in sorted(self._wanted):
            day, items = self._wanted[patient]
            part = sorted(items.items())[:room]
            taken.append(Asked(*patient, day, tuple(part)))
            for accession, _ in part:
                del items[accession]
            if not items:
                del self._wanted[patient]
            room -= max(len(part), 1)
            if not room:
                break
        return taken


def request_of(asked: Iterable[Asked], accession_source: str) -> dict[str, object]:
    """The body of a request."""
    return {
        "identifiers": [
            {
                **_identified(one.patient_id, one.source, one.day),
                "items": [_identified(accession, accession_source, day) for accession, day in one.items],
            }
            for one in asked
        ]
    }


def answers_of(body: object, asked: Sequence[Asked], accession_source: str) -> Iterator[Answered]:
    """What everybody who was asked for becomes. Raises `NotAnAnswer`.

    What is missing, double, no legal pseudonym, or contradicts itself cannot be used; what was not asked for is not
    looked at. A patient's accession numbers need a patient that can be used.
    """
    results = body.get("results") if isinstance(body, dict) else None
    if not isinstance(results, list):
        raise NotAnAnswer
    rows = _by_id(results)
    return (_answered(one, rows, accession_source) for one in asked)


def _answered(one: Asked, rows: Mapping[tuple[str, str], list[Row]], accession_source: str) -> Answered:
    row = _only(rows.get((one.source, one.patient_id)))
    suid, jitter = _pseudonym(row, _LONGEST_PATIENT), _jitter(row)
    if not suid or not jitter or not _agrees(row, one.day, jitter):
        return Answered(one, "", 0, dict.fromkeys((accession for accession, _ in one.items), ""))
    items, found = dict[str, str](), _by_id(row.get("items"))
    for accession, day in one.items:
        item = _only(found.get((accession_source, accession)))
        fits = item.get("jitter") is None or _jitter(item) == jitter  # else which of the two would move its dates?
        fits = fits and _agrees(item, day, jitter)
        items[accession] = _pseudonym(item, _LONGEST_ACCESSION) if fits else ""
    return Answered(one, suid, jitter, items)


def _identified(text: str, source: str, day: str) -> dict[str, object]:
    when = _day(day)
    stamp = {} if when is None else {"id_timestamp": f"{when.isoformat()}T00:00:00Z"}
    return {"id": text, "id_source": source, **stamp}


def _by_id(rows: object) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and isinstance(row.get("id"), str) and isinstance(row.get("id_source"), str):
            found.setdefault((row["id_source"], row["id"]), []).append(row)
    return found


def _only(rows: Sequence[Row] | None) -> Row:
    return rows[0] if rows is not None and len(rows) == 1 else _NONE


def _pseudonym(row: Row, longest: int) -> str:
    suid = row.get("suid")
    legal = isinstance(suid, str) and len(suid) <= longest and _PSEUDONYM.fullmatch(suid)
    return suid if isinstance(suid, str) and legal else ""


def _jitter(row: Row) -> int:
    """By how many days dates become later; 0 if it says no such number."""
    value = row.get("jitter")
    return value if type(value) is int and abs(value) <= _MOST_DAYS else 0


def _agrees(row: Row, day: str, jitter: int) -> bool:
    """Whether the day that was told, if one was, moved by as many days, if the answer says where to.

    The hour and the zone that a service adds are its own; the day is the one that stands there.
    """
    when, stamp = _day(day), row.get("jittered_timestamp")
    if when is None or stamp is None:
        return True
    expected = (when + timedelta(days=jitter)).isoformat()
    return isinstance(stamp, str) and stamp[:10] == expected and stamp[10:11] in ("", "T", " ")


def _day(text: str) -> date | None:
    """The day of YYYYMMDD; None if no calendar has it, or none can be moved from there by a year."""
    try:
        when = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
    return when if date.min.year < when.year < date.max.year else None


def _earliest(one: str, other: str) -> str:
    return min(one or other, other or one)
