"""Generated data sets: every VR, nesting, private blocks, reports, overlays, character sets, encodings, profiles.

The same seed gives the same bytes. `cases` is the fast way; tests of Hypothesis drive `case` with a random of its
own. A `series` is what a scanner writes: slices that differ in little, of one patient.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from struct import pack
from typing import TYPE_CHECKING

from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]  # its home is private
from tests.data.generated_content import CONTENT, Tree, content_item
from tests.data.generated_profiles import PROFILES_TRIED
from tests.data.generated_values import Person, person, value

from sendit.deid.rules.tables import keep_list, rows, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sendit.deid.rules.profile import Profile

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
DEFLATED, BIG_ENDIAN, JPEG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.50"
SOP_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.2",  # CT
    "1.2.840.10008.5.1.4.1.1.4",  # MR
    "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT
    "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture
    "1.2.840.10008.5.1.4.1.1.128",  # PET
    "1.2.840.10008.5.1.4.1.1.88.33",  # Comprehensive SR
    "1.2.840.10008.5.1.4.1.1.11.1",  # Grayscale Softcopy Presentation State
    "1.2.840.10008.5.1.4.1.1.77.1.6",  # VL Whole Slide Microscopy
    "1.2.826.0.1.3680043.99.1",  # somebody's own
)
LONG_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
_ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
_UNDEFINED = b"\xff\xff\xff\xff"
_NEVER_RANDOM = {0x00080005, 0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00280008, 0x7FE00001, 0x7FE00002}
_PIXELS = {
    0x00280002: 1, 0x00280010: 2, 0x00280011: 2, 0x00280100: 16, 0x00280101: 12, 0x00280102: 11, 0x00280103: 0,
}  # fmt: skip
_CREATORS = ("GEMS_ACQU_01", "Philips Imaging DD 001", "SIEMENS MR HEADER", "MADE UP 1.0", "ELSCINT1", "")


@dataclass(frozen=True, slots=True)
class Case:
    """An object, the profile to de-identify it with, and whose it is."""

    data: bytes
    profile: Profile
    person: Person


def cases(count: int, *, seed: int = 1) -> Iterator[Case]:
    """So many objects, each of a seed of its own."""
    for number in range(count):
        yield case(Random(seed * 1_000_003 + number))  # noqa: S311  the same every time


def case(random: Random) -> Case:
    """One object."""
    one = person(random)
    tree = _object(random, one)
    return Case(_written(random, tree, one), random.choice(PROFILES_TRIED), one)


def series(random: Random, slices: int) -> list[Case]:
    """Slices of one series: most elements the same, some of each slice's own, now and then one of another patient."""
    one, profile = person(random), random.choice(PROFILES_TRIED)
    tree = _object(random, one)
    syntax = random.choice((EXPLICIT, EXPLICIT, IMPLICIT))
    result = []
    encoding = random.random()
    alike = random.random() < 0.8  # what a scanner writes is encoded alike in every slice
    for number in range(slices):
        own = dict(tree)
        own[0x00080018] = ("UI", f"{one.root}.3.{number}".encode())
        own[0x00200013] = ("IS", str(number).encode())
        own[0x00201041] = ("DS", str(number * 2.5).encode())
        for tag in random.sample(sorted(tree), random.choice((0, 0, 1, 3))):
            vr, before = tree[tag]
            if tag not in _NEVER_RANDOM | _PIXELS.keys() and not isinstance(before, list):
                own[tag] = (vr, value(random, vr, one))
        # one slice names another UID of the series, another holds its own in a text
        named = f"{one.root}.3.{random.choice((number, random.randrange(slices)))}" if random.random() < 0.4 else "Kopf"
        own[0x00204000] = ("LT", one.bytes_of(f"CT {named} axial {number}"))
        own[0x00181030] = ("LO", one.bytes_of(f"Abdomen {named}"))
        own[0x00081090] = ("LO", one.bytes_of(random.choice((named, "Brilliance", f"Brilliance {number}"))))
        own[0x00181020] = ("LO", one.bytes_of(random.choice((f"v{number}", "v1", f"v1 {named}", one.family))))
        own[0x00180015] = ("CS", random.choice((b"HEAD", b"CHEST", one.family.upper().encode("latin-1", "replace"))))
        who = replace(one, family="Fremdling", patient_id="OTHER-1") if random.random() < 0.25 else one
        own[0x00100010] = ("PN", who.bytes_of(who.name))
        own |= _of_another(random, who) if who is not one and random.random() < 0.5 else {}
        encoder = Random(encoding) if alike else random  # noqa: S311  the same every time
        result.append(Case(_written(encoder, own, one, syntax), profile, who))
    return result


def _of_another(random: Random, who: Person) -> Tree:
    """What may differ in a slice that does not belong to its series, though it is shaped as the others are."""
    strange: Tree = {
        0x00100020: ("LO", who.bytes_of(who.patient_id)),
        0x00080050: ("SH", b"ACC-OTHER"),
        0x0020000D: ("UI", f"{who.root}.2.9".encode()),
        0x00080016: ("UI", random.choice(SOP_CLASSES[:5]).encode()),
        0x00080005: ("CS", random.choice((b"ISO_IR 100", b"ISO_IR 192"))),
    }
    tag = random.choice(sorted(strange))
    return {tag: strange[tag]}


