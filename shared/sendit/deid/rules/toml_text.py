"""TOML texts that users write: read to the last word, every mistake with its line.

The errors quote the text, which is the user's own and holds nothing of any patient.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

LARGEST_FILE = 1_000_000
_MOST_DOTS = 100
_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


class TomlError(ValueError):
    """A text that cannot be used: its line, and what is wrong there."""

    def __init__(self, line: int, reason: str) -> None:
        self.line, self.reason = line, reason
        super().__init__(f"line {line}: {reason}")

    def __reduce__(self) -> tuple[object, ...]:
        """Errors travel between worker processes."""
        return type(self), (self.line, self.reason)


def text_of(data: bytes) -> str:
    """The text of a file, as `tomllib.load` reads it.

    Raises:
        TomlError: it is too large, or not UTF-8.
    """
    if len(data) > LARGEST_FILE:
        raise TomlError(1, f"a file has at most {LARGEST_FILE} bytes, and this has {len(data)}")
    try:
        # a byte order mark is what some editors put first
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise TomlError(data.count(b"\n", 0, error.start) + 1, "this is not UTF-8") from None


def content_of(text: str) -> dict[str, Any]:
    """What a text says.

    Raises:
        TomlError: it is not TOML.
    """
    for at, written in enumerate(text.split("\n"), start=1):
        # tomllib takes the square of a dotted key's length, and a hostile one would last for hours
        if written.count(".") > _MOST_DOTS and not written.lstrip().startswith("#"):
            raise TomlError(at, f"a line has at most {_MOST_DOTS} dots")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _TOML_PLACE.search(str(error))
        line = int(found[1]) if found and found[1] else text.rstrip().count("\n") + 1
        reason = _TOML_PLACE.sub("", str(error))
        hint = "; tags and paths are spelled in quotes" if reason == "Invalid statement" else ""
        raise TomlError(line, f"this is not TOML: {reason[:1].lower()}{reason[1:]}{hint}") from None
    except RecursionError:
        raise TomlError(1, "this is nested too deep") from None
    except ValueError as error:  # a number that Python will not read, an impossible date
        raise TomlError(1, f"this is not TOML: {error}") from None
