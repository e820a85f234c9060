"""SENDIT_DEIDENTIFY=false: identified images go where it is allowed by name, and nowhere else."""

import json
from pathlib import Path

from tests.data import objects
from tests.laptop.conftest import Sendit, images_in


def source(folder: Path) -> Path:
    batch = folder / "src" / "ST-1"
    batch.mkdir(parents=True)
    for number in (1, 2):
        (batch / f"{number}.dcm").write_bytes(objects.to_bytes(objects.ct(number)))
    return folder / "src"


def test_identified_images_are_refused_where_the_destination_is_not_listed(sendit: Sendit, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for listed in ("", str(tmp_path), f"{out}x", "gs://out"):
        answer = sendit(
            "run", source(tmp_path / listed.replace("/", "_")), out,
            SENDIT_DEIDENTIFY="false", SENDIT_IDENTIFIED_DESTINATIONS=listed,
        )  # fmt: skip
        assert (answer.status, "identified_not_allowed" in answer.stderr) == (2, True)
        assert not out.exists()


def test_a_listed_destination_gets_the_images_unchanged_and_never_mixes_with_others(
    sendit: Sendit, tmp_path: Path
) -> None:
    src, out = source(tmp_path), tmp_path / "out"
    settings = {"SENDIT_DEIDENTIFY": "false", "SENDIT_IDENTIFIED_DESTINATIONS": f"gs://elsewhere, {out}"}
    assert sendit("run", src, out, **settings).status == 0
    assert sorted(images_in(out).values()) == sorted(path.read_bytes() for path in src.rglob("*.dcm"))
    assert json.loads((out / ".sendit.json").read_text("ascii"))["profile"] == "identified"
    assert sendit("run", src, out).status == 2
    plain = tmp_path / "plain"
    assert sendit("run", src, plain).status == 0
    assert images_in(plain).keys() == images_in(out).keys()
    mixed = {"SENDIT_DEIDENTIFY": "false", "SENDIT_IDENTIFIED_DESTINATIONS": str(plain)}
    assert "out_of_another_profile" in sendit("run", src, plain, **mixed).stderr


def test_files_to_files_without_de_identifying_is_refused(sendit: Sendit, tmp_path: Path) -> None:
    src, out = source(tmp_path), tmp_path / "out"
    answer = sendit("deidentify", src, out, SENDIT_DEIDENTIFY="false", SENDIT_IDENTIFIED_DESTINATIONS=str(out))
    assert (answer.status, out.exists()) == (2, False)
