"""Images as workers find them, where a test cares for no header: whose they are says what they are called."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sendit.deid import Entity, Identifiers
from sendit.naming import Naming
from sendit.outcome import Inspected, Planned
from sendit.refs import Entry


def inspected(entry: Entry, patient: str = "") -> Inspected:
    """An image of the patient, whose id is a legal pseudonym, too; without one it has its own name's."""
    return Inspected(entry, Entity("", patient or entry.name.replace(" ", "-"), "1.2", ""), ("1.2", "1.3", "1.4"))


@dataclass(frozen=True)
class AsCalled:
    """An `IdentifierService` under which each patient keeps the id, or becomes what `identify` says."""

    identify: Callable[[Entity], Identifiers] = lambda entity: Identifiers(entity.patient_id, "", 1)
    name: str = "as called"

    def of_batch(self) -> Callable[[Entity], Identifiers]:
        return self.identify


NAMING = Naming(AsCalled(), lambda uid: uid, lambda: datetime.now(UTC))


def planned(entry: Entry, patient: str = "") -> Planned:
    """The same image, named."""
    plan = NAMING.of_batch()(inspected(entry, patient))
    assert isinstance(plan, Planned)
    return plan