def _object(random: Random, one: Person) -> Tree:
    sop_class = random.choice(SOP_CLASSES)
    tree: Tree = {
        0x00080016: ("UI", sop_class.encode()),
        0x00080018: ("UI", f"{one.root}.1".encode()),
        0x00080020: ("DA", one.day.encode()),
        0x00080050: ("SH", one.bytes_of(one.accession)),
        0x00080080: ("LO", one.bytes_of(one.house)),
        0x00080090: ("PN", one.bytes_of(one.physician)),
        0x00100010: ("PN", one.bytes_of(one.name)),
        0x00100020: ("LO", one.bytes_of(one.patient_id)),
        0x00100030: ("DA", one.birth_day.encode()),
        0x0020000D: ("UI", f"{one.root}.2".encode()),
        0x0020000E: ("UI", f"{one.root}.3".encode()),
    }
    if one.character_set:
        tree[0x00080005] = ("CS", one.character_set.encode())
    elements = _elements(random, one, random.randrange(4, 30), depth=0)
    tree = elements | {tag: has for tag, has in tree.items() if random.random() < 0.98 or tag in _NEVER_RANDOM}
    if random.random() < 0.3 or "88.33" in sop_class:
        tree[CONTENT] = ("SQ", [content_item(random, one, 0) for _ in range(random.randrange(1, 5))])
    if "88.33" not in sop_class and "11.1" not in sop_class:
        tree |= {tag: ("US", pack("<H", number)) for tag, number in _PIXELS.items()}
        tree[0x00280004] = ("CS", b"MONOCHROME2")
    if random.random() < 0.1:
        context = random.choice((0x00400555, 0x00400612))
        tree[context] = ("SQ", [content_item(random, one, 4) for _ in range(random.randrange(3))])
    if random.random() < 0.1:
        odd = random.choice((0x00080000, 0x00041500, 0x88881001, 0x00186FFF, 0x00100000, 0x00020003, 0xFFFF1001))
        tree[odd] = (random.choice(("UL", "LO", "UN", "UI")), one.bytes_of(one.name))
    if random.random() < 0.1:
        tree[0x60003000 + (random.randrange(8) << 17)] = ("OW", bytes(8))
        tree[0x60004000] = ("LT", one.bytes_of(one.name))
        tree[0x50003000] = ("OW", one.bytes_of(one.name + "  "))
    return tree


@cache
def _pools() -> tuple[tuple[int, ...], ...]:
    """Tags of Table E.1-1, tags that stay, all others, sequences of the table, other sequences."""
    usual = {
        tag: entry[0]
        for tag, entry in DicomDictionary.items()
        if tag >> 16 >= 8 and tag >> 16 not in {0x7FE0, 0xFFFA, 0xFFFC, 0xFFFE, 0x5400} and tag & 0xFFFF
        and tag not in _NEVER_RANDOM | _PIXELS.keys()
    }  # fmt: skip
    plain = [tag for tag, vr in usual.items() if vr != "SQ"]
    nested = [tag for tag, vr in usual.items() if vr == "SQ"]
    described = [tag for tag in plain if tag >> 16 in {0x0018, 0x0020, 0x0028}]
    return tuple(
        tuple(sorted(tags))
        for tags in (
            [tag for tag in plain if tag in rows()],
            [tag for tag in plain if tag in keep_list()],
            [tag for tag in plain if tag not in rows()],
            described,
            [tag for tag in nested if tag in rows()],
            [tag for tag in nested if tag not in rows()],
        )
    )


@cache
def _safe_private() -> tuple[tuple[int, str, str], ...]:
    return tuple(
        (int(row[0].strip("()").replace(",", "").replace("xx", "00"), 16), row[1], row[2].split("/")[0] or "LO")
        for row in table("table_e3_10_1.json")["rows"]
    )


def _elements(random: Random, one: Person, count: int, depth: int) -> Tree:
    tree: Tree = {}
    listed, kept, others, described, listed_sequences, other_sequences = _pools()
    for _ in range(count):
        dice = random.random()
        if dice < 0.15 and depth < 5:
            tag = random.choice(listed_sequences if dice < 0.07 else other_sequences)
            items = [
                _elements(random, one, random.randrange(5), depth + 1) for _ in range(random.choice((0, 1, 1, 2, 3)))
            ]
            tree[tag] = ("SQ", items)
            continue
        tag = random.choice(listed if dice < 0.5 else kept if dice < 0.65 else others if dice < 0.85 else described)
        vr = DicomDictionary[tag][0].split(" or ")[0]
        if random.random() < 0.04:
            vr = random.choice(("LO", "UT", "CS", "UI", "OB", "US", "DS", "PN", "DA", "UN"))
        tree[tag] = (vr, value(random, vr, one))
    if depth and random.random() < 0.05:
        tree[0x00080005] = ("CS", b"ISO_IR 100")
    if random.random() < 0.25:
        tree |= _private_block(random, one, depth)
    return tree


