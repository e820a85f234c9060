"""Identifiers from the project key alone: no service to ask, no table to keep."""

from sendit.deid.identity.entity import Entity, Identifiers
from sendit.deid.identity.keys import Keyring


class KeyedIdentifiers:
    """An `IdentifierService` by HMAC."""

    def __init__(self, keys: Keyring) -> None:
        self._keys = keys

    @property
    def key_id(self) -> str:
        """See `IdentifierService.key_id`."""
        return self._keys.key_id

    def identify(self, entity: Entity) -> Identifiers:
        """See `IdentifierService.identify`."""
        return self._keys.identifiers(entity)
