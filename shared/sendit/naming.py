"""Who an inspected image will be, and what its output is called."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sendit.outcome import Inspected, Outcome, Planned, guarded
from sendit.ports import Clock
from sendit.refs import output_name

if TYPE_CHECKING:
    from sendit.deid import Entity, Identifiers


@dataclass(frozen=True, slots=True)
class Naming:
    """Names images by the pseudonyms that a service has for their patients; `uid` replaces a UID.

    With `keep_paths` an output is called as its source is, which may identify.
    """

    identify: "Callable[[Entity], Identifiers]"
    uid: Callable[[str], str]
    clock: Clock
    keep_paths: bool = False

    def plan(self, inspected: Inspected) -> Planned | Outcome:
        """The image with its names; what keeps it from having them is its error. Raises `TransientError`."""

        def steps() -> Planned | Outcome:
            who = self.identify(inspected.entity)
            identity = output_name(who.patient, *map(self.uid, inspected.uids))
            return Planned(inspected, who, identity, inspected.entry.name if self.keep_paths else identity)

        return guarded(inspected.entry, self.clock, self.clock(), steps)
