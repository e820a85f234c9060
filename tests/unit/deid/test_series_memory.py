"""What is remembered of a series shows in no output: each object gives what it gives alone."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from struct import pack
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from tests.data.deid_big_endian import big_endian
from tests.data.deid_objects import (
    CT_STORAGE,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    KEYS,
    PIXELS,
    SEQUENCE_END,
    TESTED,
    element,
    file_meta,
    instance,
    sequence,
    tag_bytes,
)

from sendit.deid import DEFAULT_LIMITS, DeidError, Keyring, Limits, deidentify, inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sendit.deid.dicom.element import Item
    from sendit.deid.identity.entity import Entity, Identifiers

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).resolve().parents[3]
Outcome = tuple[bytes, str] | str
SECRET = b"a secret key of this test suite."
SOP = "1.2.826.0.1.111"
PATIENT_NAME, PATIENT_ID, ISSUER, ACCESSION = 0x00100010, 0x00100020, 0x00100021, 0x00080050
STUDY, SERIES, SOP_CLASS, CHARACTER_SET = 0x0020000D, 0x0020000E, 0x00080016, 0x00080005
DESCRIPTION, SOFTWARE, WINDOW_CENTER, PADDING_VALUE = 0x00081030, 0x00181020, 0x00281050, 0x00280106
REFERENCED, REFERENCED_UID = 0x00081140, 0x00081155
CREATOR = "SIEMENS MR HEADER"


def outcome(
    data: bytes,
    profile: str = "research",
    keys: Keyring = KEYS,
    identify: Callable[[Entity], Identifiers] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Outcome:
    """Output and report line, or the code of the refusal."""
    sink = io.BytesIO()
    try:
        report = deidentify(
            io.BytesIO(data),
            sink,
            profile=TESTED[profile],
            keys=keys,
            identify=identify or keys.identifiers,
            limits=limits,
        )
    except DeidError as error:
        return str(error.code)
    return sink.getvalue(), report.to_json_line()


def new_keys() -> Keyring:
    """The same key in a keyring of its own, with which a new memory begins."""
    return Keyring(SECRET)


def alone(data: bytes, profile: str = "research", **how: Any) -> Outcome:
    """What becomes of an object of whose series nothing is known."""
    return outcome(data, profile, new_keys(), **how)


def one_after_the_other(objects: Iterable[bytes], profile: str = "research", **how: Any) -> list[Outcome]:
    """What becomes of objects in this order, from nothing known on."""
    keys = new_keys()
    return [outcome(data, profile, keys, **how) for data in objects]


def check_like_alone(objects: Sequence[bytes], profile: str = "research", **how: Any) -> None:
    """Forwards twice, so that every object comes after all others, and backwards."""
    expected = [alone(data, profile, **how) for data in objects]
    assert one_after_the_other([*objects, *objects], profile, **how) == expected * 2
    assert one_after_the_other([*objects, *objects][::-1], profile, **how) == expected[::-1] * 2


def slice_of(number: int, *extra: bytes, **how: object) -> bytes:
    """A slice that differs from its neighbours in SOP Instance UID, Instance Number and Pixel Padding Value."""
    implicit = how.get("transfer_syntax") == IMPLICIT
    own = (
        element(0x00080018, "UI", f"{SOP}.{number}", implicit=implicit),
        element(0x00200013, "IS", str(number), implicit=implicit),
        element(PADDING_VALUE, "US", pack("<H", number), implicit=implicit),
    )
    return instance(*own, *extra, **how)  # type: ignore[arg-type]


def with_meta_uid(data: bytes, uid: str) -> bytes:
    """The same with another Media Storage SOP Instance UID, and the length of File Meta that goes with it."""
    before = element(0x00020003, "UI", f"{SOP}.1")
    after = element(0x00020003, "UI", uid)
    at = data.index(b"\2\0\0\0UL\4\0") + 8
    length = int.from_bytes(data[at : at + 4], "little") + len(after) - len(before)
    return (data[:at] + pack("<L", length) + data[at + 4 :]).replace(before, after, 1)


def slices(*extras: bytes, **how: object) -> list[bytes]:
    """Two plain slices, and one for each of the elements that differ, and a plain one behind them."""
    several = [slice_of(3 + at, extra, **how) for at, extra in enumerate(extras)]
    return [slice_of(1, **how), slice_of(2, **how), *several, slice_of(9, **how)]


def differing(tag: int, vr: str, *values: bytes | str) -> list[bytes]:
    """Slices of which all have an element, with the values in turn, each of them twice."""
    return [slice_of(1 + at, element(tag, vr, value)) for at, value in enumerate((*values, *values))]


def deflated(data: bytes) -> bytes:
    start = data.index(element(SOP_CLASS, "UI", CT_STORAGE))
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return bytes(128) + b"DICM" + file_meta(DEFLATED) + squeeze.compress(data[start:]) + squeeze.flush()


def without_preamble(data: bytes) -> bytes:
    return data[132:]


def referenced(*uids: str, vr: str = "SQ", undefined: bool = False) -> bytes:
    return sequence(REFERENCED, *(element(REFERENCED_UID, "UI", uid) for uid in uids), vr=vr, undefined=undefined)


def private(value: str, creator: str = CREATOR) -> bytes:
    return element(0x00510010, "LO", creator) + element(0x0051100B, "LO", value)


BITS_1 = element(0x00280100, "US", b"\1\0")
FRAGMENTS = b"".join(
    (
        tag_bytes(0x7FE00010) + b"OB\0\0\xff\xff\xff\xff",
        b"\xfe\xff\x00\xe0\0\0\0\0",
        b"\xfe\xff\x00\xe0\6\0\0\0\xff\xd8ab\xff\xd9",
        SEQUENCE_END + bytes(4),
    )
)


def _swapped(data: bytes, one: bytes, behind: int) -> bytes:
    """The same with an element moved behind one of eight bytes and a value of two, which follows it."""
    at = data.index(tag_bytes(behind), data.index(one))
    end = at + (14 if data[at + 4 : at + 6] == b"UN" else 10)
    return data[:at].replace(one, b"") + data[at:end] + one + data[end:]


SIGNED = element(0x00280103, "US", b"\1\0")
ROWS: dict[str, list[bytes]] = {
    "plain slices": slices(),
    "implicit slices": slices(transfer_syntax=IMPLICIT),
    "encapsulated slices": [slice_of(n, FRAGMENTS, transfer_syntax=JPEG) for n in (1, 2, 3)],
    "the same deflated object": [deflated(slice_of(n)) for n in (1, 1, 2)],
    "objects without preamble": [without_preamble(slice_of(n)) for n in (1, 2, 3)],
    "the same big endian object": [big_endian(16, "OW", PIXELS)] * 2,
    "the same big endian object with something behind": [
        big_endian(16, "OW", PIXELS) + pack(">HH", 0xFFFC, 0xFFFC) + b"OB\0\0" + pack(">L", 4) + bytes(4)
    ]
    * 2,
    "names of File Meta of other lengths": [with_meta_uid(slice_of(n), f"{SOP}.{'7' * n}") for n in (1, 2, 3, 4)],
    "other elements of File Meta": [
        slice_of(n, meta_extra=(element(0x00020016, "AE", f"STATION{n}"),)) for n in (1, 2, 3)
    ],
    "another transfer syntax": [slice_of(1), slice_of(2), slice_of(3, transfer_syntax="1.2.840.10008.1.2.4.50")],
    "another character set": slices(element(CHARACTER_SET, "CS", "ISO_IR 192")),
    "two character sets in turn": differing(CHARACTER_SET, "CS", "ISO_IR 100", "ISO_IR 192"),
    "another SOP class": differing(SOP_CLASS, "UI", CT_STORAGE, "1.2.840.10008.5.1.4.1.1.4"),
    "another accession number": differing(ACCESSION, "SH", "ACC4711", "ACC4712"),
    "another patient": differing(PATIENT_ID, "LO", "PAT-4711", "PAT-4712"),
    "another issuer": differing(ISSUER, "LO", "HOUSE ONE", "HOUSE TWO"),
    "another study": differing(STUDY, "UI", "1.2.826.0.1.222.1", "1.2.826.0.1.222.2"),
    "another series": differing(SERIES, "UI", "1.2.826.0.1.333.1", "1.2.826.0.1.333.2"),
    "another name": differing(PATIENT_NAME, "PN", "Wunderlich^Hedwig", "Wunder^Hedda", ""),
    "a mark of another hand": differing(0x00120062, "CS", "YES", "NO"),
    "no SOP Instance UID": differing(0x00080018, "UI", f"{SOP}.1", "", "not a uid", f"{SOP}.2"),
    "other rows": differing(0x00280010, "US", pack("<H", 4), pack("<H", 8), pack("<H", 2)),
    "other frames": differing(0x00280008, "IS", "1", "2", "0"),
    "another representation": differing(0x00280103, "US", pack("<H", 0), pack("<H", 1)),
    "other rows of single bits": [
        slice_of(n, element(0x00280010, "US", pack("<H", rows)), BITS_1, pixels=bytes(2))
        for n, rows in enumerate((3, 4, 5))
    ],
    "other columns of single bits": [
        slice_of(n, element(0x00280011, "US", pack("<H", columns)), BITS_1, pixels=bytes(2))
        for n, columns in enumerate((3, 4, 5))
    ],
    "other frames of single bits": [
        slice_of(n, element(0x00280008, "IS", frames), element(0x00280010, "US", b"\1\0"), BITS_1, pixels=bytes(2))
        for n, frames in enumerate(("3", "4", "5"))
    ],
    "other samples of single bits": [
        slice_of(n, element(0x00280002, "US", samples), element(0x00280010, "US", b"\1\0"), BITS_1, pixels=bytes(2))
        for n, samples in enumerate((b"\3\0", b"\4\0", b"\5\0"))
    ],
    "another unsigned representation": [
        slice_of(n, element(0x00280103, "US", value), element(PADDING_VALUE, "UN", pack("<H", n)))
        for n, value in enumerate((b"\0\0", b"\2\0", b"\1\0"))
    ],
    "signed numbers": [slice_of(n, element(0x00280103, "US", b"\1\0")) for n in (1, 2, 3)],
    "signed numbers as UN": [
        slice_of(n, element(0x00280103, "US", b"\1\0"), element(PADDING_VALUE, "UN", pack("<H", n))) for n in (1, 2, 3)
    ],
    "numbers in sequences as UN": [
        slice_of(
            n,
            element(0x00280103, "US", b"\1\0"),
            sequence(0x00283000, element(0x00283002, "UN", pack("<3H", 1, n, 16))),
        )
        for n in (1, 2, 3)
    ],
    "other pixel data": [slice_of(n, element(0x7FE00010, vr, PIXELS)) for n, vr in ((1, "OW"), (2, "OW"), (3, "OB"))],
    "pixel data cut short": [slice_of(1), slice_of(2), slice_of(3)[:-1], slice_of(4)],
    "pixel data without its end": [slice_of(1), slice_of(2), slice_of(3, pixels=PIXELS[:-2])],
    "something behind the pixels": [
        slice_of(n, trailer=trailer)
        for n, trailer in enumerate(
            (b"", b"", element(0xFFFCFFFC, "OB", bytes(4)), b"garbage behind it", element(0x00100010, "PN", "A"))
        )
    ],
    "no pixels, and something behind": [
        slice_of(n, element(SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.88.11"), pixels=None, trailer=trailer)
        for n, trailer in enumerate((b"", b"", element(0xFFFCFFFC, "OB", bytes(4)), b"garbage"))
    ],
    "an element more": slices(element(0x00181030, "LO", "Abdomen")),
    "another VR": [
        slice_of(n, element(0x00181030, vr, "Abdomen")) for n, vr in enumerate(("LO", "LO", "SH", "UN", "LO"))
    ],
    "a sequence that is none": [
        slice_of(n, one)
        for n, one in enumerate(
            (
                referenced("1.2.3.4.5.6"),
                referenced("1.2.3.4.5.7"),
                referenced("1.2.3.4.5.8", vr="UN"),
                element(REFERENCED, "UN", "what is no sequence"),
                referenced(undefined=True),
                referenced("1.2.3.4.5.6", "1.2.3.4.5.7", undefined=True),
            )
        )
    ],
    "the patient's name in a text": differing(SOFTWARE, "LO", "VA1", "Wunderlich", "VA2", "for Hedwig"),
    "a birth day in a number": differing(0x00200012, "IS", "3", "19540314", "4"),
    "an identifier that cannot be left out": differing(WINDOW_CENTER, "DS", "40", "4711001", "50"),
    "what is no number": differing(WINDOW_CENTER, "DS", "40", "forty", "50"),
    "an operator": differing(0x00081070, "PN", "Somebody^Else", "Another^One", ""),
    "a name where a text was": [
        slice_of(n, element(0x00181030, vr, text), element(SOFTWARE, "LO", "VA1 Kasimir"))
        for n, (vr, text) in enumerate((("LO", "Abdomen"), ("LO", "Kopf"), ("PN", "Kasimir^Q"), ("LO", "Kasimir^Q")))
    ],
    "a name in a sequence": [
        slice_of(n, sequence(REFERENCED, element(0x00080090, "PN", who)), element(SOFTWARE, "LO", "VA1 Kasimir"))
        for n, who in enumerate(("Else", "Other", "Kasimir", "Else"))
    ],
    "an operator named elsewhere": [
        slice_of(n, element(0x00081070, "PN", who), element(SOFTWARE, "LO", "VA1 Kasimir"))
        for n, who in enumerate(("Else", "Else", "Kasimir", "Else"))
    ],
    "a date of its own": differing(0x00080022, "DA", "20200229", "20200301", "20200302-20200304", "soon"),
    "its own UID in a text": [slice_of(n, element(SOFTWARE, "LO", f"v1 {SOP}.3")) for n in (1, 2, 3, 4)],
    "its own UID in a text that differs": [
        slice_of(n, element(SOFTWARE, "LO", f"v1 {SOP}.{other}")) for n, other in ((1, 5), (2, 6), (3, 3), (4, 7))
    ],
    "its own UID as another's": [slice_of(n, referenced(f"{SOP}.{n % 2}")) for n in range(4)],
    "its study's UID in a text that differs": differing(DESCRIPTION, "LO", "CT", "CT 1.2.826.0.1.222.1", "MR"),
    "a UID of an item in a text": [
        slice_of(n, referenced(f"1.2.826.0.1.999.{n}"), element(SOFTWARE, "LO", "v1.2.826.0.1.999.2")) for n in range(4)
    ],
    "another private creator": [slice_of(n, private("A", c)) for n, c in enumerate((CREATOR, CREATOR, "SOMEBODY"))],
    "the same private values of another creator": [
        slice_of(
            n,
            element(0x20010010, "LO", f"Philips Imaging DD {creator}"),
            element(0x20011004, "UN", "AB"),
            element(0x20011007, "CS", "AB"),
        )
        for n, creator in enumerate(("001", "001", "002", "001"))
    ],
    "a private block of which now and then nothing stays": [
        slice_of(n, element(0x00190010, "LO", CREATOR), element(0x0019100C, "IS", value))
        for n, value in enumerate(("100", "200", "a lot", "300"))
    ],
    "private values": [slice_of(n, private(value)) for n, value in enumerate(("p2", "p3", "Wunderlich", "", "p4"))],
    "the character set of an item": [
        slice_of(
            n,
            sequence(0x00082218, element(CHARACTER_SET, "CS", charset) + element(0x00080104, "LO", text)),
        )
        for n, (charset, text) in enumerate(
            (("ISO_IR 192", b"M\xc3\xbcll"), ("ISO_IR 100", b"M\xc3\xbcll"), ("ISO_IR 100", b"M\xfcll"))
        )
    ],
    "numbers before what says how they are read": [
        _swapped(slice_of(n, SIGNED, element(PADDING_VALUE, "UN", pack("<H", n))), SIGNED, PADDING_VALUE)
        for n in (1, 2, 3)
    ],
}


@pytest.mark.parametrize("profile", ["basic", "research", "strict"])
@pytest.mark.parametrize("row", ROWS)
def test_each_object_of_a_row_gives_what_it_gives_alone(row: str, profile: str) -> None:
    check_like_alone(ROWS[row], profile)


@pytest.mark.parametrize("row", ROWS)
def test_the_header_of_each_object_of_a_row_is_that_of_the_object_alone(row: str) -> None:
    def plain(items: Sequence[Item]) -> object:
        return [
            [(one.tag, one.vr, one.value if one.items is None else plain(one.items)) for one in item] for item in items
        ]

    def header(data: bytes, limits: Limits) -> object:
        try:
            found = inspect(io.BytesIO(data), limits)
        except DeidError as error:
            return error.code
        names = [slot for slot in type(found).__slots__ if slot not in {"entity", "sequences"}]
        entity = found.entity
        sequences = {tag: plain(items) for tag, items in found.sequences.items()}
        return [*(getattr(found, one) for one in names), sequences], (
            entity.issuer,
            entity.patient_id,
            entity.study_uid,
            entity.accession,
        )

    objects = ROWS[row]
    expected = []
    for number, data in enumerate(objects):
        expected.append(header(data, Limits(max_elements=100_000 + number)))
    assert [header(data, DEFAULT_LIMITS) for data in objects * 2] == expected * 2


def test_most_rows_are_of_objects_that_pass() -> None:
    passed = [not isinstance(outcome(data), str) for objects in ROWS.values() for data in objects]
    assert sum(passed) > 0.8 * len(passed)


def test_who_identifies_may_change_its_mind() -> None:
    def others(entity: Entity) -> Identifiers:
        return replace(KEYS.identifiers(entity), patient="SOMEBODY-ELSE")

    keys = new_keys()
    answers = [KEYS.identifiers, KEYS.identifiers, others, KEYS.identifiers]
    for number, who in enumerate(answers):
        found = outcome(slice_of(number), keys=keys, identify=who)
        assert found == alone(slice_of(number), identify=who)
        assert (b"SOMEBODY-ELSE" in found[0]) is (who is others)


def test_other_days_of_the_same_patient_move_dates_otherwise() -> None:
    def others(entity: Entity) -> Identifiers:
        return replace(KEYS.identifiers(entity), shift_days=1)

    keys = new_keys()
    assert one_after_the_other([slice_of(1), slice_of(2)]) == [
        outcome(slice_of(n), keys=keys, identify=KEYS.identifiers) for n in (1, 2)
    ]
    assert [outcome(slice_of(n), keys=keys, identify=others) for n in (3, 4)] == [
        alone(slice_of(n), identify=others) for n in (3, 4)
    ]


def test_other_keys_profiles_and_limits_in_turn() -> None:
    keys, others = new_keys(), b"another secret key of this suite"
    other_keys = Keyring(others)
    turns: list[tuple[str, bool, Limits]] = [
        ("research", False, DEFAULT_LIMITS),
        ("research", True, DEFAULT_LIMITS),
        ("basic", False, DEFAULT_LIMITS),
        ("strict", False, DEFAULT_LIMITS),
        ("strict", False, Limits(max_elements=10)),
        ("strict", False, Limits(max_header_bytes=500)),
        ("dated", False, Limits(max_elements=1000)),
    ]
    refused = set()
    for number, (profile, other, limits) in enumerate([turn for turn in turns for _ in range(2)] + turns):
        data = slice_of(number)
        found = outcome(data, profile, other_keys if other else keys, limits=limits)
        assert found == outcome(data, profile, Keyring(others if other else SECRET), limits=limits)
        # the new keyring has begun another memory: the next turn but one comes after its like again
        outcome(slice_of(50), profile, other_keys if other else keys, limits=limits)
        refused |= {found} if isinstance(found, str) else set()
    assert refused == {"header_too_large"}


def test_keys_profiles_and_limits_that_alternate_are_kept_apart() -> None:
    keys, other_keys = new_keys(), Keyring(b"another secret key of this suite")
    ways: list[dict[str, Any]] = [
        {"keys": keys},
        {"keys": other_keys},
        {"keys": keys, "profile": "basic"},
        {"keys": keys, "profile": "basic", "limits": Limits(max_elements=10)},
        {"keys": keys, "profile": "strict"},
    ]
    found = [[outcome(slice_of(n), **way) for way in ways] for n in (1, 2, 3)]
    again = [[outcome(slice_of(n), **{**way, "keys": _copy(way["keys"], keys)}) for n in (1, 2, 3)] for way in ways]
    assert [list(column) for column in zip(*found, strict=True)] == again


def _copy(one: Keyring, known: Keyring) -> Keyring:
    return new_keys() if one is known else Keyring(b"another secret key of this suite")


def test_keys_in_turn_give_uids_of_their_own() -> None:
    def uid(keys: Keyring) -> str:
        found = outcome(slice_of(1), keys=keys)
        assert not isinstance(found, str)
        return str(json.loads(found[1])["sop_instance_uid"])

    keys, other_keys = new_keys(), Keyring(b"another secret key of this suite")
    original = f"{SOP}.1"
    for one in (keys, other_keys, keys, other_keys):
        assert uid(one) == one.uid(original)
    assert keys.uid(original) != other_keys.uid(original)


def test_the_uids_of_a_slice_are_looked_for_though_its_series_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = new_keys()
    assert not {outcome(slice_of(n), keys=keys) for n in (1, 2)} & {"gate_identifier_left"}
    monkeypatch.setattr(Keyring, "uid", lambda _, original: original)
    assert outcome(slice_of(3), keys=keys) == "gate_identifier_left"


def test_an_error_of_who_identifies_leaves_nothing_behind() -> None:
    class OutOfReach(Exception):
        pass

    def fails(entity: Entity) -> Identifiers:
        raise OutOfReach

    keys = new_keys()
    found = [outcome(slice_of(n), keys=keys) for n in (1, 2)]
    for n in (3, 4, 5):
        with pytest.raises(OutOfReach):
            outcome(slice_of(n), keys=keys, identify=fails)
        found.append(outcome(slice_of(n), keys=keys))
    assert found == [alone(slice_of(n)) for n in (1, 2, 3, 4, 5)]


def test_refused_slices_change_nothing_for_those_behind_them() -> None:
    refused = [
        slice_of(8)[:200],
        slice_of(8, element(WINDOW_CENTER, "DS", "none")),
        slice_of(8, element(0x00280010, "US", b"")),
        b"",
    ]
    found = one_after_the_other(one for n in (1, 2, 3, 4) for one in (slice_of(n), *refused))
    assert found[::5] == [alone(slice_of(n)) for n in (1, 2, 3, 4)]
    assert all(isinstance(found[at], str) for at in range(len(found)) if at % 5)


def test_many_series_in_turn_are_told_from_each_other() -> None:
    objects = [
        slice_of(n, element(SERIES, "UI", f"1.2.826.0.1.333.{m}"), element(SOFTWARE, "LO", f"VA{m}"))
        for n in (1, 2, 3)
        for m in range(12)
    ]
    assert one_after_the_other(objects) == [alone(data) for data in objects]


def test_threads_at_the_same_series_and_at_others_do_not_disturb_each_other() -> None:
    names = ("Wunderlich^Hedwig", "Siebenschein^Ada", "Kaltenbrunn^Ida", "Wunderlich^Hedwig")
    rows = [
        [slice_of(n, element(PATIENT_NAME, "PN", name), element(SOFTWARE, "LO", "VA1 Siebenschein")) for n in range(20)]
        for name in names
    ]
    expected = [[alone(data) for data in row] for row in rows]
    keys = new_keys()
    with ThreadPoolExecutor(len(rows)) as pool:
        assert list(pool.map(lambda row: [outcome(data, keys=keys) for data in row], rows)) == expected


def test_an_element_that_both_byte_orders_can_read_is_no_element_of_the_other() -> None:
    """(0018,0050) of a big endian object has the bytes of (1800,5000) in a little endian one."""
    head = b"\x00\x18\x00\x50DS\x00\x00"
    big = big_endian(16, "OW", PIXELS, (0x00180050, "DS", b""))
    assert head in big
    check_like_alone([big, instance(head)])


def test_numbers_before_and_behind_what_says_how_they_are_read() -> None:
    """Out of order, Pixel Padding Value stands before Pixel Representation."""
    signed, padding = element(0x00280103, "US", b"\1\0"), element(PADDING_VALUE, "UN", b"\1\0")
    ordered = instance(signed, padding)
    check_like_alone([ordered, ordered.replace(padding, b"").replace(signed, padding + signed)])


def test_elements_of_the_runs_count_towards_the_limit() -> None:
    objects = [slice_of(n, element(DESCRIPTION, "LO", "\\".join("a" * many))) for n, many in ((1, 2), (2, 3), (3, 30))]
    check_like_alone(objects, limits=Limits(max_elements=40))


def test_the_limit_of_bytes_counts_for_slots() -> None:
    objects = [slice_of(n, element(DESCRIPTION, "LO", "a" * many)) for n, many in ((1, 2), (2, 4), (3, 900))]
    check_like_alone(objects, limits=Limits(max_header_bytes=1200))


def test_a_first_element_whose_length_looks_like_a_vr() -> None:
    """An Implicit VR length of 0x4944 reads as the VR DI: the encoding of the object is guessed from it."""
    objects = [
        slice_of(n, element(0x00080008, "CS", value, implicit=True), transfer_syntax=IMPLICIT)
        for n, value in ((1, "AXIAL"), (2, "LOCALIZER"), (3, ("AXIAL\\" * 4000)[:0x4944]))
    ]
    check_like_alone(objects)


def test_a_prefix_that_only_looks_like_a_group_length() -> None:
    """Without preamble an object begins with File Meta; long enough, its first value may hold the prefix DICM."""
    objects = [with_meta_uid(slice_of(n), f"{SOP}.{'7' * n}")[132:] for n in (1, 3)]
    hidden = tag_bytes(0x00020000) + b"UL" + pack("<H", 124) + bytes(120) + b"DICM"
    check_like_alone([*objects, hidden + objects[0][12:]])


def test_file_meta_in_implicit_vr_does_not_begin_with_an_element_in_explicit_vr() -> None:
    def implicit_meta(number: int, first: bytes) -> bytes:
        data = slice_of(number)
        meta = [(0x00020002, CT_STORAGE), (0x00020003, f"{SOP}.1"), (0x00020010, EXPLICIT)]
        body = b"".join(element(tag, "UI", uid, implicit=True) for tag, uid in meta)
        return bytes(128) + b"DICM" + first + body + data[data.index(element(SOP_CLASS, "UI", CT_STORAGE)) :]

    firsts = [element(0x00020000, "UL", pack("<L", n), implicit=True) for n in (1, 2)]
    check_like_alone(
        [
            *(implicit_meta(n, first) for n, first in enumerate(firsts)),
            implicit_meta(3, element(0x00020000, "UL", pack("<L", 3))),
        ]
    )


@pytest.mark.parametrize("spoilt", ["cut short", "no UID"])
def test_of_two_reasons_to_refuse_a_slice_the_same_is_given(spoilt: str) -> None:
    last = slice_of(3, element(WINDOW_CENTER, "DS", "forty"))
    if spoilt == "cut short":
        last = last[:-2]
    else:
        last = last.replace(element(0x00080018, "UI", f"{SOP}.3"), element(0x00080018, "UI", "none"))
    check_like_alone([*(slice_of(n, element(WINDOW_CENTER, "DS", f"{n}0")) for n in (1, 2)), last])


def test_nobody_is_identified_whose_object_is_cut_short() -> None:
    asked: list[Entity] = []

    def identify(entity: Entity) -> Identifiers:
        asked.append(entity)
        return KEYS.identifiers(entity)

    one_after_the_other([slice_of(1), slice_of(2), slice_of(3)[:-2]], identify=identify)
    assert len(asked) == 2


def test_an_offset_table_in_a_slot_is_refused_where_there_are_no_frames_to_point_at() -> None:
    """Empty tables, one of them as UN, are alike but for their bytes; native pixel data has no other."""
    tables = [("OV", b""), ("UN", b""), ("OV", bytes(8))]
    check_like_alone([slice_of(n, element(0x7FE00001, vr, value)) for n, (vr, value) in enumerate(tables)])


_LOOKS_AGAIN = """
import io
from tests.data.deid_objects import KEYS, TESTED, instance
from sendit.deid import deidentify, inspect


def identify(entity):
    inspect(io.BytesIO(instance()))
    return KEYS.identifiers(entity)

deidentify(io.BytesIO(instance()), io.BytesIO(), profile=TESTED["basic"], keys=KEYS, identify=identify)
deidentify(io.BytesIO(instance()), io.BytesIO(), profile=TESTED["basic"], keys=KEYS, identify=identify)
"""


def test_who_identifies_may_look_at_headers_itself() -> None:
    """In a process of its own, for it may never end."""
    subprocess.run([sys.executable, "-c", _LOOKS_AGAIN], check=True, timeout=20, cwd=ROOT, capture_output=True)


def test_a_slow_source_does_not_keep_others_waiting() -> None:
    """Sources are read over the network: whoever waits for one must not hold up what has arrived."""
    waiting, arrived = Event(), Event()

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            waiting.set()
            arrived.wait(20)
            return super().read(size)

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(inspect, Slow(slice_of(1)))
        assert waiting.wait(20)
        try:
            pool.submit(inspect, io.BytesIO(slice_of(2))).result(timeout=5)
        finally:
            arrived.set()
        slow.result(timeout=20)