def _private_block(random: Random, one: Person, depth: int) -> Tree:
    block = random.choice((0x10, 0x10, 0x11, 0xF0))
    tree: Tree = {}
    if random.random() < 0.7:
        creator = random.choice(_safe_private())[1]
        of = [row for row in _safe_private() if row[1] == creator]
        group = of[0][0] >> 16
        for tag, _, vr in random.sample(of, min(len(of), 6)):
            if tag >> 16 == group:
                tree[tag | block << 8] = (vr, _private_value(random, one, vr, creator, depth))
    else:
        creator, group = random.choice(_CREATORS), random.choice((0x0009, 0x0019, 0x0029, 0x2001))
        creator = {0x0019: "GEMS_ACQU_01", 0x0029: "MADE UP 1.0"}.get(group, creator)
        for _ in range(random.randrange(4)):
            vr = random.choice(("LO", "OB", "UN", "DS", "SQ", "FD", "PN", "UI"))
            number = random.choice((0x10, 0x23, 0x1E, random.randrange(256)))
            tag = group << 16 | block << 8 | number
            tree[tag] = (vr, _private_value(random, one, vr, creator, depth))
    if random.random() < 0.93:
        spelled = creator.encode() + random.choice((b"", b"", b"", b" ", b"\0"))
        tree[group << 16 | block] = (random.choice(("LO", "LO", "LO", "LO", "UN", "SH")), spelled)
    return tree


def _private_value(random: Random, one: Person, vr: str, creator: str, depth: int) -> bytes | list[Tree]:
    if vr != "SQ":
        return value(random, vr, one)
    items = [_elements(random, one, random.randrange(3), depth + 4) for _ in range(random.randrange(3))]
    for item in items:
        for tag, of, inner in random.sample(_safe_private(), 2):
            if of == creator and inner != "SQ":
                item[tag | 0x1000] = (inner, value(random, inner, one))
                item[tag & 0xFFFF0000 | 0x10] = ("LO", creator.encode())
    return items


def _written(random: Random, tree: Tree, one: Person, syntax: str | None = None) -> bytes:
    dice = random.random()
    syntax = syntax or (EXPLICIT if dice < 0.6 else IMPLICIT if dice < 0.9 else DEFLATED if dice < 0.95 else JPEG)
    # some writers say one encoding and use the other
    implicit = (syntax == IMPLICIT) is not (random.random() < 0.02 and syntax in {IMPLICIT, EXPLICIT})
    body = _encoded(random, tree, implicit=implicit)
    if 0x00280010 in tree and syntax == JPEG:
        body += b"\xe0\x7f\x10\0OB\0\0" + _UNDEFINED + _ITEM + bytes(4) + _ITEM + pack("<L", 4) + b"\xff\xd8\xff\xd9"
        body += _SEQUENCE_END + bytes(4)
    elif 0x00280010 in tree:
        body += _element(0x7FE00010, "OW", bytes(range(8)), implicit=implicit)
    if random.random() < 0.05:
        body += _element(0xFFFCFFFC, "OB", one.bytes_of(one.name), implicit=implicit)
    if syntax == DEFLATED:
        body = deflated(body)
    if dice > 0.99:
        return body
    meta = _element(0x00020010, "UI", syntax.encode()) + _element(0x00020016, "AE", one.bytes_of(one.family)[:16])
    return bytes(128) + b"DICM" + _element(0x00020000, "UL", pack("<L", len(meta))) + meta + body


def deflated(body: bytes) -> bytes:
    """A data set as it stands in a deflated object."""
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(body) + deflate.flush()


def _encoded(random: Random, tree: Tree, *, implicit: bool) -> bytes:
    parts = []
    for tag, (vr, content) in sorted(tree.items()):
        if not isinstance(content, list):
            stated = "UN" if not implicit and random.random() < 0.03 else vr
            parts.append(_element(tag, stated, content, implicit=implicit))
            continue
        as_un = not implicit and random.random() < 0.08
        undefined = random.random() < 0.5
        items = b"".join(_item(_encoded(random, item, implicit=implicit or as_un), random) for item in content)
        parts.append(_element(tag, "UN" if as_un else "SQ", items, implicit=implicit, undefined=undefined))
    return b"".join(parts)


def _item(content: bytes, random: Random) -> bytes:
    if random.random() < 0.5:
        return _ITEM + pack("<L", len(content)) + content
    return _ITEM + _UNDEFINED + content + _ITEM_END + bytes(4)


def _element(tag: int, vr: str, value: bytes, *, implicit: bool = False, undefined: bool = False) -> bytes:
    if len(value) % 2:
        value += b"\0" if vr in {"UI", "OB", "UN"} else b" "
    length = _UNDEFINED if undefined else pack("<L", len(value))
    end = _SEQUENCE_END + bytes(4) if undefined else b""
    start = pack("<HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return start + length + value + end
    if vr in LONG_VRS:
        return start + vr.encode() + b"\0\0" + length + value + end
    return start + vr.encode() + pack("<H", len(value)) + value
