"""Cleaning descriptions (PS3.15 E.3.5): what stays is known to be harmless, everything else goes.

A word stays if it is in the shipped vocabulary of imaging, or a number with its unit or its setting (5mm, T1, b800),
or made of such (AbdRoutine, t1_mprage_sag_p2_iso), and if nothing of the object's own identity is in it or in what it
makes together with its neighbours. Dates, times, telephone and other long numbers, ages in years, years and
addresses of the net go, whoever's they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise, takewhile, zip_longest
from typing import TYPE_CHECKING

from sendit.deid.identity.spelling import folded, remembered, spellings
from sendit.deid.rules.vocabulary import ages, labels, months, number_heads, setting_heads, units
from sendit.deid.values.harmless import YEAR, is_harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sendit.deid.identity.matcher import Matcher

LONGEST = 10_240
"""As long as an LT may be: a longer text is no description, and nothing of it stays."""
_MOST_ROUNDS = 8
"""What goes may bring together what must go: after so many rounds of that nothing stays."""
_MOST_TOGETHER = 4
_MOST_BEHIND_A_LABEL = 8
_MOST_WORDS = 200
"""More of them are no description; somebody's name in it that is none by any word would cost too much to find."""
_MOST_DIGITS_IN_A_ROW = 5
"""Of numbers that stand together without units: more digits are a telephone number, a date or an identifier."""

_WORD = re.compile(r"\S+")
_NET = re.compile(r"@|://|www\.", re.IGNORECASE)
_TOKEN = re.compile(
    r"[wW]/[oO]?(?![^\W_])"  # w/, w/o
    r"|(?<![^\W_.])[^\W\d_](?:\.[^\W\d_])++\.?+(?![^\W_])"  # i.v., a.p.
    r"|[^\W_]++(?:(?<=\d)[.,:](?=\d)[^\W_]++)*+"  # Thorax, T2, 0.75mm, 1.2.840, 12:30
)
_DAY_OR_AGE = re.compile(r"\d{1,4}(?:st|nd|rd|th|er|o)?")
_DAY_DOT_MONTH = re.compile(r"(?:[1-9]|[0-2]\d|3[01])\.(?:[1-9]|1[0-2])")
_APOSTROPHES = ("'", "\u2019", "*")
_TITLES = frozenset({"dr", "prof", "hr", "fr", "mr", "mrs", "ms", "mme", "sr", "sra", "dott"})
_SIGNS = frozenset("_-/+&,;:.()[]=<>*#%× ")
_OPENING, _CLOSING, _JOINING = "([", ")]", "_-/+"
_BLANKS = re.compile(r"\s+")
_BETWEEN_NUMBERS = frozenset({"", "-", "/", ".", "_", "(", ")", "+"})


@dataclass(slots=True)
class _Token:
    """A word of a text and where it stands; `number`: of digits alone."""

    text: str
    plain: str
    start: int
    end: int
    number: bool
    stays: bool


def cleaned(text: str, matcher: Matcher) -> str:
    """The part of a description that may stay; what is longer than an LT loses everything.

    Cleaning again changes nothing.
    """
    if len(text) > LONGEST:
        return ""
    for _ in range(_MOST_ROUNDS):
        shorter = _without(text, matcher)
        if shorter == text:
            return text
        text = shorter
    return ""


def _without(text: str, matcher: Matcher) -> str:
    """A text after one round of cleaning."""
    tokens = [_Token(one.text, one.plain, one.start, one.end, one.number, one.stays) for one in _looked_over(text)]
    for token in tokens:
        if token.stays and matcher.echoes(token.text, short=True):
            token.stays = False
    result = _joined(text, tokens)
    if not matcher.echoes(result, short=True):
        return result
    _drop_phrases(tokens, matcher)
    result = _joined(text, tokens)
    return "" if matcher.echoes(result, short=True) else result


@remembered(most=512)
def _looked_over(text: str) -> list[_Token]:
    """The words of a text, with what may stay of them whoever it is about; not to be changed."""
    tokens = _tokens(text)
    _judge_numbers(text, tokens)
    return tokens


def _tokens(text: str) -> list[_Token]:
    nets = [word.span() for word in _WORD.finditer(text) if _NET.search(word.group())]
    tokens: list[_Token] = []
    for found in _TOKEN.finditer(text):
        while nets and nets[0][1] <= found.start():
            del nets[0]
        plain = spellings(folded(found.group()))[-1]
        stays = not (nets and nets[0][0] < found.end()) and (is_harmless(found.group()) or _is_unit(plain, tokens))
        tokens.append(_Token(found.group(), plain, *found.span(), plain.isdigit(), stays))
    return tokens


def _is_unit(word: str, before: list[_Token]) -> bool:
    """Whether a word is a unit behind a number, or behind another unit: 120 kV, mm2/s."""
    if word not in units() or not before or not before[-1].stays:
        return False
    last = before[-1].plain
    return last[:1].isdigit() or last.rstrip("23") in units()


