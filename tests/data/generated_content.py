"""Content items of structured reports, of concepts that Table E.3.4-1 names and of others."""

from __future__ import annotations

from functools import cache
from struct import pack
from typing import TYPE_CHECKING

from tests.data.generated_values import Person, value

from sendit.deid.rules.tables import table

if TYPE_CHECKING:
    from random import Random

Tree = dict[int, tuple[str, "bytes | list[Tree]"]]

CONTENT = 0x0040A730
_CT_STORAGE = b"1.2.840.10008.5.1.4.1.1.2"
_CONCEPTS = (("121071", "DCM"), ("121401", "DCM"), ("T-1", "99LOCAL"), ("111516", "DCM"))


@cache
def _concepts() -> tuple[tuple[str, str], ...]:
    return tuple((row[1], row[2]) for row in table("table_e3_4_1.json")["rows"])


def _code(pair: tuple[str, str], meaning: bytes) -> Tree:
    code, scheme = pair
    return {0x00080100: ("SH", code.encode()), 0x00080102: ("SH", scheme.encode()), 0x00080104: ("LO", meaning)}


def content_item(random: Random, one: Person, depth: int) -> Tree:
    """An item; a container holds others."""
    pair = random.choice(_concepts()) if random.random() < 0.6 else random.choice(_CONCEPTS)
    kind = random.choice(("TEXT", "PNAME", "DATE", "TIME", "DATETIME", "UIDREF", "NUM", "CODE", "CONTAINER", "IMAGE"))
    item: Tree = {0x0040A040: ("CS", kind.encode()), 0x0040A010: ("CS", b"CONTAINS")}
    if random.random() < 0.95:
        item[0x0040A043] = ("SQ", [_code(pair, b"Meaning")])
    simple = {"TEXT": (0x0040A160, "UT"), "PNAME": (0x0040A123, "PN"), "DATE": (0x0040A121, "DA")}
    simple |= {"TIME": (0x0040A122, "TM"), "DATETIME": (0x0040A120, "DT"), "UIDREF": (0x0040A124, "UI")}
    if kind in simple:
        tag, vr = simple[kind]
        item[tag] = (vr, value(random, vr, one))
    elif kind == "NUM":
        item[0x0040A300] = ("SQ", [{0x0040A30A: ("DS", b"12.5"), 0x004008EA: ("SQ", [_code(("mm", "UCUM"), b"mm")])}])
    elif kind == "CODE":
        item[0x0040A168] = ("SQ", [_code(random.choice(_CONCEPTS), one.bytes_of(random.choice(("Yes", one.family))))])
    elif kind == "IMAGE":
        reference: Tree = {0x00081150: ("UI", _CT_STORAGE), 0x00081155: ("UI", f"{one.root}.3.4".encode())}
        item[0x00081199] = ("SQ", [reference])
    if kind == "CONTAINER" and depth < 4:
        item[CONTENT] = ("SQ", [content_item(random, one, depth + 1) for _ in range(random.randrange(1, 4))])
    if random.random() < 0.01:
        item[0x0040DB73] = ("UL", pack("<L", 1))
    return item
