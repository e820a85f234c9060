"""What is planned for an image, what became of it, and who works on images."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sendit.deadline import ENDLESS, Deadline
from sendit.errors import Code
from sendit.logs import event
from sendit.pixels import PassingFrames
from sendit.records import ImageState
from sendit.refs import BatchName, Entry
from sendit.screen import Decision


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image; the entry's name stays inside the process, only its keyed id is recorded.

    In the state PROCESSING it was begun, and not done when the time was up; nobody works on it any more.
    `blanked` is as in `sendit.records.Image`.
    """

    entry: Entry
    state: ImageState
    started_at: datetime
    finished_at: datetime
    code: Code | None = None
    sentence: str = ""
    rule: str = ""
    output: str = ""
    output_bytes: int = 0
    output_crc32c: int = 0
    created: bool = False
    report: str = ""
    place: str = ""
    blanked: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """An image that may pass, who it will be, and the name under which it will be stored.

    `frames` is what its header says of its pixels; None where they stay as they are whatever hides in them.
    `looked_at` is whether text is looked for in its frames.
    """

    entry: Entry
    identity: str
    output: str
    frames: PassingFrames | None = None
    cleaned_by: Decision | None = None
    looked_at: bool = False


def log_outcome(outcome: Outcome, batch_id: str, image_id: str) -> None:
    """One event for an image that was not stored: which one, by its keyed id, and why."""
    if outcome.code is not None:
        severity = logging.ERROR if outcome.place else logging.WARNING
        fields = {"place": outcome.place} if outcome.place else {}
        event(severity, outcome.sentence, batch_id=batch_id, image_id=image_id, code=outcome.code, **fields)
    elif outcome.rule:
        event(logging.INFO, outcome.sentence, batch_id=batch_id, image_id=image_id, rule=outcome.rule)


class ImageWorkers(Protocol):
    """Who works on images: this thread, or processes of their own. Results come in any order.

    What stops an image is an `Outcome`; what stops the attempt is raised (`TransientError`). When the deadline is
    near, what is not begun has no result.
    """

    def inspect(
        self, batch: BatchName, entries: Iterable[Entry], deadline: Deadline = ENDLESS
    ) -> Iterator[Planned | Outcome]:
        """Read each header, screen it, and name its output."""

    def store(self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS) -> Iterator[Outcome]:
        """De-identify each image into the output store."""
