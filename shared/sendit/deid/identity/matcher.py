"""Finding an object's own identity in what is to be kept, in time linear in the text and in the evidence.

A text is looked at in up to three spellings (as it is, accents stripped, ä as ae), and in each of them

* word by word: an identifier is a phrase of words, whatever stands between them;
* piece by piece, where case or digits part a word: there a name may be glued to an initial (JSmith, Smith2);
* without anything but letters and digits: there a longer identifier may stand inside a word;
* for runs of digits that are one of the dates, and for days that are written with the name of their month;
* for what is spelled letter by letter.

Identifiers of which every word is in the shipped vocabulary (HEAD, PHILIPS) are not looked for, but by `echoes`; nor
is anything in a text that is one long term of it: MONOCHROME2 describes pixels, though the patient be Mono Chrome.
The object's own UIDs differ among the slices of a series, which share everything else: they are looked for apart,
as dotted numbers. Everything is a look-up by hash: a hostile object may hold many identifiers and much text at once.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import TYPE_CHECKING

from sendit.deid.dicom.text import unpadded
from sendit.deid.identity.spelling import (
    SHORTEST_INSIDE_A_WORD,
    SHORTEST_SEARCHED,
    days_in_short_in,
    days_named_in,
    folded,
    is_long_term,
    is_vocabulary,
    pieces_of,
    spelled_out,
    spellings,
    spellings_of,
    together,
    words_of,
)
from sendit.deid.identity.wanted import wanted_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sendit.deid.identity.evidence import Evidence

_MOST_REMEMBERED, _LONGEST_REMEMBERED = 10_000, 256
_LONGEST_TEXT = 10_240
"""As long as an LT may be: a longer one is no technical text, and is not taken apart."""
_SHORTEST_UID = 10
"""Shorter ones look like the version of a program."""
_MOST_COMPONENTS = 32
"""As many as 64 characters hold."""
_MOST_PIECES = 12
"""More than the words of an identifier that are looked for: case may part them, too."""

_LARGE = 100_000
_FEW = 500
"""So many pairs are sooner compared than made ready to be looked up."""
_DIGIT = re.compile(r"[0-9]")
_EIGHT_DIGITS = re.compile(r"[0-9]{8,}")
_DOTTED = re.compile(r"(?<![0-9])[0-9]++(?:\.[0-9]++)++")
_DOTTED_OTHERWISE = re.compile(r"(?<![0-9])[0-9]++([-_ ,:/])[0-9]++(?:\1[0-9]++){2,}+")
_COMPONENT = re.compile(rb"[^\\]+")
_ONE_SMALL = rb" *+(?:[+-]?+(?:[0-9]{1,5}+(?:\.[0-9]*+)?+|\.[0-9]++))?+ *+"
_SMALL = re.compile(rb"%b(?:\\%b)*+" % (_ONE_SMALL, _ONE_SMALL))
"""Numbers below 100000, one by one: none that is looked for."""
_NUMBERS = {vr: Struct(f"<{code}") for vr, code in zip(("UL", "SL", "UV", "SV", "FL", "FD"), "LlQqfd", strict=True)}


def dotted_in(text: str) -> frozenset[str]:
    """The longest dotted numbers in a text that may be UIDs, however their dots and digits are written."""
    if text.isascii() and not any(map(text.__contains__, ".-_ ,:/")):
        return frozenset()
    found = set()
    for spelling in spellings(folded(text)):
        found.update(_DOTTED.findall(spelling))
        found.update(re.sub(r"[^0-9]", ".", one.group()) for one in _DOTTED_OTHERWISE.finditer(spelling))
    return frozenset(one for one in found if len(one) >= _SHORTEST_UID)


def uids_in(dotted: frozenset[str], uids: frozenset[str]) -> bool:
    """Whether one of the UIDs is a dotted number or some whole components of it; long UIDs by their beginning."""
    if len(dotted) * len(uids) <= _FEW and not any(
        _beginning(uid) in number for number in dotted for uid in uids if len(uid) >= _SHORTEST_UID
    ):
        return False
    wanted = {_beginning(uid) for uid in uids if len(uid) >= _SHORTEST_UID}
    if not wanted.isdisjoint(dotted):
        return True
    lengths = {uid.count(".") + 1 for uid in wanted}
    for number in dotted:
        parts = number.split(".")
        for length in lengths:
            if any(".".join(parts[at : at + length]) in wanted for at in range(len(parts) - length + 1)):
                return True
    return False


def _beginning(uid: str) -> str:
    return uid if uid.count(".") < _MOST_COMPONENTS else ".".join(uid.split(".")[:_MOST_COMPONENTS])


class Matcher:
    """The evidence of one object, made ready to be looked for."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self._wanted = wanted_of(evidence)

    def in_text(self, text: str, *, short: bool) -> bool:
        """Whether a value of text repeats an identifier.

        `short`: one of fewer than four characters counts too, and so does a date with two digits for the year, which
        a code may be by chance. The object's own UIDs are not looked for.
        """
        if len(text) > _LONGEST_TEXT:
            return True
        known = self._wanted.known[short]
        found = known.get(text)
        if found is None:
            whole = folded(text)
            found = not is_long_term(whole) and (
                (short and self._is_short(whole))
                or any(self._in_spelling(spelling, short=short) for spelling in spellings(whole))
                or self._is_glued_in(text)
            )
            _remember(known, text, found)
        return found

    def echoes(self, text: str, *, short: bool) -> bool:
        """Whether a value of text repeats an identifier, even one that is made of words of the vocabulary.

        For text of which nothing is needed. `short`: a name of two or three letters counts wherever it is a word.
        """
        if self.in_text(text, short=short):
            return True
        known = self._wanted.known_strictly[short]
        found = known.get(text)
        if found is None:
            found = self._is_strictly_in(text, short=short)
            _remember(known, text, found)
        return found

    def dotted_in(self, text: str) -> frozenset[str]:
        """The dotted numbers of a text that may be UIDs, remembered for the slices of a series."""
        known = self._wanted.dotted
        found = known.get(text)
        if found is None:
            found = dotted_in(text) if len(text) <= _LONGEST_TEXT else frozenset()
            if len(known) < _MOST_REMEMBERED and len(text) <= _LONGEST_REMEMBERED:
                known[text] = found
        return found

    def in_bytes(self, value: bytes) -> bool:
        """Whether bytes of any kind hold an identifier: of any case, or in the two bytes of UTF-16."""
        encoded = self._wanted.encoded
        if len(value) < SHORTEST_INSIDE_A_WORD or len(value) < encoded.shortest:
            return False
        lower = value.lower()
        if len(lower) - len(lower.translate(None, encoded.alphabet)) < encoded.shortest:
            return False
        return encoded.found_in(lower) or (b"\0" in lower and encoded.found_in(lower.replace(b"\0", b"")))

    def is_one_of_the_numbers(self, component: bytes) -> bool:
        """Whether a number that is spelled out is a date or an identifier of six digits or more."""
        return any(self._is_known(number, self._wanted.numbers) for number in _spelled(component))

    def in_spelled_numbers(self, value: bytes) -> bool:
        """Whether one value of a DS or IS is a date or an identifier of six digits or more, however spelled."""
        if self._wanted.smallest_number >= _LARGE and _SMALL.fullmatch(value) is not None:
            return False
        try:
            return self.is_one_of_the_numbers(value)
        except ValueError:
            return True

    def in_numbers(self, vr: str, value: bytes) -> bool:
        """Whether one value of a binary number is a date or an identifier of six digits or more."""
        if vr not in _NUMBERS:
            return False
        wanted = self._wanted.single_numbers if vr == "FL" else self._wanted.numbers
        number = _NUMBERS[vr]
        for (one,) in number.iter_unpack(value[: len(value) // number.size * number.size]):
            if self._is_known(one, wanted):
                return True
        return False

    def _is_known(self, number: float, wanted: set[float]) -> bool:
        """Whether a number is wanted, or begins with a day: 20200229.5, 202002291030."""
        whole = abs(number)
        if whole in wanted:
            return True
        return 1e7 <= whole < 1e15 and str(int(whole))[:8] in self._wanted.days

    def _is_short(self, whole: str) -> bool:
        return whole in self.evidence.compared and not is_vocabulary(words_of(whole))

    def _in_spelling(self, text: str, *, short: bool) -> bool:
        wanted, words = self._wanted, words_of(text)
        joined = "".join(words)
        if wanted.words.found_in(words) or wanted.compact.found_in(joined) or self._names_in(words):
            return True
        if not joined.isascii() and wanted.has_east_asian_in(joined):
            return True
        for run in _EIGHT_DIGITS.findall(joined):
            if any(digits in wanted.digits for digits in _windows(run)):
                return True
        return self._is_day_in(text, short=short)

    def _is_day_in(self, text: str, *, short: bool) -> bool:
        """Whether a day is written with the name of its month or, where it may be, with two digits for the year."""
        wanted = self._wanted
        if not wanted.dates or _DIGIT.search(text) is None:
            return False
        return any(day in wanted.dates or day in wanted.short_dates for day in days_named_in(text)) or (
            short and any(day in wanted.short_dates for day in days_in_short_in(text))
        )

    def _names_in(self, words: list[str]) -> bool:
        """Whether a name stands inside a word, is two or three words together, or is spelled letter by letter."""
        names, spelled = self._wanted.names, list(spelled_out(words)) if len(words) >= SHORTEST_SEARCHED else []
        for word in words + spelled:
            if names.found_in(word):
                return True
        if len(words) > 1 and any(names.has(one) for one in together(words, 2, 3)):
            return True
        return any(
            word[at : at + length] in self._wanted.glued
            for word in spelled
            for length in range(SHORTEST_SEARCHED, SHORTEST_INSIDE_A_WORD)
            for at in range(len(word) - length + 1)
        )

    def _is_glued_in(self, text: str) -> bool:
        """Whether a name of four letters or more is parted from the rest of a word by case or digits alone."""
        names = self._wanted.glued
        if not names:
            return False
        for pieces in pieces_of(text):
            if len(pieces) > 1 and any(
                one in names for spelled in spellings_of(pieces) for one in together(spelled, 1, 3)
            ):
                return True
        return False

    def _is_strictly_in(self, text: str, *, short: bool) -> bool:
        """Whether an identifier is some pieces of the text together, whatever parts them."""
        words = pieces_of(text)
        for pieces in spellings_of([piece for word in words for piece in word]):
            if any(one in self._wanted.strict for one in together(pieces, 1, _MOST_PIECES)):
                return True
        names = self._wanted.strict_short if short else ()
        return bool(names) and any(
            one in names for pieces in words for spelled in spellings_of(pieces) for one in together(spelled, 1, 3)
        )


def _remember(known: dict[str, bool], text: str, found: bool) -> None:
    if len(known) < _MOST_REMEMBERED and len(text) <= _LONGEST_REMEMBERED:
        known[text] = found


def _windows(run: str) -> Iterator[str]:
    return (run[start : start + 8] for start in range(len(run) - 7))


def _spelled(value: bytes) -> Iterator[float]:
    """The numbers of a DS or IS one by one: there may be millions."""
    parts = (found.group() for found in _COMPONENT.finditer(unpadded(value)))
    return (float(part) for part in parts if part.strip())
