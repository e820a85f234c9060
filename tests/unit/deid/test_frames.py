"""Items that are like others of their sequence give what they give alone: output, report and refusal."""

from __future__ import annotations

import io
from contextlib import contextmanager
from random import Random
from struct import pack
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]  # its home is private
from tests.data.deid_big_endian import big_endian
from tests.data.deid_objects import (
    CT_STORAGE,
    EXPLICIT,
    IMPLICIT,
    ITEM,
    PIXELS,
    TESTED,
    element,
    instance,
    sequence,
    tag_of,
)
from tests.data.generated_frames import PER_FRAME, frames
from tests.data.generated_profiles import PROFILES_TRIED
from tests.oracle.agreement import differences, oracle_outcome

from sendit.deid import DeidError, Keyring, Limits, Profile, deidentify
from sendit.deid.dicom.elements import ElementReader
from sendit.deid.dicom.form import Forms
from sendit.deid.dicom.limits import DEFAULT_LIMITS
from sendit.deid.dicom.read import read_object
from sendit.deid.dicom.stream import BoundedReader, Window
from sendit.deid.engine import Engine
from sendit.deid.gate import Gate
from sendit.deid.identity.evidence import Evidence
from sendit.deid.identity.matcher import Matcher
from sendit.deid.likewise import _COST, _CREDIT, Known
from sendit.deid.rules.actions import Action
from sendit.deid.rules.compiled import rules_for
from sendit.deid.rules.profile import Override
from sendit.deid.rules.tables import table as rows_of

pytestmark = pytest.mark.thorough

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sendit.deid.dicom.element import Item

Result = tuple[bytes, str] | str
SECRET = b"a secret key of this test suite."
NAME, PATIENT_ID, BIRTH_DATE, OWN_UID = b"Wunderlich", b"PAT-4711", b"19540314", b"1.2.826.0.1.111.1"
FRAME_CONTENT, PLANE_POSITION, FRAME_VOI, IRRADIATION = 0x00209111, 0x00209113, 0x00289132, 0x00189477
COMMENTS, LABEL, STACK, POSITION = 0x00204000, 0x00209453, 0x00209056, 0x00200032
ACQUIRED, REFERENCE_MOMENT, DURATION, IN_STACK = 0x00189074, 0x00189151, 0x00189220, 0x00209057
CODES, CODE, SCHEME, MEANING, CHARACTER_SET = 0x00082218, 0x00080100, 0x00080102, 0x00080104, 0x00080005


def outcome(data: bytes, profile: Profile, limits: Limits = DEFAULT_LIMITS) -> Result:
    """Output and report line, or the code of the refusal, of an object of whose series nothing is known."""
    sink, keys = io.BytesIO(), Keyring(SECRET)
    try:
        report = deidentify(
            io.BytesIO(data), sink, profile=profile, keys=keys, identify=keys.identifiers, limits=limits
        )
    except DeidError as error:
        return str(error.code)
    return sink.getvalue(), report.to_json_line()


@contextmanager
def one_by_one() -> Iterator[None]:
    """Every item is read, treated and looked at by itself."""
    with mock.patch.object(Forms, "learns", lambda *_: False):
        yield


def check(data: bytes, profile: Profile, limits: Limits = DEFAULT_LIMITS) -> Result:
    """That items give what they give one by one; and what that is."""
    with one_by_one():
        expected = outcome(data, profile, limits)
    assert outcome(data, profile, limits) == expected
    return expected


PROPERTY = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.thorough
@PROPERTY
@given(st.integers(), st.integers(3, 14))
def test_any_object_of_many_items(seed: int, count: int) -> None:
    made = frames(Random(seed), count)  # noqa: S311  the same every time
    found = check(made.data, made.profile)
    output = found if isinstance(found, str) else found[0]
    assert differences(output, oracle_outcome(made.data, made.profile)) == []


@pytest.mark.thorough
@PROPERTY
@given(st.integers(), st.integers(3, 14), st.sampled_from(PROFILES_TRIED))
def test_any_object_of_many_items_with_any_profile(seed: int, count: int, profile: Profile) -> None:
    check(frames(Random(seed), count).data, profile)  # noqa: S311  the same every time


