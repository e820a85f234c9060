"""What is looked for in one object, made ready: values of the evidence as words, runs, numbers, days and bytes."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from math import inf
from struct import pack, unpack
from typing import TYPE_CHECKING

from sendit.deid.identity.spelling import (
    MONTHS,
    SHORTEST_INSIDE_A_WORD,
    SHORTEST_SEARCHED,
    encodings,
    folded,
    in_east_asian,
    is_east_asian,
    is_vocabulary,
    pieces_of,
    spellings,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sendit.deid.identity.evidence import Evidence

_LONGEST_INSIDE_A_WORD = 32
_LONGEST_PHRASE = 8
_FEW = 64
_LITTLE = 4_000_000
"""So many bytes times strings are searched sooner than a pattern is made."""
_MOST_IN_A_TREE = 2_000
_MOST_STRICT_PIECES = 8
_LONGEST_EAST_ASIAN = 16
_SERIES_REMEMBERED = 4
_MOST_SHARED = 1_000
"""More than any real object holds: what a hostile one makes of memory ends with it."""
_SHORTEST_NUMBER, _LONGEST_NUMBER = 6, 64
"""Shorter identifiers are not looked for among numbers: 1500 is a window width or a counter, whoever's id it is."""

_MODALITIES_AND_TITLES = frozenset(
    ["cr", "ct", "dr", "dx", "md", "mg", "mr", "ms", "nm", "ot", "pt", "px", "rf", "sr", "us", "xa"]
)
"""Words of a name, or a station, that tell nobody and that half of all descriptions hold."""

_DIGITS = re.compile(r"[0-9]{6,}")


