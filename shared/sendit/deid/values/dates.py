"""Moving dates (PS3.15 E.3.6): whole days, so that intervals within a patient stay as they were."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache

_DATE = re.compile(r"[0-9]{8}")
_TIME = r"([01][0-9]|2[0-3])([0-5][0-9](([0-5][0-9]|60)(\.[0-9]{1,6})?)?)?"
_TIME_OF_DAY = re.compile(_TIME)
_FIRST_YEAR, _LAST_YEAR = 1901, 2099
_PLACEHOLDERS = frozenset({"19700101", "19800101"})
"""With the days outside those years: what a program writes where it knows no date. Moved, it would tell how far."""

_DATE_TIME = re.compile(rf"([0-9]{{8}})({_TIME})?([+-](0[0-9]|1[0-4])[0-5][0-9])?")


def moved(vr: str, values: list[str], days: int) -> list[str] | None:
    """The values `days` earlier (negative: later), times of day as they are; None if one is not exactly one moment.

    Partial dates, ranges, the spellings of ACR-NEMA (1998.01.31) and days that no calendar has cannot be
    moved by days, and placeholders (19000101) may not: the attribute's Basic action is applied to them instead.
    Empty values stay empty.
    """
    result: list[str] = []
    for value in values:
        new = _moved_value(vr, value, days) if value else ""
        if new is None:
            return None
        result.append(new)
    return result


def _moved_value(vr: str, value: str, days: int) -> str | None:
    if vr == "TM":
        return value if _TIME_OF_DAY.fullmatch(value) else None
    if vr == "DA":
        return _moved_date(value, days) if _DATE.fullmatch(value) else None
    if vr == "DT" and _DATE_TIME.fullmatch(value):
        day = _moved_date(value[:8], days)
        return None if day is None else day + value[8:]
    return None


@lru_cache(maxsize=256)
def _moved_date(value: str, days: int) -> str | None:
    if value in _PLACEHOLDERS or not _FIRST_YEAR <= int(value[:4]) <= _LAST_YEAR:
        return None
    try:
        day = date(int(value[:4]), int(value[4:6]), int(value[6:])) - timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"