SOME = (0x00081110, 0x00081115, 0x00081140, 0x00082112, 0x00081032, 0x00400275, 0x0040A730, 0x00400555, 0x00101002)
"""Sequences that are kept, emptied, removed, or of which all values become dummies."""

Values = dict[int, tuple[str, bytes]]


def frame(number: int, changed: Values | None = None, *others: bytes, undefined: bool = False) -> bytes:
    """The functional groups of a frame: a few values differ from frame to frame, and those that are `changed`."""
    values: Values = {
        ACQUIRED: ("DT", b"20200229101530.%03d" % number),
        REFERENCE_MOMENT: ("DT", b"20200229101530.%03d" % number),
        DURATION: ("FD", pack("<d", 500.0)),
        COMMENTS: ("LT", b"axial of abdomen"),
        STACK: ("SH", b"1"),
        IN_STACK: ("UL", pack("<L", number)),
        LABEL: ("LO", b"FRAME SET NUMBER"),
        **(changed or {}),
    }
    content = b"".join(element(tag, *values[tag]) for tag in sorted(values))
    place = element(POSITION, "DS", b"-179.6\\-171.3\\%4d.5 " % number)
    groups = (
        sequence(IRRADIATION, element(0x00083010, "UI", b"1.2.826.0.1.555.%04d1" % number), undefined=undefined),
        sequence(FRAME_CONTENT, content, undefined=undefined),
        sequence(PLANE_POSITION, place, undefined=undefined),
        *others,
    )
    in_order = sorted(groups, key=tag_of)
    return b"".join(in_order)


def enhanced(*items: bytes, tag: int = PER_FRAME, undefined: bool = False, **how: Any) -> bytes:
    return instance(sequence(tag, *items, undefined=undefined), **how)


def calls_of(owner: type, name: str) -> Any:
    return mock.patch.object(owner, name, autospec=True, side_effect=getattr(owner, name))


@pytest.mark.parametrize("undefined", [False, True])
def test_only_the_first_of_many_frames_is_treated_and_looked_at_as_a_whole(undefined: bool) -> None:
    data = enhanced(*(frame(number, undefined=undefined) for number in range(400)), undefined=undefined)
    check(data, TESTED["research"])
    with calls_of(Engine, "_item") as items, calls_of(Gate, "_check") as checks, calls_of(Forms, "learn") as learnt:
        assert isinstance(outcome(data, TESTED["research"]), tuple)
    # of 1,600 items: now and then a new UID is shorter, and where the window grows a frame is read one by one
    assert max(items.call_count, checks.call_count) < 60
    assert learnt.call_count < (10 if undefined else 2)


@pytest.mark.parametrize("profile", TESTED)
@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (COMMENTS, "LT", b"seen Wunderlich "),
        (COMMENTS, "LT", b"Wunderlich Hedw"),
        (COMMENTS, "LT", b"ax\0Wunderlich  "),
        (COMMENTS, "LT", b"1.2.826.0.1.111.1 and much more than that"),
        (LABEL, "LO", b"HEDWIG WUNDERLIC"),
        (LABEL, "LO", b"OF PAT-4711 HERE"),
        (LABEL, "LO", b"1954-03-14 FRAME"),
        (STACK, "SH", b"Wunderlich"),
        (0x00209158, "LT", b"W"),
        (ACQUIRED, "DT", b"19540314101530.001"),
        (ACQUIRED, "DT", b"Wunderlich^Hedwig "),
        (ACQUIRED, "DT", b"20200230101530.001"),
        (ACQUIRED, "DT", b"20200229"),
        (DURATION, "FD", pack("<d", 19540314.0)),
        (DURATION, "FD", b"Hedwig W"),
        (IN_STACK, "UL", pack("<L", 19540314)),
        (0x00081155, "UI", OWN_UID),
        (0x00281050, "DS", BIRTH_DATE),
        (0x00281050, "DS", b"1.9540314E7"),
        (0x00081070, "PN", b"Somebody^Else"),
        (0x00280106, "UN", NAME),
        (0x00209157, "OB", NAME),
    ],
)
def test_what_one_frame_says_of_whose_it_is(tag: int, vr: str, value: bytes, profile: str) -> None:
    odd = {tag: (vr, value)}
    plain = {tag: (vr, bytes(len(value)) if vr in {"FD", "UL"} else b"1" * len(value))}
    named = {0x00081070: ("PN", b"Somebodi^Else")} if vr == "PN" else plain
    items = [frame(number, odd if number == 37 else named) for number in range(60)]
    # whoever is named in a frame is looked for everywhere
    found = check(enhanced(*items, element(COMMENTS, "LT", b"seen Somebody")), TESTED[profile])
    if isinstance(found, tuple):
        for left in (NAME, NAME.upper(), PATIENT_ID, OWN_UID, b"HEDWIG", b"Hedwig", b"Somebody"):
            assert left not in found[0]


