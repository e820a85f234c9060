"""Documents that speak of the code are held to it."""

import re
from pathlib import Path

import pytest

from sendit.deid import PROFILES
from sendit.errors import SENTENCES

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
INVISIBLE = re.compile(r"/(work|root|tmp|home/[a-z]+)/")


def test_every_code_is_explained_with_its_sentence() -> None:
    text = (ROOT / "docs/errors.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE))
    assert rows == {code.value: sentence for code, sentence in SENTENCES.items()}


def test_the_readme_names_every_profile_and_verb() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for word in (*PROFILES, "sendit run", "sendit deidentify", "sendit status", "sendit errors", "--retry", "--names"):
        assert f"`{word}" in text or f" {word}" in text, word


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_no_path_of_a_machine(document: Path) -> None:
    assert not INVISIBLE.search(document.read_text("utf-8"))
