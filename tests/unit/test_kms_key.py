"""Cloud KMS by a server of its own: what it decrypts, refuses, garbles, and when it says nothing."""

import base64
from collections.abc import Callable, Iterator

import pytest
import requests
from google.auth.exceptions import RefreshError
from tests.kms import Answer, Kms, crc, decrypted, serving

from sendit.adapters.kms_key import KmsKey
from sendit.errors import Code, SenditError, TransientError, UsageError

NAME = "projects/p/locations/europe-west3/keyRings/sendit/cryptoKeys/crosswalk"
SECRET = b"5e" * 32 + b"\n"
WRAPPED = b"\x0a\x24wrapped CANARY\xff"


@pytest.fixture
def kms() -> Iterator[Kms]:
    with serving(decrypted(SECRET)) as made:
        yield made


@pytest.fixture
def decrypt(kms: Kms) -> Iterator[Callable[[], bytes]]:
    with requests.Session() as session:
        session.trust_env = False
        yield lambda: KmsKey(NAME, session, kms.endpoint).decrypt(WRAPPED)


def test_what_gcloud_encrypted_comes_back_and_both_ways_carry_a_sum(kms: Kms, decrypt: Callable[[], bytes]) -> None:
    assert decrypt() == SECRET
    ((path, asked),) = kms.asked
    assert path == f"/v1/{NAME}:decrypt"
    assert asked == {"ciphertext": base64.b64encode(WRAPPED).decode(), "ciphertextCrc32c": crc(WRAPPED)}


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (decrypted(SECRET, plaintextCrc32c=crc(b"another")), TransientError, Code.CROSSWALK_KEY_UNAVAILABLE),
        (decrypted(SECRET, plaintextCrc32c=None), TransientError, Code.CROSSWALK_KEY_UNAVAILABLE),
        (decrypted(SECRET, plaintext="%%"), TransientError, Code.CROSSWALK_KEY_UNAVAILABLE),
        ((200, b"CANARY, no JSON"), TransientError, Code.CROSSWALK_KEY_UNAVAILABLE),
        ((200, b"[]"), TransientError, Code.CROSSWALK_KEY_UNAVAILABLE),
        ((302, b""), TransientError, Code.CROSSWALK_KEY_UNAVAILABLE),
        ((400, b"CANARY"), UsageError, Code.BAD_CROSSWALK_KEY),
        ((404, b"CANARY"), UsageError, Code.BAD_CROSSWALK_KEY),
        ((401, b"CANARY"), TransientError, Code.CROSSWALK_KEY_FORBIDDEN),
        ((403, b"CANARY"), TransientError, Code.CROSSWALK_KEY_FORBIDDEN),
        ((408, b"CANARY"), TransientError, Code.CROSSWALK_KEY_UNAVAILABLE),
        ((429, b"CANARY"), TransientError, Code.QUOTA_EXCEEDED),
        ((500, b"CANARY"), TransientError, Code.CROSSWALK_KEY_UNAVAILABLE),
        ((503, b"CANARY"), TransientError, Code.CROSSWALK_KEY_UNAVAILABLE),
    ],
)
def test_every_other_answer_has_its_code_and_no_text(
    kms: Kms, decrypt: Callable[[], bytes], answer: Answer, kind: type[SenditError], code: Code
) -> None:
    kms.answer = answer
    with pytest.raises(kind) as error:
        decrypt()
    assert error.value.code is code
    assert "CANARY" not in error.value.sentence
    assert len(kms.asked) == 1


def test_a_server_that_is_not_there_and_credentials_that_are_none() -> None:
    with requests.Session() as session, pytest.raises(TransientError) as error:
        KmsKey(NAME, session, "http://127.0.0.1:1").decrypt(WRAPPED)
    assert error.value.code is Code.CROSSWALK_KEY_UNAVAILABLE

    class Expired(requests.Session):
        def post(self, *_: object, **__: object) -> requests.Response:
            raise RefreshError("CANARY")

    with Expired() as session, pytest.raises(TransientError) as error:
        KmsKey(NAME, session).decrypt(WRAPPED)
    assert error.value.code is Code.CROSSWALK_KEY_FORBIDDEN