def test_a_name_and_a_uid_in_one_frame_are_looked_for_everywhere() -> None:
    for tag, vr, before, own in (
        (0x00081070, "PN", b"Somebody^Else", b"Kunigunde^Elz"),
        (0x00081155, "UI", b"1.2.826.0.1.777.11", b"1.2.826.0.1.999.11"),
        (0x00100020, "LO", b"PAT-1111", b"PAT-8888"),
    ):
        items = [frame(number, {tag: (vr, own if number == 37 else before)}) for number in range(60)]
        text = b"CT abdomen of " + own.split(b"^")[0]
        extra = element(0x00081030, "LO", text), element(0x00181030, "LO", text)
        found = check(instance(sequence(PER_FRAME, *items), *extra), TESTED["research"])
        assert isinstance(found, str) or own.split(b"^")[0] not in found[0]


def alternating(*content: Any) -> list[bytes]:
    """Frames of whose functional groups one holds the one or the other."""
    return [frame(number, None, content[number % 7 == 5]) for number in range(30)]


def code(value: bytes, scheme: bytes) -> bytes:
    return sequence(CODES, element(CODE, "SH", value) + element(SCHEME, "SH", scheme))


def concept(value: bytes) -> bytes:
    name = sequence(
        0x0040A043, element(CODE, "SH", value) + element(SCHEME, "SH", "DCM ") + element(MEANING, "LO", "M")
    )
    return sequence(0x00400555, element(0x0040A040, "CS", "TEXT") + name + element(0x0040A160, "UT", "axial"))


def age(years: bytes) -> bytes:
    """A measured age, of which the gate and the engine know that one over 89 may not stay."""
    name = sequence(0x0040A043, element(CODE, "SH", "121033") + element(SCHEME, "SH", "DCM "))
    measured = sequence(0x0040A300, element(0x0040A30A, "DS", years))
    return element(0x0040A040, "CS", "NUM ") + name + measured


def said(text: bytes) -> bytes:
    return sequence(0x00400555, element(0x0040A040, "CS", "TEXT") + element(0x0040A160, "UT", text))


def fragments(value: bytes) -> bytes:
    return element(0x00420011, "OB", ITEM + pack("<L", len(value)) + value, undefined=True)


def moment(value: bytes) -> bytes:
    return sequence(0x00400555, element(0x0040A040, "CS", "DATETIME") + element(0x0040A120, "DT", value))


def meaning(character_set: bytes) -> bytes:
    return sequence(CODES, element(CHARACTER_SET, "CS", character_set) + element(MEANING, "LO", b"M\xfcller"))


def table(signed: int) -> bytes:
    representation = element(0x00280103, "US", pack("<H", signed))
    return sequence(0x00283000, representation + element(0x00283002, "UN", bytes(6)))


def private(creator: str, value: str) -> bytes:
    block = element(0x00190010, "LO", creator) + element(0x00191023, "DS", value)
    return sequence(CODES, element(MEANING, "LO", "Chest") + block)


def reference(uid: bytes, vr: str = "SQ") -> bytes:
    return sequence(0x00081140, element(0x00081155, "UI", uid, implicit=vr == "UN"), vr=vr, implicit=False)


