"""tar.gz as a stream: read by others, the same bytes each time, in bounded memory, and not believed when broken."""

import gzip
import hashlib
import io
import subprocess
import tarfile
import tracemalloc
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cost import in_proportion

from sendit.archive import LARGEST_MEMBER, Member, TarGz, members
from sendit.errors import Code, ImageError

MIB = 1024 * 1024
LONG = f"{'1.' * 31}10/{'2.' * 31}20.dcm"  # two UIDs of 64 characters
CONTENTS = {"2.25.2/2.25.3.dcm": b"one image", "2.25.2/2.25.4.dcm": b"", LONG: bytes(range(256)) * 10}


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def packed(contents: dict[str, bytes], block: int = MIB) -> bytes:
    sink = io.BytesIO()
    archive = TarGz(sink.write)
    for name, data in contents.items():
        archive.add(name, len(data), cut(data, block))
    archive.close()
    return sink.getvalue()


def listed(contents: dict[str, bytes]) -> list[Member]:
    return [Member(name, len(data), google_crc32c.value(data)) for name, data in contents.items()]


def test_others_read_what_is_written(tmp_path: Path) -> None:
    (path := tmp_path / "a.tar.gz").write_bytes(packed(CONTENTS))
    shown = subprocess.run(["tar", "-tzf", path], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines() == list(CONTENTS)
    with tarfile.open(path) as tar:
        assert {info.name: tar.extractfile(info).read() for info in tar} == CONTENTS  # type: ignore[union-attr]


def test_a_member_tells_its_name_and_size_and_nothing_else() -> None:
    with tarfile.open(fileobj=io.BytesIO(packed(CONTENTS))) as tar:
        told = {(info.mode, info.uid, info.gid, info.mtime, info.uname, info.gname, info.type) for info in tar}
    assert told == {(0o644, 0, 0, 0, "", "", tarfile.REGTYPE)}


def test_the_bytes_are_the_same_wherever_and_however_they_are_made() -> None:
    data = packed(CONTENTS)
    assert data[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    assert hashlib.sha256(gzip.decompress(data)).hexdigest() == (
        "5e2eb525c79cce8659635307ff33dd73fbb6a4a8e103d573ff792f41936fa5e0"
    )
    assert {packed(CONTENTS, block) for block in (1, 7, 512, MIB)} == {data}


@given(st.dictionaries(st.from_regex(r"[a-z0-9]{1,60}/[a-z0-9.]{1,60}", fullmatch=True), st.binary(), max_size=5))
@settings(max_examples=50)
def test_what_is_written_is_read_back(contents: dict[str, bytes]) -> None:
    data = packed(contents)
    assert list(members(cut(data, 100))) == listed(contents)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("level", [0, 9])
def test_an_archive_that_another_program_wrote_holds_the_same(form: int, level: int) -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz", format=form, compresslevel=level) as tar:
        for name, data in CONTENTS.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1234567890
            tar.addfile(info, io.BytesIO(data))
    found = list(members([sink.getvalue()]))
    short = [member for member in listed(CONTENTS) if len(member.name) <= 100]
    assert [member for member in found if member in short] == short


def test_what_is_broken_in_any_place_proves_nothing() -> None:
    contents = {"a/b.dcm": bytes(range(256)) * 2, "a/c.dcm": b"x" * 700}
    data = packed(contents)
    for end in range(len(data)):
        with pytest.raises(ValueError, match=r"archive|gzip"):
            list(members([data[:end]]))
    for place in range(10, len(data)):
        broken = bytearray(data)
        broken[place] ^= 0x10
        try:
            found = list(members([bytes(broken)]))
        except ValueError:
            continue
        assert found == listed(contents)  # a bit of deflate may mean nothing


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no gzip",
        gzip.compress(b"no tar" * 200),
        gzip.compress(b"short"),
        packed(CONTENTS) + b"more",
        packed(CONTENTS) + packed(CONTENTS),
    ],
    ids=["nothing", "no gzip", "no tar", "short", "more", "twice"],
)
def test_what_is_no_archive_is_said_to_be_none(data: bytes) -> None:
    for block in (10, MIB):
        with pytest.raises(ValueError, match=r"archive|gzip"):
            list(members(cut(data, block)))


def test_what_stands_behind_an_archive_is_seen_wherever_blocks_end() -> None:
    with pytest.raises(ValueError, match="behind"):
        list(members([packed(CONTENTS), b"more"]))


def test_a_size_below_zero_is_no_archive() -> None:
    info = tarfile.TarInfo("a")
    info.size = -512
    with pytest.raises(ValueError, match="no tar"):
        list(members([gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))]))


def test_a_member_that_ustar_has_no_room_for_is_refused() -> None:
    with pytest.raises(ImageError) as error:
        TarGz(io.BytesIO().write).add("a", LARGEST_MEMBER + 1, [])
    assert error.value.code is Code.INSTANCE_REFUSED


def peak(work: Iterable[object]) -> int:
    tracemalloc.start()
    for _ in work:
        pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_an_archive() -> None:
    block = bytes(MIB // 2)

    def written(images: int) -> Iterator[None]:
        archive = TarGz(len)
        for number in range(images):
            archive.add(f"series/{number}.dcm", len(block), [block])
            yield
        archive.close()

    def of_one(blocks: int) -> Iterator[None]:
        archive = TarGz(len)
        archive.add("series/1.dcm", blocks * len(block), (block for _ in range(blocks)))
        yield
        archive.close()

    for work in (written, of_one):
        peak(work(2))
        assert peak(work(64)) < 1.2 * peak(work(8))


def test_memory_does_not_grow_with_what_an_archive_swells_to() -> None:
    def read(size: int) -> Iterator[None]:
        info = tarfile.TarInfo("x")
        info.type, info.size = tarfile.XHDTYPE, size  # a header of its own, as large as the bomb
        head = zlib.compressobj(9, zlib.DEFLATED, 31)
        bomb = [head.compress(info.tobuf(tarfile.USTAR_FORMAT))]
        bomb += [head.compress(bytes(MIB)) for _ in range(size // MIB)]
        bomb += [head.compress(bytes(1024)), head.flush()]
        yield from (None for _ in members([b"".join(bomb)]))

    assert peak(read(32 * MIB)) < 1.5 * peak(read(4 * MIB))


def test_many_small_members_cost_in_proportion_to_their_number() -> None:
    def prepare(count: int) -> bytes:
        return packed({f"s/{number}.dcm": b"x" for number in range(count)})

    in_proportion(prepare, lambda data: list(members([data])), 1600)
