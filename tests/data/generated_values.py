"""Values for generated data sets: legal, empty, padded, multiple, broken, and with the own identity in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import pack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

CHARACTER_SETS: tuple[tuple[str, str, str], ...] = (
    # the attribute, Python's codec of what is written, text that needs it
    ("", "ascii", "Mueller"),
    ("ISO_IR 100", "latin-1", "Müller Schädel"),
    ("ISO_IR 101", "iso8859_2", "Dvořák"),
    ("ISO_IR 144", "iso8859_5", "Иванов голова"),
    ("ISO_IR 192", "utf-8", "Müller 山田 Íñigo"),
    ("GB18030", "gb18030", "王小东 头"),
    ("GBK", "gbk", "王小东"),
    ("ISO_IR 13", "shift_jis", "ﾔﾏﾀﾞ"),
    ("\\ISO 2022 IR 87", "iso2022_jp", "山田 太郎"),
    ("ISO 2022 IR 6\\ISO 2022 IR 100", "iso-2022-100", "Müller Schädel"),
    ("\\ISO 2022 IR 149", "iso-2022-149", "김희중 머리"),
    ("ISO_IR 999", "latin-1", "Müller"),
)
_ESCAPED = {"iso-2022-100": (b"\x1b-A", "latin-1"), "iso-2022-149": (b"\x1b$)C", "euc_kr")}
"""Codecs of ISO 2022 with escapes as DICOM wants them (PS3.5 6.1.2.5), which Python has not."""
_FOREIGN_RUN = re.compile(r"([^\x00-\x7f]+)")
FAMILIES = (
    "Zaunkoenig", "Wunderlich", "Li", "Head", "Philips", "Young", "Lange", "Abdomen", "O'Neill", "Ng", "Smith",
    "Brown-Meyer", "van der Berg", "X", "Contrast", "Siemens", "General",
)  # fmt: skip
GIVEN = ("Hedwig", "Hans Peter", "A", "Lin", "Cor", "May", "Jo", "Maria", "", "Axial")
HOUSES = ("Klinikum Zwiebelsee", "General Hospital", "St. Anna", "RAD", "")
WORDS = (
    "CT", "Abdomen", "HEAD", "t1_mprage_sag_p2_iso", "w/o", "contrast", "5mm", "120kV", "Schaedel", "follow-up", "of",
    "AXIAL", "FLAIR", "routine", "(portal", "venous)", "0.75x0.6", "Dr.", "call", "Thorax+Hals", "STIR", "B31f", "12",
)  # fmt: skip
CODES = (
    "CT",
    "MR",
    "AXIAL",
    "HFS",
    "HEAD",
    "ORIGINAL",
    "PRIMARY",
    "M",
    "F",
    "YES",
    "NO",
    "M\\FFS",
    "lower case",
    "A B",
)


@dataclass(frozen=True, slots=True)
class Person:
    """Whose object it is, and in which character set it is written."""

    family: str
    given: str
    patient_id: str
    accession: str
    house: str
    physician: str
    day: str
    birth_day: str
    root: str
    character_set: str
    codec: str
    foreign: str

    @property
    def name(self) -> str:
        return f"{self.family}^{self.given}" if self.given else self.family

    def bytes_of(self, text: str) -> bytes:
        if self.codec not in _ESCAPED:
            return text.encode(self.codec, "replace")
        escape, codec = _ESCAPED[self.codec]
        parts = _FOREIGN_RUN.split(text)
        return b"".join(
            escape + part.encode(codec, "replace") if at % 2 else part.encode("ascii") for at, part in enumerate(parts)
        )


def person(random: Random) -> Person:
    character_set, codec, foreign = random.choice(CHARACTER_SETS) if random.random() < 0.6 else CHARACTER_SETS[0]
    number = random.randrange(10**7)
    return Person(
        family=random.choice(FAMILIES) if random.random() < 0.8 else foreign.split(" ")[0],
        given=random.choice(GIVEN),
        patient_id=random.choice((f"PAT-{number}", str(number), f"{number % 1000}", "HEAD", f"A{number}/B", "")),
        accession=random.choice((f"ACC{number}", f"{number}", "")),
        house=random.choice(HOUSES),
        physician=random.choice(FAMILIES),
        day=f"{random.randrange(1990, 2026)}{random.randrange(1, 13):02d}{random.randrange(1, 29):02d}",
        birth_day=f"19{random.randrange(10, 99)}{random.randrange(1, 13):02d}{random.randrange(1, 29):02d}",
        root=f"1.2.826.0.1.{number + 1}",
        character_set=character_set,
        codec=codec,
        foreign=foreign,
    )


def echo(random: Random, one: Person) -> str:
    """Something of the person, spelled in some way."""
    return random.choice(
        (
            one.family, one.family.upper(), one.name, one.name.replace("^", " "), f"{one.given} {one.family}",
            f"J{one.family}", f"{one.family}2", one.patient_id, one.accession, one.house, f"Dr. {one.physician}",
            one.day, f"{one.day[6:]}.{one.day[4:6]}.{one.day[:4]}", one.birth_day, f"{one.root}.1", f"{one.root}.3.1_4",
            one.foreign, f"x{one.patient_id}x", " ".join(one.family),
        )
    )  # fmt: skip


def text(random: Random, one: Person, longest: int) -> bytes:
    """Imaging terms, other words, and now and then somebody's name among them."""
    words = [random.choice(WORDS) for _ in range(random.randrange(1, 6))]
    if random.random() < 0.3:
        words.insert(random.randrange(len(words) + 1), echo(random, one))
    if random.random() < 0.15:
        words.append(one.foreign)
    return one.bytes_of(random.choice((" ", " ", " ", "_", "-")).join(words))[:longest]


