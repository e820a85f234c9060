"""Everything that is derived from the one secret key; importable without pydicom.

DESIGN §7: one HKDF-SHA256 subkey per purpose, so that knowing what one purpose yields says nothing about
another, and nothing is linkable without the key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sendit.deid.identity.entity import Entity, Identifiers

MINIMUM_KEY_BYTES = 32
_MOST_REMEMBERED = 64
_NONCE_BYTES = 12
_CONTEXT = "sendit/deid/1/"


class Keyring:
    """The subkeys of one secret key.

    Raises:
        ValueError: the key is shorter than 32 bytes.
    """

    __slots__ = ("_identifiers", "_key", "_keyed", "key_id")

    key_id: str
    """Short hex that names the key and does not disclose it."""

    def __init__(self, key: bytes) -> None:
        if len(key) < MINIMUM_KEY_BYTES:
            raise ValueError("the key must be at least 32 bytes long")
        self._key = bytes(key)
        self._keyed: dict[str, hmac.HMAC] = {}
        self._identifiers: dict[Entity, Identifiers] = {}
        self.key_id = self._subkey("key-id").hex()[:16]

    def __repr__(self) -> str:
        return f"Keyring(key_id={self.key_id!r})"

    def __reduce__(self) -> tuple[type[Keyring], tuple[bytes]]:
        return Keyring, (self._key,)

    def of_study(self, study: str) -> Keyring:
        """The keys of one research study: nothing that they yield has to do with what those of another study do."""
        return Keyring(self._subkey(f"study/{study}"))

    def uid(self, original: str) -> str:
        """The UID that replaces `original`: 2.25 and the first 128 bits of its HMAC (PS3.5 B.2)."""
        return f"2.25.{int.from_bytes(self._hmac('uid', original.encode())[:16], 'big')}"

    def identifiers(self, entity: Entity) -> Identifiers:
        """The keyed pseudonyms and the date shift of an entity; the last few are remembered."""
        known = self._identifiers.get(entity)
        if known is None:
            known = self._identifiers_of(entity)
            if len(self._identifiers) >= _MOST_REMEMBERED:
                self._identifiers.clear()
            self._identifiers[entity] = known
        return known

    def _identifiers_of(self, entity: Entity) -> Identifiers:
        patient = entity.patient_key.encode()
        accession = self._readable("accession", entity.accession.encode(), 14) if entity.accession else ""
        return Identifiers(
            patient="P-" + self._readable("patient", patient, 16),
            accession="A-" + accession if accession else "",
            shift_days=1 + int.from_bytes(self._hmac("shift", patient)[:16], "big") % 365,
        )

    def token(self, purpose: str, text: bytes, length: int = 16) -> str:
        """Hex HMAC of `text` under the subkey of `purpose`, cut to `length` characters (64 at most)."""
        if not 1 <= length <= 64:
            raise ValueError("a token has 1 to 64 characters")
        return self._hmac(f"token/{purpose}", text).hex()[:length]

    def sealed(self, purpose: str, data: bytes, about: str) -> bytes:
        """`data` by AES-256-GCM under the subkey of `purpose`; to open it, one must say what it is `about`."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._subkey(f"seal/{purpose}")).encrypt(nonce, data, about.encode())

    def unsealed(self, purpose: str, data: bytes, about: str) -> bytes:
        """What was sealed. Raises ValueError: it is damaged, or was sealed under another key, purpose or `about`."""
        nonce, sealed = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
        try:
            return AESGCM(self._subkey(f"seal/{purpose}")).decrypt(nonce, sealed, about.encode())
        except (InvalidTag, ValueError):
            raise ValueError("this cannot be opened") from None

    def _readable(self, purpose: str, text: bytes, length: int) -> str:
        """Upper-case base32: letters and digits 2–7, 5 bits each, no pair that is easily confused."""
        return base64.b32encode(self._hmac(purpose, text)).decode("ascii")[:length]

    def _hmac(self, purpose: str, text: bytes) -> bytes:
        keyed = self._keyed.get(purpose)
        if keyed is None:
            keyed = self._keyed[purpose] = hmac.new(self._subkey(purpose), digestmod=hashlib.sha256)
        mac = keyed.copy()
        mac.update(text)
        return mac.digest()

    def _subkey(self, purpose: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=(_CONTEXT + purpose).encode()).derive(self._key)
