"""How a text is compared: in which spellings, as which words, and as which bytes it may stand elsewhere."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from sendit.deid.rules.tables import vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST_SEARCHED = 4
"""Shorter values are compared with whole elements: inside a text they would be found by chance."""

SHORTEST_INSIDE_A_WORD = 6
"""Shorter strings are found by chance inside words and among numbers."""

_WORD = re.compile(r"[^\W_]+")
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_WITHOUT_ACCENT = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})


def folded(text: str) -> str:
    """A text as it is compared: one spelling of every character, no case, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words_of(text: str) -> list[str]:
    """The words of a folded text: whatever separates them."""
    return _WORD.findall(text)


def spellings(text: str) -> tuple[str, ...]:
    """A folded text, and how it is written where there are no accents."""
    if text.isascii():
        return (text,)
    plain = (_unaccented(text), _unaccented(unicodedata.normalize("NFC", text).translate(_TWO_LETTERS)))
    return tuple(dict.fromkeys((text, *plain)))


def _unaccented(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.translate(_WITHOUT_ACCENT))
    return "".join(part for part in parts if not unicodedata.combining(part))


def encodings(text: str) -> Iterator[bytes]:
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


def is_vocabulary(words: list[str]) -> bool:
    """Whether every word is in the shipped vocabulary (HEAD, PHILIPS): such identifiers are not looked for."""
    known = _vocabulary_words()
    return all(word in known for word in words)
