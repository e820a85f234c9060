from __future__ import annotations

import base64
import hashlib
import hmac
import pickle
import subprocess
import sys

import pytest

from sendit.deid.identity.entity import Entity, Identifiers
from sendit.deid.identity.keys import Keyring

KEY = b"0123456789abcdef0123456789abcdef"
ENTITY = Entity(issuer="HOSPITAL", patient_id="4711", study_uid="1.2.3", accession="ACC1")


def rfc5869_subkey(key: bytes, info: bytes) -> bytes:
    pseudorandom = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(pseudorandom, info + b"\x01", hashlib.sha256).digest()


def test_uid_is_the_first_128_bits_of_an_hmac_under_an_hkdf_subkey() -> None:
    digest = hmac.new(rfc5869_subkey(KEY, b"sendit/deid/1/uid"), b"1.2.3.4", hashlib.sha256).digest()
    assert Keyring(KEY).uid("1.2.3.4") == f"2.25.{int(digest[:16].hex(), 16)}"


def test_uid_known_answer_never_changes() -> None:
    assert Keyring(KEY).uid("1.2.840.113619.2.30.1.1762295590.1623.978668949.886") == (
        "2.25.336527797772211163133730132900947442322"
    )


def test_pseudonyms_are_keyed_readable_and_legal() -> None:
    identifiers = Keyring(KEY).identifiers(ENTITY)
    digest = hmac.new(
        rfc5869_subkey(KEY, b"sendit/deid/1/patient"), b'["patient","HOSPITAL","4711"]', hashlib.sha256
    ).digest()
    assert identifiers.patient == "P-" + base64.b32encode(digest).decode()[:16]
    assert len(identifiers.accession) == 16
    assert 1 <= identifiers.shift_days <= 365


def test_shift_reaches_every_day_from_1_to_365() -> None:
    keys = Keyring(KEY)
    days = {keys.identifiers(Entity("", str(n), "", "")).shift_days for n in range(4000)}
    assert days == set(range(1, 366))


def test_without_a_patient_id_the_study_is_the_patient() -> None:
    keys = Keyring(KEY)
    first, second = (keys.identifiers(Entity("", "", uid, "")) for uid in ("1.2.3", "1.2.4"))
    assert first.patient != second.patient
    assert first.accession == ""


def test_patient_key_cannot_be_spelled_by_another_issuer_and_id() -> None:
    spelled = [("a", "b"), ("ab", ""), ("", "ab"), ('a","b', ""), ('a"', "b"), ("a,", "b")]
    keys = {Entity(issuer, patient, "1.2", "").patient_key for issuer, patient in spelled}
    assert len(keys) == len(spelled) - 1  # two of them have no Patient ID and share the study
    assert Entity("", "1.2", "", "").patient_key != Entity("", "", "1.2", "").patient_key


def test_another_key_shares_nothing() -> None:
    one, other = Keyring(KEY), Keyring(KEY[::-1])
    assert one.key_id != other.key_id
    assert one.uid("1.2.3") != other.uid("1.2.3")
    assert one.identifiers(ENTITY).patient != other.identifiers(ENTITY).patient
    assert one.token("batch", b"x") != other.token("batch", b"x")
    entities = [Entity("", str(n), "", "") for n in range(50)]
    assert [one.identifiers(e).shift_days for e in entities] != [other.identifiers(e).shift_days for e in entities]


def test_tokens_of_two_purposes_differ() -> None:
    keys = Keyring(KEY)
    assert keys.token("batch", b"x") != keys.token("image", b"x")
    assert keys.token("batch", b"x", 40).startswith(keys.token("batch", b"x"))
    with pytest.raises(ValueError, match="1 to 64"):
        keys.token("batch", b"x", 65)


def test_what_is_sealed_is_opened_for_the_same_purpose_and_matter_alone() -> None:
    keys = Keyring(KEY)
    sealed = keys.sealed("answers", b"secret", "batch")
    assert keys.unsealed("answers", sealed, "batch") == b"secret"
    assert sealed != keys.sealed("answers", b"secret", "batch")
    wrong = [("answer", sealed, "batch"), ("answers", sealed, "batch2"), ("answers", sealed[:-1], "batch")]
    for purpose, data, about in [*wrong, ("answers", b"", "batch"), ("answers", b"x" * 13, "batch")]:
        with pytest.raises(ValueError, match="cannot be opened"):
            keys.unsealed(purpose, data, about)


def test_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Keyring(b"short")


def test_nothing_secret_is_shown() -> None:
    keys = Keyring(KEY)
    shown = repr(keys) + repr(ENTITY) + repr(keys.identifiers(ENTITY))
    assert KEY.decode() not in shown
    assert KEY.hex() not in shown
    assert "4711" not in shown
    assert str(keys.identifiers(ENTITY).shift_days) + "," not in shown


def test_keyring_survives_the_way_to_a_worker() -> None:
    copy = pickle.loads(pickle.dumps(Keyring(KEY)))  # noqa: S301
    assert copy.uid("1.2") == Keyring(KEY).uid("1.2")


@pytest.mark.parametrize(
    "wrong",
    [
        ("", "", 1),
        ("a\\b", "", 1),
        ("a^b", "", 1),
        ("ä", "", 1),
        ("x" * 65, "", 1),
        ("P", "x" * 17, 1),
        ("P", "", 0),
        ("P", "", 366),
        ("P", "", -366),
    ],
)
def test_identifiers_that_no_vr_allows_are_refused(wrong: tuple[str, str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Identifiers(*wrong)


@pytest.mark.parametrize(
    "statement",
    [
        "from sendit.deid import Keyring, Entity, Identifiers, Refusal, DeidError, Report, Limits",
        "from sendit.deid import PROFILES; PROFILES['basic'].digest",
        "from sendit.deid.identity.keys import Keyring",
        "import sendit.deid",
    ],
)
def test_pydicom_is_not_imported_for(statement: str) -> None:
    code = f"{statement}\nimport sys\nassert not any(m.split('.')[0] == 'pydicom' for m in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_public_face_is_all_there() -> None:
    import sendit.deid

    assert all(getattr(sendit.deid, name) is not None for name in sendit.deid.__all__)
    assert callable(sendit.deid.deidentify)
    with pytest.raises(AttributeError):
        _ = sendit.deid.nothing
