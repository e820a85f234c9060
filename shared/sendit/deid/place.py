"""Where the engine is while it walks through an object, and what it notes on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sendit.deid.dicom.creators import creators_of
from sendit.deid.report import MOST_CHARACTERS, MOST_LISTED, Done

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sendit.deid.course import Codecs
    from sendit.deid.dicom.element import Item
    from sendit.deid.likewise import Trace
    from sendit.deid.rules.actions import Action
    from sendit.deid.rules.compiled import Level
    from sendit.deid.rules.rule import Rule

_Known = tuple[bytes, int, list[tuple[str, "Action"]]]
"""A sequence as it was encoded, how many elements in it were kept, and what was done to the others, by path in it."""


class Notes:
    """What was done inside one top-level element; `trace` is of the item from which others are to be learnt."""

    __slots__ = ("changed", "characters_left", "kept", "known", "omitted", "trace")

    def __init__(self) -> None:
        self.known: dict[tuple[int, Level, Codecs, bool], _Known] = {}
        self.trace: Trace | None = None
        self.kept = 0
        self.characters_left = MOST_CHARACTERS
        self.changed: list[tuple[str, str]] = []
        self.omitted: dict[str, int] = {}

    def take(self, path: str, action: Action) -> None:
        """Lists an element that was changed, or counts it."""
        if len(self.changed) < MOST_LISTED and len(path) <= self.characters_left:
            self.characters_left -= len(path)
            self.changed.append((path, str(action)))
        else:
            self.omitted[str(action)] = self.omitted.get(str(action), 0) + 1

    def done(self, searched: int = 0) -> Done:
        """The account so far; `searched` elements were looked at by the gate."""
        return Done(self.kept, tuple(self.changed), tuple(self.omitted.items()), searched)


class Place:
    """Where elements stand: in the data set, or in an item of a sequence.

    `path` is what stands before their names in a report. `whole`: of what is here, nothing may stay but its
    structure; `forced` are the rules by tag that the concept of a content item makes.
    """

    __slots__ = ("_creators", "_item", "codecs", "forced", "level", "path", "whole")

    def __init__(
        self, level: Level, codecs: Codecs, item: Item, path: str, whole: bool, forced: Mapping[int, Rule]
    ) -> None:
        self.level = level
        self.codecs = codecs
        self.path = path
        self.whole = whole
        self.forced = forced
        self._item = item
        self._creators: Mapping[int, str] | None = None

    @property
    def creators(self) -> Mapping[int, str]:
        """The private creators that stand here."""
        if self._creators is None:
            self._creators = creators_of(self._item)
        return self._creators
