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
from struct import iter_unpack
from typing import TYPE_CHECKING

from sendit.deid.dicom.text import unpadded
from sendit.deid.identity.spelling import SHORTEST_INSIDE_A_WORD, folded, is_vocabulary, spellings, words_of
from sendit.deid.identity.wanted import wanted_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sendit.deid.identity.evidence import Evidence

_MOST_REMEMBERED, _LONGEST_REMEMBERED = 10_000, 256
_LONGEST_TEXT = 10_240
"""As long as an LT may be: a longer one is no technical text, and is not taken apart."""
_SHORTEST_UID = 10
"""Shorter ones look like the version of a program."""

_EIGHT_DIGITS = re.compile(r"[0-9]{8,}")
_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_COMPONENT = re.compile(rb"[^\\]+")
_NUMBERS = {"UL": "<L", "SL": "<l", "UV": "<Q", "SV": "<q", "FL": "<f", "FD": "<d"}


class Matcher:
    """The evidence of one object, made ready to be looked for."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self._wanted = wanted_of(evidence)
        self._uids = {uid for uid in evidence.uids if len(uid) >= _SHORTEST_UID}

    def in_text(self, text: str, *, short: bool) -> bool:
        """Whether a value of text repeats an identifier; `short`: one of fewer than four characters counts too."""
        if len(text) > _LONGEST_TEXT:
            return True
        if short:
            whole = folded(text)
            if whole in self.evidence.compared and not is_vocabulary(words_of(whole)):
                return True
        known = self._wanted.known
        found = known.get(text)
        if found is None:
            found = any(self._in_spelling(spelling) for spelling in spellings(folded(text)))
            if len(known) < _MOST_REMEMBERED and len(text) <= _LONGEST_REMEMBERED:
                known[text] = found
        return found or self._is_uid_in(text)

    def in_bytes(self, value: bytes) -> bool:
        """Whether bytes of any kind hold an identifier: of any case, or in the two bytes of UTF-16."""
        if len(value) < SHORTEST_INSIDE_A_WORD:
            return False
        lower = value.lower()
        encoded = self._wanted.encoded
        return encoded.found_in(lower) or (b"\0" in lower and encoded.found_in(lower.replace(b"\0", b"")))

    def is_one_of_the_numbers(self, component: bytes) -> bool:
        """Whether a number that is spelled out is a date or an identifier of six digits or more."""
        return any(self._is_known(number, self._wanted.numbers) for number in _spelled(component))

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
        wanted = self._wanted.single_numbers if vr == "FL" else self._wanted.numbers
        size = 4 if vr in {"UL", "SL", "FL"} else 8
        whole = value[: len(value) // size * size]
        return any(self._is_known(number, wanted) for (number,) in iter_unpack(_NUMBERS[vr], whole))

    def _is_known(self, number: float, wanted: set[float]) -> bool:
        """Whether a number is wanted, or begins with a day: 20200229.5, 202002291030."""
        whole = abs(number)
        if whole in wanted:
            return True
        return 1e7 <= whole < 1e15 and str(int(whole))[:8] in self._wanted.days

    def _in_spelling(self, text: str) -> bool:
        words = words_of(text)
        joined = "".join(words)
        return (
            self._wanted.words.found_in(words)
            or self._wanted.compact.found_in(joined)
            or self._names_in(words)
            or any(digits in self._wanted.digits for run in _EIGHT_DIGITS.findall(joined) for digits in _windows(run))
        )

    def _is_uid_in(self, text: str) -> bool:
        """Whether a text holds one of the object's own UIDs: they alone differ among objects of one evidence."""
        if text.isascii() and "." not in text:
            return False
        return any(uid in self._uids for spelling in spellings(folded(text)) for uid in _DOTTED.findall(spelling))

    def _names_in(self, words: list[str]) -> bool:
        """Whether a name stands inside a word, is two or three words together, or is spelled letter by letter."""
        together = ("".join(words[at : at + count]) for count in (2, 3) for at in range(len(words) - count + 1))
        spaced = "".join(words) if words and max(map(len, words)) == 1 else ""
        inside = any(self._wanted.names.found_in(word) for word in (*words, spaced))
        return inside or any(self._wanted.names.has(one) for one in together)


def _windows(run: str) -> Iterator[str]:
    return (run[start : start + 8] for start in range(len(run) - 7))


def _spelled(value: bytes) -> Iterator[float]:
    """The numbers of a DS or IS one by one: there may be millions."""
    parts = (found.group() for found in _COMPONENT.finditer(unpadded(value)))
    return (float(part) for part in parts if part.strip())
