"""What every `IdentifierService` must do."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.dasher import dasher
from tests.naming import NOBODY

from sendit.adapters.dasher_client import BearerToken, DasherClient
from sendit.adapters.dasher_identifiers import DasherIdentifiers, Sources
from sendit.adapters.keyed_identifiers import KeyedIdentifiers
from sendit.adapters.mapping_identifiers import MappingIdentifiers
from sendit.deid.identity.entity import Entity
from sendit.deid.identity.keys import Keyring
from sendit.ports import IdentifierService

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
PSEUDONYM = re.compile(r"[A-Za-z0-9_-]{1,64}")
DOE = Entity(issuer="HOSPITAL", patient_id="4711", study_uid="1.2.3", accession="A-1")
HEAD = ["id,issuer,pseudonym", "4711,HOSPITAL,S1", "4711,OTHER,S2", "C,AB,S3", "BC,A,S4"]
TABLE = "\n".join(HEAD + [f"{number},,N{number:04d}" for number in range(3000)]).encode()
SOURCES = Sources({issuer: f"ids of {issuer}" for issuer in ("", "HOSPITAL", "OTHER", "A", "AB")}, "accessions")
Make = Callable[[bytes], IdentifierService]
MAKERS: dict[str, Make] = {
    "keyed": lambda key: KeyedIdentifiers(Keyring(key)),
    "mapping": lambda key: MappingIdentifiers(lambda: TABLE, Keyring(key)),
}
where_the_key_decides = pytest.mark.parametrize("make", MAKERS, indirect=True)


@pytest.fixture(params=[*MAKERS, "dasher"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    if request.param in MAKERS:
        yield MAKERS[request.param]
        return
    (tmp_path / "token").write_text("token-1")
    with dasher() as server:
        client = DasherClient(f"{server.address}/S", BearerToken(tmp_path / "token", None, "", 30), 30)
        yield lambda key: DasherIdentifiers(client, Keyring(key), SOURCES)


@pytest.fixture
def service(make: Make) -> IdentifierService:
    return make(KEY)


def test_each_has_its_name(service: IdentifierService, request: pytest.FixtureRequest) -> None:
    assert service.name == request.node.callspec.params["make"]


def test_the_same_entity_gets_the_same_answer_whatever_the_batch(service: IdentifierService) -> None:
    assert service.of_batch(NOBODY)(DOE) == service.of_batch(NOBODY)(Entity("HOSPITAL", "4711", "1.2.3", "A-1"))


def test_pseudonyms_are_legal_names_and_never_the_original(service: IdentifierService) -> None:
    who = service.of_batch(NOBODY)(DOE)
    assert PSEUDONYM.fullmatch(who.patient)
    assert PSEUDONYM.fullmatch(who.accession)
    assert "4711" not in who.patient
    assert who.accession != "A-1"
    assert 1 <= abs(who.shift_days) <= 365


def test_a_patients_studies_share_the_pseudonym_and_the_shift_and_not_the_accession(
    service: IdentifierService,
) -> None:
    identify = service.of_batch(NOBODY)
    first, second = identify(DOE), identify(Entity("HOSPITAL", "4711", "1.2.4", "A-2"))
    assert (first.patient, first.shift_days) == (second.patient, second.shift_days)
    assert first.accession != second.accession


def test_two_hospitals_with_the_same_patient_id_have_two_patients(service: IdentifierService) -> None:
    identify = service.of_batch(NOBODY)
    assert identify(DOE).patient != identify(Entity("OTHER", "4711", "1.2.3", "A-1")).patient


def test_without_an_accession_there_is_none(service: IdentifierService) -> None:
    assert service.of_batch(NOBODY)(Entity("HOSPITAL", "4711", "1.2.3", "")).accession == ""


def test_entities_cannot_be_made_alike_by_moving_text_between_their_parts(service: IdentifierService) -> None:
    identify = service.of_batch(NOBODY)
    assert identify(Entity("AB", "C", "1.2", "")).patient != identify(Entity("A", "BC", "1.2", "")).patient


@where_the_key_decides
def test_another_key_gives_other_accessions_and_shifts(make: Make) -> None:
    one, other = make(KEY).of_batch(NOBODY), make(OTHER_KEY).of_batch(NOBODY)
    entities = [Entity("", str(number), "1.2", f"A-{number}") for number in range(20)]
    assert {one(entity).accession for entity in entities}.isdisjoint(other(entity).accession for entity in entities)
    assert [one(entity).shift_days for entity in entities] != [other(entity).shift_days for entity in entities]


@where_the_key_decides
def test_shifts_spread_over_the_whole_year(service: IdentifierService) -> None:
    identify = service.of_batch(NOBODY)
    shifts = {identify(Entity("", str(number), "1.2", "")).shift_days for number in range(3000)}
    assert (min(shifts), max(shifts)) == (1, 365)
    assert len(shifts) > 350
