"""Answers of several parts are taken apart wherever they are cut, and never taken for whole when they are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendit.adapters.dicomweb_link import Setback
from sendit.adapters.dicomweb_parts import parts

TYPE = 'multipart/related; type="application/dicom"; boundary='
BYTES = st.lists(st.sampled_from([b"\r\n", b"--", b"-", b"b", b"--b", b"\r\n--", b"\0", b"x" * 9]), max_size=12)


def taken(data: bytes, size: int, content_type: str = f"{TYPE}bound") -> list[bytes]:
    blocks = (data[start : start + size] for start in range(0, len(data), size))
    return [b"".join(part) for part in parts(content_type, blocks)]


def written(contents: list[bytes], head: bytes = b"Content-Type: application/dicom\r\n") -> bytes:
    return b"".join(b"--bound\r\n" + head + b"\r\n" + one + b"\r\n" for one in contents) + b"--bound--\r\n"


@given(st.lists(BYTES.map(b"".join), max_size=4), st.integers(1, 60), st.booleans(), st.booleans())
def test_parts_come_out_as_they_went_in(contents: list[bytes], size: int, headed: bool, preceded: bool) -> None:
    data = written(contents, *([] if headed else [b""]))
    assert taken(b"a preamble\r\n" * preceded + data, size) == contents


@given(st.integers(0, 10**6), st.integers(1, 60))
def test_what_ends_before_its_end_is_a_setback(cut: int, size: int) -> None:
    data = written([b"first", b"second"]).removesuffix(b"--\r\n")
    with pytest.raises(Setback):
        taken(data[: cut % (len(data) + 1)], size)


def test_what_is_not_read_of_a_part_is_skipped() -> None:
    assert [next(part) for part in parts(f"{TYPE}bound", iter([written([b"one", b"two"])]))] == [b"one", b"two"]


@pytest.mark.parametrize("boundary", ['"bound"', "bound; start=x", 'bound;type="x"'])
def test_a_boundary_is_written_in_several_ways(boundary: str) -> None:
    assert taken(written([b"one"]), 7, TYPE + boundary) == [b"one"]


def test_an_answer_may_be_one_part() -> None:
    assert taken(b"whole", 2, "application/dicom; transfer-syntax=1.2.840.10008.1.2.1") == [b"whole"]


@pytest.mark.parametrize("content_type", ["", "text/html", "multipart/related", "application/dicom+json"])
def test_another_answer_is_a_setback(content_type: str) -> None:
    with pytest.raises(Setback):
        taken(b"whole", 2, content_type)


def test_a_head_without_end_is_not_held() -> None:
    endless = iter([b"--bound\r\n", *[b"x" * 1024] * 100, b"\r\n\r\n"])
    with pytest.raises(Setback):
        list(parts(f"{TYPE}bound", endless))
