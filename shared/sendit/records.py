"""What the status store holds of a batch and of an image, and which state may follow which. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sendit.deliveries import Delivery, DeliveryState
from sendit.errors import BatchError, Code, SenditError

MAX_ERRORS_KEPT = 100
IMAGES_A_WRITE = 400  # below the 500 writes of a Firestore commit, with room for the batch's own


class BatchState(StrEnum):
    """Where a batch stands."""

    QUEUE = "QUEUE"  # known, no message published yet
    NEW = "NEW"  # its message is published
    PROCESSING = "PROCESSING"
    DONEPROCESSING = "DONEPROCESSING"  # every image accounted for; the output store holds what was stored
    DONE = "DONE"  # stored at every destination, ready for clean-up
    EMPTY = "EMPTY"  # no image passed the filters: terminal, not an error
    ERROR = "ERROR"  # cannot go on; files kept, retry possible


class ImageState(StrEnum):
    """Where an image stands."""

    NEW = "NEW"
    PROCESSING = "PROCESSING"
    DONEPROCESSING = "DONEPROCESSING"  # de-identified, in the output store, verified there
    SENT = "SENT"  # stored and verified at every destination
    DONE = "DONE"  # cleaned up or ready for it
    REJECTED = "REJECTED"  # a filter said no; rule and reason recorded
    ERROR = "ERROR"


BATCH_TRANSITIONS: dict[BatchState, frozenset[BatchState]] = {
    # QUEUE → PROCESSING: the message may arrive before the publisher has written NEW
    BatchState.QUEUE: frozenset({BatchState.NEW, BatchState.PROCESSING, BatchState.ERROR}),
    BatchState.NEW: frozenset({BatchState.PROCESSING, BatchState.ERROR}),
    # PROCESSING → PROCESSING: a new attempt takes over where the last one stopped
    BatchState.PROCESSING: frozenset(
        {BatchState.PROCESSING, BatchState.DONEPROCESSING, BatchState.EMPTY, BatchState.ERROR}
    ),
    # back to QUEUE: asked for again by a person
    BatchState.DONEPROCESSING: frozenset({BatchState.DONE, BatchState.ERROR, BatchState.QUEUE}),
    BatchState.DONE: frozenset({BatchState.QUEUE}),
    BatchState.EMPTY: frozenset({BatchState.QUEUE}),
    BatchState.ERROR: frozenset({BatchState.QUEUE}),
}

IMAGE_TRANSITIONS: dict[ImageState, frozenset[ImageState]] = {
    # NEW → an outcome: the times of the states between are written with it, in one write
    ImageState.NEW: frozenset(
        {ImageState.PROCESSING, ImageState.DONEPROCESSING, ImageState.REJECTED, ImageState.ERROR}
    ),
    # begun, and not done when the time of an attempt was up; back to NEW: asked for again by a person
    ImageState.PROCESSING: frozenset(
        {ImageState.DONEPROCESSING, ImageState.REJECTED, ImageState.ERROR, ImageState.NEW}
    ),
    # DONEPROCESSING → DONE: with the time of SENT, in one write
    ImageState.DONEPROCESSING: frozenset({ImageState.SENT, ImageState.DONE, ImageState.ERROR, ImageState.NEW}),
    ImageState.SENT: frozenset({ImageState.DONE, ImageState.NEW}),
    ImageState.DONE: frozenset({ImageState.NEW}),
    # back to NEW: asked for again by a person
    ImageState.REJECTED: frozenset({ImageState.NEW}),
    ImageState.ERROR: frozenset({ImageState.NEW}),
}

CLAIMABLE = frozenset({BatchState.QUEUE, BatchState.NEW, BatchState.PROCESSING})
SENDABLE = frozenset({BatchState.DONEPROCESSING, BatchState.DONE})
STORED = frozenset({ImageState.DONEPROCESSING, ImageState.SENT, ImageState.DONE})
UNSETTLED = frozenset({ImageState.NEW, ImageState.PROCESSING})


def may_follow(old: BatchState | ImageState, new: BatchState | ImageState) -> bool:
    """Whether the tables above allow `new` after `old`."""
    if isinstance(old, BatchState):
        return new in BATCH_TRANSITIONS[old]
    return new in IMAGE_TRANSITIONS[old]


def check_transition(old: BatchState | ImageState, new: BatchState | ImageState) -> None:
    """Raise `SenditError` (illegal_transition) unless `new` may follow `old`."""
    if not may_follow(old, new):
        raise SenditError(Code.ILLEGAL_TRANSITION)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many images were found, and what became of them. Duplicates are counted among the stored."""

    found: int = 0
    stored: int = 0
    rejected: int = 0
    errored: int = 0
    duplicates: int = 0

    @property
    def settled(self) -> int:
        """How many images have an outcome."""
        return self.stored + self.rejected + self.errored

    def check_conservation(self) -> None:
        """Raise `BatchError` (conservation) unless every image found has exactly one outcome."""
        if self.found != self.settled:
            raise BatchError(
                Code.CONSERVATION,
                found=self.found,
                stored=self.stored,
                rejected=self.rejected,
                errored=self.errored,
            )

    def resting_state(self) -> BatchState:
        """The state in which a batch with these outcomes rests."""
        if self.found == self.rejected:
            return BatchState.EMPTY
        return BatchState.DONEPROCESSING


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """One error of a batch, for people: no header value, no file name."""

    code: Code
    sentence: str
    at: datetime
    image_id: str | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one worker to write a batch's status, until it expires."""

    owner: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """One folder of images and where it stands. `name` is None where names are hidden.

    `failures` counts the attempts in a row that settled no image, the one at work included; `last_failure` is what the
    last attempt that was cut short said, and None if its worker died without a word. `finalized` is the generation of
    the newest marker that was followed after the batch was known.
    """

    id: str
    name: str | None
    state: BatchState
    generation: int
    created_at: datetime
    updated_at: datetime
    ancestors: tuple[str, ...] = ()
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempt: int = 0
    failures: int = 0
    last_failure: ErrorEntry | None = None
    lease: Lease | None = None
    counts: Counts = field(default_factory=Counts)
    size_bytes: int = 0
    frozen: bool = False
    errors: tuple[ErrorEntry, ...] = ()
    error_count: int = 0
    has_new_arrivals: bool = False
    profile_digest: str = ""
    key_id: str = ""
    cleaned_at: datetime | None = None  # when the sources of what is stored were deleted
    finalized: int = 0
    deliveries: tuple[Delivery, ...] = ()

    @property
    def at_rest(self) -> bool:
        """Whether no worker has or will get this batch by itself."""
        return self.state not in CLAIMABLE

    @property
    def marked(self) -> int:
        """The generation of the newest marker that is accounted for."""
        return max(self.generation, self.finalized)

    def is_held(self, now: datetime) -> bool:
        """Whether a worker has a lease on it that has not expired."""
        return self.lease is not None and self.lease.expires_at > now

    @property
    def has_error(self) -> bool:
        """Whether anything of this batch went wrong, here or at a destination (a rejected image did not)."""
        return self.error_count > 0 or any(one.state is DeliveryState.ERROR for one in self.deliveries)

    @property
    def waits(self) -> bool:
        """Whether it has yet to come to a destination, and will be tried there by itself."""
        return any(one.state is DeliveryState.WAITING for one in self.deliveries)

    @property
    def delivered(self) -> bool:
        """Whether there are destinations, and every stored image is at each of them."""
        return bool(self.deliveries) and all(one.state is DeliveryState.DONE for one in self.deliveries)


@dataclass(frozen=True, slots=True)
class Image:
    """One object of a batch and where it stands: keyed id, de-identified names, never the original ones.

    `generation` is the one that its state is about. `blanked` is what was blanked in each of its frames: left, top,
    right and bottom of rectangles, half-open; None where that is not known. `earlier` are outputs of generations that
    this object had before, as far as they may still be there.
    """

    id: str
    batch_id: str
    state: ImageState
    times: tuple[tuple[ImageState, datetime], ...]
    generation: int = 0
    size_bytes: int = 0
    code: Code | None = None
    sentence: str = ""
    rule: str = ""
    output: str = ""
    output_bytes: int = 0
    output_crc32c: int = 0
    duplicate: bool = False
    blanked: tuple[int, ...] | None = None
    earlier: tuple[str, ...] = ()
