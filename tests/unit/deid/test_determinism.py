from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.data.deid_objects import KEYS, deidentified, element, instance, read_back, sequence

from sendit.deid import Keyring

SCRIPT = """
import io, hashlib, sys
from pydicom.data import get_testdata_file
from sendit.deid import Keyring, PROFILES, deidentify
keys, digest = Keyring(b"k" * 32), hashlib.sha256()
for name in ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "rtdose.dcm", "test-SR.dcm", "chrH31.dcm", "image_dfl.dcm"):
    for profile in PROFILES.values():
        path = get_testdata_file(name) if not name.startswith("chr") else None
        if path is None:
            continue
        sink = io.BytesIO()
        with open(path, "rb") as file:
            report = deidentify(file, sink, profile=profile, keys=keys, identify=keys.identifiers)
        digest.update(sink.getvalue() + report.to_json_line().encode())
print(digest.hexdigest())
"""


def digest(**environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.thorough
def test_output_does_not_depend_on_hash_seed_time_zone_or_locale() -> None:
    one = digest(PYTHONHASHSEED="1", TZ="UTC", LC_ALL="C")
    other = digest(PYTHONHASHSEED="4711", TZ="Pacific/Auckland", LC_ALL="C.UTF-8", PYTHONUTF8="1")
    assert one == other
    assert len(one) == 65


def test_same_input_gives_same_bytes_and_same_report() -> None:
    (one, data), (other, again) = deidentified(instance()), deidentified(instance())
    assert (one.to_json_line(), data) == (other.to_json_line(), again)


def test_another_key_shares_no_uid_and_no_pseudonym() -> None:
    data = instance(
        element(0x00200052, "UI", "1.2.826.0.1.9"),
        element(0x00181002, "UI", "1.2.826.0.1.8"),
    )
    one = read_back(deidentified(data, keys=KEYS)[1])
    other = read_back(deidentified(data, keys=Keyring(b"another secret key of this suite"))[1])
    mine, theirs = ({str(e.value) for e in ds.iterall() if e.VR == "UI"} for ds in (one, other))
    assert {uid for uid in mine & theirs if not uid.startswith("1.2.840.10008.")} == set()
    assert len(mine) == 6
    assert one.PatientID != other.PatientID
    assert one.AccessionNumber != other.AccessionNumber


@pytest.mark.parametrize("profile", ["basic", "dated"])
def test_report_counts_every_element_once_and_quotes_none(profile: str) -> None:
    data = instance(element(0x00091001, "LO", "secret"), sequence(0x00082218, element(0x00104000, "LT", "secret")))
    report, _ = deidentified(data, profile)
    paths = dict(report.attributes)
    assert paths["(0009,1001)"] == "remove"
    assert paths["AnatomicRegionSequence[0].PatientComments"] == "remove"
    assert paths["PatientID"] == "pseudonym"
    assert sum(report.actions.values()) == len(report.attributes) + report.actions["keep"]
    line = report.to_json_line()
    assert line.endswith("}\n")
    assert line.count("\n") == 1
    assert not [value for value in ("secret", "4711", "Wunderlich", "20200229", "1.2.826") if value in line]


def test_deidentifying_again_is_deidentifying_a_pseudonym() -> None:
    _, once = deidentified(instance())
    _, twice = deidentified(once)
    assert read_back(twice).PatientID != read_back(once).PatientID
    assert read_back(twice).SOPInstanceUID == KEYS.uid(read_back(once).SOPInstanceUID)
