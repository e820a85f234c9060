"""Images as workers find them, where a test cares for no header: whose they are says what they are called."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sendit.deadline import ENDLESS, Deadline
from sendit.deid import Entity, Identifiers
from sendit.naming import Naming
from sendit.outcome import Inspected, Outcome, Planned
from sendit.patients import Patients
from sendit.refs import BatchName, Entry


def inspected(entry: Entry, patient: str = "") -> Inspected:
    """An image of the patient, whose id is a legal pseudonym, too; without one it has its own name's."""
    return Inspected(entry, Entity("", patient or entry.name.replace(" ", "-"), "1.2", ""), ("1.2", "1.3", "1.4"))


@dataclass(frozen=True)
class AsCalled:
    """An `IdentifierService` under which each patient keeps the id, or becomes what `identify` says."""

    identify: Callable[[Entity], Identifiers] = lambda entity: Identifiers(entity.patient_id, "", 1)
    name: str = "as called"

    def of_batch(self, patients: Patients) -> Callable[[Entity], Identifiers]:
        del patients
        return self.identify


class NoWorkers:
    """`ImageWorkers` that have nothing to do."""

    def inspect(
        self, batch: BatchName, entries: Iterable[Entry], deadline: Deadline = ENDLESS
    ) -> Iterator[Inspected | Outcome]:
        raise NotImplementedError

    def store(self, batch: BatchName, planned: Iterable[Planned], deadline: Deadline = ENDLESS) -> Iterator[Outcome]:
        raise NotImplementedError


NOBODY = Patients(NoWorkers(), BatchName.parse("nobody"), [], 1)
"""A batch in which there is nobody to be looked for."""

NAMING = Naming(AsCalled(), lambda uid: uid, lambda: datetime.now(UTC))


def planned(entry: Entry, patient: str = "") -> Planned:
    """The same image, named."""
    plan = NAMING.of_batch(NOBODY)(inspected(entry, patient))
    assert isinstance(plan, Planned)
    return plan
