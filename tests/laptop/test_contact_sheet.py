"""The contact sheet of what a run has made, as a person makes it and as a browser shows it."""

import base64
import io
import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import JPEG2000Lossless
from tests.data import objects
from tests.data.encoding import to_bytes
from tests.laptop.conftest import Sendit, images_in, leftovers_in
from tests.laptop.test_cleaned import BOTTOM, COLUMNS, INSIDE, LEFT, MARGIN, RIGHT, ROWS, TOP, TWO_CORNERS, ultrasound

SQUARE = slice(20, 44)
NAMES = ("Quellenthal", "QUELLENTHAL")


def with_pixels(dataset: Dataset, stored: np.ndarray) -> Dataset:
    dataset.Rows, dataset.Columns = stored.shape
    dataset.PixelData = stored.astype("<u2").tobytes()
    return dataset


def gradient() -> Dataset:
    """A CT of which the window shows a ramp from black on the left to white on the right."""
    return with_pixels(objects.ct(1), np.tile(np.linspace(864, 1264, 64), (64, 1)))


def square() -> Dataset:
    """An MR with a bright square in the middle."""
    stored = np.zeros((64, 64))
    stored[SQUARE, SQUARE] = 1200
    return with_pixels(objects.mr(1, series=2), stored)


def inverted() -> Dataset:
    """A radiograph in MONOCHROME1 of which the left half holds 0."""
    stored = np.zeros((64, 64))
    stored[:, 32:] = 4095
    dataset = with_pixels(objects.cr(1, series=3), stored)
    dataset.PhotometricInterpretation = "MONOCHROME1"
    return dataset


def bright_ultrasound() -> Dataset:
    """One of light colours, so that what is blanked is seen."""
    dataset = ultrasound()
    dataset.PixelData = bytes([200, 180, 160]) * (len(dataset.PixelData) // 3)
    return dataset


def put(dataset: Dataset, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_bytes(dataset))


@pytest.fixture
def out(sendit: Sendit, tmp_path: Path) -> Path:
    """What a run makes of a CT series of five, an MR, a CR, a multi-frame object, an ultrasound and a plan."""
    source = tmp_path / "src/Quellenthal"
    put(gradient(), source / "ct1")
    for number in range(2, 6):
        put(objects.ct(number), source / f"ct{number}")
    put(square(), source / "mr")
    put(inverted(), source / "cr")
    put(objects.multiframe(5, 32, 48), source / "Quellenthal_Hedwig.nm")
    put(bright_ultrasound(), source / "us")
    put(objects.rtplan(), source / "plan")
    answer = sendit("run", tmp_path / "src", tmp_path / "out")
    assert answer.status == 0, answer.stdout
    return tmp_path / "out"


def pictures_on(page: Path) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page.read_text("utf-8"))
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in found]


def test_the_page_shows_each_series_and_counts_every_file(sendit: Sendit, out: Path, tmp_path: Path) -> None:
    before, page = images_in(out), tmp_path / "sheet.html"
    answer = sendit("contact-sheet", out, "--page", page, "--json")
    assert answer.status == 3, answer.stderr  # of a plan there is no picture
    said = answer.json
    assert (said["found"], said["shown"], said["left_out"], said["not_shown"]) == (10, 7, 2, {"no_picture": 1})
    assert (said["pictures"], said["frames_unseen"]) == (3 + 1 + 1 + 3 + 3, 2)
    text = page.read_text("utf-8")
    assert f"<code>{said['digest']}</code>" in text
    for name in NAMES:
        assert name not in text
    assert images_in(out) == before
    again = tmp_path / "again.html"
    assert sendit("contact-sheet", out, "--page", again).stdout.endswith(f"Digest: {said['digest']}\n")
    assert again.read_bytes() == page.read_bytes()


