"""The words that may stay whoever the patient is."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from sendit.deid.rules import vocabulary
from sendit.deid.rules.tables import table

ROOT = Path(__file__).resolve().parents[3]
PARTS = ("descriptors", "before numbers", "units", "around numbers", "institutions", "names")


def test_every_group_gives_its_reason_and_spells_its_words_plainly() -> None:
    content = table("descriptors.json")
    for part in PARTS:
        for name, group in content[part].items():
            assert len(group["reason"].split()) >= 4, name
            assert all(re.fullmatch(r"[a-z0-9]+", word) for word in group["words"].split()), name
    assert all(re.fullmatch(r"[a-z0-9]+", word) for word in vocabulary.terms())


def test_no_common_name_of_a_person_is_in_free_text_unless_it_was_judged_a_term() -> None:
    names = table("descriptors.json")["names"]
    dropped = set(names["dropped"]["words"].split())
    assert not dropped & vocabulary.descriptors()
    assert not dropped & set(names["terms of imaging"]["words"].split())
    for word in (
        "waters",
        "king",
        "young",
        "brown",
        "white",
        "long",
        "lane",
        "marino",
        "stein",
        "smith",
        "mark",
        "omar",
    ):
        assert word not in vocabulary.descriptors()


def test_words_of_imaging_are_known_in_seven_languages() -> None:
    words = "flair mprage abdomen schaedel schadel cerveau rodilla ginocchio joelho hersenen gadolinium links gauche"
    assert set(words.split()) <= vocabulary.descriptors()
    assert 3_000 < len(vocabulary.descriptors()) < 10_000


ENUMERATED = """
    head philips axial chest original primary derived secondary mprage tomosynthesis portfilm brachytherapy labelmap
    bitmap grayscale occupancy centered genuine scheduled completed closed planar lossy isotope stationary
"""


@pytest.mark.parametrize("word", ENUMERATED.split())
def test_enumerated_terms_of_the_standard_are_nobodys_name(word: str) -> None:
    assert word in vocabulary.terms()


def test_files_are_small_and_read_only_when_needed() -> None:
    assert sum(len(files("sendit.deid").joinpath("data", name).read_bytes()) for name in
               ("vocabulary.json", "descriptors.json")) < 150_000  # fmt: skip
    program = (
        "import sendit.deid.values.descriptors, sendit.deid.rules.tables as t; print(t.table.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


@pytest.mark.thorough
def test_file_is_what_its_program_makes_of_the_standard() -> None:
    subprocess.run([sys.executable, ROOT / "tools" / "standard" / "vocabulary.py"], check=True)
