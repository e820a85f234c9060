"""A table of pseudonyms is read strictly, and what is wrong with it is said without quoting it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.naming import NOBODY

from sendit import mapping
from sendit.adapters.mapping_identifiers import MappingIdentifiers
from sendit.deid.identity.entity import Entity
from sendit.deid.identity.keys import Keyring
from sendit.errors import BatchError, Code, ImageError, TransientError
from sendit.mapping import MappingError, Row, read_mapping

KEYS = Keyring(bytes(32))


def patient(patient_id: str, issuer: str = "", accession: str = "") -> Entity:
    return Entity(issuer, patient_id, "1.2.3", accession)


@pytest.mark.parametrize(
    "table",
    [
        "id,pseudonym,shift\nPAT-1,SUBJ-1,17\nPAT-2,SUBJ-2,\n",
        "\ufeffid,pseudonym,shift\r\nPAT-1,SUBJ-1,17\r\n\r\nPAT-2,SUBJ-2,\r\n",
        "ID\tPseudonym\tshift\nPAT-1\tSUBJ-1\t17\nPAT-2\tSUBJ-2\t",
        'pseudonym;shift;id\nSUBJ-1;17;"PAT-1"\n SUBJ-2 ;; PAT-2 \n',
    ],
)
def test_every_usual_form_says_the_same(table: str) -> None:
    found = read_mapping(table.encode())
    assert found.row(patient("PAT-1")) == Row("SUBJ-1", 17)
    assert found.row(patient("PAT-2")) == Row("SUBJ-2", None)


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("", 1),
        ("\n", 1),
        ("id,code\n4711,S1\n", 1),
        ("id,pseudonym,name\n4711,S1,DOE\n", 1),
        ("id,pseudonym,id\n4711,S1,4711\n", 1),
        ("id,pseudonym\n4711,S1\n4711,S2\n", 3),
        ("id,pseudonym\n4711,S1\n4712,s1\n", 3),
        ("id,pseudonym\nS1,S2\n4711,s1\n", 3),
        ("id,pseudonym\n4711,4711\n", 2),
        ("id,pseudonym\n4711,S1,4711\n", 2),
        ("id,pseudonym\n4711\n", 2),
        ("id,pseudonym\n,S1\n", 2),
        ("id,pseudonym\n4711,\n", 2),
        ("id,pseudonym\n4711,DOE^JOHN\n", 2),
        ("id,pseudonym\n4711,..\n", 2),
        ("id,pseudonym\n4711,S/1\n", 2),
        ("id,pseudonym\n4711,Sé\n", 2),
        (f"id,pseudonym\n4711,{'S' * 65}\n", 2),
        ("id,pseudonym,shift\n4711,S1,0\n", 2),
        ("id,pseudonym,shift\n4711,S1,-0\n", 2),
        ("id,pseudonym,shift\n4711,S1,366\n", 2),
        ("id,pseudonym,shift\n4711,S1,-366\n", 2),
        ("id,pseudonym,shift\n4711,S1,1.5\n", 2),
        ("id,pseudonym,shift\n4711,S1,١\n", 2),
        ('id,pseudonym\n"4711,S1\n', 2),
    ],
)
def test_a_table_that_is_not_right_is_refused_by_its_line_and_not_quoted(table: str, line: int) -> None:
    with pytest.raises(MappingError) as error:
        read_mapping(table.encode())
    assert error.value.line == line
    assert not any(value in str(error.value) for value in ("4711", "4712", "DOE", "S1", "S2"))
    with pytest.raises(BatchError) as stopped:
        MappingIdentifiers(table.encode, KEYS).of_batch(NOBODY)
    assert (stopped.value.code, stopped.value.facts) == (Code.BAD_MAPPING, {"line": line})


def test_what_is_not_utf_8_is_refused_by_its_line() -> None:
    with pytest.raises(MappingError, match="line 3: this is not UTF-8"):
        read_mapping("id,pseudonym\nA,S1\nMÜLLER,S2\n".encode("latin-1"))


def test_a_table_without_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "LARGEST", 10)
    with pytest.raises(MappingError, match="too large"):
        read_mapping(b"id,pseudonym\n")


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f"id,pseudonym\n{text}".encode()))
def test_whatever_a_file_holds_it_is_read_or_refused(data: bytes) -> None:
    try:
        read_mapping(data)
    except MappingError as error:
        assert 1 <= error.line <= 61


@pytest.mark.parametrize(("issuer", "pseudonym"), [("HOSPITAL", "S1"), ("", "S2"), ("OTHER", "S3"), ("hospital", "S3")])
def test_the_line_of_the_issuer_goes_before_the_one_for_any(issuer: str, pseudonym: str) -> None:
    found = read_mapping(b"id,issuer,pseudonym\n1,HOSPITAL,S1\n1,,S2\n1,*,S3\n")
    assert found.row(patient("1", issuer)).pseudonym == pseudonym


@pytest.mark.parametrize("entity", [patient("2"), patient("1", "HOSPITAL"), patient(""), patient("1 ")])
def test_a_patient_without_a_line_has_no_pseudonym(entity: Entity) -> None:
    identify = MappingIdentifiers(lambda: b"id,pseudonym\n1,S1\n", KEYS).of_batch(NOBODY)
    with pytest.raises(ImageError) as error:
        identify(entity)
    assert error.value.code is Code.NO_PSEUDONYM


def test_a_pseudonym_that_is_the_images_own_accession_is_refused() -> None:
    identify = MappingIdentifiers(lambda: b"id,pseudonym\n1,A-77\n", KEYS).of_batch(NOBODY)
    assert identify(patient("1", accession="A-78")).patient == "A-77"
    with pytest.raises(ImageError) as error:
        identify(patient("1", accession="a-77"))
    assert error.value.code is Code.NO_PSEUDONYM


def test_what_the_table_does_not_say_comes_from_the_key() -> None:
    identify = MappingIdentifiers(lambda: b"id,pseudonym,shift\n1,S1,\n2,S2,3\n3,S3,-365\n", KEYS).of_batch(NOBODY)
    keyed = KEYS.identifiers(patient("1", accession="A-77"))
    assert identify(patient("1", accession="A-77")) == type(keyed)("S1", keyed.accession, keyed.shift_days)
    assert [identify(patient(number)).shift_days for number in "23"] == [3, -365]


def test_the_table_is_read_anew_for_each_batch() -> None:
    tables = iter([b"id,pseudonym\n1,S1\n", b"id,pseudonym\n1,S1\n2,S2\n"])
    service = MappingIdentifiers(lambda: next(tables), KEYS)
    service.of_batch(NOBODY)
    assert service.of_batch(NOBODY)(patient("2")).patient == "S2"


def test_a_table_out_of_reach_stops_the_attempt() -> None:
    def gone() -> bytes:
        raise TransientError(Code.MAPPING_UNAVAILABLE)

    with pytest.raises(TransientError):
        MappingIdentifiers(gone, KEYS).of_batch(NOBODY)
