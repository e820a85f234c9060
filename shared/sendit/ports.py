"""What the use cases need of the world, as protocols.

Every adapter of a port passes that port's contract suite in `tests/contract/`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, Protocol

from sendit.answers import KeptAnswers
from sendit.deliveries import Delivery
from sendit.records import Batch, BatchState, Counts, ErrorEntry, Image, Lease
from sendit.refs import BatchMessage, BatchName, Entry

if TYPE_CHECKING:
    from sendit.deid.identity.entity import Entity, Identifiers
    from sendit.patients import Patients

Clock = Callable[[], datetime]


class Staging(KeptAnswers, Protocol):
    """Where uploaders put batches. Read by generation, never changed by reading."""

    def list(self, batch: BatchName) -> Iterator[Entry]:
        """Everything below the batch's folder, in any order; what cannot be read carries its `problem`.

        Nothing is left out. An absent folder lists as nothing. Raises `TransientError` (staging_unavailable).
        """

    def open(self, batch: BatchName, entry: Entry) -> AbstractContextManager[BinaryIO]:
        """The bytes of exactly that generation, seekable.

        Raises `ImageError`: changed_during_processing if that generation is gone (also when leaving the
        context, if it changed meanwhile), unreadable, or the entry's own problem.
        """

    def write_manifest(self, batch_id: str, generation: int, data: bytes) -> None:
        """Keep a frozen manifest; one that is there already stays as it is."""

    def read_manifest(self, batch_id: str, generation: int) -> bytes | None:
        """The frozen manifest, or None."""

    def manifests(self, batch_id: str) -> Iterator[bytes]:
        """Every frozen manifest of a batch, oldest first: one for each time that it was asked for."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object of the output store. `created` is False if the same bytes were there before."""

    name: str
    size: int
    crc32c: int
    created: bool


@dataclass(frozen=True, slots=True)
class Stat:
    """The size of a stored object in bytes, and its crc32c where the store knows it without reading the object."""

    size: int
    crc32c: int | None = None


class PendingOutput(Protocol):
    """An object being written. Leaving the context without `commit` leaves no trace of it."""

    def write(self, data: bytes, /) -> int:
        """Append. Raises `TransientError` (no_space, output_unavailable)."""

    def commit(self) -> Stored:
        """Make it visible, whole, under its name, verified by crc32c.

        A folder's bytes are read back; Cloud Storage says what it has computed of those it stored. Create-only:
        the same bytes under the name are a no-op, other bytes raise `ImageError` (conflict).
        Raises `TransientError` (output_not_verified, no_space, output_unavailable).
        """


class OutputStore(Protocol):
    """Where the worker writes every de-identified image, create-only."""

    def create(self, name: str, metadata: Mapping[str, str] | None = None) -> AbstractContextManager[PendingOutput]:
        """Begin an object; `name` comes from `refs.output_name`.

        `metadata` is kept beside it where the store has a place for that, and is lost elsewhere: de-identified values
        alone. What is there already keeps its own.
        """

    def stat(self, name: str) -> "Stat | None":
        """What a stored object is, without reading it; None if there is none."""

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """The bytes of a stored object. Raises FileNotFoundError."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A batch as the status store has it. `created` is False if it was known before."""

    batch: Batch
    created: bool


