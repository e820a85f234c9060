"""Whose a pseudonym is in an output store, where pseudonyms come from outside and the next table may say otherwise."""

import json
from typing import TYPE_CHECKING

from sendit.errors import Code, ImageError
from sendit.ports import OutputStore

if TYPE_CHECKING:
    from sendit.deid import Entity, Identifiers, Keyring

HOLDERS = ".sendit-patients"
"""Where in an output store it is written down; no image has such a name."""

_PURPOSE = "holder"
_TOKEN = 32


class Holders:
    """One patient, one pseudonym and one shift in an output store, whatever batch: written down create-only.

    Nothing there says who a patient is: it is keyed tokens.
    """

    def __init__(self, output: OutputStore, keys: "Keyring") -> None:
        self._output = output
        self._keys = keys
        self._held: dict[str, str] = {}

    def check(self, entity: "Entity", who: "Identifiers") -> None:
        """Let the patient have this pseudonym. Raises `ImageError` (pseudonym_taken), `TransientError`."""
        patient = self._token(entity.patient_key)
        self._hold(f"{HOLDERS}/pseudonyms/{who.patient.casefold()}", patient)
        self._hold(f"{HOLDERS}/patients/{patient}", self._token(entity.patient_key, who.patient, str(who.shift_days)))

    def _token(self, *parts: str) -> str:
        return self._keys.token(_PURPOSE, json.dumps(parts).encode("ascii"), _TOKEN)

    def _hold(self, name: str, content: str) -> None:
        if self._held.get(name) == content:
            return
        try:
            with self._output.create(name) as pending:
                pending.write(content.encode("ascii"))
                pending.commit()
        except ImageError as error:
            raise ImageError(Code.PSEUDONYM_TAKEN if error.code is Code.CONFLICT else error.code) from None
        self._held[name] = content
