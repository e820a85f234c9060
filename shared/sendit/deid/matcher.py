"""Finding an object's own identity in what is to be kept, in time linear in the text and in the evidence.

A text is looked at in up to three spellings (as it is, accents stripped, ä as ae), and in each of them

* word by word: an identifier is a phrase of words, whatever stands between them;
* without anything but letters and digits: there a longer identifier may stand inside a word;
* for runs of digits that are one of the dates, and dotted numbers that are one of the UIDs.

Identifiers of which every word is in the shipped vocabulary (HEAD, PHILIPS) are not looked for. Everything
is a look-up by hash: a hostile object may hold many identifiers and much text at once.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise
from struct import iter_unpack, pack, unpack
from typing import TYPE_CHECKING, AnyStr, Generic

from sendit.deid.tables import vocabulary
from sendit.deid.text import unpadded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sendit.deid.evidence import Evidence

SHORTEST_SEARCHED = 4
"""Shorter values are compared with whole elements: inside a text they would be found by chance."""

SHORTEST_INSIDE_A_WORD = 6
"""Shorter strings are found by chance inside words and among numbers."""

_LONGEST_INSIDE_A_WORD = 32
_LONGEST_PHRASE = 8
_FEW = 64
_MOST_REMEMBERED = 10_000
_LONGEST_TEXT = 10_240
"""As long as an LT may be: a longer one is no technical text, and is not taken apart."""
_SHORTEST_UID = 10
"""Shorter ones look like the version of a program."""
_SHORTEST_NUMBER, _LONGEST_NUMBER = 6, 64
"""Shorter identifiers are not looked for among numbers: 1500 is a window width or a counter, whoever's id it is."""

_WORD = re.compile(r"[^\W_]+")
_EIGHT_DIGITS = re.compile(r"[0-9]{8,}")
_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_COMPONENT = re.compile(rb"[^\\]+")
_DIGITS = re.compile(r"[0-9]{6,}")
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_WITHOUT_ACCENT = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_NUMBERS = {"UL": "<L", "SL": "<l", "UV": "<Q", "SV": "<q", "FL": "<f", "FD": "<d"}


