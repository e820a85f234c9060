"""A key that lies encrypted, and that Cloud KMS decrypts: KMS' REST API, without its client library."""

import base64
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import google_crc32c
import requests
from google.auth.exceptions import GoogleAuthError

from sendit.adapters.denied import failure, failure_of
from sendit.errors import Code, TransientError, UsageError

_ENDPOINT = "https://cloudkms.googleapis.com"
_TIMEOUT = (5.0, 30.0)  # seconds to connect, seconds between two bytes
_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class KmsKey:
    """A symmetric key of Cloud KMS, `projects/…/locations/…/keyRings/…/cryptoKeys/…`; calls go over `session`."""

    def __init__(self, name: str, session: requests.Session, endpoint: str = _ENDPOINT) -> None:
        self._address = f"{endpoint}/v1/{name}:decrypt"
        self._session = session

    def decrypt(self, ciphertext: bytes) -> bytes:
        """What `gcloud kms encrypt` was given. Both ways are checked by crc32c.

        Raises `TransientError`: crosswalk_key_unavailable, crosswalk_key_forbidden, quota_exceeded; `UsageError`
        (bad_crosswalk_key) where KMS says that it has no such key, or that this is no ciphertext of it.
        """
        asked = {"ciphertext": base64.b64encode(ciphertext).decode("ascii"), "ciphertextCrc32c": str(_sum(ciphertext))}
        try:
            answer = self._session.post(self._address, json=asked, timeout=_TIMEOUT, allow_redirects=False)
        except (requests.RequestException, GoogleAuthError) as error:
            raise failure(Code.CROSSWALK_KEY_UNAVAILABLE, error) from None
        if answer.status_code == HTTPStatus.OK:
            return _plaintext(answer)
        refused = HTTPStatus.BAD_REQUEST <= answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
        denied = failure_of(Code.CROSSWALK_KEY_UNAVAILABLE, answer.status_code)
        if refused and denied.code is Code.CROSSWALK_KEY_UNAVAILABLE and answer.status_code not in _PASSING:
            hint = "Cloud KMS has no such key, or SENDIT_CROSSWALK_KEY_FILE is not what it encrypted."
            raise UsageError(Code.BAD_CROSSWALK_KEY, f"SENDIT_CROSSWALK_KMS_KEY: {hint}")
        raise denied


def _plaintext(answer: requests.Response) -> bytes:
    with suppress(ValueError, KeyError, TypeError):
        said: dict[str, Any] = answer.json()
        plaintext = base64.b64decode(said["plaintext"], validate=True)
        if _sum(plaintext) == int(said["plaintextCrc32c"]):
            return plaintext
    raise TransientError(Code.CROSSWALK_KEY_UNAVAILABLE)


def _sum(data: bytes) -> int:
    return int(google_crc32c.value(data))
