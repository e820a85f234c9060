"""What can be done to an element."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """The actions of Table E.1-1, of its options, of the keep list and of a user's profile.

    `STRUCTURE` is `KEEP` that holds even inside a sequence whose action is D.
    """

    REMOVE = "remove"
    EMPTY = "empty"
    DUMMY = "dummy"
    REMAP = "remap"
    SHIFT = "shift"
    CLEAN = "clean"
    KEEP = "keep"
    HASH = "hash"
    REPLACE = "replace"
    PSEUDONYM = "pseudonym"
    MARK = "mark"
    STRUCTURE = "structure"