class Substrings:
    """Many strings of at least six characters, to be found anywhere in a text; long ones by their beginning."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self._wanted = frozenset(one[:_LONGEST_INSIDE_A_WORD] for one in wanted)
        self._lengths: dict[str, set[int]] = {}
        for one in self._wanted:
            self._lengths.setdefault(one[:SHORTEST_INSIDE_A_WORD], set()).add(len(one))

    def has(self, text: str) -> bool:
        """Whether a text is one of them."""
        return text[:_LONGEST_INSIDE_A_WORD] in self._wanted

    def found_in(self, text: str) -> bool:
        """Whether one of them is in the text."""
        if len(self._wanted) <= _FEW:
            for one in self._wanted:  # noqa: SIM110  a plain loop: most texts are short, and there are many
                if one in text:
                    return True
            return False
        for start in range(len(text) - SHORTEST_INSIDE_A_WORD + 1):
            lengths = self._lengths.get(text[start : start + SHORTEST_INSIDE_A_WORD], ())
            if any(text[start : start + length] in self._wanted for length in lengths):
                return True
        return False


class Encoded:
    """Many byte strings of at least six bytes, to be found anywhere in bytes; long ones by their beginning.

    `alphabet` are the bytes that they consist of: where fewer than `shortest` are of those, nothing is found.

    Where there is much to read, a regular expression finds what may be the first six bytes of one of them.
    """

    def __init__(self, wanted: Iterable[bytes]) -> None:
        self._wanted = frozenset(one[:_LONGEST_INSIDE_A_WORD] for one in wanted)
        self.shortest = min(map(len, self._wanted), default=0)
        self.alphabet = bytes(set().union(*self._wanted))

    def found_in(self, value: bytes) -> bool:
        """Whether one of them is in the bytes."""
        if len(self._wanted) * len(value) <= _LITTLE:
            for one in self._wanted:  # noqa: SIM110  a plain loop: most values are short, and there are many
                if one in value:
                    return True
            return False
        pattern, lengths = self._prepared
        for found in pattern.finditer(value):
            start = found.start()
            known = lengths.get(value[start : start + SHORTEST_INSIDE_A_WORD], ())
            if any(value[start : start + length] in self._wanted for length in known):
                return True
        return False

    @cached_property
    def _prepared(self) -> tuple[re.Pattern[bytes], dict[bytes, set[int]]]:
        lengths: dict[bytes, set[int]] = {}
        for one in self._wanted:
            lengths.setdefault(one[:SHORTEST_INSIDE_A_WORD], set()).add(len(one))
        return re.compile(_beginning_with(lengths)), lengths


def _beginning_with(beginnings: Iterable[bytes]) -> bytes:
    """A pattern of one byte that is followed as in the beginnings; of very many, as in any of them byte by byte."""
    by_first: dict[int, list[bytes]] = {}
    for one in sorted(beginnings):
        by_first.setdefault(one[0], []).append(one[1:])
    rests = [rest for known in by_first.values() for rest in known]
    if len(rests) > _MOST_IN_A_TREE:
        columns = [_one_of(column) for column in zip(*rests, strict=True)]
        return b"%b(?=%b)" % (_one_of(by_first), b"".join(columns))
    return b"|".join(b"%b(?=%b)" % (_one_of([first]), _tree(known)) for first, known in by_first.items())


def _tree(endings: list[bytes]) -> bytes:
    """A pattern for one of the endings, all of the same length, that reads no byte twice."""
    by_first: dict[int, list[bytes]] = {}
    for one in endings:
        by_first.setdefault(one[0], []).append(one[1:])
    branches = [_one_of([first]) + (_tree(rest) if rest[0] else b"") for first, rest in by_first.items()]
    return branches[0] if len(branches) == 1 else b"(?:%b)" % b"|".join(branches)


def _one_of(numbers: Iterable[int]) -> bytes:
    return b"[%b]" % b"".join(b"\\x%02x" % number for number in sorted(set(numbers)))


class Phrases:
    """Many phrases of words, to be found in a text of words; long ones by their beginning."""

    def __init__(self) -> None:
        self._phrases: set[str] = set()
        self._lengths: dict[str, set[int]] = {}

    def add(self, words: list[str]) -> None:
        """Takes a phrase of at least one word."""
        words = words[:_LONGEST_PHRASE]
        self._phrases.add(" ".join(words))
        self._lengths.setdefault(words[0], set()).add(len(words))

    def found_in(self, words: list[str]) -> bool:
        """Whether one of them is among the words."""
        for start, word in enumerate(words):
            for length in self._lengths.get(word, ()):
                if " ".join(words[start : start + length]) in self._phrases:
                    return True
        return False


class Wanted:
    """The values, dates and texts of some evidence, in every form in which they are looked for.

    `known` and `known_strictly` (without and with short values) and `dotted` remember what was found in which texts.
    Nothing here is about one object more than about another with the same evidence: the slices of a series share it.
    """

    def __init__(
        self, values: frozenset[str], compared: frozenset[str], dates: frozenset[str], texts: frozenset[str]
    ) -> None:
        self.known: tuple[dict[str, bool], dict[str, bool]] = ({}, {})
        self.known_strictly: tuple[dict[str, bool], dict[str, bool]] = ({}, {})
        self.dotted: dict[str, frozenset[str]] = {}
        self.words = Phrases()
        self.glued: set[str] = set()
        self.strict: set[str] = set()
        self.digits: set[str] = set()
        self.numbers: set[float] = set()
        self.days: set[str] = set()
        self.dates = dates
        self.short_dates = {date[2:] for date in dates}
        self.east_asian = {
            joined[:_LONGEST_EAST_ASIAN]
            for value in values | compared
            if is_east_asian(joined := "".join(words_of(value)))
        }
        self._east_asian_lengths = {len(one) for one in self.east_asian}
        compact: set[str] = set()
        names: set[str] = set()
        for value in values:
            for spelling in spellings(value):
                self._add_text(words_of(spelling), compact, names)
        for date in dates:
            self._add_date(date)
        encoded = {date.encode("ascii") for date in dates}
        for text in texts:
            if not is_vocabulary(words_of(folded(text))):
                encoded.update(encodings(text))
                encoded.update(encodings("".join(words_of(folded(text)))) if in_east_asian(text) else ())
        self.compact = Substrings(compact)
        self.names = Substrings(names)
        self.encoded = Encoded(encoded)
        self.smallest_number = min(self.numbers, default=inf)
        self.single_numbers = {unpack("<f", pack("<f", n))[0] for n in self.numbers if n < 1e38}
        short = {"".join(words_of(spelling)) for value in compared for spelling in spellings(value)}
        self.strict_short = frozenset(one for one in short - _MODALITIES_AND_TITLES if len(one) > 1)

    def has_east_asian_in(self, text: str) -> bool:
        """Whether a name of Chinese, Japanese or Korean characters stands anywhere in a text without separators."""
        return any(
            run[at : at + length] in self.east_asian
            for run in in_east_asian(text)
            for length in self._east_asian_lengths
            for at in range(len(run) - length + 1)
        )

    def _add_text(self, words: list[str], compact: set[str], names: set[str]) -> None:
        pieces = [piece for word in words for pieces in pieces_of(word) for piece in pieces]
        strict = "".join(pieces[:_MOST_STRICT_PIECES])
        if len(strict) >= SHORTEST_SEARCHED or len(words) > 1:
            self.strict.add(strict)
        if not words or (is_vocabulary(words) and max(map(len, words)) >= SHORTEST_SEARCHED):
            return  # of short words of the vocabulary there are names, too: Lin Fa
        self.words.add(words)
        joined = "".join(words)
        if joined.isalpha() and len(joined) >= SHORTEST_SEARCHED:
            self.glued.add(joined)
        if len(joined) >= SHORTEST_INSIDE_A_WORD:
            (names if joined.isalpha() else compact).add(joined)
        if joined.isascii() and joined.isdigit() and len(joined.lstrip("0")) >= SHORTEST_SEARCHED:
            self.words.add([joined.lstrip("0")])
        for run in _DIGITS.findall(joined):  # the number of MRN-7730915 says as much as all of it
            number = run.lstrip("0")
            if _SHORTEST_NUMBER <= len(number) <= _LONGEST_NUMBER:
                self.words.add([number])
                compact.add(number)
                if int(number) % 1000:  # round numbers are counts and settings
                    self.numbers.add(float(number))

    def _add_date(self, date: str) -> None:
        year, month, day = date[:4], date[4:6], date[6:]
        self.digits.add(date)
        if date[0] != "0":
            self.numbers.add(float(date))
            self.days.add(date)
        if not 1 <= int(month) <= len(MONTHS):
            return
        self.digits |= {day + month + year, month + day + year}
        self.numbers |= {float(day + month + year), float(month + day + year)}
        self.strict |= {day + month, month + day, year + month, month + year, date}
        self.strict |= {date[2:], day + month + date[2:4], month + day + date[2:4]}
        plain_month, plain_day = str(int(month)), str(int(day))
        for one in (plain_day, day):
            for name in MONTHS[int(month) - 1].split()[:2]:
                self.strict |= {one + name, name + one, name + year}
        for words in ([year, plain_month, plain_day], [plain_day, plain_month, year], [plain_month, plain_day, year]):
            self.words.add(words)


def wanted_of(evidence: Evidence) -> Wanted:
    """What evidence makes wanted, its UIDs aside, which differ from image to image."""
    make = _shared if len(evidence.texts) + len(evidence.dates) <= _MOST_SHARED else Wanted
    return make(
        frozenset(evidence.searched | evidence.phrases),
        frozenset(evidence.compared),
        frozenset(evidence.dates),
        frozenset(evidence.texts),
    )


_shared = lru_cache(_SERIES_REMEMBERED)(Wanted)
