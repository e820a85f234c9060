"""Images as workers find them, where a test cares for no header: whose they are says what they are called."""

from datetime import UTC, datetime

from sendit.deid import Entity, Identifiers
from sendit.naming import Naming
from sendit.outcome import Inspected, Planned
from sendit.refs import Entry


def inspected(entry: Entry, patient: str = "") -> Inspected:
    """An image of the patient, whose id is a legal pseudonym, too; without one it has its own name's."""
    return Inspected(entry, Entity("", patient or entry.name.replace(" ", "-"), "1.2", ""), ("1.2", "1.3", "1.4"))


def _as_called(entity: Entity) -> Identifiers:
    return Identifiers(entity.patient_id, "", 1)


NAMING = Naming(_as_called, lambda uid: uid, lambda: datetime.now(UTC))


def planned(entry: Entry, patient: str = "") -> Planned:
    """The same image, named."""
    plan = NAMING.plan(inspected(entry, patient))
    assert isinstance(plan, Planned)
    return plan
