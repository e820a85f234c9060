"""One page of a listing, pure (json_api/v1/objects/list)."""

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gcp_storage_emulator.gcs_glob import gcs_glob_match  # type: ignore[import-untyped]

from sendit.emulators.gcs.conditions import whole_number
from sendit.emulators.gcs.messages import invalid

LONGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """Names, common prefixes, and the token of the next page, empty on the last one."""

    names: list[str]
    prefixes: list[str]
    next_token: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a listing."""

    prefix: str = ""
    delimiter: str = ""
    start: str = ""
    end: str = ""
    glob: str = ""
    trailing_delimiter: bool = False
    limit: int = LONGEST_PAGE
    after: tuple[bool, str] | None = None  # what the page before ended with: whether a prefix, and which text

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "Question":
        """Read the parameters of `objects.list`; 400 for values that it refuses."""
        limit = whole_number(query, "maxResults")
        if limit is not None and limit < 0:
            raise invalid("Invalid value for maxResults.")
        question = cls(
            query.get("prefix", ""),
            query.get("delimiter", ""),
            query.get("startOffset", ""),
            query.get("endOffset", ""),
            query.get("matchGlob", ""),
            query.get("includeTrailingDelimiter", "").lower() == "true",
            min(limit or LONGEST_PAGE, LONGEST_PAGE),
            _read_token(query.get("pageToken", "")),
        )
        if question.glob and question.delimiter not in {"", "/"}:
            raise invalid("When listing with a glob pattern, the only supported delimiter is '/'.")
        return question

    def page(self, names: Sequence[str]) -> Page:
        """The page of `names`, which are sorted by code point (the order of their UTF-8)."""
        position = bisect_left(names, max(self.prefix, self.start))
        if self.after is not None:
            was_prefix, text = self.after
            position = max(position, (bisect_left if was_prefix else bisect_right)(names, text))
            while was_prefix and position < len(names) and names[position].startswith(text):
                position += 1
        items: list[str] = []
        prefixes: list[str] = []
        last = (False, "")
        while position < len(names) and names[position].startswith(self.prefix):
            name = names[position]
            if self.end and name >= self.end:
                break
            position += 1
            if self.glob and not gcs_glob_match(self.glob, name):
                continue
            folder = self._folder(name)
            shown = bool(folder) and (not prefixes or prefixes[-1] != folder)
            if shown and self.glob and not gcs_glob_match(self.glob, folder):
                shown = False
            itself = not folder or (self.trailing_delimiter and name == folder)
            if not shown and not itself:
                continue
            if len(items) + len(prefixes) >= self.limit:
                return Page(items, prefixes, _token(*last))
            if shown:
                prefixes.append(folder)
            if itself:
                items.append(name)
            last = (bool(folder), folder or name)
        return Page(items, prefixes, "")

    def _folder(self, name: str) -> str:
        if not self.delimiter:
            return ""
        head, found, _ = name[len(self.prefix) :].partition(self.delimiter)
        return self.prefix + head + found if found else ""


def _token(was_prefix: bool, text: str) -> str:
    return base64.urlsafe_b64encode(f"{'p' if was_prefix else 'n'}{text}".encode()).decode()


def _read_token(token: str) -> tuple[bool, str] | None:
    if not token:
        return None
    try:
        text = base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, ValueError):
        raise invalid("Invalid value for pageToken.") from None
    return text[:1] == "p", text[1:]
