"""Regular expressions of a file of rules: only those whose search takes a bounded time, whatever a header says.

Python's search goes back over every way in which a value may fit. Where a repetition stands in another one, or
alternatives do, there are exponentially many; repetitions one behind the other multiply. Of values that are no longer
than `LONGEST_MATCHED` what is allowed here takes a fraction of a second.
"""

import re
from collections.abc import Iterator
from re import _parser  # type: ignore[attr-defined]  # nothing public tells how an expression is built
from typing import Any

from sendit.deid.rules.attribute import quoted
from sendit.screen.mistake import Mistake

_MOST_REPETITIONS = 3
_REPETITIONS = frozenset({"MAX_REPEAT", "MIN_REPEAT"})


def check_pattern(pattern: str) -> None:
    """Checks a regular expression.

    Raises:
        Mistake: it is none, or a value could be made on which its search takes for ever.
    """
    try:
        re.compile(pattern, re.IGNORECASE)
        parsed = _parser.parse(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise Mistake(f"{quoted(pattern)} is no regular expression: {error}", pattern) from None
    repetitions = 0
    for name, content in _parts(parsed):
        if name in _REPETITIONS and _varies(content):
            repetitions += 1
        if name in _REPETITIONS and content[1] > 1 and any(map(_branches, _parts(content[2]))):
            raise Mistake(f"{quoted(pattern)} repeats what has repetitions or alternatives in it", pattern)
    if repetitions > _MOST_REPETITIONS:
        raise Mistake(f"{quoted(pattern)} has more than {_MOST_REPETITIONS} repetitions", pattern)


def _varies(repetition: Any) -> bool:
    least, most, _ = repetition
    return bool(most > 1 and most != least)


def _branches(part: tuple[str, Any]) -> bool:
    name, content = part
    return name == "BRANCH" or (name in _REPETITIONS and bool(content[0] != content[1]))


def _parts(content: Any) -> Iterator[tuple[str, Any]]:
    """Every part of a parsed expression with the name of what it is, and the parts within."""
    if isinstance(content, _parser.SubPattern):
        for operator, inner in content:
            yield str(operator), inner
            yield from _parts(inner)
    elif isinstance(content, list | tuple):
        for inner in content:
            yield from _parts(inner)
