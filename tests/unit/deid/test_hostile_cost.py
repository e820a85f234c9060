"""What a hostile object costs is in proportion to its size."""

from __future__ import annotations

import io
import itertools
import tracemalloc
import zlib
from struct import pack

import pytest
from tests.cost import in_proportion
from tests.data.deid_objects import DEFLATED, IMPLICIT, deidentified, element, file_meta, instance, sequence

from sendit.deid import DeidError, Limits, inspect
from sendit.deid.dicom.stream import BoundedReader, InflatedStream
from sendit.deid.identity.evidence import MOST_VALUES
from sendit.deid.report import MOST_CHARACTERS, MOST_LISTED

META = 128 + 4 + len(file_meta(DEFLATED))


def outcome(data: bytes) -> str:
    try:
        deidentified(data)
    except DeidError as error:
        return error.code
    return "stored"


def stored(data: bytes) -> None:
    assert outcome(data) == "stored"


WORDS = itertools.product("abcdefghij", repeat=6)
"""Others each time that some are taken."""


def private_names(number: int) -> bytes:
    names = "\\".join("".join(word) for word in itertools.islice(WORDS, number))
    chunks = [names[start : start + 60000] for start in range(0, len(names), 60000)]
    return b"".join(element(0x00111000 + at, "PN", chunk) for at, chunk in enumerate(chunks))


def private_texts(number: int) -> bytes:
    return b"".join(pack("<HH", 0x0011, 0x1000 + at) + b"LO\0\0" for at in range(number))


def test_deflated_object_of_many_elements_is_inflated_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[InflatedStream] = []
    rewind = InflatedStream._rewind

    def counted(stream: InflatedStream) -> None:
        begun.append(stream)
        rewind(stream)

    monkeypatch.setattr(InflatedStream, "_rewind", counted)
    plain = instance(element(0x00091010, "OB", bytes(20_000_000)), private_texts(3000), transfer_syntax=DEFLATED)
    squeeze = zlib.compressobj(9, wbits=-15)
    stored(plain[:META] + squeeze.compress(plain[META:]) + squeeze.flush())
    assert 0 < len(begun) < 10


def test_looking_ahead_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    deflated = zlib.compressobj(wbits=-15)
    source = io.BytesIO(deflated.compress(bytes(range(200))) + deflated.flush())
    stream = BoundedReader(InflatedStream(source, 0, 1000), 1000)  # type: ignore[arg-type]
    monkeypatch.setattr(InflatedStream, "_rewind", lambda _: pytest.fail("went back"))
    assert stream.peek(4) == stream.take(4) == bytes(range(4))
    assert stream.peek(6)[4:] == b"\x08\x09"
    stream.skip(2)
    assert stream.take(5) == bytes(range(6, 11))
    assert (stream.position, stream.budget) == (11, 991)
    stream.skip(100)
    assert stream.take(1) == bytes([111])


def test_many_names_and_much_text_are_compared_at_once() -> None:
    def of(names: int) -> bytes:
        kept = element(0x00080008, "CS", "\\".join(f"AA{at}" for at in range(names // 2)))
        return instance(private_names(names), kept)

    in_proportion(of, stored, 15_000)


def test_many_names_and_large_bulk_are_compared_at_once() -> None:
    def of(names: int) -> bytes:
        return instance(private_names(names), element(0x00283006, "OW", bytes(names * 64)))

    in_proportion(of, stored, 15_000)


def test_more_names_than_a_real_object_holds_are_refused() -> None:
    assert outcome(instance(private_names(MOST_VALUES + 1))) == "malformed"


def test_more_dates_than_a_real_object_holds_are_refused() -> None:
    dates = "\\".join(str(20_000_000 + at) for at in range(MOST_VALUES + 1))
    date = element(0x00080022, "DA", dates, implicit=True)
    assert outcome(instance(date, transfer_syntax=IMPLICIT)) == "malformed"


def test_name_of_a_megabyte_is_refused() -> None:
    name = element(0x00100010, "PN", "a^" * 600_000, implicit=True)
    assert outcome(instance(name, transfer_syntax=IMPLICIT)) == "malformed"


@pytest.mark.parametrize("tag", [0x00081155, 0x00080008, 0x00104000])
def test_values_of_a_text_count_as_elements(tag: int) -> None:
    vr = {0x00081155: "UI", 0x00080008: "CS", 0x00104000: "LT"}[tag]
    data = instance(element(tag, vr, "1.1\\" * 2000))
    inspect(io.BytesIO(data), Limits(max_elements=3000))
    with pytest.raises(DeidError) as raised:
        inspect(io.BytesIO(data), Limits(max_elements=1500))
    assert raised.value.code == "header_too_large"


def test_millions_of_numbers_take_memory_for_their_bytes_only() -> None:
    data = instance(element(0x30060050, "DS", b"1.5\\" * 300_000, implicit=True), transfer_syntax=IMPLICIT)
    tracemalloc.start()
    deidentified(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * len(data)


def test_report_lists_so_many_attributes_and_counts_the_rest() -> None:
    inner = private_texts(MOST_LISTED + 500)
    deep = inner
    for _ in range(20):
        deep = sequence(0x00082218, deep)
    for data, most in ((inner, MOST_LISTED), (deep, MOST_LISTED - 1)):
        report, _ = deidentified(instance(data))
        assert len(report.attributes) <= most
        assert sum(len(path) for path, _ in report.attributes) <= 16 * MOST_CHARACTERS
        assert report.attributes_omitted >= 500
        listed_or_not = len(report.attributes) + report.attributes_omitted
        assert sum(report.actions.values()) == listed_or_not + report.actions["keep"]
        assert f'"attributes_omitted":{report.attributes_omitted}' in report.to_json_line()


def test_long_text_that_no_keep_list_means_gets_a_dummy() -> None:
    _, output = deidentified(instance(element(0x00080119, "UC", "ab " * 10_000)))
    assert b"ab ab" not in output