@pytest.mark.parametrize("profile", ["research", "basic", "dated"])
@pytest.mark.parametrize(
    "items",
    [
        alternating(code(b"47114711", b"SCT "), code(b"47114711", b"99LO")),
        alternating(code(b"47114711", b"SCT "), code(b"PAT-4711", b"SCT ")),
        alternating(code(b"41114111", b"99LO"), code(b"PAT-4711", b"99LO")),
        alternating(meaning(b"ISO_IR 192"), meaning(b"ISO_IR 100")),
        alternating(table(0), table(1)),
        alternating(private("GEMS_ACQU_01", "12"), private("GEMS_ACQU_02", "12")),
        alternating(private("GEMS_ACQU_01", "12"), private("GEMS_ACQU_01", "ab")),
        alternating(concept(b"121071"), concept(b"121401")),
        alternating(sequence(0x00400555, age(b"45")), sequence(0x00400555, age(b"95"))),
        alternating(sequence(0x00400555, age(b"95")), sequence(0x00400555, age(b"45"))),
        alternating(moment(b"20200229"), moment(b"20200301")),
        alternating(reference(b"1.2.826.0.1.5555"), reference(OWN_UID[:16])),
        alternating(reference(b"1.2.840.10008.1.2.1"), reference(b"1.2.840.10008.1.2.3")),
        alternating(reference(b"1.2.3.4", "UN"), reference(b"1.2.3.5", "UN")),
        alternating(element(0x00081110, "LO", b"no sequence "), element(0x00081110, "LO", b"no sequenca ")),
        alternating(sequence(0x00081140), sequence(0x00081140, b"")),
        alternating(element(0x0018A002, "DT", b"20200229"), element(0x0018A002, "DT", b"2020    ")),
        alternating(element(0x00281052, "DS", b"-1024"), element(0x00281052, "DS", b"what?")),
        alternating(element(0x00281052, "DS", b"-1024 "), element(0x00281052, "DS", b" -102 ")),
        alternating(fragments(b"1234" * 5), fragments(b"1234" * 4 + b"4321")),
        alternating(element(0x00181020, "LO", b"VERSION1"), element(0x00181020, "LO", b"PAT-4711")),
        # in no order, and twice
        alternating(element(STACK, "SH", b"1") + element(COMMENTS, "LT", b"a"), element(STACK, "SH", b"2")),
        [element(STACK, "SH", b"%d" % at) + element(COMMENTS, "LT", b"%d" % at) for at in range(9)],
        [element(STACK, "SH", b"%d" % at) * 2 for at in range(9)],
        [b""] * 9,
        [
            sequence(FRAME_VOI, *[element(0x00281050, "DS", b"%d" % (at % 3 + inner)) for inner in range(3)])
            for at in range(9)
        ],
    ],
)
def test_what_decides_about_other_elements_of_a_frame(items: list[bytes], profile: str) -> None:
    check_read(enhanced(*items))
    check(enhanced(*items), TESTED[profile])
    check(enhanced(*items, undefined=True), TESTED[profile])


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[object, int] | str:
    """The elements of an object and how many they count as, or the code of the refusal."""

    def plain(item: Item) -> list[object]:
        return [(one.tag, one.vr, one.value, [plain(inner) for inner in one.items or ()]) for one in item]

    try:
        opened = read_object(BoundedReader(io.BytesIO(data), limits.max_header_bytes), limits)
    except DeidError as error:
        return str(error.code)
    return plain(opened.elements), opened.elements_read


def check_read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> None:
    with one_by_one():
        expected = read(data, limits)
    assert read(data, limits) == expected


