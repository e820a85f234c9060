"""Identifiers by the key alone."""

from tests.naming import NOBODY

from sendit.adapters.keyed_identifiers import KeyedIdentifiers
from sendit.deid.identity.entity import Entity
from sendit.deid.identity.keys import Keyring

KEYS = Keyring(bytes(range(32)))
IDENTIFY = KeyedIdentifiers(KEYS).of_batch(NOBODY)


def test_without_a_patient_id_the_study_is_the_patient() -> None:
    one, other = IDENTIFY(Entity("", "", "1.2.3", "")), IDENTIFY(Entity("", "", "1.2.4", ""))
    assert one.patient != other.patient


def test_another_key_gives_another_patient_and_has_another_id() -> None:
    entity, other = Entity("", "4711", "1.2.3", ""), Keyring(bytes(32))
    assert other.key_id != KEYS.key_id
    assert KeyedIdentifiers(other).of_batch(NOBODY)(entity).patient != IDENTIFY(entity).patient
    assert bytes(range(32)).hex()[:8] not in KEYS.key_id


def test_two_studies_of_one_key_have_nothing_in_common() -> None:
    entity = Entity("", "4711", "1.2.3", "A-1")
    one, other = KEYS.of_study("ONE"), KEYS.of_study("TWO")
    assert len({keys.key_id for keys in (KEYS, one, other)}) == 3
    assert len({keys.identifiers(entity).patient for keys in (KEYS, one, other)}) == 3
    assert len({keys.uid("1.2.3") for keys in (KEYS, one, other)}) == 3
    assert KEYS.of_study("ONE").key_id == one.key_id
