"""Documents that speak of the code are held to it."""

import json
import re
from pathlib import Path

import pytest
from pydicom import dcmread
from tests.data.deid_objects import element, instance

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


def test_the_library_works_as_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.+?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "sendit.key").write_bytes(bytes(range(32)))
    (tmp_path / "in.dcm").write_bytes(instance(element(0x00100010, "PN", "Wunderlich^Hedwig")))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102  it is ours
    assert json.loads(capsys.readouterr().out)["patient"] == str(dcmread("out.dcm").PatientID)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_no_path_of_a_machine(document: Path) -> None:
    assert not INVISIBLE.search(document.read_text("utf-8"))
