"""Places where a value may hide in an object, each for a value of any VR or of those that it can take.

What is planted means nothing to anybody: it has to go because of where it stands, or because it is not what the
attribute says it is. Nothing in here asks the engine what goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from struct import pack
from typing import TYPE_CHECKING

from pydicom.datadict import tag_for_keyword
from tests.data.canary_objects import IMAGE, Encoding, Planted, encoded, in_depth, sequence, text, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VRS = (
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL", "OV", "OW", "PN",
    "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV",
)  # fmt: skip
LISTED = {
    "AE": "StationAETitle", "CS": "GPSLatitudeRef", "DA": "LastMenstrualDate", "DS": "GPSLatitude",
    "DT": "DateTimeOfLastCalibration", "IS": "GPSDifferential", "LO": "OtherPatientIDs",
    "LT": "AdditionalPatientHistory", "OB": "EncapsulatedDocument", "PN": "OperatorsName", "SH": "StationName",
    "SQ": "RequestAttributesSequence", "ST": "InstitutionAddress", "TM": "PatientBirthTime", "UI": "InstanceCreatorUID",
    "UR": "PixelDataProviderURL", "UT": "ReasonForVisit",
}  # fmt: skip
"""For a VR an attribute of Table E.1-1, or of no list, in which nothing like a word may stay."""
RETIRED = (
    (0x00080010, "SH"), (0x00084000, "LT"), (0x00081000, "AE"), (0x00324000, "LT"), (0x00380040, "LO"),
    (0x00404000, "LT"), (0x40000010, "LT"), (0x40084000, "ST"), (0x40080042, "LO"), (0x00100050, "SQ"),
    (0x40080300, "SQ"), (0x00321020, "LO"), (0x00321021, "AE"), (0x40080114, "PN"), (0x00101050, "LO"),
)  # fmt: skip
LISTED_TAGS = {vr: int(tag_for_keyword(keyword) or 0) for vr, keyword in LISTED.items()}
KEPT_SEQUENCE, COMMENTS = 0x00082218, 0x00104000
CONTENT, CONCEPT = 0x0040A730, 0x0040A043
SAFE_CREATOR = "Philips Imaging DD 001"


@dataclass(frozen=True, slots=True)
class Hidden:
    """A file, the value hidden in it, and the VR that was tried."""

    vr: str
    value: str
    data: bytes


def token(*where: str) -> str:
    """Sixteen letters that stand nowhere else, and that are no word."""
    digest = sha256("/".join(where).encode()).digest()
    return "KX" + "".join("BCDFGHJKLMNPQRSTVWXZ"[byte % 20] for byte in digest[:14])


def _filled(value: str) -> bytes:
    """The value, as bytes of a length that any binary VR may have."""
    return value.encode().ljust(32, b" ")


def _elements(vr: str, value: str, tag: int = COMMENTS) -> tuple[Planted, ...]:
    """The value in one attribute; if any will do, in one that is not of this VR and in one that is."""
    if vr == "SQ":
        return (sequence(LISTED_TAGS["SQ"] if tag == COMMENTS else tag, (text(COMMENTS, "LT", value),)),)
    planted = {tag: Planted(tag, vr, _filled(value))}
    if tag == COMMENTS and vr in LISTED_TAGS:
        planted[LISTED_TAGS[vr]] = Planted(LISTED_TAGS[vr], vr, _filled(value))
    return tuple(planted[at] for at in sorted(planted))


def _private(creator: str, number: int, *, group: int = 0x2001) -> Callable[[str, str], tuple[Planted, ...]]:
    def place(vr: str, value: str) -> tuple[Planted, ...]:
        block = (text(group << 16 | 0x10, "LO", creator),) if creator else ()
        return (*block, *_elements(vr, value, group << 16 | 0x1000 | number))

    return place


def _nested(depth: int, *, undefined: bool, as_un: bool = False) -> Callable[[str, str], tuple[Planted, ...]]:
    return lambda vr, value: (in_depth(KEPT_SEQUENCE, depth, *_elements(vr, value), undefined=undefined, as_un=as_un),)


def _at(tag: int) -> Callable[[str, str], tuple[Planted, ...]]:
    return lambda vr, value: _elements(vr, value, tag)


def _within(*tags: int) -> Callable[[str, str], tuple[Planted, ...]]:
    def place(vr: str, value: str) -> tuple[Planted, ...]:
        inner = _elements(vr, value)
        for tag in tags:
            inner = (sequence(tag, inner),)
        return inner

    return place


PLACES: dict[str, Callable[[str, str], tuple[Planted, ...]]] = {
    "at the top": _elements,
    "nested once": _nested(1, undefined=False),
    "nested 5 deep": _nested(5, undefined=False),
    "nested 5 deep, of undefined length": _nested(5, undefined=True),
    "in a sequence as UN": _nested(1, undefined=False, as_un=True),
    "in a sequence as UN of undefined length": _nested(1, undefined=True, as_un=True),
    "5 deep as UN of undefined length": _nested(5, undefined=True, as_un=True),
    "private, with a creator": _private("ACME 1.1", 0x01),
    "private, without a creator": _private("", 0x01),
    "private, unsafe, of a safe creator": _private(SAFE_CREATOR, 0xEE),
    "private, safe and a text": _private(SAFE_CREATOR, 0x6D),
    "private, safe and a sequence": _private(SAFE_CREATOR, 0xFC),
    "private, in a sequence": lambda vr, value: (
        in_depth(KEPT_SEQUENCE, 1, *_private("ACME 1.1", 0x01)(vr, value), undefined=True),
    ),
    "in a private sequence": lambda vr, value: (
        text(0x00190010, "LO", "ACME 1.1"), in_depth(0x00191001, 2, *_elements(vr, value), undefined=True),
    ),
    "in a safe private sequence": lambda vr, value: (
        text(0x20010010, "LO", SAFE_CREATOR), sequence(0x200110FC, _elements(vr, value)),
    ),
    "an illegal private group": _at(0x00071011),
    "an odd group without a block": _at(0x00090001),
    "the last block": _private("ACME 1.1", 0xFF, group=0x5FFF),
    "unknown and public": _at(0x00183333),
    "unknown and nested": lambda vr, value: (sequence(KEPT_SEQUENCE, _elements(vr, value, 0x00083333)),),
    "group 0004": _at(0x00041500),
    "a group length": _at(0x00100000),
    "a group length in the middle of a private group": _at(0x00290000),
    "curve": _at(0x50002500),
    "curve data": _at(0x50023000),
    "audio": _at(0x5000200C),
    "overlay data": _at(0x60003000),
    "overlay comments": _at(0x60024000),
    "overlay label": _at(0x601E1500),
    "overlay of an odd number": _at(0x60011022),
    "icon": _within(0x00880200),
    "icon's pixels": lambda vr, value: (sequence(0x00880200, _elements(vr, value, 0x7FE00010)),),
    "other pixels": lambda vr, value: (sequence(KEPT_SEQUENCE, _elements(vr, value, 0x7FE00008)),),
    "digital signature": _within(0xFFFAFFFA),
    "signature": lambda vr, value: (sequence(0xFFFAFFFA, _elements(vr, value, 0x04000120)),),
    "signer's certificate": lambda vr, value: (sequence(0xFFFAFFFA, _elements(vr, value, 0x04000115)),),
    "MAC parameters": _within(0x4FFE0001),
    "encrypted attributes": lambda vr, value: (sequence(0x04000500, _elements(vr, value, 0x04000520)),),
    "original attributes": _within(0x04000550, 0x04000561),
    "source of original attributes": lambda vr, value: (sequence(0x04000561, _elements(vr, value, 0x04000564)),),
    "modified image description": _at(0x00204000),
    "padding": _at(0xFFFCFFFC),
    "acquisition context, of no concept": _within(0x00400555),
    "specimen": lambda vr, value: (sequence(0x00400560, _elements(vr, value, 0x00400551)),),
    "annotation of a waveform": lambda vr, value: (sequence(0x0040B020, _elements(vr, value, 0x00700006)),),
    "channel of a waveform": lambda vr, value: (
        sequence(0x54000100, (sequence(0x003A0200, _elements(vr, value, 0x003A0203)),)),
    ),
    "text object of a graphic annotation": lambda vr, value: (
        sequence(0x00700001, (sequence(0x00700008, _elements(vr, value, 0x00700006)),)),
    ),
    "graphic annotation": _within(0x00700001),
    "graphic layer": lambda vr, value: (sequence(0x00700060, _elements(vr, value, 0x00700068)),),
    "presentation label": _at(0x00700081),
    "person identification": _within(0x00401101),
}  # fmt: skip
"""Where an element of any VR may be put."""


def hidden(place: str, encoding: Encoding) -> Iterator[Hidden]:
    """A file for each VR at a place."""
    for vr in VRS:
        value = token(place, encoding, vr)
        yield Hidden(vr, value, written(*PLACES[place](vr, value), encoding=encoding))


def _code(meaning: str | bytes, value: str = "121071", scheme: str = "DCM") -> tuple[Planted, ...]:
    return (text(0x00080100, "SH", value), text(0x00080102, "SH", scheme), text(0x00080104, "LO", meaning))


def _value_of(kind: str, value: str) -> tuple[Planted, ...]:
    """The value wherever an item of this type may hold one, but not where a coded string or a code may be anything."""
    word, small = value.encode(), value.lower().encode()
    holders: dict[str, tuple[Planted, ...]] = {
        "TEXT": (text(0x0040A160, "UT", word),),
        "PNAME": (text(0x0040A123, "PN", word),),
        "DATE": (text(0x0040A121, "DA", word),),
        "TIME": (text(0x0040A122, "TM", word),),
        "DATETIME": (text(0x0040A120, "DT", word),),
        "UIDREF": (text(0x0040A124, "UI", word),),
        "NUM": (sequence(0x0040A300, (text(0x0040A30A, "DS", word),)),),
        "COMPOSITE": (sequence(0x00081199, (text(0x00081150, "UI", word), text(0x00081155, "UI", word))),),
        "IMAGE": (sequence(0x00081199, (text(0x00081155, "UI", word), text(0x00081160, "IS", word))),),
        "WAVEFORM": (sequence(0x00081199, (text(0x00081155, "UI", word),)),),
        "SCOORD": (text(0x00700023, "CS", small), text(0x00700024, "CS", small)),
        "SCOORD3D": (text(0x00700023, "CS", small), text(0x30060024, "UI", word), text(0x30060050, "DS", word)),
        "TCOORD": (text(0x0040A130, "CS", small), text(0x0040A138, "DS", word), text(0x0040A13A, "DT", word)),
        "CONTAINER": (sequence(CONTENT, (text(0x0040A040, "CS", "TEXT"), text(0x0040A160, "UT", word))),),
        "TABLE": (sequence(0x0040A801, (sequence(0x0040A808, (text(0x0040A160, "UT", word),)),)),),
    }
    return holders[kind]


VALUE_TYPES = (
    "TEXT", "PNAME", "DATE", "TIME", "DATETIME", "UIDREF", "NUM", "COMPOSITE", "IMAGE", "WAVEFORM", "SCOORD",
    "SCOORD3D", "TCOORD", "CONTAINER", "TABLE",
)  # fmt: skip
CONCEPTS = (("121071", "DCM"), ("121008", "DCM"), ("121106", "DCM"), ("T-1", "99LOCAL"))
SR_CLASSES = ("1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.88.59")


def report(kind: str, value: str, concept: tuple[str, str], sop_class: str, encoding: Encoding, depth: int) -> bytes:
    """A structured report with the value in a content item of a value type, under a concept, at a depth."""
    item = (
        text(0x0040A010, "CS", "CONTAINS"),
        text(0x0040A040, "CS", kind),
        sequence(CONCEPT, _code("Finding", *concept)),
        *_value_of(kind, value),
    )
    item = tuple(sorted(item, key=lambda one: one.tag))
    for _ in range(depth):
        around = (text(0x0040A040, "CS", "CONTAINER"), sequence(CONCEPT, _code("Findings")), sequence(CONTENT, item))
        item = tuple(sorted(around, key=lambda one: one.tag))
    return written(text(0x00080016, "UI", sop_class), *item, encoding=encoding)


def retired(value: str) -> Iterator[tuple[int, tuple[Planted, ...]]]:
    """Retired attributes, each with the value."""
    for tag, vr in RETIRED:
        yield tag, _elements(vr, value, tag)


def around(value: str) -> dict[str, bytes]:
    """Files with the value in what is no element of the data set, or behind it."""
    word = value.encode()
    jpeg = "1.2.840.10008.1.2.4.50"
    frame = b"\xff\xd8" + bytes(20) + b"\xff\xd9"
    item = b"\xfe\xff\x00\xe0"
    head = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff"
    end = b"\xfe\xff\xdd\xe0" + bytes(4)
    fragments = head + item + bytes(4) + item + pack("<L", len(frame)) + frame + end
    named = tuple(one for one in IMAGE if one.tag != 0x7FE00010)
    behind = {
        "private": Planted(0x7FE10010, "LO", word),
        "signatures": sequence(0xFFFAFFFA, (Planted(0x04000120, "OB", word),)),
        "padding": Planted(0xFFFCFFFC, "OB", word),
        "text": Planted(0x7FE10011, "UT", word),
    }
    meta = {
        "version name": Planted(0x00020013, "SH", word),
        "source": Planted(0x00020016, "AE", word),
        "sender": Planted(0x00020017, "AE", word),
        "receiver": Planted(0x00020018, "AE", word),
        "source's address": Planted(0x00020026, "UR", word),
        "private information": Planted(0x00020102, "OB", word),
        "unknown": Planted(0x00020999, "LO", word),
        "creator of private information": Planted(0x00020100, "UI", word),
    }
    files = {f"behind the pixels: {name}": written(trailer=encoded((one,))) for name, one in behind.items()}
    files |= {f"behind the pixels, as bytes: {count}": written(trailer=word[:count]) for count in (7, 8, 16)}
    files |= {f"File Meta: {name}": written(meta_extra=(one,)) for name, one in meta.items()}
    files |= {
        "preamble": written(preamble=word.ljust(128, b"\0")),
        "end of the preamble": written(preamble=word.rjust(128, b"\0")),
        "behind fragments": written(base=named, syntax=jpeg, trailer=fragments + encoded((behind["private"],))),
        "behind fragments, padding": written(
            base=named, syntax=jpeg, trailer=fragments + encoded((behind["padding"],))
        ),
        "behind fragments, as bytes": written(base=named, syntax=jpeg, trailer=fragments + word),
        "length of a sequence's end": written(base=named, syntax=jpeg, trailer=fragments[:-4] + word[:4]),
        "offset table": written(
            base=named, syntax=jpeg, trailer=head + item + pack("<L", 16) + word + fragments[len(head) + 8 :]
        ),
        "fragments that are no items": written(base=named, syntax=jpeg, trailer=head + word + fragments[len(head) :]),
    }
    return files
