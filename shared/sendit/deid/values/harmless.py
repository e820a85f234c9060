"""Whether a word of a description is harmless: a term of imaging, a number with its unit, or made of such."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sendit.deid.identity.spelling import folded, pieces_of, remembered, spellings
from sendit.deid.rules.vocabulary import descriptors, kernel_heads, months, number_heads, setting_heads, units

if TYPE_CHECKING:
    from collections.abc import Sequence

_DECIMAL = r"\d{1,4}(?:[.,]\d{1,4})?"
_NUMBER = re.compile(rf"({_DECIMAL})([^\W\d_]*)([23]?)")
_MULTIPLE = re.compile(rf"{_DECIMAL}(?:x{_DECIMAL}){{1,3}}([^\W\d_]*)")
_SETTING = re.compile(r"([^\W\d_]{1,6})(\d{1,4}(?:[.,]\d{1,2})?)([^\W\d_]*)")
YEAR = re.compile(r"(?:19|20)\d\d")
"""Four digits that may be one."""
_SIZES = frozenset({"1024", "2048", "4096"})
_DAY_AND_MONTH = re.compile(r"(?:0\d|[12]\d|3[01])[.,](?:0[1-9]|1[0-2])|(?:0[1-9]|1[0-2])[.,](?:[0-2]\d|3[01])")


@remembered(most=2_048)
def is_harmless(token: str) -> bool:
    """Whether a word by itself may stay."""
    if any(_is_term(one) or _is_number(one) for one in spellings(folded(token))):
        return True
    words = pieces_of(token)
    return len(words) == 1 and len(words[0]) > 1 and _are_harmless(words[0])


def _is_term(word: str) -> bool:
    return word in {"w/", "w/o"} or word.replace(".", "") in descriptors()


def _is_number(word: str) -> bool:
    """Whether a word is a number of up to four digits, or one with a unit or a setting: 0.75x0.75mm, TE30, Br40d."""
    number = _NUMBER.fullmatch(word)
    if number:
        value, unit, power = number.groups()
        if unit:
            return unit in units() and not _is_filled_up(value)
        return not (power and len(value) > 3) and _is_plain_number(value + power)
    multiple = _MULTIPLE.fullmatch(word)
    if multiple:
        return not multiple[1] or multiple[1] in units()
    setting = _SETTING.fullmatch(word)
    return setting is not None and _is_setting(*setting.groups())


def _is_plain_number(value: str) -> bool:
    """Whether a number is no year, no day and month, and not written or chosen as numbers of persons are."""
    whole, _, fraction = value.replace(",", ".").partition(".")
    if YEAR.fullmatch(whole) or YEAR.fullmatch(fraction) or _DAY_AND_MONTH.fullmatch(value):
        return False
    return bool(fraction) or (not _is_filled_up(whole) and (len(whole) < 4 or int(whole) % 100 == 0 or whole in _SIZES))


def _is_filled_up(digits: str) -> bool:
    return len(digits) > 2 and digits.startswith("0") and digits.isdigit()


def _is_setting(head: str, digits: str, tail: str) -> bool:
    if len(tail) == 1 and len(digits) == 2 and head in kernel_heads():
        return True
    if tail and tail not in units():
        return False
    if digits.isdigit() and len(digits) > 2:
        return head in setting_heads() and (digits == "2000" or _is_plain_number(digits))
    return head in setting_heads() or (not tail and head in number_heads() | kernel_heads())


def _are_harmless(pieces: Sequence[str]) -> bool:
    """Whether the pieces of a word are terms, with numbers of at most two digits among them: ep2d, AbdRoutine, SE12."""
    digits = [piece for piece in pieces if piece.isdigit()]
    if len("".join(digits)) > 4 or (digits and not months().isdisjoint(pieces)):
        return False
    at, longest = 0, 0
    while at < len(pieces):
        pair = "".join(pieces[at : at + 2])
        if at + 1 < len(pieces) and any(_is_term(one) or _is_number(one) for one in spellings(pair)):
            longest = max(longest, *map(_letters, pieces[at : at + 2]))
            at += 2
            continue
        if pieces[at].isdigit() and len(pieces[at]) <= 2:
            at += 1
            continue
        if not any(map(_is_term, spellings(pieces[at]))):
            return False
        longest = max(longest, len(pieces[at]))
        at += 1
    return longest > 1


def _letters(piece: str) -> int:
    return 0 if piece.isdigit() else len(piece)
