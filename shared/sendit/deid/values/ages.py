"""Ages over 89 years, which the few who reach them are known by, become 90 years."""

from __future__ import annotations

import re

OLDEST = "090Y"
_AGE = re.compile(r"([0-9]{3})([DWMY])")
_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}


def capped(value: str) -> str:
    """An Age String (PS3.5 6.2) with every age of 90 years or more as 090Y; '' if it is no age."""
    found = _AGE.fullmatch(value.strip(" "))
    if found is None:
        return ""
    days = int(found[1]) * _DAYS[found[2]]
    return OLDEST if days >= 90 * _DAYS["Y"] else found[0]
