"""Whatever the bytes are: an output, or a refusal; no other exception, no hang, no runaway memory."""

from __future__ import annotations

import io
from struct import pack

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.deid_objects import (
    BASE,
    DEFLATED,
    IMPLICIT,
    JPEG,
    deidentified,
    element,
    file_meta,
    instance,
    sequence,
    tag_bytes,
)

from sendit.deid import DeidError, inspect

CANARY = b"Zaunkoenig"
EXTRA = (
    sequence(0x00082218, element(0x00104000, "LT", CANARY), undefined=True),
    element(0x00090010, "LO", CANARY),
    element(0x00180050, "DS", "1.5"),
    element(0x00081050, "PN", CANARY),
)
SEEDS = [
    instance(*EXTRA),
    instance(transfer_syntax=IMPLICIT),
    instance(
        tag_bytes(0x7FE00010)
        + b"OB\0\0\xff\xff\xff\xff"
        + b"\xfe\xff\x00\xe0\0\0\0\0" * 2
        + b"\xfe\xff\xdd\xe0\0\0\0\0",
        transfer_syntax=JPEG,
    ),
    bytes(128) + b"DICM" + file_meta(DEFLATED) + b"\x03\x00",
    instance()[132:],
]
FUZZ = settings(max_examples=150, deadline=2000, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def survives(data: bytes) -> None:
    try:
        _, output = deidentified(data)
    except DeidError:
        return
    pydicom.dcmread(io.BytesIO(output))


@FUZZ
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=8))
def test_changed_bytes(seed: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(seed)
    for at, value in changes:
        data[128 + at % (len(data) - 128)] = value
    survives(bytes(data))


@FUZZ
@given(st.sampled_from(SEEDS), st.integers(0, 1 << 16), st.integers(0, 64), st.binary(max_size=24))
def test_spliced_bytes(seed: bytes, at: int, drop: int, insert: bytes) -> None:
    start = 128 + at % (len(seed) - 128)
    survives(seed[:start] + insert + seed[start + drop :])


@FUZZ
@given(st.binary(max_size=300))
def test_any_bytes_behind_the_magic(data: bytes) -> None:
    survives(bytes(128) + b"DICM" + data)
    survives(data)


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_as_a_data_set(data: bytes) -> None:
    survives(bytes(128) + b"DICM" + file_meta("1.2.840.10008.1.2.1") + data)


TAGS = st.sampled_from(
    sorted({0x00104000, 0x00081030, 0x00080020, 0x0008002A, 0x00180050, 0x00200012, 0x00080070, 0x00280106}
           | {0x00091001, 0x00083333, 0x00081155, 0x00282000, 0x00081110, 0x00401101, 0x60003000} - set(BASE))
)  # fmt: skip
VRS = st.sampled_from(["LO", "PN", "DA", "DT", "TM", "DS", "IS", "US", "FD", "OB", "OW", "UN", "UI", "SQ", "AT", "UT"])


@FUZZ
@given(st.dictionaries(TAGS, st.tuples(VRS, st.binary(max_size=40)), max_size=6), st.booleans())
def test_any_vr_and_value_under_any_tag_leaves_no_canary(values: dict[int, tuple[str, bytes]], nested: bool) -> None:
    encoded = [element(tag, vr, CANARY + b" " + value) for tag, (vr, value) in sorted(values.items()) if vr != "SQ"]
    name = element(0x00100010, "PN", CANARY)
    data = instance(name, sequence(0x00082218, b"".join(encoded))) if nested else instance(name, *encoded)
    try:
        report, output = deidentified(data)
    except DeidError as error:
        assert CANARY.decode() not in str(error)
        return
    assert CANARY not in output
    assert CANARY.decode() not in report.to_json_line()


@pytest.mark.parametrize("length", [0xFFFFFFFE, 0x7FFFFFFF, 1 << 20])
@pytest.mark.parametrize("vr", ["UT", "OB", "UN", "SQ", "OW"])
def test_hostile_length_allocates_nothing(vr: str, length: int) -> None:
    data = instance(tag_bytes(0x00104000) + vr.encode() + pack("<HL", 0, length), pixels=None)
    with pytest.raises(DeidError) as raised:
        inspect(io.BytesIO(data))
    assert raised.value.code in {"truncated", "malformed"}
