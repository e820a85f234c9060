"""A sign-off: a named person says that they have looked at exactly these files."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sendit.errors import Code, UsageError

_LONGEST_NAME = 64
_LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class SignOff:
    """Who looked at which files, when (UTC), at all of them or at the sample that is shown without --all.

    `not_shown` is how many files no page could show; that they were signed for all the same was asked for.

    Raises:
        UsageError: bad_setting, for a name or note that is too long or has control characters; it is not quoted.
    """

    name: str
    at: datetime
    digest: str
    files: int
    not_shown: int
    every: bool
    version: str
    note: str = ""

    def __post_init__(self) -> None:
        check_words(self.name, self.note)

    @property
    def scope(self) -> str:
        """What was looked at, in a word."""
        return "all" if self.every else "sample"


def check_words(name: str, note: str) -> None:
    """Raise `UsageError` (bad_setting) for a name or a note that no sign-off may have."""
    if not (name.isprintable() and name == name.strip() and 0 < len(name) <= _LONGEST_NAME):
        raise UsageError(Code.BAD_SETTING, f"A name has 1 to {_LONGEST_NAME} printable characters, no space around.")
    if not (note.isprintable() and len(note) <= _LONGEST_NOTE):
        raise UsageError(Code.BAD_SETTING, f"A note has at most {_LONGEST_NOTE} printable characters on one line.")


class SignOffs(Protocol):
    """The sign-offs of one OUT. They are added and read; none is ever changed."""

    def add(self, sign_off: SignOff) -> None:
        """Record one. Raises `TransientError` (no_space, status_unavailable)."""

    def all(self) -> list[SignOff]:
        """Every one, the oldest first. Raises `TransientError` (status_unavailable)."""
