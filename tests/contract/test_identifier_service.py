"""What every `IdentifierService` must do."""

import re

import pytest

from sendit.adapters.keyed_identifiers import KeyedIdentifiers
from sendit.deid.identity.entity import Entity
from sendit.deid.identity.keys import Keyring
from sendit.ports import IdentifierService

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
PSEUDONYM = re.compile(r"[A-Za-z0-9_-]{1,64}")
DOE = Entity(issuer="HOSPITAL", patient_id="4711", study_uid="1.2.3", accession="A-1")


@pytest.fixture(params=["keyed"])
def service(request: pytest.FixtureRequest) -> IdentifierService:
    return {"keyed": lambda: KeyedIdentifiers(Keyring(KEY))}[request.param]()


def test_the_same_entity_gets_the_same_answer(service: IdentifierService) -> None:
    assert service.identify(DOE) == service.identify(Entity("HOSPITAL", "4711", "1.2.3", "A-1"))


def test_pseudonyms_are_legal_names_and_never_the_original(service: IdentifierService) -> None:
    who = service.identify(DOE)
    assert PSEUDONYM.fullmatch(who.patient)
    assert PSEUDONYM.fullmatch(who.accession)
    assert "4711" not in who.patient
    assert who.accession != "A-1"
    assert 1 <= who.shift_days <= 365


def test_a_patients_studies_share_the_pseudonym_and_the_shift_and_not_the_accession(
    service: IdentifierService,
) -> None:
    first = service.identify(DOE)
    second = service.identify(Entity("HOSPITAL", "4711", "1.2.4", "A-2"))
    assert (first.patient, first.shift_days) == (second.patient, second.shift_days)
    assert first.accession != second.accession


def test_two_hospitals_with_the_same_patient_id_have_two_patients(service: IdentifierService) -> None:
    assert service.identify(DOE).patient != service.identify(Entity("OTHER", "4711", "1.2.3", "A-1")).patient


def test_without_a_patient_id_the_study_is_the_patient(service: IdentifierService) -> None:
    one = service.identify(Entity("", "", "1.2.3", ""))
    other = service.identify(Entity("", "", "1.2.4", ""))
    assert one.patient != other.patient
    assert one.accession == ""


def test_entities_cannot_be_made_alike_by_moving_text_between_their_parts(service: IdentifierService) -> None:
    one, other = Entity("AB", "C", "1.2", ""), Entity("A", "BC", "1.2", "")
    assert service.identify(one).patient != service.identify(other).patient


def test_another_key_gives_other_answers_and_has_another_id(service: IdentifierService) -> None:
    other = KeyedIdentifiers(Keyring(OTHER_KEY))
    assert service.key_id != other.key_id
    assert service.identify(DOE).patient != other.identify(DOE).patient
    assert KEY.hex()[:8] not in service.key_id


def test_shifts_spread_over_the_whole_year(service: IdentifierService) -> None:
    shifts = {service.identify(Entity("", str(number), "1.2", "")).shift_days for number in range(3000)}
    assert min(shifts) == 1
    assert max(shifts) == 365
    assert len(shifts) > 350
