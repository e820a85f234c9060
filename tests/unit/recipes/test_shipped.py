"""Recipes that ship with deid, in extracts: what users come with is read, and what is left of it is named."""

from pathlib import Path

import pytest

from sendit.deid import read_profile
from sendit.recipes import Imported, imported
from sendit.screen import read_rules

FOLDER = Path(__file__).resolve().parents[2] / "data" / "recipes"
LABELS = {"deid.dicom": 15, "deid.dicom.ultrasound": 3, "deid.dicom.xray.chest": 4}


def of(name: str) -> Imported:
    return imported((FOLDER / name).read_bytes(), name)


@pytest.mark.parametrize("name", LABELS)
def test_a_shipped_recipe_becomes_a_profile_and_rules(name: str) -> None:
    found = of(name)
    assert read_profile(found.profile.encode()).profile.name == name.replace(".", "-")
    own = [rule for rule in read_rules(found.rules.encode()).rules if rule.reason.startswith("Recipe, ")]
    left_out = [remark for remark in found.left if "is left out" in remark.sentence]
    assert len(own) + len(left_out) == LABELS[name]


def test_every_line_that_is_left_is_named() -> None:
    found = of("deid.dicom")
    lines = (FOLDER / "deid.dicom").read_text("utf-8").splitlines()
    left = {lines[remark.line - 1].strip() for remark in found.left}
    for line in lines:
        if line.startswith("ADD") or "Manfacturer" in line or "jitter" in line:
            assert line.strip() in left, line


def test_a_recipe_of_filters_alone_is_carried_over_whole() -> None:
    assert of("deid.dicom.xray.chest").left == ()
