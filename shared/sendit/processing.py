"""What working on a batch needs of the world."""

from collections.abc import Callable
from dataclasses import dataclass

from sendit.crosswalk import Crosswalk
from sendit.ids import DocumentIds
from sendit.label import OutLabel
from sendit.lease import LeaseTerms
from sendit.naming import Naming
from sendit.outcome import ImageWorkers
from sendit.ports import BatchQueue, Clock, Staging, StatusStore
from sendit.staging_area import Reports


def _not_needed() -> None:
    """Whoever opened the output store has labelled it."""


@dataclass(frozen=True, slots=True)
class Processing:
    """What `process` needs beside the message. `budget` is in seconds; None: an attempt may take any time."""

    staging: Staging
    store: StatusStore
    queue: BatchQueue
    reports: Reports
    workers: ImageWorkers
    naming: Naming
    ids: DocumentIds
    clock: Clock
    lease_terms: LeaseTerms
    in_flight_bytes: int
    label: OutLabel
    version: str
    max_attempts: int
    budget: float | None = None
    destinations: tuple[str, ...] = ()  # by name, that the batch has yet to come to when it rests
    claim_output: Callable[[], None] = _not_needed
    crosswalk: Crosswalk | None = None
