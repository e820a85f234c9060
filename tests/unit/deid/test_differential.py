"""The engine agrees with the oracle, an independent and plain implementation of the same rules, element by element."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pydicom
import pytest
from tests.data import objects
from tests.data.generated import SOP_CLASSES, Case, cases, series
from tests.data.generated_profiles import PROFILES_TRIED
from tests.oracle.agreement import KEYS, differences, disagreements, engine_outcome, oracle_outcome
from tests.oracle.read import open_object

from sendit.deid import DEFAULT_LIMITS, PROFILES, DeidError, deidentify

pytestmark = pytest.mark.thorough

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())
GENERATED, PARTS = 2400, 8
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_files_of_pydicom(profile: str) -> None:
    found = {path.name: disagreements(path.read_bytes(), PROFILES[profile]) for path in FILES}
    assert {name: differing for name, differing in found.items() if differing} == {}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("kind", objects.KINDS)
def test_made_up_objects_of_every_kind_and_encoding(kind: str, profile: str) -> None:
    dataset = objects.KINDS[kind]()
    for syntax in objects.SYNTAXES:
        assert disagreements(objects.to_bytes(dataset, syntax), PROFILES[profile]) == []


@pytest.mark.parametrize("part", range(PARTS))
def test_generated_data_sets(part: int) -> None:
    found = []
    for number, case in enumerate(cases(GENERATED // PARTS, seed=1000 + part)):
        differing = disagreements(case.data, case.profile)
        if differing:
            found.append((number, case.profile.name, differing))
    assert found == []


def test_most_of_the_generated_data_sets_are_accepted_and_of_every_profile() -> None:
    accepted: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for case in cases(600, seed=77):
        outcome = oracle_outcome(case.data, case.profile)
        if isinstance(outcome, str):
            refused[outcome] += 1
        else:
            accepted[case.profile.name] += 1
    assert accepted.total() > 450
    assert set(accepted) == {profile.name for profile in PROFILES_TRIED}
    assert set(refused) <= {"gate_identifier_left", "malformed", "not_dicom"}


@pytest.mark.parametrize("seed", range(40))
def test_slices_of_a_series_one_after_the_other_in_any_order_and_with_a_stranger_between(seed: int) -> None:
    random = Random(seed)  # noqa: S311  the same every time
    slices = series(random, random.randrange(3, 7))
    expected = [oracle_outcome(case.data, case.profile) for case in slices]
    stranger = next(cases(1, seed=seed + 500))
    for order in _orders(random, len(slices)):
        for number in order:
            if random.random() < 0.3:
                engine_outcome(stranger.data, stranger.profile)
                engine_outcome(stranger.data, slices[0].profile)
            case = slices[number]
            assert differences(engine_outcome(case.data, case.profile), expected[number]) == []


@pytest.mark.parametrize("seed", range(20))
def test_the_report_of_each_slice_names_the_uids_of_its_own_output(seed: int) -> None:
    for case in series(Random(seed), 5):  # noqa: S311  the same every time
        sink = io.BytesIO()
        try:
            report = deidentify(io.BytesIO(case.data), sink, profile=case.profile, keys=KEYS, identify=KEYS.identifiers)
        except DeidError:
            continue
        opened = open_object(sink.getvalue(), DEFAULT_LIMITS)
        named = (report.sop_class_uid, report.sop_instance_uid, report.study_uid, report.series_uid)
        assert named == tuple(opened.uid(tag) for tag in (0x00080016, 0x00080018, 0x0020000D, 0x0020000E))
        assert report.output_bytes == len(sink.getvalue())


def _orders(random: Random, count: int) -> list[list[int]]:
    forward = list(range(count))
    shuffled = forward[:]
    random.shuffle(shuffled)
    return [forward, forward[::-1], shuffled, forward]


_ALONE = """
import sys
from tests.data.generated_profiles import PROFILES_TRIED
from tests.oracle.agreement import engine_outcome

outcome = engine_outcome(sys.stdin.buffer.read(), PROFILES_TRIED[int(sys.argv[1])])
sys.stdout.buffer.write(outcome if isinstance(outcome, bytes) else outcome.encode())
"""


@pytest.mark.parametrize("number", range(8))
def test_an_object_alone_in_a_new_process_gives_the_same_bytes_as_after_others(number: int) -> None:
    random = Random(number)  # noqa: S311  the same every time
    own: list[Case] = series(random, 4)
    for case in (*cases(10, seed=number), *own[:-1]):
        engine_outcome(case.data, case.profile)
    last = own[-1]
    after_others = engine_outcome(last.data, last.profile)
    alone = subprocess.run(
        [sys.executable, "-c", _ALONE, str(PROFILES_TRIED.index(last.profile))],
        input=last.data,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(number), "TZ": ("UTC", "Asia/Kathmandu")[number % 2]},
        timeout=60,
        check=True,
    )
    assert alone.stdout == (after_others if isinstance(after_others, bytes) else after_others.encode())


def test_the_generator_makes_every_sop_class_it_names() -> None:
    made = [case.data for case in cases(200, seed=3)]
    assert all(any(uid.encode() in data for data in made) for uid in SOP_CLASSES)