class StatusStore(Protocol):
    """Where batches and images stand. Refuses every transition that `records` does not allow.

    Methods that take a lease are fenced: they raise `LeaseLost` and write nothing unless that lease is still
    the batch's. All raise `TransientError` (status_unavailable) if the store cannot be reached.
    """

    def register(self, batch: Batch) -> Registered:
        """Create the batch as given, or return the one that is known under its id.

        Raises `Refused` (overlap) if a known batch lies around it or inside it; then nothing is created.
        """

    def mark_published(self, batch_id: str, now: datetime) -> None:
        """Record that the batch's message was published: QUEUE → NEW, and of any other state only the time.

        What is at rest and waits for no destination, or is in a worker's hands, stays as it is.
        """

    def batch(self, batch_id: str) -> Batch | None:
        """One batch."""

    def batches(self) -> Iterator[Batch]:
        """All batches, oldest first."""

    def images(self, batch_id: str) -> Iterator[Image]:
        """All images of a batch, in any order."""

    def claim(self, batch_id: str, lease: Lease, now: datetime) -> Batch:
        """Take the batch for one worker: PROCESSING, attempt and failures one higher, lease written.

        Raises `Refused` (unknown_batch), `LeaseHeld` while another's lease has not expired. A batch at rest is
        returned as it is, without a lease.
        """

    def renew(self, batch_id: str, lease: Lease, now: datetime) -> None:
        """Write the lease's later expiry."""

    def freeze(
        self,
        batch_id: str,
        lease: Lease,
        *,
        found: int,
        size_bytes: int,
        profile_digest: str,
        key_id: str,
        now: datetime,
    ) -> None:
        """Record that the manifest is written, what it counts, and under which profile and key."""

    def add_images(self, batch_id: str, lease: Lease, images: Sequence[Image], now: datetime) -> None:
        """Create images that are not known yet; known ones stay as they are."""

    def save_outcomes(
        self,
        batch_id: str,
        lease: Lease,
        images: Sequence[Image],
        counts: Counts,
        errors: Sequence[ErrorEntry],
        now: datetime,
    ) -> None:
        """Write images' outcomes, the batch's counts and its new errors together.

        With an outcome that settles an image, the attempt is no failure any more.
        """

    def finish(
        self,
        batch_id: str,
        lease: Lease,
        state: BatchState,
        errors: Sequence[ErrorEntry],
        now: datetime,
        destinations: Collection[str] = (),
    ) -> Batch:
        """Let the batch rest in `state`, with what is stored of it waiting for these destinations; the lease ends."""

    def take_up(self, batch_id: str, lease: Lease, now: datetime) -> Batch:
        """Take a batch at rest whose images are to be sent on; its state stays, the lease is written.

        Raises `Refused` (unknown_batch), `LeaseHeld`. A batch of which nothing can be sent is returned as it is.
        """

    def save_deliveries(self, batch_id: str, lease: Lease, deliveries: Sequence[Delivery], now: datetime) -> None:
        """Write how far the batch is at some destinations."""

    def release(self, batch_id: str, lease: Lease, failure: ErrorEntry | None, now: datetime) -> None:
        """Give the lease back with the work unfinished, for the next attempt not to wait; and why, if it failed."""

    def set_new_arrivals(self, batch_id: str, there: bool, now: datetime, marker: int = 0) -> None:
        """Record whether files came or changed after the freeze; `marker` is the generation of one that says so."""

    def requeue(self, batch_id: str, again: Iterable[str], now: datetime) -> Batch:
        """Back to QUEUE, asked for by a person, with the images of these ids back to NEW.

        Raises `UsageError` (batch_at_work) while somebody sends the batch on.

        The generation is higher, and that of the newest marker at least, so that the batch is frozen anew; new
        arrivals are no longer flagged;
        counts and errors are rebuilt from the images that keep their outcome.
        """


class UpkeepStore(Protocol):
    """What keeping house asks of the status store; the adapters are those of `StatusStore`.

    Lists are short: no more than `limit` batches, the oldest first, of those that came to rest later than `after`.
    All raise `TransientError` (status_unavailable).
    """

    def silent(self, before: datetime, limit: int) -> list[Batch]:
        """Batches that are not at rest, and of which nothing was written since."""

    def abandon(self, batch_id: str, error: ErrorEntry, now: datetime) -> Batch:
        """Let a batch that nobody works on rest as ERROR; one that is at rest or held by a worker stays as it is.

        Raises `Refused` (unknown_batch).
        """

    def waiting(self, before: datetime, limit: int) -> list[Batch]:
        """Batches at rest that have yet to come to a destination, and of which nothing was written since."""

    def uncleaned(self, before: datetime, limit: int, after: datetime | None = None) -> list[Batch]:
        """Batches that came to rest before this, with images stored, and whose sources were not deleted."""

    def mark_cleaned(self, batch_id: str, generation: int, now: datetime) -> None:
        """Record that the sources are deleted, unless the batch was asked for again meanwhile."""

    def expired(self, before: datetime, limit: int, after: datetime | None = None) -> list[Batch]:
        """Batches that came to rest before this."""

    def forget(self, batch_id: str, generation: int) -> None:
        """Remove a batch at rest with its images, unless it was asked for again meanwhile; none is no error."""

    def bookmark(self, name: str) -> str:
        """Where a long walk went on to; empty at its beginning."""

    def set_bookmark(self, name: str, value: str) -> None:
        """Remember where a walk goes on."""


class BatchQueue(Protocol):
    """The topic `batches`: at least once, in any order."""

    def publish(self, message: BatchMessage) -> None:
        """Return when the message is safe. Raises `TransientError` (queue_unavailable)."""


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A message that died, as it is kept for people; `receipt` is how it is acknowledged."""

    data: bytes
    attributes: Mapping[str, str]
    died_at: datetime
    receipt: str


class DeadLetters(Protocol):
    """Messages that were delivered as often as they may be, kept until a person looks after them.

    All raise `TransientError` (status_unavailable) and `UsageError` (not_configured) if there is no such place.
    """

    def held(self) -> AbstractContextManager[list[KeptLetter]]:
        """What is kept, the oldest first, ours while the context lasts. What was not acknowledged is then kept on."""

    def acknowledge(self, letter: KeptLetter) -> None:
        """Let one go; it was looked after."""


class IdentifierService(Protocol):
    """Who becomes whom."""

    @property
    def name(self) -> str:
        """What an output store says of where its pseudonyms come from."""

    def of_batch(self, patients: "Patients") -> "Callable[[Entity], Identifiers]":
        """What gives each image of a batch its patient's pseudonyms and date shift: the same entity, the same answer.

        Only a service that must be asked for all patients together looks at `patients`. Raises `BatchError`
        (bad_mapping, bad_identifiers, identifiers_refused), `TransientError`, and as one of those `OutOfTime`. What it
        returns raises `ImageError` (no_pseudonym, no_patient_id, unknown_issuer, bad_pseudonym).
        """
