"""How a text is compared: in which spellings, as which words, and as which bytes it may stand elsewhere."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache, wraps
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, TypeVar

from sendit.deid.rules.vocabulary import descriptors, generic_words, terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SHORTEST_SEARCHED = 4
"""Shorter values are compared with whole elements: inside a text they would be found by chance."""

SHORTEST_INSIDE_A_WORD = 6
"""Shorter strings are found by chance inside words and among numbers."""

_LONGEST_REMEMBERED = 64

_WORD = re.compile(r"[^\W_]+")
MONTHS = (
    "jan january januar janner jaenner janvier janv enero ene gennaio gen",
    "feb february februar feber fevrier fevr fev febrero febbraio",
    "mar march marz maerz mrz mars marzo",
    "apr april avril avr abril abr aprile",
    "may mai mayo maggio mag",
    "jun june juni juin junio giugno giu",
    "jul july juli juillet juil julio luglio lug",
    "aug august aout agosto ago",
    "sep sept september septembre septiembre setiembre settembre set",
    "oct october oktober okt octobre octubre ottobre ott",
    "nov november novembre noviembre",
    "dec december dezember dez decembre diciembre dic dicembre",
)
"""English, the short one first, German, French, Spanish and Italian, without accents."""
_MONTH_OF = {name: f"{at:02}" for at, names in enumerate(MONTHS, start=1) for name in names.split()}
_BESIDE_A_MONTH = frozenset({"st", "nd", "rd", "th", "er", "o", "of", "the", "de", "del", "di", "du", "den"})
"""17th of March, 17 de marzo de 1954, 1er mars."""
_DAY = re.compile(r"[0-9]{1,2}")
_YEAR = re.compile(r"[0-9]{4}|[0-9]{2}")
_SIX_DIGITS = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])")
_THREE_NUMBERS = re.compile(
    r"(?<![0-9])(?<![0-9][._])(?=([0-9]{1,2})([-/. _])([0-9]{1,2})\2([0-9]{1,2})(?![0-9])(?![._][0-9]))"
)
_LETTERS_OR_DIGITS = re.compile(r"[^\W\d_]+|\d+")
_EAST_ASIAN = re.compile(
    r"[\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]{2,}"
)
_EAST_ASIAN_CODECS = ("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "iso2022_jp")
_SHIFTS = re.compile(rb"\x1b(?:\$[@B]|\([BJ])")
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_WITHOUT_ACCENT = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})


Made = TypeVar("Made")


def remembered(most: int) -> Callable[[Callable[[str], Made]], Callable[[str], Made]]:
    """The same function, that knows what it made of the last so many texts, the long ones aside."""

    def remembering(function: Callable[[str], Made]) -> Callable[[str], Made]:
        known = lru_cache(most)(function)

        @wraps(function)
        def of(text: str) -> Made:
            return known(text) if len(text) <= _LONGEST_REMEMBERED else function(text)

        return of

    return remembering


def folded(text: str) -> str:
    """A text as it is compared: one spelling of every character, no case, single blanks."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words_of(text: str) -> list[str]:
    """The words of a folded text: whatever separates them."""
    return _WORD.findall(text)


@remembered(most=2_048)
def pieces_of(text: str) -> tuple[tuple[str, ...], ...]:
    """The words of a text, not yet folded, each in the pieces into which digits and a change of case part it."""
    words = _WORD.findall(unicodedata.normalize("NFKC", text))
    return tuple(
        tuple(piece.casefold() for run in _LETTERS_OR_DIGITS.findall(word) for piece in _parted_by_case(run))
        for word in words
    )


def _parted_by_case(word: str) -> list[str]:
    """XSmith as X and Smith, SmithJ as Smith and J, MRTAbdomen as MRT and Abdomen."""
    if word.islower() or word.isupper() or word.istitle():
        return [word]
    upper = [character.isupper() for character in word]
    starts = [
        at
        for at in range(1, len(word))
        if upper[at] and (not upper[at - 1] or (at + 1 < len(word) and not upper[at + 1]))
    ]
    return [word[start:end] for start, end in pairwise([0, *starts, len(word)])]


def together(pieces: Sequence[str], fewest: int, most: int) -> Iterator[str]:
    """Every so many neighbours as one word."""
    for at in range(len(pieces) - fewest + 1):
        joined = accumulate(pieces[at : at + most])
        yield from list(joined)[fewest - 1 :]


def spellings_of(pieces: Sequence[str]) -> set[tuple[str, ...]]:
    """Pieces as they are, and how they are written where there are no accents."""
    if all(map(str.isascii, pieces)):
        return {tuple(pieces)}
    spelled = [spellings(piece) for piece in pieces]
    return {tuple(one[0] for one in spelled), *(tuple(one[min(at, len(one) - 1)] for one in spelled) for at in (1, 2))}


