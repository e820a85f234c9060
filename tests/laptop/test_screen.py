"""`sendit screen` and rules of one's own, as a person starts them."""

from pathlib import Path

import pytest
from tests.data import objects
from tests.laptop.conftest import Sendit, images_in

CANARY = "Quellenthal"
RULES = """
[rule.scanner-2]
reject = "Scanner 2 burns names into its images."
when = { attribute = "InstanceNumber", equals = 2 }
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two CT, an ultrasound, a secondary capture and a file that is no image, in two batches."""
    folder = tmp_path / "src"
    for name, data in {
        f"ST-1/{CANARY}-1.dcm": objects.to_bytes(objects.ct(1)),
        "ST-1/2.dcm": objects.to_bytes(objects.ct(2)),
        "ST-1/us.dcm": objects.to_bytes(objects.KINDS["us"]()),
        "ST-2/sc.dcm": objects.to_bytes(objects.KINDS["secondary_capture"]()),
        "ST-2/us.dcm": objects.to_bytes(objects.KINDS["us"]()),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(RULES, "utf-8")
    return path


def test_it_counts_images_by_verdict_and_rule_and_writes_nothing(sendit: Sendit, source: Path, home: Path) -> None:
    before = sorted(source.rglob("*"))
    answer = sendit("screen", source)
    assert answer.status == 3
    lines = [line.split()[:4] for line in answer.stdout.splitlines()]
    assert ["ST-1", "2", "accept", "ct"] in lines
    assert ["ST-1", "1", "reject", "ultrasound"] in lines
    assert ["ST-2", "1", "reject", "secondary-capture"] in lines
    assert "2 of 5 images would pass." in answer.stdout
    assert CANARY not in answer.stdout + answer.stderr
    assert not home.exists()
    assert sorted(source.rglob("*")) == before


def test_it_names_files_when_asked(sendit: Sendit, source: Path) -> None:
    (source / "ST-2" / "notes.txt").write_text("no image")
    answer = sendit("screen", source, "--names", "--json")
    rows = {(row["batch"], row["file"]): (row["verdict"], row["rule"]) for row in answer.json}
    assert rows["ST-1", f"{CANARY}-1.dcm"] == ("accept", "ct")
    assert rows["ST-2", "notes.txt"] == ("fail", "not_dicom")
    assert len(rows) == 6
    assert all("file" not in row for row in sendit("screen", source, "--json").json)


def test_it_says_what_a_run_then_does(sendit: Sendit, source: Path, tmp_path: Path, rules: Path) -> None:
    answer = sendit("screen", source, "--rules", rules)
    assert "1 of 5 images would pass." in answer.stdout
    out = tmp_path / "out"
    run = sendit("run", source, out, "--rules", rules, "--json")
    assert run.status == 3
    batches = {batch["name"]: batch for batch in run.json["batches"]}
    one, two = batches["ST-1"], batches["ST-2"]
    assert (one["state"], one["found"], one["stored"], one["rejected"]) == ("DONEPROCESSING", 3, 1, 2)
    assert (two["state"], two["found"], two["stored"], two["rejected"]) == ("EMPTY", 2, 0, 2)
    assert len(list(source.rglob("*.dcm"))) == 5
    troubles = sendit("errors", "--out", out, "--json").json
    assert sorted(row["what"] for row in troubles) == [
        "rejected by scanner-2",
        "rejected by secondary-capture",
        "rejected by ultrasound",
        "rejected by ultrasound",
    ]


def test_what_would_be_cleaned_does_not_pass_where_nothing_is_changed(sendit: Sendit, tmp_path: Path) -> None:
    path = tmp_path / "src/ST-1/a.dcm"
    path.parent.mkdir(parents=True)
    path.write_bytes(objects.to_bytes(objects.ct()))
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[rule.corner]\nclean = "A name stands in the corner."\nblank = [[0, 0, 8, 8]]\n'
        'when = { attribute = "Modality", equals = "CT" }\n'
    )
    (row,) = sendit("screen", tmp_path / "src", "--rules", rules, "--json").json
    assert (row["verdict"], row["rule"]) == ("clean", "corner")
    answer = sendit("screen", tmp_path / "src", "--rules", rules, "--json", SENDIT_DEIDENTIFY="false")
    (row,) = answer.json
    assert (answer.status, row["verdict"], row["rule"]) == (3, "reject", "corner")
    out = tmp_path / "out"
    settings = {"SENDIT_DEIDENTIFY": "false", "SENDIT_IDENTIFIED_DESTINATIONS": str(out)}
    (batch,) = sendit("run", tmp_path / "src", out, "--rules", rules, "--json", **settings).json["batches"]
    assert (batch["state"], batch["rejected"], batch["stored"]) == ("EMPTY", 1, 0)


def test_after_a_change_of_rules_the_rejected_are_screened_again(
    sendit: Sendit, source: Path, tmp_path: Path, rules: Path
) -> None:
    out = tmp_path / "out"
    sendit("run", source, out, "--rules", rules)
    first = images_in(out)
    assert len(first) == 1
    assert "Nothing to do" in sendit("run", source, out).stdout
    again = sendit("run", source, out, "--retry", "rejected", "--json")
    assert sum(batch["stored"] for batch in again.json["batches"]) == 2
    assert {name: data for name, data in images_in(out).items() if name in first} == first


def test_rules_can_be_named_by_the_setting(sendit: Sendit, source: Path, rules: Path) -> None:
    assert "1 of 5 images would pass." in sendit("screen", source, SENDIT_RULES=str(rules)).stdout


def test_structured_reports_pass_by_what_the_profile_cleans(sendit: Sendit, tmp_path: Path) -> None:
    folder = tmp_path / "src" / "ST-1"
    folder.mkdir(parents=True)
    (folder / "sr.dcm").write_bytes(objects.to_bytes(objects.KINDS["basic_text_sr"]()))
    assert sendit("screen", tmp_path / "src").status == 0
    assert "structured-report" in sendit("screen", tmp_path / "src", "--profile", "basic").stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('without = ["color"]', "line 1: no shipped rule is called 'color'; nearest is 'colour'"),
        (None, "No such file"),
    ],
)
def test_bad_rules_are_refused_with_the_way_out(
    sendit: Sendit, source: Path, tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "rules.toml"
    if text is not None:
        path.write_text(text, "utf-8")
    for verb in (("screen", source), ("run", source, tmp_path / "out"), ("deidentify", source, tmp_path / "out")):
        answer = sendit(*verb, "--rules", path)
        assert answer.status == 2
        assert message in answer.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_file_is_said_to_hold_none(sendit: Sendit, tmp_path: Path) -> None:
    (tmp_path / "src" / "ST-1").mkdir(parents=True)
    answer = sendit("screen", tmp_path / "src")
    assert answer.status == 1
    assert "0 of 0 images would pass." in answer.stdout
