"""The original's own identifying values, as the rules and the gate look for them in what is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sendit.deid.errors import DeidError, Refusal
from sendit.deid.identity.spelling import SHORTEST_SEARCHED, folded, is_east_asian, words_of

MOST_VALUES = 20_000
"""More distinct names and identifiers, or dates, than any real object holds."""

_NAME_PART = re.compile(r"[^\s^=\\,;.]+")
_HALF = re.compile(r"[^\W_]+")
_LONGEST = 1024
"""Of a longer value its beginning is enough to know it by."""
_DATE = re.compile(rb"(?<!\d)(\d{4})([.\-/]?)(\d\d)\2(\d\d)")


@dataclass(slots=True)
class Evidence:
    """What may not be left.

    `searched` and `compared` are folded values of at least, and of fewer than, four characters; `phrases` are
    other spellings of names; `texts` are the values as they were written; `dates` are YYYYMMDD.
    `by_position`: a content item is referred to by where it stands among the others.
    """

    searched: set[str] = field(default_factory=set)
    compared: set[str] = field(default_factory=set)
    phrases: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)
    by_position: bool = False
    _names: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.searched) + len(self.compared) + len(self.uids) + len(self.dates)

    def take(self, other: Evidence) -> None:
        """Takes what another holds.

        Raises:
            DeidError: `malformed`, there are too many.
        """
        self.searched |= other.searched
        self.compared |= other.compared
        self.phrases |= other.phrases
        self.texts |= other.texts
        self.uids |= other.uids
        self.dates |= other.dates
        self.by_position = self.by_position or other.by_position
        if len(self.texts) > MOST_VALUES or len(self.dates) > MOST_VALUES:
            raise DeidError(Refusal.MALFORMED)

    def but_uids(self) -> tuple[object, ...]:
        """All but the UIDs, which alone differ among the slices of a series, as a key to look things up by."""
        return (
            frozenset(self.searched),
            frozenset(self.compared),
            frozenset(self.phrases),
            frozenset(self.texts),
            frozenset(self.dates),
            self.by_position,
        )

    def is_one(self, text: str) -> bool:
        """Whether a text is, as a whole, one of the values."""
        text = folded(text)
        return text in self.searched or text in self.compared

    def add(self, text: str) -> None:
        """Takes one value.

        Raises:
            DeidError: `malformed`, there are too many.
        """
        text = text[:_LONGEST].strip()
        if text in self.texts:
            return
        self.texts.add(text)
        known = folded(text)
        if len(known) >= SHORTEST_SEARCHED:
            self.searched.add(known)
        elif known and not known.isdigit() and not (len(known) == 1 and known.isascii()):
            # one letter names nobody, nor does a number of one to three digits, the value of half of all counters
            self.compared.add(known)
        if len(self.texts) > MOST_VALUES:
            raise DeidError(Refusal.MALFORMED)

    def add_name(self, group: str) -> None:
        """Takes one component group of a person's name: whole, word by word, and family name last."""
        if group in self._names:
            return
        self._names.add(group)
        self.add(group)
        for word in _NAME_PART.finditer(group):
            self.add(word.group())
            # a double name may be left by one of its halves
            for half in _HALF.finditer(word.group()):
                self.add(half.group())
        parts = [" ".join(words) for part in group[:_LONGEST].split("^") if (words := words_of(folded(part)))]
        for phrase in (parts, parts[::-1], parts[:2], parts[1::-1], parts[1:] + parts[:1]):
            long_enough = sum(map(len, phrase)) >= SHORTEST_SEARCHED or is_east_asian("".join(phrase))
            if long_enough and len(phrase) > 1:
                self.phrases.add(" ".join(phrase))

    def add_dates(self, value: bytes) -> None:
        """Takes the dates of a DA or DT.

        Raises:
            DeidError: `malformed`, there are too many.
        """
        for found in _DATE.finditer(value):
            self.dates.add(b"".join(found.group(1, 3, 4)).decode("ascii"))
            if len(self.dates) > MOST_VALUES:
                raise DeidError(Refusal.MALFORMED)


NO_EVIDENCE = Evidence()
"""Of an element in which there can be none; nothing is added to it."""
NOTHING_ELSE = NO_EVIDENCE.but_uids()
