"""The words that an object may hold whatever its patient is called; importable without pydicom, read when needed.

Two sets: `terms` are exempt from the search for identity in coded strings and in what the keep list keeps;
`descriptors` may stay in free text that is cleaned, unless they are somebody's there. All are casefolded and
spelled without accents; how they came here, and why, says each file and `tools/standard/vocabulary.py`.
"""

from __future__ import annotations

from functools import cache

from sendit.deid.rules.tables import table


@cache
def terms() -> frozenset[str]:
    """Words of the standard's defined terms, of makers and of models: an identifier of them is not looked for."""
    entries = (entry for words in table("vocabulary.json")["words"].values() for entry in words)
    return frozenset(word for entry in entries for word in entry.casefold().split("_"))


@cache
def descriptors() -> frozenset[str]:
    """Words of which descriptions of images are made, without those that are common names of persons."""
    return _words("descriptors")


@cache
def generic_words() -> frozenset[str]:
    """Words that are part of the names of many institutions and tell none of them."""
    return _words("institutions")


@cache
def number_heads() -> frozenset[str]:
    """What may stand before one or two digits: L5, phase2."""
    return _words("before numbers", "spine and views")


@cache
def setting_heads() -> frozenset[str]:
    """What may stand before up to four digits: TE30, b800."""
    return _words("before numbers", "settings")


@cache
def kernel_heads() -> frozenset[str]:
    """What may stand before two digits and a letter: Br40d."""
    return _words("before numbers", "kernels")


@cache
def units() -> frozenset[str]:
    """Units that may follow a number, glued to it or not."""
    return _words("units")


@cache
def ages() -> frozenset[str]:
    """Words beside which a number is an age."""
    return _words("around numbers", "ages")


@cache
def months() -> frozenset[str]:
    """Words beside which a number is a date."""
    return _words("around numbers", "months")


@cache
def labels() -> frozenset[str]:
    """Words behind which a number is somebody's."""
    return _words("around numbers", "labels")


def _words(part: str, name: str = "") -> frozenset[str]:
    groups = table("descriptors.json")[part]
    chosen = [groups[name]] if name else groups.values()
    return frozenset(word for group in chosen for word in group["words"].split())
