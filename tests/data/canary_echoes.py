"""Objects in which somebody's own values stand where nobody would look for them: in every attribute of PS3.6."""

from __future__ import annotations

import re
from functools import cache
from struct import pack
from typing import TYPE_CHECKING

from pydicom.datadict import DicomDictionary  # type: ignore[attr-defined]  # its home is private
from tests.data.canary_objects import IMAGE, Encoding, Planted, in_depth, sequence, text, written

from sendit.deid.rules.describing import DESCRIBING
from sendit.deid.rules.tables import keep_list, rows, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.data.canary_identity import Identity

KEPT_SEQUENCE = 0x00082218
IMAGE_TYPE = 0x00080008
_STRINGS = frozenset(
    ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
)
_TEXTS = frozenset(["LO", "LT", "SH", "ST", "UC", "UT"])
_STRUCTURE = frozenset(tag for tag, action in keep_list().items() if action == "structure") | {IMAGE_TYPE}
_RESERVED = frozenset(
    {
        0x00080005, 0x00080016, 0x00280008, 0x7FE00001, 0x7FE00002,
        *(one.tag for one in IMAGE),
    }
)  # fmt: skip
_NO_GROUPS = frozenset({0x7FE0, 0xFFFA, 0xFFFC, 0xFFFE})
_LETTER_BY_LETTER = re.compile(r"\w(?: \w)+")
_PACKED = {"UL": "<L", "SL": "<l", "UV": "<Q", "SV": "<q", "FD": "<d"}


@cache
def attributes() -> tuple[tuple[int, str], ...]:
    """Every attribute of PS3.6 that holds a value and may be planted without breaking the object."""
    return tuple(
        (tag, entry[0].split(" or ")[0])
        for tag, entry in sorted(DicomDictionary.items())
        if tag >> 16 >= 8 and tag & 0xFFFF and tag >> 16 not in _NO_GROUPS | {0x0072}
        and tag not in _RESERVED and entry[0] not in {"SQ", "NONE", "OB or OW or SQ"}
    )  # fmt: skip


def is_altered(tag: int, vr: str) -> bool:
    """Whether an echo in the attribute is put right; else the image may be refused."""
    return vr in _STRINGS and tag not in DESCRIBING | _STRUCTURE


def echoing(tag: int, vr: str, turn: int, whose: Identity) -> Planted:
    """An attribute with somebody's value in it, legal for its VR where that can be."""
    spelled = whose.spellings[turn % len(whose.spellings)]
    number = whose.numbers[turn % len(whose.numbers)]
    if vr in _PACKED:
        return Planted(tag, vr, pack(_PACKED[vr], number))
    if vr not in _STRINGS:
        among_bytes = (whose.family, whose.patient_id, whose.accession, whose.institution, whose.order)
        return Planted(tag, vr, whose.encoded(among_bytes[turn % len(among_bytes)]).ljust(64)[:64])
    by_vr = {
        "CS": whose.encoded(spelled.upper()), "DS": str(number).encode(), "IS": str(number).encode(),
        "DA": whose.day.encode(), "DT": f"{whose.day}101112".encode(), "TM": whose.day.encode(),
        "AS": whose.encoded(spelled), "UI": f"{whose.uid}.1".encode(),
    }  # fmt: skip
    if vr in by_vr:
        return Planted(tag, vr, by_vr[vr])
    # by itself, among words of imaging, and beside another value
    forms = ("{}", "Abdomen {} 5mm", "{} axial", "T2\\{}") if vr in _TEXTS - {"ST", "LT", "UT"} else ("{}", "CT {} 5mm")
    # what is spelled letter by letter has to stand by itself to be seen
    form = "{}" if _LETTER_BY_LETTER.fullmatch(spelled) else forms[turn % len(forms)]
    return Planted(tag, vr, whose.encoded(form.format(spelled)))


def everywhere(whose: Identity, turn: int, encoding: Encoding, *, depth: int) -> bytes:
    """An object with an echo in every attribute in which it is put right, at the top or so deep."""
    own = {one.tag for one in whose.elements} if depth == 0 else set()
    planted = [
        echoing(tag, vr, turn + at, whose)
        for at, (tag, vr) in enumerate(attributes())
        if is_altered(tag, vr) and tag not in own
    ]
    extra = (in_depth(KEPT_SEQUENCE, depth, *planted),) if depth else tuple(planted)
    return written(*extra, *whose.elements, encoding=encoding)


def one_by_one(whose: Identity, turn: int) -> Iterator[tuple[int, bytes]]:
    """An object for each attribute in which an echo may refuse the image."""
    for at, (tag, vr) in enumerate(attributes()):
        if not is_altered(tag, vr):
            yield tag, written(*whose.elements, echoing(tag, vr, turn + at, whose))


