"""Whatever lies below OUT is found: hidden, linked, special, unreadable, nested as deep as may be."""

import os
import subprocess
from pathlib import Path

from sendit.errors import Code
from sendit.label import LABEL
from sendit.sheet.found import Found, digest_of, files_below


def below(out: Path) -> dict[str, Code | None]:
    return {str(one.path.relative_to(out)): one.problem for one in files_below(out)}


def test_all_but_the_label_is_found_and_no_link_is_followed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / ".hidden/sub").mkdir(parents=True)
    (out / "empty").mkdir()
    for name in (LABEL, "a", ".b", ".hidden/c", ".hidden/sub/d", f".hidden/{LABEL}"):
        (out / name).write_text("")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/e").write_text("")
    (out / "folder").symlink_to(tmp_path / "elsewhere")
    (out / "dangling").symlink_to(tmp_path / "nothing")
    os.mkfifo(out / "pipe")
    files = dict.fromkeys(("a", ".b", ".hidden/c", ".hidden/sub/d", f".hidden/{LABEL}"))
    others = {"folder": Code.LINK, "dangling": Code.LINK, "pipe": Code.SPECIAL_FILE}
    assert below(out) == {**files, **others}


def test_a_link_in_the_place_of_the_label_is_counted(tmp_path: Path) -> None:
    (tmp_path / LABEL).symlink_to(tmp_path / "label")
    assert below(tmp_path) == {LABEL: Code.LINK}


def test_a_folder_that_cannot_be_listed_is_counted(tmp_path: Path) -> None:
    assert below(tmp_path / "gone") == {".": Code.UNREADABLE_FOLDER}


def test_folders_may_be_nested_deeper_than_calls(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(1500):
            os.mkdir("d", dir_fd=here)
            inner = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    finally:
        os.close(here)
    try:
        assert len(below(tmp_path)) == 1
    finally:
        subprocess.run(["rm", "-r", str(tmp_path / "d")], check=True)  # pytest itself cannot go so deep


def test_what_could_not_be_read_changes_the_digest() -> None:
    image, link = Found(Path("a"), 3, 4, "n"), Found(Path("b"), problem=Code.LINK)
    special = Found(Path("b"), problem=Code.SPECIAL_FILE)
    assert len({digest_of(files) for files in ([image], [image, link], [image, special], [image, link, link])}) == 4