def _day(random: Random, one: Person) -> str:
    return random.choice(
        (one.day, one.day, one.birth_day, "20200229", "19000101", f"{one.day[:4]}.{one.day[4:6]}.{one.day[6:]}",
         "2020", "202002", "20201399", f"{one.day}-{one.birth_day}", "yesterday")
    )  # fmt: skip


def _time(random: Random) -> str:
    return random.choice(("101530", "1015", "10", "101530.25", "235960", "10:15:30", "2500", "noon"))


def _moment(random: Random, one: Person) -> str:
    return random.choice(
        (one.day + "101530", one.day + "101530.123456+0100", one.day, one.day[:6], one.day + "10-0500", "never")
    )


def _number(random: Random, one: Person) -> str:
    return random.choice(("0", "1.5", "-12", "+3", "1e3", ".5", " 40 ", one.day, one.patient_id[-6:], "", "x", "0.75"))


def _integer(random: Random, one: Person) -> str:
    return random.choice(("0", "12", "-3", "+4", " 7 ", one.day, one.patient_id[-6:], "1.5", "999999999999"))


def _uid(random: Random, one: Person) -> str:
    return random.choice(
        (f"{one.root}.1", f"{one.root}.{random.randrange(9)}.{random.randrange(99)}", "1.2.840.10008.5.1.4.1.1.2", "",
         "1.2.840.10008.1.2.1", "1.02.3", one.family)
    )  # fmt: skip


_STRINGS: dict[str, Callable[[Random, Person], str]] = {
    "AE": lambda random, one: random.choice(("PACS1", "STORESCP", one.family[:16], "AE 2")),
    "AS": lambda random, one: random.choice(("045Y", "091Y", "003M", "1100M", "6000W", "old", one.day[:4], "45Y")),
    "CS": lambda random, one: random.choice((*CODES, one.family.upper()[:16])),
    "DA": _day,
    "DS": _number,
    "DT": _moment,
    "IS": _integer,
    "TM": lambda random, _: _time(random),
    "UI": _uid,
    "UR": lambda random, one: f"https://{random.choice(('example.org/a', one.patient_id or 'b'))}",
}
_LONGEST = {"SH": 16, "LO": 64, "PN": 64, "ST": 200, "LT": 300, "UT": 400, "UC": 300}
_SIZES = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8, "OD": 8, "OF": 4, "OL": 4}
_SIZES |= {"OV": 8, "OW": 2, "OB": 1, "UN": 1}
_PACKED = {"UL": "<L", "SL": "<l", "UV": "<Q", "SV": "<q", "FL": "<f", "FD": "<d"}


def value(random: Random, vr: str, one: Person) -> bytes:
    """A value for a VR; mostly a legal one."""
    dice = random.random()
    if dice < 0.08:
        return random.choice((b"", b"", b" ", b"  ", b"\0"))
    if vr in _SIZES:
        return _binary(random, vr, one)
    values = [_one(random, vr, one) for _ in range(random.choice((1, 1, 1, 1, 2, 3)) if dice < 0.9 else 1)]
    if vr == "CS" and dice > 0.93:
        values.append(one.family.upper().encode("latin-1", "replace"))
    result = b"\\".join(values)
    if dice > 0.95:
        result += random.choice((b"\0", b" ", b"\0" + one.bytes_of(one.family), b"\n", b"  "))
    return result


def _one(random: Random, vr: str, one: Person) -> bytes:
    if vr in _STRINGS:
        return one.bytes_of(_STRINGS[vr](random, one))
    if vr == "PN":
        whole = random.choice((one.name, one.physician, f"{one.name}={one.foreign}", "Somebody^Else", one.foreign))
        return one.bytes_of(whole)
    if random.random() < 0.04:
        return bytes(random.randrange(256) for _ in range(random.randrange(12)))
    return text(random, one, _LONGEST.get(vr, 64))


def _binary(random: Random, vr: str, one: Person) -> bytes:
    dice = random.random()
    if dice < 0.03:
        return (one.bytes_of(echo(random, one)) * 2)[: 8 * random.randrange(4)]
    if dice < 0.05 and vr in _PACKED:
        return pack(_PACKED[vr], int(one.day))
    if dice < 0.1:
        return bytes(random.randrange(1, 9))
    count = random.choice((1, 1, 2, 3, 20)) * _SIZES[vr]
    return bytes(random.choice((0, 1, 2, 40, 255)) for _ in range(count))