def test_pictures_are_what_the_images_show(sendit: Sendit, out: Path, tmp_path: Path) -> None:
    page = tmp_path / "sheet.html"
    assert sendit("contact-sheet", out, "--page", page, "--all").status == 3
    pictures = pictures_on(page)
    assert len(pictures) == 5 + 1 + 1 + 3 + 3
    grey = [one for one in pictures if one.shape == (64, 64)]
    ramp, bright, halves = grey[0].astype(int), grey[5].astype(int), grey[6].astype(int)
    assert ramp[32, 0] < 8 < 248 < ramp[32, 63]
    assert (np.diff(ramp[32, ::8]) > 20).all()
    assert bright[32, 32] > 245 > 10 > bright[4, 4]
    assert halves[10, 10] > 245 > 10 > halves[10, 50]
    blanked = next(one for one in pictures if one.shape == (ROWS, COLUMNS, 3))
    assert blanked[: TOP - 2].max() < 12
    assert blanked[30, 32].min() > 140


def test_what_cannot_be_shown_is_counted_and_the_rest_goes_on(sendit: Sendit, out: Path, tmp_path: Path) -> None:
    stored = {dcmread(path).Modality: path for path in sorted(out.rglob("*.dcm"))}
    damaged = dcmread(stored["MR"])
    damaged.file_meta.TransferSyntaxUID = JPEG2000Lossless
    damaged.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x04\0\0\0abcd\xfe\xff\xdd\xe0\0\0\0\0"
    damaged["PixelData"].VR = "OB"
    damaged.save_as(stored["MR"])
    (out / "Quellenthal.txt").write_text("QUELLENTHAL^HEDWIG")
    put(objects.ct(9), out / "original.dcm")
    (out / "link.dcm").symlink_to(stored["CR"])
    (out / "folder").symlink_to(tmp_path)
    (out / ".hidden").mkdir()
    (out / ".hidden/.note").write_text("QUELLENTHAL")
    (out / ".sendit-tmp").mkdir(exist_ok=True)
    (out / ".sendit-tmp/part").write_text("QUELLENTHAL")
    os.mkfifo(out / "pipe")
    page = tmp_path / "sheet.html"
    answer = sendit("contact-sheet", out, "--page", page, "--json")
    assert answer.status == 3
    expected = {
        "no_picture": 1, "frame_not_decodable": 1, "not_dicom": 3, "foreign_file": 1, "link": 2, "special_file": 1
    }  # fmt: skip
    assert answer.json["not_shown"] == expected
    assert answer.json["found"] == 17
    assert "abcd" not in answer.stderr
    for name in (*NAMES, str(objects.PATIENT.name)):
        assert name not in page.read_text("utf-8")
        assert name not in answer.stdout + answer.stderr


def test_files_to_files_with_their_paths_kept_are_shown_without_their_names(sendit: Sendit, tmp_path: Path) -> None:
    put(gradient(), tmp_path / "src/Quellenthal/ct1")
    out, page = tmp_path / "out", tmp_path / "sheet.html"
    assert sendit("deidentify", tmp_path / "src", out, "--keep-paths").status == 0
    assert sendit("contact-sheet", out, "--page", page).status == 0
    assert len(pictures_on(page)) == 1
    assert "Quellenthal" not in page.read_text("utf-8")


def test_a_page_is_never_written_into_out_nor_over_another_file(sendit: Sendit, out: Path, tmp_path: Path) -> None:
    assert sendit("contact-sheet", out, "--page", out / "sheet.html").status == 2
    other = tmp_path / "thesis.html"
    other.write_text("<!doctype html>my thesis")
    assert sendit("contact-sheet", out, "--page", other).status == 2
    assert other.read_text() == "<!doctype html>my thesis"
    assert sendit("contact-sheet", out, "--page", tmp_path / "no/such/folder.html").status == 2
    assert sendit("contact-sheet", tmp_path / "src", "--page", tmp_path / "sheet.html").status == 2


def test_images_that_were_stored_as_they_came_are_shown_on_no_page(sendit: Sendit, tmp_path: Path) -> None:
    put(gradient(), tmp_path / "src/ST-1/ct1")
    out, page = tmp_path / "out", tmp_path / "sheet.html"
    more = {"SENDIT_DEIDENTIFY": "false", "SENDIT_IDENTIFIED_DESTINATIONS": str(out)}
    assert sendit("run", tmp_path / "src", out, **more).status == 0
    answer = sendit("contact-sheet", out, "--page", page)
    assert answer.status == 2
    assert "[out_identified]" in answer.stderr
    assert not page.exists()


