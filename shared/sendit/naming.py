"""Who an inspected image will be, and what its output is called."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sendit.holders import Holders
from sendit.outcome import Inspected, Outcome, Planned, guarded
from sendit.ports import Clock, IdentifierService
from sendit.refs import output_name

if TYPE_CHECKING:
    from sendit.deid import Entity, Identifiers
    from sendit.patients import Patients

Plan = Callable[[Inspected], Planned | Outcome]


@dataclass(frozen=True, slots=True)
class Naming:
    """Names images by the pseudonyms that a service has for their patients; `uid` replaces a UID.

    `holders` see to it that a pseudonym from outside has one patient in the output store. With `keep_paths` an output
    is called as its source is, which may identify.
    """

    identifiers: IdentifierService
    uid: Callable[[str], str]
    clock: Clock
    holders: Holders | None = None
    keep_paths: bool = False

    def of_batch(self, patients: "Patients") -> Plan:
        """What names the images of a batch; what keeps one from having a name is its error.

        Raises what `IdentifierService.of_batch` does; what it returns raises `TransientError`.
        """
        return partial(self._planned, self.identifiers.of_batch(patients))

    def _planned(self, identify: "Callable[[Entity], Identifiers]", inspected: Inspected) -> Planned | Outcome:
        def steps() -> Planned | Outcome:
            who = identify(inspected.entity)
            if self.holders is not None:
                self.holders.check(inspected.entity, who)
            identity = output_name(who.patient, *map(self.uid, inspected.uids))
            return Planned(inspected, who, identity, inspected.entry.name if self.keep_paths else identity)

        return guarded(inspected.entry, self.clock, self.clock(), steps)
