from __future__ import annotations

import base64
import gzip
import os
import sqlite3
import zlib
from datetime import date
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import quote

import pydicom
import pytest
from tests.data import canaries, objects
from tests.data.canaries import Canary, canary, find, planted, search_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.uid import UID

ONE = Canary("CNRY0042QX", "here")
WIDE = Canary("金絲雀鳥籠測", "there")
DATE = Canary("19370413", "then")
ENCODINGS: tuple[Callable[[str], bytes], ...] = (
    lambda value: value.encode(),
    lambda value: value.lower().encode(),
    lambda value: value.encode("utf-16-le"),
    lambda value: value.encode("utf-16-be"),
    lambda value: value.encode().hex().upper().encode(),
    lambda value: base64.b64encode(value.encode()),
    lambda value: base64.b64encode(b"a" + value.encode() + b"zz"),
    lambda value: base64.urlsafe_b64encode(b"ab" + value.encode() + b"z"),
    lambda value: quote(value).encode(),
    lambda value: gzip.compress(b"a" + value.encode(), mtime=0),
    lambda value: b"prefix" + gzip.compress(value.encode(), mtime=0),
    lambda value: gzip.compress(b"x", mtime=0) + gzip.compress(value.encode(), mtime=0),
    lambda value: zlib.compress(b"a" + value.encode()),
    lambda value: gzip.compress(b"a" + value.encode(), mtime=0)[:-8],
)


@pytest.mark.parametrize("kind", sorted(objects.KINDS))
def test_every_planted_canary_is_found_in_the_original(kind: str) -> None:
    ds, planted_canaries = planted(kind)
    for syntax in objects.SYNTAXES:
        assert find(planted_canaries, objects.to_bytes(ds, syntax)) == list(planted_canaries)


def test_a_clean_object_holds_none() -> None:
    _, planted_canaries = planted()
    assert find(planted_canaries, objects.to_bytes(objects.ct())) == []


def test_canaries_are_distinct_long_and_parts_of_no_other() -> None:
    values = [one.value for one in planted()[1]] + [canaries.CANARY_FILE.value, canaries.CANARY_FOLDER.value]
    assert len(values) > 200
    assert min(len(value.encode()) for value in values) >= 8
    assert not [(a, b) for a in values for b in values if a != b and a in b]


def test_no_date_shifted_by_up_to_a_year_becomes_another() -> None:
    days = [date.fromisoformat(canary(n, "DA")) for n in range(canaries.DATES)]
    assert all((later - earlier).days > 365 for earlier, later in pairwise(days))
    with pytest.raises(ValueError, match="no canary 60"):
        canary(60, "DA")


@pytest.mark.parametrize("syntax", objects.SYNTAXES, ids=lambda syntax: str(syntax.name))
def test_a_planted_object_can_be_read(syntax: UID) -> None:
    ds, _ = planted()
    read = pydicom.dcmread(BytesIO(objects.to_bytes(ds, syntax)))
    assert str(read.PatientName) == str(ds.PatientName)
    assert (read.SOPClassUID, len(read.PixelData)) == (ds.SOPClassUID, len(ds.PixelData))
    assert len(read.PatientName.encode().split(b"=")) == 3
    inner = read
    for keyword in canaries.KEPT_PATH:
        inner = inner[keyword].value[0]
    assert inner.PatientID.startswith("CNRY")


def test_planting_is_the_same_every_time() -> None:
    (first, names), (second, same) = planted("mr"), planted("mr")
    assert names == same
    assert objects.to_bytes(first) == objects.to_bytes(second)


def test_text_after_nul_is_planted_only_on_request() -> None:
    hidden = [one for one in planted()[1] if one.where.endswith("after NUL")]
    ds, rest = planted(after_nul=False)
    assert len(hidden) == 2
    assert not [one for one in rest if one.where.endswith("after NUL")]
    assert find(hidden, objects.to_bytes(ds)) == []


@pytest.mark.parametrize("encoded", ENCODINGS)
def test_a_canary_is_found_in_every_likely_encoding(encoded: Callable[[str], bytes]) -> None:
    assert find([ONE], encoded(ONE.value)) == [ONE]
    assert find([WIDE], encoded(WIDE.value)) == [WIDE]
    assert find([ONE, WIDE], encoded("nothing to see")) == []


@pytest.mark.parametrize("text", ["1937-04-13", "1937/04/13", "13.04.1937", "04/13/1937", "T19370413Z"])
def test_a_date_is_found_with_separators(text: str) -> None:
    assert find([DATE], f"on {text}.".encode()) == [DATE]


def test_json_escapes_are_seen_through() -> None:
    assert find([WIDE], WIDE.value.encode("unicode_escape")) == [WIDE]


def test_a_tree_is_searched_by_content_by_name_and_by_link(tmp_path: Path) -> None:
    place = tmp_path / canaries.CANARY_FOLDER.value
    place.mkdir()
    file = place / f"{canaries.CANARY_FILE.value.lower()}.dcm"
    file.write_bytes(b"clean")
    link = tmp_path / "link"
    link.symlink_to(f"/nowhere/{ONE.value}")
    os.mkfifo(tmp_path / "pipe")
    database = tmp_path / "state.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("create table t (x)")
        connection.execute("insert into t values (?)", (DATE.value,))
    connection.close()
    everything = (ONE, DATE, canaries.CANARY_FILE, canaries.CANARY_FOLDER)
    assert set(search_tree(tmp_path, everything)) == {
        (place, canaries.CANARY_FOLDER),
        (file, canaries.CANARY_FILE),
        (link, ONE),
        (database, DATE),
    }


def test_a_folder_that_is_not_there_is_not_clean(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        search_tree(tmp_path / "missing", (ONE,))
