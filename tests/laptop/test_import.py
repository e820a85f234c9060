"""`sendit profile import`: a recipe of deid on its way to the verdicts and headers that its author meant."""

from pathlib import Path

import pydicom
import pytest
from tests.data import objects
from tests.laptop.conftest import Sendit, images_in

RECIPE = """\
FORMAT dicom

%filter whitelist

LABEL Angiography of ours # (somebody)
  contains Modality XA
  + contains Manufacturer GE|Example

%filter graylist

LABEL Localizers # (somebody)
  contains Modality CT
  + contains ImageType LOCALIZER || contains SeriesDescription Localizer
  ctpcoordinates 0,0,16,8

%filter blacklist

LABEL Old scanner
  contains Modality MR
  + equals InstanceNumber 2
  contains SeriesDescription Fusion

%header

REMOVE StudyDescription
REPLACE StationName CT1
JITTER StudyDate var:days
ADD PatientIdentityRemoved YES
KEEP PatientID
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "deid.site"
    path.write_text(RECIPE, "utf-8")
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "src" / "a"
    folder.mkdir(parents=True)
    fused, angiography, foreign = objects.ct(3), objects.ct(4), objects.ct(5)
    fused.SeriesDescription = "Fusion"
    for image, maker in ((angiography, "Example Imaging"), (foreign, "Other")):
        image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.12.1"
        image.Modality, image.Manufacturer = "XA", maker
    for name, image in {
        "ct": objects.ct(1),
        "localizer": objects.ct(2, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER")),
        "fused": fused,
        "xa": angiography,
        "xa-of-others": foreign,
        "mr-1": objects.mr(1),
        "mr-2": objects.mr(2),
    }.items():
        (folder / f"{name}.dcm").write_bytes(objects.to_bytes(image))
    return folder.parent


def test_white_gray_and_black_give_the_verdicts_that_were_meant(
    sendit: Sendit, recipe: Path, source: Path, tmp_path: Path
) -> None:
    answer = sendit("profile", "import", recipe, "--to", tmp_path / "made")
    assert answer.status == 3
    rules = tmp_path / "made" / "deid-site.rules.toml"
    found = sendit("screen", source, "--rules", rules, "--names", "--json")
    assert {row["file"].removesuffix(".dcm"): (row["verdict"], row["rule"]) for row in found.json} == {
        "ct": ("accept", "ct"),
        "localizer": ("clean", "localizers"),
        "fused": ("reject", "old-scanner"),
        "xa": ("accept", "angiography-of-ours"),
        "xa-of-others": ("reject", "not-accepted"),
        "mr-1": ("accept", "mr"),
        "mr-2": ("reject", "old-scanner"),
    }


def test_what_is_left_is_named_with_its_line(sendit: Sendit, recipe: Path) -> None:
    answer = sendit("profile", "import", recipe)
    assert answer.status == 3
    assert 'name = "deid-site"' in answer.stdout
    assert "[rule.angiography-of-ours]" in answer.stdout
    _, _, left = answer.stdout.partition("Not carried over, or not wholly:\n")
    assert [line.split(":")[0] for line in left.splitlines()] == ["  line 28", "  line 29"]
    as_json = sendit("profile", "import", recipe, "--json")
    assert as_json.status == 3
    assert [one["line"] for one in as_json.json["remarks"] if not one["carried"]] == [28, 29]
    assert as_json.json["written"] == []


def test_the_profile_does_what_the_header_asks_for(sendit: Sendit, recipe: Path, source: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    sendit("profile", "import", recipe, "--to", made)
    answer = sendit(
        "run", source, tmp_path / "out", "--profile", made / "deid-site.profile.toml",
        "--rules", made / "deid-site.rules.toml",
    )  # fmt: skip
    assert answer.status == 3
    names = images_in(tmp_path / "out")
    assert len(names) == 4
    images = [pydicom.dcmread(tmp_path / "out" / name) for name in names]
    blanked = [image for image in images if not image.pixel_array[:8, :16].any()]
    assert ["LOCALIZER" in image.ImageType for image in blanked] == [True]
    assert blanked[0].pixel_array[8:].any()
    for image in images:
        assert "StudyDescription" not in image
        assert image.StationName == "CT1"
        assert image.DeidentificationMethod == "sendit deid-site, PS3.15 2026c Annex E"


def test_files_that_are_there_stay(sendit: Sendit, recipe: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (made / "deid-site.rules.toml").write_text("mine")
    answer = sendit("profile", "import", recipe, "--to", made)
    assert answer.status == 2
    assert "--force writes over it" in " ".join(answer.stderr.split())
    assert [path.name for path in made.iterdir()] == ["deid-site.rules.toml"]
    assert sendit("profile", "import", recipe, "--to", made, "--force").status == 3
    assert (made / "deid-site.rules.toml").read_text("utf-8").startswith("# From the recipe deid.site")


def test_a_recipe_that_is_carried_over_whole_says_so(sendit: Sendit, recipe: Path) -> None:
    recipe.write_text("FORMAT dicom\n%header\nREMOVE PatientComments\n")
    answer = sendit("profile", "import", recipe)
    assert answer.status == 0
    assert answer.stdout.endswith("Every line is carried over.\n")


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"FORMAT dicom\n%header\nKEEP \0\n", 1, "line 3: there is a control character"),
        (b"FORMAT dicom\n%hedaer\n", 1, "line 2: there is no section '%hedaer'; nearest is 'header'"),
        (b"\xff\xfe", 1, "line 1: this is not UTF-8"),
        (b"\n" * 1_000_001, 1, "a file has at most 1000000 bytes"),
        (None, 2, "does not exist"),
    ],
)
def test_what_is_no_recipe_is_told_with_its_line(
    sendit: Sendit, recipe: Path, data: bytes | None, status: int, words: str
) -> None:
    recipe.unlink()
    if data is not None:
        recipe.write_bytes(data)
    answer = sendit("profile", "import", recipe)
    assert answer.status == status
    assert words in " ".join(answer.stderr.split())
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""


def test_the_help_teaches_with_an_example(sendit: Sendit) -> None:
    answer = sendit("profile", "import", "--help")
    assert answer.status == 0
    for words in ("%filter blacklist", "sendit profile import deid.site --to rules", "Exit status: 0 all"):
        assert words in answer.stdout
