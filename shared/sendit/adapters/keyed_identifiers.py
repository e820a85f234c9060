"""Identifiers from the project key alone: no service to ask, no table to keep."""

from collections.abc import Callable

from sendit.deid.identity.entity import Entity, Identifiers
from sendit.deid.identity.keys import Keyring
from sendit.label import KEYED
from sendit.patients import Patients


class KeyedIdentifiers:
    """An `IdentifierService` by HMAC."""

    def __init__(self, keys: Keyring) -> None:
        self._keys = keys

    @property
    def name(self) -> str:
        """See `IdentifierService.name`."""
        return KEYED

    def of_batch(self, patients: Patients) -> Callable[[Entity], Identifiers]:
        """See `IdentifierService.of_batch`."""
        del patients
        return self._keys.identifiers
