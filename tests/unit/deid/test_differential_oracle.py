"""The oracle alone: it keeps its own promises, so that agreeing with it means something."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pydicom
import pytest
from tests.data.generated import Case, cases
from tests.oracle.agreement import KEYS, by_oracle, oracle_outcome
from tests.oracle.model import DataSet, Items, value_of
from tests.oracle.read import open_object

from sendit.deid import DEFAULT_LIMITS, PROFILES, Profile
from sendit.deid.rules.actions import Action
from sendit.deid.rules.options import Option
from sendit.deid.rules.profile import Override

if TYPE_CHECKING:
    from tests.data.generated_values import Person

Accepted = list[tuple[Case, bytes]]
DISTINCTIVE = {"Zaunkoenig", "Wunderlich", "Brown-Meyer"}


@pytest.fixture(scope="module")
def accepted() -> Accepted:
    outcomes = [(case, oracle_outcome(case.data, case.profile)) for case in cases(400, seed=42)]
    return [(case, outcome) for case, outcome in outcomes if isinstance(outcome, bytes)]


def _read(output: bytes) -> DataSet:
    return open_object(output, DEFAULT_LIMITS).dataset


def _keeps_identifiers(profile: Profile) -> bool:
    retained = {Option.RETAIN_INSTITUTION_IDENTITY, Option.RETAIN_DEVICE_IDENTITY}
    kept = any(one.action is Action.KEEP for one in profile.overrides)
    return kept or not retained.isdisjoint(profile.options)


def test_enough_is_accepted(accepted: Accepted) -> None:
    assert len(accepted) > 300


def test_a_distinctive_name_is_nowhere_in_an_output(accepted: Accepted) -> None:
    searched = 0
    for case, output in accepted:
        if case.person.family in DISTINCTIVE and case.person.character_set in {"", "ISO_IR 100", "ISO_IR 192"}:
            searched += 1
            assert case.person.family.lower().encode() not in output.lower()
    assert searched > 20


def test_no_patient_id_and_no_uid_of_the_original_is_left(accepted: Accepted) -> None:
    for case, output in accepted:
        if _keeps_identifiers(case.profile) or Option.RETAIN_UIDS in case.profile.options:
            continue
        assert _left(case.person, _texts(_read(output))) == []


def _left(one: Person, values: list[bytes]) -> list[bytes]:
    wanted = [f"{one.root}.{number}".encode() for number in (1, 2, 3)]
    if one.patient_id.startswith("PAT-"):
        wanted.append(one.patient_id.encode())
    return [value for value in values if any(part in wanted for part in value.replace(b"\0", b"").split(b"\\"))]


def _texts(dataset: DataSet) -> list[bytes]:
    found: list[bytes] = []
    for element in dataset.values():
        if isinstance(element, Items):
            found += [text for item in element.items for text in _texts(item)]
        else:
            found.append(element.value.rstrip(b" "))
    return found


def test_an_output_is_read_by_pydicom_in_tag_order_with_pseudonyms(accepted: Accepted) -> None:
    for case, output in accepted[:150]:
        dataset = pydicom.dcmread(io.BytesIO(output))
        tags = [int(tag) for tag in dataset.keys()]  # noqa: SIM118  iterating decodes
        assert tags == sorted(tags)
        if not any(one.tag in {0x00100010, 0x00100020} for one in case.profile.overrides):
            assert value_of(_read(output), 0x00100020) == value_of(_read(output), 0x00100010)


def _marks(profile: Profile) -> DataSet:
    case = next(case for case in cases(50, seed=9) if isinstance(oracle_outcome(case.data, profile), bytes))
    return _read(by_oracle(case.data, profile))


@pytest.mark.parametrize("name", PROFILES)
def test_the_marks_of_a_built_in_profile_name_its_options(name: str) -> None:
    marks = _marks(PROFILES[name])
    assert value_of(marks, 0x00120062).strip() == b"YES"
    codes = marks[0x00120064]
    assert isinstance(codes, Items)
    assert len(codes.items) == 1 + len(PROFILES[name].options)


def test_a_profile_weaker_than_the_standard_says_no_and_names_no_code() -> None:
    weaker = Profile("weaker", (), (Override(0x00104000, Action.KEEP),))
    marks = _marks(weaker)
    assert value_of(marks, 0x00120062).strip() == b"NO"
    assert 0x00120064 not in marks


@pytest.mark.parametrize(
    ("options", "mark"),
    [((), b"REMOVED"), ((Option.RETAIN_MODIFIED_DATES,), b"MODIFIED"), ((Option.RETAIN_FULL_DATES,), b"UNMODIFIED")],
)
def test_the_mark_of_the_dates_says_what_was_done(options: tuple[Option, ...], mark: bytes) -> None:
    assert value_of(_marks(Profile("dates", options)), 0x00280303).strip() == mark


def test_another_key_gives_another_pseudonym(accepted: Accepted) -> None:
    case: Case = accepted[0][0]
    others = type(KEYS)(b"another secret key of this suite")
    assert by_oracle(case.data, PROFILES["basic"]) != by_oracle(case.data, PROFILES["basic"], others)
