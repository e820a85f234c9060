"""What is planned for an image, what became of it, and who works on images."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from sendit.deadline import ENDLESS, Deadline
from sendit.errors import BatchError, Code, ImageError, SenditError, TransientError
from sendit.logs import event, place_of
from sendit.pixels import PassingFrames
from sendit.ports import Clock
from sendit.records import ImageState
from sendit.refs import BatchName, Entry
from sendit.screen import Decision

if TYPE_CHECKING:
    from sendit.deid import Entity, Identifiers

Result = TypeVar("Result")


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
class Inspected:
    """An image that may pass, and whose it is.

    `entity` and `uids` (of study, series and SOP instance) are the original ones: they go from a worker process to its
    parent and no further. `frames` is what the header says of the pixels; None where they stay as they are whatever
    hides in them. `looked_at` is whether text is looked for in the frames. `days` are Patient's Birth Date and Study
    Date as YYYYMMDD, '' for what is no eight digits, for a service that is asked for pseudonyms.
    """

    entry: Entry
    entity: "Entity"
    uids: tuple[str, str, str]
    frames: PassingFrames | None = None
    cleaned_by: Decision | None = None
    looked_at: bool = False
    days: tuple[str, str] = ("", "")

    def __repr__(self) -> str:
        return "Inspected(…)"


@dataclass(frozen=True, slots=True)
class Planned:
    """An inspected image, who it will be, and the name under which it will be stored.

    `identity` is the name that its pseudonyms and new UIDs make, whatever it is stored under.
    """

    inspected: Inspected
    who: "Identifiers"
    identity: str
    output: str

    @property
    def entry(self) -> Entry:
        """The staged object."""
        return self.inspected.entry


def guarded(
    entry: Entry, clock: Clock, started: datetime, steps: "Callable[[], Result | Outcome]"
) -> "Result | Outcome":
    """What the steps come to; what stops them is the image's error, with no text of theirs, unless it stops all."""
    try:
        if entry.problem is not None:
            raise ImageError(entry.problem)
        return steps()
    except (TransientError, BatchError):
        raise
    except SenditError as error:
        return _errored(entry, clock, started, error)
    except MemoryError:
        return _errored(entry, clock, started, ImageError(Code.WORKER_CRASHED))
    except Exception as error:  # noqa: BLE001  one image's defect must not take the batch along
        return _errored(entry, clock, started, ImageError(Code.INTERNAL_ERROR), place_of(error))


def _errored(entry: Entry, clock: Clock, started: datetime, error: SenditError, place: str = "") -> Outcome:
    return Outcome(entry, ImageState.ERROR, started, clock(), code=error.code, sentence=error.sentence, place=place)


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
    ) -> Iterator[Inspected | Outcome]:
        """Read each header and screen it."""

    def store(self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS) -> Iterator[Outcome]:
        """De-identify each image into the output store."""