@cache
def kept_and_cleaned() -> tuple[tuple[int, str], ...]:
    """Attributes of which something may stay: those of the keep list, and those that an option cleans or keeps."""
    listed = {
        tag
        for tag, row in rows().items()
        if any(row[option] in {"C", "K"} for option in row if option.endswith("Opt."))
    }
    return tuple(one for one in attributes() if one[0] in listed | keep_list().keys() and is_altered(*one))


def kept_with(whose: Identity, turn: int, encoding: Encoding) -> bytes:
    """An object with one spelling in every attribute of which something may stay, at the top and nested."""
    own = {one.tag for one in whose.elements}
    planted = [echoing(tag, vr, turn, whose) for tag, vr in kept_and_cleaned()]
    top = [one for one in planted if one.tag not in own]
    return written(*top, sequence(KEPT_SEQUENCE, tuple(planted)), *whose.elements, encoding=encoding)


def private(whose: Identity, turn: int) -> Iterator[tuple[str, bytes]]:
    """Every safe private attribute with an echo, in an object of its own."""
    for at, (spelled, creator, vrs, *_) in enumerate(table("table_e3_10_1.json")["rows"]):
        tag = int(spelled.strip("()").replace(",", "").replace("xx", "10"), 16)
        vr = vrs.split("/")[0] or "LO"
        value = Planted(tag, vr, b"") if vr == "SQ" else echoing(tag, vr, turn + at, whose)
        if vr == "SQ":
            value = sequence(tag, (echoing(0x00081030, "LO", turn + at, whose), echoing(0x00104000, "LT", turn, whose)))
        yield f"{creator} {spelled}", written(*whose.elements, text(tag & 0xFFFF0000 | 0x10, "LO", creator), value)


def report(whose: Identity, turn: int) -> bytes:
    """A structured report that names its patient in items of every type, and in the meanings of codes."""

    def spelled(more: int) -> str:
        return whose.spellings[(turn + more) % len(whose.spellings)]

    def code(meaning: str, value: str = "121071", scheme: str = "DCM") -> tuple[Planted, ...]:
        encoded = [whose.encoded(one) for one in (value, scheme, meaning)]
        return tuple(
            text(tag, vr, one) for tag, vr, one in zip((0x80100, 0x80102, 0x80104), _CODE_VRS, encoded, strict=True)
        )

    def item(kind: str, *value: Planted, concept: str = "Finding") -> tuple[Planted, ...]:
        return (text(0x0040A040, "CS", kind), sequence(0x0040A043, code(concept)), *value)

    def put(tag: int, vr: str, value: str) -> Planted:
        return text(tag, vr, whose.encoded(value))

    moment, unit = f"{whose.day}101112", code(spelled(8), "mm", "UCUM")
    label, drawn = put(0x00700002, "CS", spelled(11).upper()[:16]), (put(0x00700006, "ST", spelled(12)),)
    before = sequence(0x04000550, (put(0x00100010, "PN", whose.name),))
    items = (
        item("TEXT", put(0x0040A160, "UT", f"Abdomen of {spelled(0)}, {spelled(1)} normal {spelled(2)}")),
        item("TEXT", put(0x0040A160, "UT", spelled(3)), concept=spelled(4)),
        item("PNAME", put(0x0040A123, "PN", whose.name)),
        item("DATE", put(0x0040A121, "DA", whose.day)),
        item("DATETIME", put(0x0040A120, "DT", moment)),
        item("TIME", put(0x0040A122, "TM", whose.day)),
        item("UIDREF", put(0x0040A124, "UI", f"{whose.uid}.1")),
        item("CODE", sequence(0x0040A168, code(spelled(5), spelled(6)[:16], "99LOCAL"))),
        item("CODE", sequence(0x0040A168, code(spelled(7), "121071", "DCM"))),
        item("NUM", sequence(0x0040A300, (sequence(0x004008EA, unit), put(0x0040A30A, "DS", whose.day)))),
        item("COMPOSITE", sequence(0x00081199, (put(0x00081155, "UI", f"{whose.uid}.1"),))),
        item("TCOORD", put(0x0040A13A, "DT", moment)),
        item("CONTAINER", sequence(0x0040A730, item("TEXT", put(0x0040A160, "UT", spelled(9))))),
    )  # fmt: skip
    ordered = tuple(tuple(sorted(one, key=lambda element: element.tag)) for one in items)
    return written(
        *whose.elements,
        text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.88.33"),
        put(0x0040A040, "CS", "CONTAINER"),
        sequence(0x0040A043, code(spelled(10), "T-1", "99LOCAL")),
        sequence(0x0040A730, *ordered),
        sequence(0x00700001, (label, sequence(0x00700008, drawn))),
        sequence(0x00700060, (put(0x00700002, "CS", "LAYER"), put(0x00700068, "LO", spelled(13)))),
        sequence(0x0040B020, (put(0x00700006, "ST", f"Lead II {spelled(14)}"),)),
        sequence(0x04000561, (before, put(0x04000564, "LO", spelled(15)))),
    )  # fmt: skip


_CODE_VRS = ("SH", "SH", "LO")
