"""`sendit profile`, and profiles of one's own, through the installed program."""

import json
from pathlib import Path

import pydicom
import pytest
from tests.laptop.conftest import Sendit, images_in
from tests.laptop.test_run import a_study

SITE = """\
name = "site-a"
from = "research"
add = ["retain-device-identity"]
[attributes]
PatientComments = "remove"
StationName = { action = "replace", value = "CT1" }
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site-a.toml"
    path.write_text(SITE)
    return path


def test_the_built_in_profiles_are_listed(sendit: Sendit) -> None:
    answer = sendit("profile", "list")
    assert answer.status == 0
    assert [line.split()[0] for line in answer.stdout.splitlines()[1:4]] == ["basic", "research", "strict"]
    assert "In use, unless --profile names another: research" in answer.stdout
    as_json = sendit("profile", "list", "--json", SENDIT_PROFILE="basic").json
    assert as_json["used"] == "basic"
    assert [one["name"] for one in as_json["profiles"]] == ["basic", "research", "strict"]


def test_a_profile_is_shown_whole(sendit: Sendit, site: Path) -> None:
    answer = sendit("profile", "show", site)
    assert answer.status == 0
    assert answer.stdout.startswith("site-a, digest ")
    for line in (
        "  retain-device-identity: PS3.15 E.3.8, Retain Device Identity Option",
        "  line 5: PatientComments: remove",
        "  line 6: StationName: replace by 'CT1'",
        "  PatientIdentityRemoved = YES",
        "  113109 Retain Device Identity Option",
    ):
        assert line in answer.stdout.splitlines()
    as_json = sendit("profile", "show", site, "--json").json
    assert as_json["weaker"] is False
    assert as_json["overrides"][1] == {
        "attribute": "StationName",
        "action": "replace",
        "value": "CT1",
        "line": 6,
        "weaker": False,
    }
    assert len(as_json["digest"]) == 16


def test_a_weaker_profile_is_shown_as_one(sendit: Sendit, site: Path) -> None:
    site.write_text(SITE.replace('"remove"', '"keep"'))
    lines = sendit("profile", "show", site).stdout.splitlines()
    assert "  line 5: PatientComments: keep   (lets more pass than the standard)" in lines
    assert "  PatientIdentityRemoved = NO" in lines
    assert "  no code: the profile is weaker than PS3.15 E.1-1, and its images say so" in lines


def test_an_attribute_is_explained_with_its_clause_or_its_line(sendit: Sendit, site: Path) -> None:
    answer = sendit("profile", "show", "research", "PatientComments")
    assert (answer.status, answer.stdout) == (
        0,
        "PatientComments (LT) under research:\n"
        "  clean, or remove where that cannot be done\n"
        "      PS3.15 E.3.5: row 'Patient Comments': Basic X, clean-descriptors C\n",
    )
    answer = sendit("profile", "show", site, "(0008,1010)", "--sop-class", "CTImageStorage")
    assert "      profile site-a, line 6: without that, row 'Station Name'" in answer.stdout
    found = sendit("profile", "show", "basic", "SeriesDate", "--json").json
    assert found["attribute"] == "SeriesDate"
    assert {one["action"] for one in found["verdicts"]} == {"dummy", "remove"}
    assert "unknown" in [uid for one in found["verdicts"] for uid in one["sop_classes"]]
    shown = sendit("profile", "show", "basic", "SeriesDate").stdout
    assert "for every SOP class that is not known" in shown
    assert "Table Speed" in sendit("profile", "show", "research", "GEMS_ACQU_01 (0019,xx23)").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "reserch"), "there is no profile 'reserch'; the nearest is 'research' [bad_setting]"),
        (("show", "nowhere.toml"), "Profile nowhere.toml: No such file or directory. [bad_setting]"),
        (("show", "."), "there is no profile '.'"),
        (("show", "./"), "Profile ./, line 1: this is no file"),
        (("show", "basic", "PatientComents"), "there is no attribute 'PatientComents'; nearest is 'PatientComments'"),
        (("show", "basic", "KVP", "--sop-class", "CTImage"), "there is no storage SOP class 'CTImage'; nearest is 'CT"),
        (("show", "basic", "--sop-class", "CTImageStorage"), "it needs an ATTRIBUTE"),
        (("show",), "Missing argument 'NAME|FILE.toml'"),
    ],
)
def test_a_wrong_call_is_a_usage_error(sendit: Sendit, arguments: tuple[str, ...], words: str) -> None:
    answer = sendit("profile", *arguments)
    assert answer.status == 2
    assert words in " ".join(answer.stderr.split())
    assert answer.stdout == ""


@pytest.mark.parametrize("verb", ["run", "deidentify"])
def test_a_mistake_in_a_profile_is_told_with_its_line_before_anything_is_done(
    sendit: Sendit, tmp_path: Path, site: Path, verb: str
) -> None:
    site.write_text(SITE.replace("PatientComments", "PatientComents"))
    answer = sendit(verb, a_study(tmp_path / "src", "a"), tmp_path / "out", "--profile", site)
    assert answer.status == 2
    assert (
        f"Profile {site}, line 5: there is no attribute 'PatientComents'; nearest is 'PatientComments'" in answer.stderr
    )
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / "out").exists()


def test_the_help_teaches_how_a_profile_is_made(sendit: Sendit) -> None:
    answer = sendit("profile", "--help")
    assert answer.status == 0
    for words in ('from = "research"', "[attributes]", "SENDIT_PROFILE=site-a.toml", "list", "show"):
        assert words in answer.stdout
    assert "site-a.toml StudyDate" in " ".join(sendit("profile", "show", "--help").stdout.split())


def test_a_profile_of_ones_own_is_used_and_named_everywhere(sendit: Sendit, tmp_path: Path, site: Path) -> None:
    source, report = a_study(tmp_path / "src", "a", "b"), tmp_path / "report.jsonl"
    answer = sendit("deidentify", source, tmp_path / "files", "--report", report, SENDIT_PROFILE=str(site))
    assert answer.status == 0
    digest = sendit("profile", "show", site, "--json").json["digest"]
    for line in map(json.loads, report.read_text().splitlines()):
        assert (line["profile"], line["profile_digest"]) == ("site-a", digest)
    for name in images_in(tmp_path / "files"):
        dataset = pydicom.dcmread(tmp_path / "files" / name)
        assert dataset.DeidentificationMethod == "sendit site-a, PS3.15 2026c Annex E"
        assert dataset.get("StationName", "CT1") == "CT1"
        codes = [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]
        assert "113109" in codes
    out = tmp_path / "out"
    assert sendit("run", source, out, "--profile", site).status == 0
    assert images_in(out) == images_in(tmp_path / "files") != {}
    assert json.loads((out / ".sendit.json").read_text())["profile_digest"] == digest
    (batch,) = sendit("status", "--out", out, "--json", SENDIT_PROFILE=str(site)).json
    assert batch["profile_digest"] == digest
    site.write_text(SITE.replace("CT1", "CT2"))
    answer = sendit("run", source, out, "--profile", site)
    assert answer.status == 2
    assert "[out_of_another_profile]" in answer.stderr