@PROPERTY
@given(st.integers(), st.integers(3, 14))
def test_any_object_is_read_at_once_as_it_is_item_by_item(seed: int, count: int) -> None:
    random = Random(seed)  # noqa: S311  the same every time
    data = frames(random, count).data
    check_read(data)
    for cut in (len(data) // 2, len(data) - 9, len(data) - 60):
        check_read(data[:cut])
    at = random.randrange(len(data) // 2, len(data))
    check_read(data[:at] + bytes([random.randrange(256)]) + data[at + 1 :])


def test_items_read_at_once_count_as_those_read_one_by_one() -> None:
    texts = [b"a\\b\\c\\d\\\\\\", b"axial abd", b"\\" * 9, b"a\\b\\c\\d\\\\\\"] * 3
    numbers = [b"1\\2\\3 ", b"1     ", b"1\\2222"] * 4
    items = [
        frame(0, {LABEL: ("LO", text), 0x00209158: ("DS", number)}) for text, number in zip(texts, numbers, strict=True)
    ]
    for undefined in (False, True):
        data = enhanced(*items, undefined=undefined)
        whole = read(data)
        assert isinstance(whole, tuple)
        for most in range(40, whole[1] + 2):
            check_read(data, Limits(max_elements=most))
        for longest in range(len(data) - 500, len(data) + 2, 7):
            check_read(data, Limits(max_header_bytes=longest))


def test_what_travels_as_un_counts_as_held_again_in_every_frame() -> None:
    inner = element(COMMENTS, "LT", b"x" * 2000, implicit=True)
    un = sequence(0x00081140, inner, implicit=True)[8:]
    items = [frame(number, None, element(0x00081140, "UN", un)) for number in range(20)]
    data = enhanced(*items)
    for longest in range(len(data), len(data) + 22 * 2100, 501):
        check_read(data, Limits(max_header_bytes=longest))


def test_the_gate_looks_at_what_was_written_whatever_the_engine_did() -> None:
    """Whatever the engine passes on of a frame is looked at, be it as long as it should be or not."""
    data = enhanced(*(frame(number) for number in range(20)))
    likewise = Known.likewise
    leaks: tuple[tuple[bytes, bytes], ...] = (
        (b"axial of abdomen", b"of Wunderlich 11"),
        (b"axial of abdomen", b"abdo. 1954-03-14"),
        (pack("<d", 500.0), pack("<d", 19540314.0)),
        (b"-179.6\\-171.3", b"4711\\19540314"),
        (b"UI\x2c\x002.25.", b"UI\x2c\x00" + OWN_UID + bytes(27)),
    )
    for before, after in leaks:

        def leaking(self: Known, item: Any, follow: Any, old: bytes = before, new: bytes = after) -> Any:
            found = likewise(self, item, follow)
            if found is None:
                return None
            at = found[0].index(old)
            return found[0][:at] + new + found[0][at + len(new) :], found[1]

        with mock.patch.object(Known, "likewise", leaking):
            assert outcome(data, TESTED["research"]) == "gate_identifier_left"


def test_a_date_is_compared_with_the_one_that_stood_in_its_own_frame() -> None:
    """What may be written in one frame, moved from another day, may not be in the frame that had it."""
    items = [frame(number, {ACQUIRED: ("DT", b"20200229101530.001")}) for number in range(20)]
    moved = outcome(enhanced(*items), TESTED["research"])
    assert isinstance(moved, tuple)
    at = moved[0].index(pack("<HH2sH", 0x0018, 0x9074, b"DT", 18)) + 8
    new = moved[0][at : at + 18]
    items[13] = frame(13, {ACQUIRED: ("DT", new)})
    data = enhanced(*items)
    assert isinstance(check(data, TESTED["research"]), tuple)
    likewise = Known.likewise

    def unmoved(self: Known, item: Any, follow: Any) -> Any:
        found = likewise(self, item, follow)
        if found is None:
            return None
        at = found[0].index(pack("<HH2sH", 0x0018, 0x9074, b"DT", 18)) + 8
        return found[0][:at] + new + found[0][at + 18 :], found[1]

    with mock.patch.object(Known, "likewise", unmoved):
        assert outcome(data, TESTED["research"]) == "gate_identifier_left"


def test_no_more_is_listed_than_of_frames_one_by_one() -> None:
    """As many paths are listed, and the same, of frames whose elements are mostly removed."""
    gone = {0x00101000 + at: ("LO", b"gone") for at in range(0x90, 0xA6)}
    for count in (300, 600):
        check(enhanced(*(frame(number, gone) for number in range(count))), TESTED["research"])


def test_private_creators_of_whose_block_nothing_stays_leave_their_place() -> None:
    def private(number: int) -> bytes:
        idle = element(0x00190010, "LO", "ACME") + element(0x00191001, "LO", "secret")
        kept = element(0x00190011, "LO", "GEMS_ACQU_01") + element(0x00191123, "DS", "12")
        before = idle[:12] + kept[: -len(element(0x00191123, "DS", "12"))] + idle[12:] + element(0x00191123, "DS", "12")
        return sequence(FRAME_VOI, before + element(0x00281050, "DS", b"%04d" % number))

    with calls_of(Engine, "_item") as items:
        found = outcome(enhanced(*(frame(number, None, private(number)) for number in range(60))), TESTED["research"])
    assert items.call_count < 60
    check(enhanced(*(frame(number, None, private(number)) for number in range(60))), TESTED["research"])
    assert isinstance(found, tuple)
    assert b"GEMS_ACQU_01" in found[0]
    assert b"ACME" not in found[0]


def test_frames_that_are_unlike_the_first_are_not_tried_for_long() -> None:
    """Of texts that are cleaned something else stays in every frame."""
    texts = [b" ".join([b"axial"] * at).ljust(100) for at in range(16)]
    items = [
        frame(0, {COMMENTS: ("LT", texts[number % 16]), LABEL: ("LO", texts[number // 16])}) for number in range(200)
    ]
    data = enhanced(*items)
    check(data, TESTED["research"])
    with calls_of(Known, "likewise") as tried:
        outcome(data, TESTED["research"])
    assert _CREDIT // _COST <= tried.call_count < 40


def test_items_of_many_forms_are_not_learnt_for_long() -> None:
    items = [element(LABEL, "LO", b"1" * (2 * number)) for number in range(1, 400)]
    with calls_of(Forms, "learn") as learnt:
        check(enhanced(*items), TESTED["research"])
    assert learnt.call_count <= 16
    few = [element(LABEL, "LO", b"1" * (2 + number % 8 * 2)) for number in range(400)]
    with calls_of(Forms, "learn") as learnt:
        check(enhanced(*few), TESTED["research"])
    assert learnt.call_count == 8
    long = [element(COMMENTS, "LT", b"%d" % number * 17_000) for number in range(9)]
    with calls_of(Forms, "learn") as learnt:
        check(enhanced(*long), TESTED["research"])
    assert learnt.call_count == 0


def test_a_frame_of_which_more_is_said_than_is_listed_teaches_nothing() -> None:
    tags = sorted(tag for tag, of in DicomDictionary.items() if of[0] == "DS" and tag >> 16 in {0x3002, 0x300A})

    def of(value: bytes) -> bytes:
        inner = b"".join(element(tag, "DS", value) for tag in tags)
        for _ in range(20):
            inner = sequence(0x00081115, inner)
        return inner

    for values in ([b"what", b"12.5", b"13.5", b"14.5"], [b"12.5", b"what", b"13.5", b"14.5"]):
        items = [frame(number, None, of(value)) for number, value in enumerate(values)]
        check(enhanced(*items), TESTED["research"])


def checked(items: list[bytes], written: list[bytes], names: tuple[str, ...], tag: int = PER_FRAME) -> object:
    """What the gate alone says of items that were written so, beside those that were read."""
    reader = ElementReader(Window.over(sequence(tag, *items)), DEFAULT_LIMITS, big_endian=False)
    original = reader.one(0, implicit=False, signed=False)
    evidence = Evidence()
    for name in names:
        evidence.add(name)
    evidence.dates.add("20200229")
    gate = Gate(rules_for(TESTED["research"], CT_STORAGE), Matcher(evidence), implicit=False, by_position=False)
    try:
        seen = gate.check(sequence(tag, *written), original, ("ascii",), {})
    except DeidError as error:
        return str(error.code)
    return seen.elements, seen.uids, seen.dotted, seen.runs


GEMS, ACME = element(0x00190010, "LO", "GEMS_ACQU_01"), element(0x00190010, "LO", "GEMS_ACQU_99")


@pytest.mark.parametrize(
    ("usual", "odd"),
    [
        (code(b"47114711", b"SCT "), code(b"47114711", b"99LO")),
        (code(b"12345678", b"99LO"), code(b"47114711", b"99LO")),
        (code(b"12345678", b"SCT "), code(b"47114711", b"SCT ")),
        (meaning(b"ISO_IR 192"), meaning(b"ISO_IR 100")),
        (meaning(b"ISO_IR 100"), meaning(b"ISO_IR 192")),
        (GEMS + element(0x00191023, "DS", "12345678"), GEMS + element(0x00191023, "DS", "47114711")),
        (GEMS + element(0x00191023, "UN", "12345678"), GEMS + element(0x00191023, "UN", "47114711")),
        (ACME + element(0x00191023, "UN", "12345678"), GEMS + element(0x00191023, "UN", "47114711")),
        (ACME + element(0x00191023, "UN", "4711-4711 "), GEMS + element(0x00191023, "UN", "4711-4711 ")),
        (said(b"axial NECK"), said(b"axial HEAD")),
        (sequence(0x00191020, element(STACK, "SH", "12")), sequence(0x00191020, element(STACK, "SH", "47114711"))),
        (element(STACK, "SH", "12345678"), element(STACK, "SH", "47114711")),
        (element(STACK, "SH", "12345678"), element(LABEL, "SH", "12345678")),
        (element(STACK, "SH", "12345678"), element(STACK, "LO", "47114711")),
        (element(STACK, "UN", "12345678"), element(STACK, "UN", "47114711")),
        (element(STACK, "UT", "12345678"), element(STACK, "UT", "47114711")),
        (element(0x00081155, "UI", "1.2.826.0.11"), element(0x00081155, "UI", "1.2.826.0.22")),
        (element(COMMENTS, "LT", "of 1.2.826.0.11"), element(COMMENTS, "LT", "of 1.2.826.0.22")),
        (element(0x00283006, "OW", "1.2.826.0.11"), element(0x00283006, "OW", "1.2.826.0.22")),
        (element(ACQUIRED, "DT", "20190101"), element(ACQUIRED, "DT", "20200229")),
        (element(0x00120062, "CS", "12345678"), element(0x00120062, "CS", "47114711")),
        (sequence(0x00120064, code(b"12345678", b"DCM ")), sequence(0x00120064, code(b"47114711", b"DCM "))),
        (sequence(0x00400555, age(b"45")), sequence(0x00400555, age(b"95"))),
        (sequence(FRAME_VOI, b"", b""), sequence(FRAME_VOI, b"")),
        (sequence(FRAME_VOI), sequence(FRAME_VOI, b"")),
    ],
)
def test_the_gate_says_the_same_of_items_at_once_and_one_by_one(usual: bytes, odd: bytes) -> None:
    names = ("47114711", "95", "Head")
    for at in (0, 1, 5, 8):
        # whatever was there before: what is written is as it was, in one item, and was the same or another before
        written = [odd if number == at else usual for number in range(9)]
        for items in (written, [usual] * 9, [element(0x00080008, "CS", b"%d" % number) + usual for number in range(9)]):
            with one_by_one():
                expected = checked(items, written, names)
            assert checked(items, written, names) == expected
            for trailing in (
                [*written[:-1], usual + element(0x00281055, "LO", "of 47114711")],
                [one + element(0x00281050, "DS", "1") for one in written],
            ):
                with one_by_one():
                    expected = checked(items, trailing, names)
                assert checked(items, trailing, names) == expected


def test_the_gate_compares_dates_with_those_of_the_same_item() -> None:
    other, day = element(ACQUIRED, "DT", "20190101"), element(ACQUIRED, "DT", "20200229")
    assert checked([other] * 9, [day] * 9, ()) == (10, frozenset(), frozenset(), frozenset())
    for at in (1, 5, 8):
        assert checked([day if one == at else other for one in range(9)], [day] * 9, ()) == "gate_identifier_left"


def test_items_in_other_encodings_are_read_one_by_one() -> None:
    """Without VRs, or with the bytes of numbers the other way round."""
    implicit = [element(STACK, "SH", b"%d" % number, implicit=True) for number in range(20)]
    data = instance(sequence(PER_FRAME, *implicit, implicit=True), transfer_syntax=IMPLICIT)
    big = [pack(">HH2sH", 0x0020, 0x9057, b"UL", 4) + pack(">L", number) for number in range(20)]
    items = b"".join(pack(">HHL", 0xFFFE, 0xE000, len(item)) + item for item in big)
    with calls_of(Forms, "learn") as learnt:
        for whole in (data, big_endian(16, "OW", PIXELS, (PER_FRAME, "SQ", items))):
            assert isinstance(check(whole, TESTED["research"]), tuple)
    assert learnt.call_count == 0


def test_what_is_explicit_though_it_should_not_be_is_written_without_vrs() -> None:
    data = enhanced(*(frame(number) for number in range(20)))
    found = check(data.replace(EXPLICIT.encode() + b"\0", IMPLICIT.encode() + b"\0\0\0", 1), TESTED["research"])
    assert isinstance(found, tuple)
    assert "vr-encoding" in found[1]


@pytest.mark.parametrize("profile", TESTED)
def test_sequences_that_are_emptied_or_of_which_only_the_structure_stays(profile: str) -> None:
    """In frames, and as what holds the frames."""
    inner = [
        frame(number, None, sequence(tag, element(STACK, "SH", b"%d" % number))) for number in range(9) for tag in SOME
    ]
    check(enhanced(*inner), TESTED[profile])
    for tag in SOME:
        check(enhanced(*(frame(number) for number in range(9)), tag=tag), TESTED[profile])


@pytest.mark.parametrize("profile", TESTED)
@pytest.mark.parametrize("tag", [0x0040A730, 0x00400555, 0x00400612])
def test_items_of_a_content_sequence_follow_their_own_concept(tag: int, profile: str) -> None:
    for years in ([b"45"] * 4 + [b"95"] * 4, [b"95"] * 4 + [b"45"] * 4):
        items = [age(one) for one in years]
        check(enhanced(*items, tag=tag), TESTED[profile])
        kinds = [b"TEXT" if one == b"45" else b"DATE" for one in years]
        items = [
            element(0x0040A040, "CS", kind) + element(0x0040A121, "DA", "20200229") + element(0x0040A160, "UT", "axial")
            for kind in kinds
        ]
        check(enhanced(*items, tag=tag), TESTED[profile])


def test_the_gate_looks_at_texts_of_content_items_as_at_what_was_cleaned() -> None:
    texts = [element(0x0040A040, "CS", "TEXT") + element(0x0040A160, "UT", one) for one in ("axial NECK", "axial HEAD")]
    assert checked([texts[0]] * 9, [texts[0]] * 9, ("Head",), 0x0040A730) == (19, frozenset(), frozenset(), frozenset())
    assert checked([texts[0]] * 9, [*[texts[0]] * 8, texts[1]], ("Head",), 0x0040A730) == "gate_identifier_left"


def test_what_is_retained_in_content_items_is_no_evidence() -> None:
    rules = rules_for(TESTED["research"], CT_STORAGE)
    kept = [
        (row[1], row[2], kind)
        for row in rows_of("table_e3_4_1.json")["rows"]
        for kind in ("DATE", "DATETIME", "TEXT", "CODE", "NUM", "UIDREF", "")
        if (rule := rules.content(row[1], row[2], kind)) is not None and rule.action is Action.KEEP
    ]
    assert kept
    for value, scheme, kind in kept:
        name = sequence(0x0040A043, element(CODE, "SH", value) + element(SCHEME, "SH", scheme))
        items = [
            element(0x0040A040, "CS", kind) + name + element(0x0040A121, "DA", b"201903%02d" % (number + 10))
            for number in range(9)
        ]
        check(enhanced(*items, tag=0x0040A730), TESTED["research"])


def test_what_a_profile_retains_in_frames_is_no_evidence_there_alone() -> None:
    for path in ((PER_FRAME, FRAME_CONTENT), (PER_FRAME, FRAME_VOI), ()):
        profile = Profile("paths", (), (Override(0x00081070, Action.KEEP, path=path),))
        items = [frame(number, {0x00081070: ("PN", b"Somebod%d^Else" % (number % 10))}) for number in range(20)]
        check(enhanced(*items), profile)


def test_names_in_frames_are_read_by_the_character_set_around_them() -> None:
    for character_set, codec in (("ISO_IR 144", "iso8859_5"), ("ISO_IR 192", "utf-8"), ("GB18030", "gb18030")):
        names = [f"Иванов{'абвгдеж'[number % 7]}^Grethe".encode(codec) for number in range(20)]
        items = [frame(number, {0x00081070: ("PN", name)}) for number, name in enumerate(names)]
        texts = (
            element(tag, "LO", f"CT {name}".encode(codec))
            for tag, name in ((0x00181030, "Ивановд"), (0x00081030, "Ивановб"))
        )
        data = instance(sequence(PER_FRAME, *items), *texts, element(CHARACTER_SET, "CS", character_set))
        found = check(data, TESTED["research"])
        assert isinstance(found, str) or "Иванов".encode(codec) not in found[0]
