"""A piece of a long walk in the order of names, and where the next one goes on.

That place is kept beside the names, in the staging area. A name that is in the way is passed by: it has its turn again
with the next walk.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

from sendit.deadline import Deadline
from sendit.ids import DocumentIds
from sendit.ports import BatchQueue, Clock, Staging, StatusStore
from sendit.setbacks import Setbacks
from sendit.staging_area import Reports, StagingArea


@dataclass(frozen=True, slots=True)
class Walking:
    """What the walks need. A folder without a marker is reported when nothing came to it for `report_after`."""

    staging: Staging
    area: StagingArea
    reports: Reports
    store: StatusStore
    queue: BatchQueue
    ids: DocumentIds
    clock: Clock
    show_name: bool
    report_after: timedelta
    deadline: Deadline


class Named(Protocol):
    """What a walk comes by."""

    @property
    def name(self) -> str:
        """Its place in the order."""


_One = TypeVar("_One", bound=Named)


def walk(
    bookmark: str, world: Walking, listed: Callable[[str], Iterator[_One]], most: int, look_at: Callable[[_One], bool]
) -> int:
    """Look at no more than `most`, and say of how many of them something was done.

    Raises the first `SenditError` that one of them was stopped by, after the others had their turn.
    """
    begun = reached = world.area.bookmark(bookmark)
    setbacks, left, done = Setbacks(), most, 0
    try:
        for one in listed(begun):
            reached = one.name
            if not left or world.deadline.near or setbacks.too_many:
                break
            left -= 1
            with setbacks.kept():
                done += look_at(one)
        else:
            reached = ""
    finally:
        go_on_at(bookmark, begun, reached, world)
    setbacks.raise_first()
    return done


def go_on_at(bookmark: str, begun: str, reached: str, world: Walking) -> None:
    """Remember where the next piece begins, if that is not where this one did."""
    if reached != begun:
        world.area.set_bookmark(bookmark, reached)