def spellings(text: str) -> tuple[str, ...]:
    """A folded text, and how it is written where there are no accents."""
    if text.isascii():
        return (text,)
    plain = (_unaccented(text), _unaccented(unicodedata.normalize("NFC", text).translate(_TWO_LETTERS)))
    return tuple(dict.fromkeys((text, *plain)))


def _unaccented(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.translate(_WITHOUT_ACCENT))
    return "".join(part for part in parts if not unicodedata.combining(part))


def days_named_in(text: str) -> Iterator[str]:
    """The days that a folded text without accents names by their month, as YYYYMMDD or YYMMDD."""
    runs = [run for run in _LETTERS_OR_DIGITS.findall(text) if run not in _BESIDE_A_MONTH]
    for at, run in enumerate(runs):
        month = _MONTH_OF.get(run)
        if month is None:
            continue
        for beside in ([*runs[max(at - 1, 0) : at], *runs[at + 1 : at + 2]], runs[at + 1 : at + 3], runs[:at][-2:]):
            for day, year in (beside, beside[::-1]) if len(beside) == 2 else ():
                if _DAY.fullmatch(day) and _YEAR.fullmatch(year):
                    yield f"{year}{month}{day:0>2}"


def days_in_short_in(text: str) -> Iterator[str]:
    """The days of which a folded text may tell the year by two digits, as YYMMDD: 17.03.54, 3/17/54, 540317.

    Two single digits and two more with dots between are the version of a program (1.4.05), as are four numbers.
    """
    found = [(six[:2], six[2:4], six[4:]) for six in _SIX_DIGITS.findall(text)]
    for first, sign, second, third in _THREE_NUMBERS.findall(text):
        if sign in "-/" or len(first) + len(second) + len(third) > 4:
            found.append((first, second, third))
    for one, two, three in found:
        for year, month, day in ((one, two, three), (three, two, one), (three, one, two)):
            if len(year) == 2:
                yield f"{year}{month:0>2}{day:0>2}"


def spelled_out(words: list[str]) -> Iterator[str]:
    """What is spelled letter by letter, four letters or more: Z w i c k e l."""
    letters: list[str] = []
    for word in (*words, ""):
        if len(word) == 1 and word.isalpha():
            letters.append(word)
            continue
        if len(letters) >= SHORTEST_SEARCHED:
            yield "".join(letters)
        letters = []


def encodings(text: str) -> Iterator[bytes]:
    """The bytes a text may have among other bytes; `in_bytes` knows no case in ASCII and ignores zero bytes."""
    for spelling in {text} if text.isascii() else {text, text.lower(), text.upper()}:
        for codec in _codecs_of(spelling):
            encoded = _SHIFTS.sub(b"", spelling.encode(codec, "ignore")).lower()
            if len(encoded) >= SHORTEST_INSIDE_A_WORD and not _is_ramp(encoded):
                yield encoded


def _codecs_of(text: str) -> tuple[str, ...]:
    if text.isascii():
        return ("utf-8",)
    return ("utf-8", "latin-1", "utf-16-le", "utf-16-be", *(_EAST_ASIAN_CODECS if _EAST_ASIAN.search(text) else ()))


def in_east_asian(text: str) -> list[str]:
    """The runs of two or more Chinese, Japanese or Korean characters: so many are a whole name."""
    return [] if text.isascii() else _EAST_ASIAN.findall(text)


def is_east_asian(text: str) -> bool:
    """Whether a text is nothing but such a run."""
    return in_east_asian(text) == [text]


def _is_ramp(encoded: bytes) -> bool:
    """Whether bytes rise or fall evenly, as 123456 does: so do those of half of all lookup tables."""
    return len({after - before for before, after in pairwise(encoded)}) == 1


def is_vocabulary(words: list[str]) -> bool:
    """Whether every word is in the shipped vocabulary (HEAD, PHILIPS): such identifiers are not looked for."""
    known = terms()
    return all(word in known for word in words)


def is_long_term(text: str) -> bool:
    """Whether a folded text is one term of the shipped vocabulary that is too long to be somebody's by chance."""
    return len(text) >= SHORTEST_INSIDE_A_WORD and text in terms()


def distinctive_words(name: str) -> Iterator[str]:
    """The words of the name of an institution or a place that tell it by themselves: not hospital, not Radiology."""
    for word in words_of(folded(name)):
        if len(word) >= SHORTEST_SEARCHED and word.isalpha():
            plain = spellings(word)
            if not any(one in known for one in plain for known in (generic_words(), terms(), descriptors())):
                yield word
