"""What a rule blanks, as it is written in a file of rules, on its way from TOML."""

from typing import Any

from sendit.pixels import Cleaning, Rectangle
from sendit.screen.mistake import Mistake
from sendit.screen.regions import OutsideRegions

CLEANING_KEYS = ("blank", "keep", "margin")
_REGIONS = "ultrasound-regions"
_EDGES = 4
_LARGEST = 1 << 31


def cleaning_of(table: dict[str, Any]) -> Cleaning | OutsideRegions:
    """What a rule that cleans does.

    Raises:
        Mistake: it does not say so.
    """
    margin = table.get("margin", 0)
    if not isinstance(margin, int) or isinstance(margin, bool) or not 0 <= margin < _LARGEST:
        raise Mistake("margin is a number of pixels", "margin")
    if "margin" in table and "keep" not in table:
        raise Mistake("a margin is one of what is kept: keep = …", "margin")
    if table.get("keep") == _REGIONS:
        if "blank" in table:
            raise Mistake("beside the regions of an ultrasound nothing else is named; write another rule", "blank")
        return OutsideRegions(margin)
    blank, keep = _rectangles(table, "blank"), _rectangles(table, "keep")
    if not blank and not keep:
        raise Mistake(f'a rule that cleans says what: blank = [[…]], keep = [[…]] or keep = "{_REGIONS}"')
    try:
        return Cleaning(blank, keep, margin)
    except ValueError as error:
        raise Mistake(str(error), "blank" if blank else "keep") from None


def check_keys_of_cleaning(table: dict[str, Any], *, cleans: bool) -> None:
    """Checks that only a rule that cleans says what it blanks.

    Raises:
        Mistake: another one does.
    """
    for key in CLEANING_KEYS:
        if key in table and not cleans:
            raise Mistake(f'{key} belongs to a rule that cleans: clean = "…"', key)


def _rectangles(table: dict[str, Any], key: str) -> tuple[Rectangle, ...]:
    content = table.get(key, [])
    if not isinstance(content, list):
        raise Mistake(f"{key} is a list of rectangles: {key} = [[left, top, right, bottom]]", key)
    return tuple(_rectangle(key, edges) for edges in content)


def _is_edge(one: object) -> bool:
    return isinstance(one, int) and not isinstance(one, bool) and 0 <= one < _LARGEST


def _rectangle(key: str, edges: object) -> Rectangle:
    if not isinstance(edges, list) or len(edges) != _EDGES or not all(map(_is_edge, edges)):
        raise Mistake("a rectangle is four numbers of pixels: [left, top, right, bottom]", key)
    try:
        return Rectangle(*edges)
    except ValueError as error:
        raise Mistake(str(error), key) from None
