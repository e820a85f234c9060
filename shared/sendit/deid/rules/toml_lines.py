"""On which line of a TOML text a key stands, which `tomllib` does not tell.

The text is known to be valid TOML; only where statements begin and end is found here, their keys are read by
`tomllib` again.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Keys = tuple[str, ...]

_MARK = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?!")|\'\'\'.*?\'\'\'(?!\')|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}\n=]', re.DOTALL
)


class Lines:
    """The line of each key of a TOML text, from 1."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._spans: dict[Keys, tuple[int, int]] = {}
        self._first_below: dict[Keys, tuple[int, int]] = {}
        table: Keys = ()
        line, counted = 1, 0
        for start, key, end in _statements(text):
            line += text.count("\n", counted, start)
            last = line + text.count("\n", start, end)
            counted = start
            if key.startswith("["):
                table = keys = _keys_of(f"[{key.strip('[] ')}]")
                known = 0
            else:
                keys = (*table, *_keys_of(f"{key} = 0"))
                known = len(table)
            self._spans.setdefault(keys, (line, last))
            for length in range(known + 1, len(keys)):
                self._first_below.setdefault(keys[:length], (line, last))

    def line(self, *keys: str, value: str | None = None) -> int:
        """The line of a key, or of the nearest table around it; of a text in its value, where that is found; else 1."""
        for length in range(len(keys), 0, -1):
            span = self._spans.get(keys[:length]) or self._first_below.get(keys[:length])
            if span is not None:
                return self._line_of_value(span, value) if value is not None else span[0]
        return 1

    def _line_of_value(self, span: tuple[int, int], value: str) -> int:
        lines = self._text.split("\n")[span[0] - 1 : span[1]]
        return next((span[0] + at for at, line in enumerate(lines) if value in line), span[0])


def _statements(text: str) -> Iterator[tuple[int, str, int]]:
    """Each statement's start, its header or key as it is written, and its end."""
    start, depth, key_end = 0, 0, -1
    for match in _MARK.finditer(f"{text}\n"):
        mark = match[0]
        if mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
            if depth == 0 and key_end < 0:  # a header ends here, and a comment may follow
                key_end = match.end()
        elif mark == "=" and depth == 0 and key_end < 0:
            key_end = match.start()
        elif mark[0] == "#" and key_end < 0 and depth == 0 and not text[start : match.start()].strip():
            start = match.end()
        elif mark == "\n" and depth == 0:
            written = text[start : match.start() if key_end < 0 else key_end]
            if written.strip():
                at = start + len(written) - len(written.lstrip())
                yield at, written.strip(), match.start()
            start, key_end = match.end(), -1


def _keys_of(statement: str) -> Keys:
    """The keys of `a.b = 0` or of `[a.b]`; none if it is no such thing after all."""
    try:
        content: object = tomllib.loads(statement)
    except (ValueError, RecursionError):
        return ()
    keys: list[str] = []
    while isinstance(content, dict) and content:
        key, content = next(iter(content.items()))
        keys.append(key)
    return tuple(keys)