def screenshot(page: Path, folder: Path) -> np.ndarray:
    """The page as Chromium shows it; the test is skipped without Chromium, but never where CI=true."""
    chromium = shutil.which("chromium")
    if chromium is None and os.environ.get("CI") != "true":
        pytest.skip("chromium is not installed")
    assert chromium, "chromium is not installed"
    picture = folder / "screenshot.png"
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={folder / 'browser'}",
        "--hide-scrollbars", "--force-device-scale-factor=1", "--window-size=1200,3000", f"--screenshot={picture}",
    ]  # fmt: skip
    subprocess.run([chromium, *flags, page.as_uri()], check=True, capture_output=True, timeout=120)
    return np.asarray(Image.open(picture).convert("RGB")).astype(int)


def places_of(shot: np.ndarray, picture: np.ndarray) -> list[tuple[int, int]]:
    """Where in the screenshot, row and column, a picture stands as it is."""
    wanted = (picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)).astype(int)
    rows, columns = wanted.shape[:2]
    probes = [(0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1), (rows // 2, columns // 2)]
    probes += [(rows // 3, columns // 4), (rows // 2, columns // 5), (2 * rows // 3, columns // 2)]
    high, wide = shot.shape[0] - rows + 1, shot.shape[1] - columns + 1
    fits = np.ones((high, wide), bool)
    for row, column in probes:
        window = shot[row : row + high, column : column + wide]
        fits &= np.abs(window - wanted[row, column]).max(axis=2) <= 4
    places = [(int(row), int(column)) for row, column in np.argwhere(fits)]
    return [
        (row, column)
        for row, column in places
        if np.abs(shot[row : row + rows, column : column + columns] - wanted).mean() < 3
    ]


def without_outlines(page: Path) -> Path:
    """The same page with pictures alone."""
    plain = page.with_name("plain.html")
    plain.write_text(re.sub(r"<svg.+?</svg>", "", page.read_text("utf-8"), flags=re.DOTALL), "utf-8")
    return plain


def test_a_browser_shows_the_pictures(sendit: Sendit, out: Path, tmp_path: Path) -> None:
    page = tmp_path / "sheet.html"
    assert sendit("contact-sheet", out, "--page", page).status == 3
    shot = screenshot(without_outlines(page), tmp_path)
    pictures = pictures_on(page)
    grey = [one for one in pictures if one.shape == (64, 64)]
    ((top, left),) = places_of(shot, grey[0])
    ramp = shot[top + 32, left : left + 64, 0]
    assert ramp[0] < 8 < 248 < ramp[63]
    assert (np.diff(ramp[::8]) > 20).all()
    ((top, left),) = places_of(shot, grey[3])
    assert shot[top + 32, left + 32].min() > 245
    assert shot[top + 4, left + 4].max() < 10
    assert shot[top + 32, left + 10].max() < 10
    blanked = next(one for one in pictures if one.shape == (ROWS, COLUMNS, 3))
    places = places_of(shot, blanked)
    assert len(places) == 3
    for top, left in places:
        assert shot[top + 2 : top + TOP - 2, left + 2 : left + COLUMNS - 2].max() < 16
        assert shot[top + BOTTOM + 4 : top + ROWS - 2, left + 2 : left + COLUMNS - 2].max() < 16
        inside = shot[top + TOP + MARGIN + 2 : top + BOTTOM - MARGIN, left + LEFT + MARGIN + 2 : left + RIGHT - MARGIN]
        assert inside.min() > 130


def test_a_browser_shows_the_outlines_of_what_was_blanked(sendit: Sendit, tmp_path: Path) -> None:
    put(bright_ultrasound(), tmp_path / "src/ST-1/us")
    put(square(), tmp_path / "src/ST-1/mr")
    out, page = tmp_path / "out", tmp_path / "sheet.html"
    assert sendit("run", tmp_path / "src", out).status == 0
    answer = sendit("contact-sheet", out, "--page", page, "--json")
    assert (answer.json["blanked"], answer.json["blanked_unknown"]) == (1, 0)
    text = page.read_text("utf-8")
    share = round(100 * (1 - INSIDE.mean()))
    assert text.count(f"blanked: {share} % of the frame by rule ultrasound") == 3
    assert text.count("nothing blanked") == 1
    shot = screenshot(page, tmp_path)
    picture = next(one for one in pictures_on(page) if one.shape == (ROWS, COLUMNS, 3))
    places = places_of(screenshot(without_outlines(page), tmp_path), picture)
    assert len(places) == 3
    kept_top, kept_left, middle = TOP + MARGIN, LEFT + MARGIN, (ROWS // 2, COLUMNS // 2)
    for top, left in places:
        here = shot[top : top + ROWS, left : left + COLUMNS]
        yellow = (here[..., 0] > 200) & (here[..., 1] > 200) & (here[..., 2] < 60)
        assert yellow[0].mean() > 0.9  # along the frame
        assert yellow[:, 0].mean() > 0.9
        assert yellow[kept_top - 1 : kept_top + 1, kept_left : RIGHT - MARGIN].all()  # along what was kept
        assert yellow[kept_top : BOTTOM - MARGIN, kept_left - 1 : kept_left + 1].all()
        assert here[kept_top + 1, middle[1]].max() < 60  # beside the yellow line, where the picture is light
        assert here[middle[0], kept_left + 1].max() < 60
        assert here[middle].min() > 130
        assert not yellow[kept_top + 2 : BOTTOM - MARGIN - 2, kept_left + 2 : RIGHT - MARGIN - 2].any()


def test_what_several_rules_blank_is_outlined_together(sendit: Sendit, tmp_path: Path) -> None:
    put(gradient(), tmp_path / "src/ST-1/ct")
    out, page, rules = tmp_path / "out", tmp_path / "sheet.html", tmp_path / "rules.toml"
    rules.write_text(TWO_CORNERS)
    assert sendit("run", tmp_path / "src", out, "--rules", rules).status == 0
    assert sendit("contact-sheet", out, "--page", page).status == 0
    text = page.read_text("utf-8")
    assert text.count('d="M0 0H8V8H0ZM56 0H64V8H56Z"') == 2
    assert "blanked: 3 % of the frame by rule left" in text


def test_of_files_without_a_record_it_is_not_said_that_nothing_was_blanked(
    sendit: Sendit, tmp_path: Path, home: Path
) -> None:
    put(bright_ultrasound(), tmp_path / "src/ST-1/us")
    out, page = tmp_path / "out", tmp_path / "sheet.html"
    assert sendit("deidentify", tmp_path / "src/ST-1", out).status == 0
    assert sendit("contact-sheet", out, "--page", page, "--json").json["blanked_unknown"] == 1
    run = tmp_path / "run"
    assert sendit("run", tmp_path / "src", run).status == 0
    without = re.compile(r', "blanked": \[[^]]*\]')
    (status,) = home.glob("runs/*/status.sqlite3")
    with closing(sqlite3.connect(status)) as older, older:
        ((document,),) = older.execute("SELECT document FROM images").fetchall()
        assert without.search(document)
        older.execute("UPDATE images SET document = ?", [without.sub("", document)])
    other = tmp_path / "other.html"
    assert sendit("contact-sheet", run, "--page", other, "--json").json["blanked_unknown"] == 1
    for text in (page.read_text("utf-8"), other.read_text("utf-8")):
        assert text.count("not known what was blanked") == 3 + 1
        assert "nothing blanked" not in text
        assert "<path" not in text


def test_a_named_person_signs_off_exactly_these_files(sendit: Sendit, tmp_path: Path) -> None:
    put(square(), tmp_path / "src/ST-1/mr")
    out, page = tmp_path / "out", tmp_path / "sheet.html"
    assert sendit("run", tmp_path / "src", out).status == 0
    before = images_in(out)
    digest = sendit("contact-sheet", out, "--page", page, "--json").json["digest"]
    assert "Nobody has signed these files off yet" in page.read_text("utf-8")
    sign = ("contact-sheet", out, "--sign-off", "Dr. Ada <b>", "--digest")
    refused = sendit(*sign, "0" * 32)
    assert refused.status == 2
    assert "[digest_differs]" in refused.stderr
    assert digest in refused.stderr
    assert "0" * 32 in refused.stderr
    assert sendit("contact-sheet", out, "--sign-offs", "--json").json == []
    page.unlink()
    signed = sendit(*sign, digest, "--note", "Looks fine.", "--all", "--json")
    assert signed.status == 0, signed.stderr
    assert not page.exists()
    assert "Ada" not in signed.stderr
    (one,) = sendit("contact-sheet", out, "--sign-offs", "--json").json
    assert one.pop("at").endswith("+00:00")
    assert one.pop("version")
    assert one == {
        "name": "Dr. Ada <b>", "digest": digest, "files": 1, "not_shown": 0, "every": True, "note": "Looks fine.",
        "current": True,
    }  # fmt: skip
    assert sendit("contact-sheet", out, "--page", page).status == 0
    assert "<th scope=row>Dr. Ada &lt;b&gt;</th>" in page.read_text("utf-8")
    assert images_in(out) == before
    put(objects.ct(1), tmp_path / "src/ST-2/ct")
    assert sendit("run", tmp_path / "src", out).status == 0
    assert "files changed since" in sendit("contact-sheet", out, "--sign-offs").stdout
    assert sendit(*sign, digest).status == 2
    assert sendit("contact-sheet", out, "--page", page).status == 0
    assert "Ada" not in page.read_text("utf-8")


def test_what_could_not_be_shown_is_signed_off_only_if_that_is_said(sendit: Sendit, out: Path, tmp_path: Path) -> None:
    page = tmp_path / "sheet.html"
    digest = sendit("contact-sheet", out, "--page", page, "--json").json["digest"]
    sign = ("contact-sheet", out, "--sign-off", "Ada", "--digest", digest)
    refused = sendit(*sign)
    assert refused.status == 2
    assert "[not_all_shown]" in refused.stderr
    assert sendit("contact-sheet", out, "--sign-offs").stdout == "Nobody has signed OUT off.\n"
    assert sendit(*sign, "--despite-not-shown", "--json").json["not_shown"] == 1
    assert sendit("contact-sheet", out, "--page", page).status == 3
    assert "10 files, sample, 1 file not shown" in page.read_text("utf-8")


def test_files_to_files_are_signed_off_too_and_no_run_is_made_of_it(sendit: Sendit, tmp_path: Path) -> None:
    put(square(), tmp_path / "src/mr")
    out, page = tmp_path / "out", tmp_path / "sheet.html"
    assert sendit("deidentify", tmp_path / "src", out).status == 0
    digest = sendit("contact-sheet", out, "--page", page, "--json").json["digest"]
    assert sendit("contact-sheet", out, "--sign-off", "Ada", "--digest", digest).status == 0
    assert len(sendit("contact-sheet", out, "--sign-offs", "--json").json) == 1
    assert "[no_such_run]" in sendit("status", "--out", out).stderr
    assert leftovers_in(out) == []


@pytest.mark.parametrize(
    "wrong",
    [["--digest", "1"], ["--note", "n"], ["--despite-not-shown"], ["--sign-off", "Ada"],
     ["--sign-off", "", "--digest", "1"], ["--sign-off", "A\x1b", "--digest", "1"],
     ["--sign-off", "Ada", "--digest", "1", "--sign-offs"]],
)  # fmt: skip
def test_a_sign_off_that_is_not_whole_is_refused(sendit: Sendit, tmp_path: Path, wrong: list[str]) -> None:
    put(square(), tmp_path / "src/mr")
    assert sendit("deidentify", tmp_path / "src", tmp_path / "out").status == 0
    answer = sendit("contact-sheet", tmp_path / "out", *wrong)
    assert answer.status == 2
    assert "[bad_setting]" in answer.stderr
    assert "Ada" not in answer.stderr


def test_a_sign_off_is_neither_changed_nor_removed(sendit: Sendit, tmp_path: Path, home: Path) -> None:
    put(square(), tmp_path / "src/mr")
    out = tmp_path / "out"
    assert sendit("deidentify", tmp_path / "src", out).status == 0
    digest = sendit("contact-sheet", out, "--page", tmp_path / "sheet.html", "--json").json["digest"]
    assert sendit("contact-sheet", out, "--sign-off", "Ada", "--digest", digest).status == 0
    (path,) = home.glob("runs/*/sign-offs.sqlite3")
    assert path.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(path)) as file:
        for statement in ("UPDATE sign_offs SET name = 'Eve'", "DELETE FROM sign_offs"):
            with pytest.raises(sqlite3.IntegrityError, match="never"):
                file.execute(statement)
