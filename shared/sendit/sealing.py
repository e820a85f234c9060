"""The crosswalk's key: what its entries are called, and how they are sealed and opened.

Of its own, never made from the project key: whoever works on images and whoever may re-identify are not the same.
"""

import hashlib
import hmac
import json
import os
from dataclasses import asdict
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sendit.crosswalk import Asked, Entry, Kept, Kind, Replaced, Sealed
from sendit.errors import Code, SenditError

KEY_BYTES = 32

_CONTEXT = "sendit/crosswalk/1/"
_NONCE_BYTES = 12
_BLOCK = 256  # contents have the length of a multiple, so that it tells little of that of a name
_DIGITS = 32


class CrosswalkKey:
    """A secret of 32 bytes. Raises `ValueError` for one of another length."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError("the crosswalk's key has 32 bytes")
        self._secret = bytes(secret)
        self._subjects, self._variants = self._subkey("subject"), self._subkey("variant")
        self._cipher = AESGCM(self._subkey("content"))
        self.key_id = self._subkey("key-id").hex()[:16]

    def __repr__(self) -> str:
        return f"CrosswalkKey(key_id={self.key_id!r})"

    def subject(self, asked: Asked, new: str) -> str:
        """What the ids of all entries about a pseudonym or a new UID begin with."""
        return _hmac(self._subjects, json.dumps([asked, new]))

    def seal(self, kept: Kept, expires_at: datetime | None) -> Sealed:
        """An entry as it may lie anywhere: AES-256-GCM under a random nonce, bound to its id.

        The id is the same for the same entry of the same batch, whenever it is found, unless it expires on another day.
        """
        document = self._document(kept, expires_at)
        text = json.dumps({**_says(kept), "at": kept.at.isoformat()})
        nonce = os.urandom(_NONCE_BYTES)
        plain = text.ljust(-(-len(text) // _BLOCK) * _BLOCK).encode("ascii")
        return Sealed(
            document, self.key_id, expires_at, nonce + self._cipher.encrypt(nonce, plain, document.encode("ascii"))
        )

    def open(self, sealed: Sealed) -> Kept:
        """The entry again. Raises `SenditError` (crosswalk_damaged): it was changed, or has another id or last day."""
        nonce, content = sealed.content[:_NONCE_BYTES], sealed.content[_NONCE_BYTES:]
        try:
            says = json.loads(self._cipher.decrypt(nonce, content, sealed.id.encode("utf-8")))
        except (InvalidTag, ValueError):
            raise SenditError(Code.CROSSWALK_DAMAGED) from None
        kept = Kept(_entry(says["entry"]), says["batch_id"], datetime.fromisoformat(says["at"]))
        if self._document(kept, sealed.expires_at) != sealed.id:
            raise SenditError(Code.CROSSWALK_DAMAGED)
        return kept

    def _document(self, kept: Kept, expires_at: datetime | None) -> str:
        until = None if expires_at is None else expires_at.date().isoformat()
        subject = self.subject(Asked.for_kind(kept.entry.kind), kept.entry.value.new)
        return f"{subject}-{_hmac(self._variants, json.dumps([_says(kept), until], sort_keys=True))}"

    def _subkey(self, purpose: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=(_CONTEXT + purpose).encode()).derive(self._secret)


def _hmac(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode("ascii"), hashlib.sha256).hex()[:_DIGITS]


def _says(kept: Kept) -> dict[str, object]:
    return {"entry": _fields(kept.entry), "batch_id": kept.batch_id}


def _fields(entry: Entry) -> dict[str, object]:
    return {name: value for name, value in asdict(entry).items() if value is not None}


def _entry(fields: dict[str, Any]) -> Entry:
    replaced = {name: Replaced(**value) for name, value in fields.items() if isinstance(value, dict)}
    return Entry(**{**fields, **replaced, "kind": Kind(fields["kind"])})