def folded(text: str) -> str:
    """A text as it is compared: one spelling of every character, no case, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words_of(text: str) -> list[str]:
    """The words of a folded text: whatever separates them."""
    return _WORD.findall(text)


class Substrings(Generic[AnyStr]):
    """Many strings of at least six characters, to be found anywhere in a text; long ones by their beginning."""

    def __init__(self, wanted: Iterable[AnyStr]) -> None:
        self._wanted: frozenset[AnyStr] = frozenset(one[:_LONGEST_INSIDE_A_WORD] for one in wanted)
        self._lengths: dict[AnyStr, set[int]] = {}
        for one in self._wanted:
            self._lengths.setdefault(one[:SHORTEST_INSIDE_A_WORD], set()).add(len(one))

    def has(self, text: AnyStr) -> bool:
        """Whether a text is one of them."""
        return text[:_LONGEST_INSIDE_A_WORD] in self._wanted

    def found_in(self, text: AnyStr) -> bool:
        """Whether one of them is in the text."""
        if len(self._wanted) <= _FEW:
            return any(one in text for one in self._wanted)
        for start in range(len(text) - SHORTEST_INSIDE_A_WORD + 1):
            lengths = self._lengths.get(text[start : start + SHORTEST_INSIDE_A_WORD], ())
            if any(text[start : start + length] in self._wanted for length in lengths):
                return True
        return False


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


class Matcher:
    """The evidence of one object, made ready to be looked for."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self._words = Phrases()
        self._known: dict[str, bool] = {}
        self._digits: set[str] = set()
        self._numbers: set[float] = set()
        self._days: set[str] = set()
        self._uids = {uid for uid in evidence.uids if len(uid) >= _SHORTEST_UID}
        compact: set[str] = set()
        names: set[str] = set()
        for value in evidence.searched | evidence.phrases:
            for spelling in _spellings(value):
                self._add_text(words_of(spelling), compact, names)
        for date in evidence.dates:
            self._add_date(date)
        encoded = {date.encode("ascii") for date in evidence.dates}
        for text in evidence.texts:
            if not _is_vocabulary(words_of(folded(text))):
                encoded.update(_encodings(text))
        self._compact = Substrings(compact)
        self._names = Substrings(names)
        self._encoded = Substrings(encoded)
        self._single_numbers = {unpack("<f", pack("<f", n))[0] for n in self._numbers if n < 1e38}

    def in_text(self, text: str, *, short: bool) -> bool:
        """Whether a value of text repeats an identifier; `short`: one of fewer than four characters counts too."""
        if len(text) > _LONGEST_TEXT:
            return True
        if short:
            whole = folded(text)
            if whole in self.evidence.compared and not _is_vocabulary(words_of(whole)):
                return True
        found = self._known.get(text)
        if found is None:
            found = any(self._in_spelling(spelling) for spelling in _spellings(folded(text)))
            if len(self._known) < _MOST_REMEMBERED:
                self._known[text] = found
        return found

    def in_bytes(self, value: bytes) -> bool:
        """Whether bytes of any kind hold an identifier: of any case, or in the two bytes of UTF-16."""
        if len(value) < SHORTEST_INSIDE_A_WORD:
            return False
        lower = value.lower()
        return self._encoded.found_in(lower) or (b"\0" in lower and self._encoded.found_in(lower.replace(b"\0", b"")))

    def is_one_of_the_numbers(self, component: bytes) -> bool:
        """Whether a number that is spelled out is a date or an identifier of six digits or more."""
        return any(self._is_known(number, self._numbers) for number in _spelled(component))

    def in_spelled_numbers(self, value: bytes) -> bool:
        """Whether one value of a DS or IS is a date or an identifier of six digits or more, however spelled."""
        try:
            return self.is_one_of_the_numbers(value)
        except ValueError:
            return True

    def in_numbers(self, vr: str, value: bytes) -> bool:
        """Whether one value of a binary number is a date or an identifier of six digits or more."""
        if vr not in _NUMBERS:
            return False
        wanted = self._single_numbers if vr == "FL" else self._numbers
        size = 4 if vr in {"UL", "SL", "FL"} else 8
        whole = value[: len(value) // size * size]
        return any(self._is_known(number, wanted) for (number,) in iter_unpack(_NUMBERS[vr], whole))

    def _is_known(self, number: float, wanted: set[float]) -> bool:
        """Whether a number is wanted, or begins with a day: 20200229.5, 202002291030."""
        whole = abs(number)
        if whole in wanted:
            return True
        return 1e7 <= whole < 1e15 and str(int(whole))[:8] in self._days

    def _add_text(self, words: list[str], compact: set[str], names: set[str]) -> None:
        if not words or (_is_vocabulary(words) and max(map(len, words)) >= SHORTEST_SEARCHED):
            return  # of short words of the vocabulary there are names, too: Lin Fa
        self._words.add(words)
        joined = "".join(words)
        if len(joined) >= SHORTEST_INSIDE_A_WORD:
            (names if joined.isalpha() else compact).add(joined)
        if joined.isascii() and joined.isdigit() and len(joined.lstrip("0")) >= SHORTEST_SEARCHED:
            self._words.add([joined.lstrip("0")])
        for run in _DIGITS.findall(joined):  # the number of MRN-7730915 says as much as all of it
            number = run.lstrip("0")
            if _SHORTEST_NUMBER <= len(number) <= _LONGEST_NUMBER:
                self._words.add([number])
                compact.add(number)
                if int(number) % 1000:  # round numbers are counts and settings
                    self._numbers.add(float(number))

    def _add_date(self, date: str) -> None:
        year, month, day = date[:4], date[4:6], date[6:]
        self._digits.add(date)
        if date[0] != "0":
            self._numbers.add(float(date))
            self._days.add(date)
        if not 1 <= int(month) <= len(_MONTHS):
            return
        self._digits |= {day + month + year, month + day + year}
        self._numbers |= {float(day + month + year), float(month + day + year)}
        plain_month, plain_day, full_name = str(int(month)), str(int(day)), _MONTHS[int(month) - 1]
        for one in (plain_day, day):
            for name in (full_name, full_name[:3]):
                self._words.add([one, name, year])
                self._words.add([name, one, year])
                self._words.add([f"{one}{name}{year}"])
        for words in ([year, plain_month, plain_day], [plain_day, plain_month, year], [plain_month, plain_day, year]):
            self._words.add(words)

    def _in_spelling(self, text: str) -> bool:
        words = words_of(text)
        joined = "".join(words)
        return (
            self._words.found_in(words)
            or self._compact.found_in(joined)
            or self._names_in(words)
            or any(digits in self._digits for run in _EIGHT_DIGITS.findall(joined) for digits in _windows(run))
            or ("." in text and any(uid in self._uids for uid in _DOTTED.findall(text)))
        )

    def _names_in(self, words: list[str]) -> bool:
        """Whether a name stands inside a word, is two or three words together, or is spelled letter by letter."""
        together = ("".join(words[at : at + count]) for count in (2, 3) for at in range(len(words) - count + 1))
        spaced = "".join(words) if words and max(map(len, words)) == 1 else ""
        inside = any(self._names.found_in(word) for word in (*words, spaced))
        return inside or any(self._names.has(one) for one in together)


def _windows(run: str) -> Iterator[str]:
    return (run[start : start + 8] for start in range(len(run) - 7))


def _spelled(value: bytes) -> Iterator[float]:
    """The numbers of a DS or IS one by one: there may be millions."""
    parts = (found.group() for found in _COMPONENT.finditer(unpadded(value)))
    return (float(part) for part in parts if part.strip())


def _spellings(text: str) -> tuple[str, ...]:
    """A folded text, and how it is written where there are no accents."""
    if text.isascii():
        return (text,)
    plain = (_unaccented(text), _unaccented(unicodedata.normalize("NFC", text).translate(_TWO_LETTERS)))
    return tuple(dict.fromkeys((text, *plain)))


def _unaccented(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.translate(_WITHOUT_ACCENT))
    return "".join(part for part in parts if not unicodedata.combining(part))


def _encodings(text: str) -> Iterator[bytes]:
    """The bytes a text may have among other bytes; `in_bytes` knows no case in ASCII and ignores zero bytes."""
    for spelling in {text} if text.isascii() else {text, text.lower(), text.upper()}:
        for codec in ("utf-8",) if text.isascii() else ("utf-8", "latin-1", "utf-16-le", "utf-16-be"):
            encoded = spelling.encode(codec, "ignore").lower()
            if len(encoded) >= SHORTEST_INSIDE_A_WORD and not _is_ramp(encoded):
                yield encoded


def _is_ramp(encoded: bytes) -> bool:
    """Whether bytes rise or fall evenly, as 123456 does: so do those of half of all lookup tables."""
    return len({after - before for before, after in pairwise(encoded)}) == 1


@cache
def _vocabulary_words() -> frozenset[str]:
    return frozenset(word for entry in vocabulary() for word in words_of(entry))


def _is_vocabulary(words: list[str]) -> bool:
    known = _vocabulary_words()
    return all(word in known for word in words)
