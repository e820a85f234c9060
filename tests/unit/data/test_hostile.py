from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.errors import InvalidDicomError
from tests.data import hostile
from tests.data.hostile import Label

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Label]:
    return hostile.write_all(tmp_path_factory.mktemp("hostile"))


def of(written: dict[Path, Label], label: Label) -> list[Path]:
    return [path for path, own in written.items() if own is label]


def test_every_label_is_written_and_everything_written_is_there(written: dict[Path, Label]) -> None:
    assert set(written.values()) == set(Label)
    assert all(os.path.lexists(path) for path in written)


def test_good_files_have_their_own_instance_uids(written: dict[Path, Label]) -> None:
    labels = (
        Label.ACCEPTED,
        Label.REFUSED,
        Label.HOSTILE_NAME,
        Label.DEFLATED,
        Label.BIG_ENDIAN,
        Label.BURNED_IN,
    )
    uids = [pydicom.dcmread(path).SOPInstanceUID for label in labels for path in of(written, label)]
    assert len(set(uids)) == len(uids) > 50


def test_what_is_not_dicom_cannot_be_read_or_holds_nothing(written: dict[Path, Label]) -> None:
    for path in of(written, Label.NOT_DICOM):
        if path.name == "only_preamble.dcm":
            assert len(pydicom.dcmread(path)) == 0
            continue
        with pytest.raises(InvalidDicomError):
            pydicom.dcmread(path)
    assert [path.stat().st_size for path in of(written, Label.EMPTY)] == [0]


def test_truncated_files_are_the_beginnings_of_good_ones(written: dict[Path, Label]) -> None:
    whole = {"file_meta.dcm": 12, "header.dcm": 11, "pixels.dcm": 10}
    paths = of(written, Label.TRUNCATED_HEADER) + of(written, Label.TRUNCATED_PIXELS)
    assert {path.name for path in paths} == set(whole)
    for path in paths:
        content, good = path.read_bytes(), hostile.slice_bytes(whole[path.name])
        assert good.startswith(content)
        assert len(content) < len(good)
        assert (good.index(b"\xe0\x7f\x10\x00OW") < len(content)) is (path.name == "pixels.dcm")


def test_preamble_and_file_meta_are_missing_where_they_should_be(written: dict[Path, Label]) -> None:
    assert [path.read_bytes()[:4] for path in of(written, Label.NO_PREAMBLE)] == [b"\x02\0\0\0"]
    bare = of(written, Label.NO_FILE_META)
    assert [path.read_bytes()[:4] for path in bare] == [b"\x08\0\x05\0"] * 2
    assert [path.read_bytes()[4:6] == b"CS" for path in bare] == [True, False]
    for path in (*bare, *of(written, Label.NO_PREAMBLE)):
        assert pydicom.dcmread(path, force=True).Modality == "CT"


def test_bad_lengths_reach_beyond_the_end(written: dict[Path, Label]) -> None:
    heads = (b"\x20\0\x10\0SH\xf0\xff", b"SQ\0\0\xf0\xff\xff\xff", b"OW\0\0\xf0\xff\xff\xff")
    for path, length in zip(of(written, Label.BAD_LENGTH), heads, strict=True):
        assert path.read_bytes().count(length) == 1
    assert [b"\x18\0\x60\0US" in path.read_bytes() for path in of(written, Label.WRONG_VR)] == [True, False]


def test_the_huge_file_is_sparse_and_complete(tmp_path: Path) -> None:
    path = tmp_path / "huge.dcm"
    hostile.huge_multiframe(path)
    assert path.stat().st_size > 1 << 30
    assert path.stat().st_blocks * 512 < 1 << 20
    ds = pydicom.dcmread(path, stop_before_pixels=True)
    pixels = ds.Rows * ds.Columns * ds.NumberOfFrames * 2
    assert pixels == 1 << 30
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    assert path.stat().st_size - pixels == head.index(b"\xe0\x7f\x10\x00OW") + 12
    with pytest.raises(ValueError, match="less than 4 GiB"):
        hostile.huge_multiframe(path, 4)


def test_the_bomb_inflates_a_thousandfold_to_a_good_object(tmp_path: Path) -> None:
    path = tmp_path / "bomb.dcm"
    hostile.deflated_bomb(path, 16)
    ds = pydicom.dcmread(path)
    assert len(ds.PixelData) == 16 << 20
    assert not any(ds.PixelData[:4096])
    assert path.stat().st_size * 500 < 16 << 20
    full = tmp_path / "full.dcm"
    hostile.deflated_bomb(full)
    assert full.stat().st_size < 2 << 20


def test_nesting_is_as_deep_as_asked(tmp_path: Path) -> None:
    hostile.deep_nesting(tmp_path / "deep.dcm", 12)
    ds = pydicom.dcmread(tmp_path / "deep.dcm")
    inner, depth = ds, 0
    while "ContentSequence" in inner:
        inner, depth = inner.ContentSequence[0], depth + 1
    assert depth == 12
    assert len(ds.PixelData) == 512


def test_names_are_carried_byte_for_byte_up_to_a_long_path(written: dict[Path, Label]) -> None:
    paths = of(written, Label.HOSTILE_NAME)
    root = next(parent for parent in paths[0].parents if parent.name == "hostile_names")
    lengths = [len(os.fsencode(path.relative_to(root))) for path in paths]
    assert max(lengths) == 1023
    names = {os.fsencode(path.name) for path in paths}
    assert {b"new\nline.dcm", b"-rf", b"$(touch x)", b"..name", b"trailing space "} <= names
    assert all(path.is_file() for path in paths)


def test_links_and_special_files_are_what_they_say(written: dict[Path, Label]) -> None:
    (to_file,) = of(written, Label.LINK_TO_FILE)
    (to_folder,) = of(written, Label.LINK_TO_FOLDER)
    (dangling,) = of(written, Label.DANGLING_LINK)
    assert to_file.is_symlink() and to_file.is_file()
    assert to_folder.is_symlink() and to_folder.is_dir()
    assert dangling.is_symlink() and not dangling.exists()
    assert all(path.is_symlink() for path in of(written, Label.LINK_LOOP))
    (pipe,), (socket,) = of(written, Label.FIFO), of(written, Label.SOCKET)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert stat.S_ISSOCK(socket.stat().st_mode)


def test_unreadable_entries_have_no_permission_bits(written: dict[Path, Label]) -> None:
    paths = of(written, Label.UNREADABLE_FILE) + of(written, Label.UNREADABLE_FOLDER)
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0, 0]


def test_a_duplicate_has_the_same_bytes_and_a_conflict_only_the_same_uid(written: dict[Path, Label]) -> None:
    one, two = (path.read_bytes() for path in of(written, Label.DUPLICATE))
    assert one == two
    first, second = of(written, Label.CONFLICT)
    assert first.read_bytes() != second.read_bytes()
    assert pydicom.dcmread(first).SOPInstanceUID == pydicom.dcmread(second).SOPInstanceUID


@pytest.mark.thorough
def test_writing_twice_gives_the_same_bytes(written: dict[Path, Label], tmp_path: Path) -> None:
    again = hostile.write_all(tmp_path)
    for (path, label), (other, other_label) in zip(written.items(), again.items(), strict=True):
        assert label is other_label
        if path.is_file() and label is not Label.UNREADABLE_FILE:
            assert path.read_bytes() == other.read_bytes()