def _judge_numbers(text: str, tokens: list[_Token]) -> None:
    """Takes out numbers that are more than that beside their neighbours; lets heads of the others stay: TE 100."""
    for run in _runs_of_numbers(text, tokens):
        digits = sum(len(token.plain) for token in run)
        if len(run) > 1 and (digits > _MOST_DIGITS_IN_A_ROW or _is_date(text, run)):
            _drop(run)
    for at, token in enumerate(tokens):
        before, behind = text[max(token.start - 1, 0) : token.start], text[token.end : token.end + 1]
        if token.plain in months() or token.plain in ages():
            near = [one for one in tokens[max(at - 2, 0) : at + 3] if _DAY_OR_AGE.fullmatch(one.plain)]
            _drop([*near, token] if near and token.plain in months() else near)
        elif token.plain in labels():
            _drop(takewhile(_begins_with_a_digit, tokens[at + 1 : at + _MOST_BEHIND_A_LABEL]))
        if (token.number and before in _APOSTROPHES) or (behind == "." and _DAY_DOT_MONTH.fullmatch(token.plain)):
            token.stays = False
        if token.plain in _TITLES and behind == "." and not token.text.isupper():
            _drop(tokens[at : at + 2])  # Dr. and whoever it is
    for token, after in pairwise(tokens):
        heads = setting_heads() | number_heads() if len(after.plain) <= 2 else setting_heads()
        if after.stays and after.number and token.plain in heads:
            token.stays = True


def _drop(tokens: Iterable[_Token]) -> None:
    for token in tokens:
        token.stays = False


def _begins_with_a_digit(token: _Token) -> bool:
    return token.plain[:1].isdigit()


def _runs_of_numbers(text: str, tokens: list[_Token]) -> Iterator[list[_Token]]:
    """Whole numbers that stand together, with nothing but a sign or a blank between them; one with a unit is none."""
    run: list[_Token] = []
    for token, after in zip_longest(tokens, tokens[1:]):
        if run and (not token.number or text[run[-1].end : token.start].strip() not in _BETWEEN_NUMBERS):
            yield run
            run = []
        with_unit = after is not None and after.plain in units() and not text[token.end : after.start].strip()
        if token.number and not with_unit:
            run.append(token)
    if run:
        yield run


def _is_date(text: str, run: list[_Token]) -> bool:
    """Whether two or more numbers look like a day and a month, or like these and a year."""
    between = {text[before.end : after.start].strip() for before, after in pairwise(run)}
    lengths = [len(token.plain) for token in run]
    if any(YEAR.fullmatch(token.plain) for token in run):
        return True
    if len(run) > 2:
        return between <= {"", "-", "/", ".", "_"} and max(lengths) == 2
    filled_up = any(len(token.plain) == 2 and token.plain.startswith("0") for token in run)
    return between <= {"-", "/", ".", "_"} and (filled_up or ("/" in between and max(lengths) == 2))


def _drop_phrases(tokens: list[_Token], matcher: Matcher) -> None:
    """Takes out neighbours that repeat an identifier together, the fewest first; of a long text everything."""
    if sum(token.stays for token in tokens) > _MOST_WORDS:
        _drop(tokens)
    for count in range(2, _MOST_TOGETHER + 1):
        kept = [token for token in tokens if token.stays]
        for at in range(len(kept) - count + 1):
            window = kept[at : at + count]
            phrase = " ".join(token.text for token in window)
            if all(token.stays for token in window) and matcher.echoes(phrase, short=True):
                _drop(window)


def _joined(text: str, tokens: list[_Token]) -> str:
    """What stays of a text, with the signs between, without brackets that have lost their other half."""
    kept = [token for token in tokens if token.stays]
    if not kept:
        return ""
    parts = [kept[0].text]
    for before, after in pairwise(kept):
        parts.extend((_between(text[before.end : after.start]), after.text))
    opening, closing = text[max(kept[0].start - 1, 0) : kept[0].start], text[kept[-1].end :][:1]
    return _balanced(opening * (opening in _OPENING) + "".join(parts) + closing * (closing in _CLOSING)).strip()


def _between(signs: str) -> str:
    """The signs that stood between two words, where nothing but signs did; else one of them, or a blank."""
    if signs and all(sign in _SIGNS or sign.isspace() for sign in signs):
        return _BLANKS.sub(" ", signs)
    opens, closes = set(signs) & set(_OPENING), set(signs) & set(_CLOSING)
    if len(opens) + len(closes) == 1:
        return "".join(closes) + " " + "".join(opens)
    return signs[0] if signs[:1] == signs[-1:] and signs[0] in _JOINING else " "


def _balanced(text: str) -> str:
    """A text with a blank for every bracket that has no other half."""
    if not any(bracket in text for bracket in _OPENING + _CLOSING):
        return text
    characters = list(text)
    opened: list[int] = []
    for at, character in enumerate(characters):
        if character in _OPENING:
            opened.append(at)
        elif character in _CLOSING:
            if opened and _OPENING.index(characters[opened[-1]]) == _CLOSING.index(character):
                opened.pop()
            else:
                characters[at] = " "
    for at in opened:
        characters[at] = " "
    return _BLANKS.sub(" ", "".join(characters))
