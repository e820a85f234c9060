"""Identifiers from a coordinator's table; what it does not say comes from the project key."""

from collections.abc import Callable

from sendit.deid.identity.entity import Entity, Identifiers
from sendit.deid.identity.keys import Keyring
from sendit.errors import BatchError, Code, ImageError
from sendit.mapping import MappingError, PatientTable, read_mapping
from sendit.patients import Patients


class MappingIdentifiers:
    """An `IdentifierService` by a table, which `read` gets anew for each batch: it may grow meanwhile."""

    def __init__(self, read: Callable[[], bytes], keys: Keyring) -> None:
        self._read = read
        self._keys = keys

    @property
    def name(self) -> str:
        """See `IdentifierService.name`."""
        return "mapping"

    def of_batch(self, patients: Patients) -> Callable[[Entity], Identifiers]:
        """See `IdentifierService.of_batch`."""
        del patients
        try:
            table = read_mapping(self._read())
        except MappingError as error:
            raise BatchError(Code.BAD_MAPPING, line=error.line) from None
        return lambda entity: self._identified(entity, table)

    def _identified(self, entity: Entity, table: PatientTable) -> Identifiers:
        row, keyed = table.row(entity), self._keys.identifiers(entity)
        if row.pseudonym.casefold() in {entity.patient_id.casefold(), entity.accession.casefold()}:
            raise ImageError(Code.NO_PSEUDONYM)
        return Identifiers(row.pseudonym, keyed.accession, row.shift_days or keyed.shift_days)
