"""Whose object it is, in many character sets, and how his or her values may be spelled elsewhere in the object."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from struct import pack
from typing import TYPE_CHECKING

from pydicom.charset import convert_encodings, encode_string
from pydicom.multival import MultiValue
from tests.data.canary_objects import Planted, sequence, text
from tests.data.canary_search import Canary, find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


@dataclass(frozen=True)
class Identity:
    """Everything that identifies in one object; `character_set` is declared, `codecs` are those it is written in."""

    family: str = "Zwickelbart"
    given: str = "Hedwigis"
    ideographic: str = ""
    patient_id: str = "PXT-83017-Q"
    other_id: str = "75192836"
    accession: str = "ACX5519023"
    birth_day: str = "19540317"
    day: str = "20200229"
    referring: str = "Quandtmeier^Rosamunde"
    operator: str = "Operatrix^Olgarda"
    requester: str = "Vormweg^Quirinus"
    institution: str = "Klinikum Zwiebelsee"
    address: str = "Imaginaergasse 12, 99817 Nirgendheim"
    phone: str = "+49 361 7746120"
    station: str = "ZWCTPRIO3"
    serial: str = "SNX8841207"
    order: str = "RPX20771"
    uid: str = "1.2.826.0.1.3680043.99.90413.77"
    character_set: str = ""
    codecs: tuple[str, ...] = ("ascii",)

    @property
    def name(self) -> str:
        return f"{self.family}^{self.given}"

    def encoded(self, value: str) -> bytes:
        """Text as it stands in the object; what its character set has not, without accents."""
        if self.codecs == ("ascii",):
            return plain(value).encode("ascii", "replace")
        if len(self.codecs) == 1:
            return value.encode(self.codecs[0], "replace")
        # a delimiter resets what an escape sequence has chosen (PS3.5 6.1.2.5.3)
        parts = re.split(r"([\\^=])", value)
        return b"".join(encode_string(part, list(self.codecs)) for part in parts)

    @cached_property
    def elements(self) -> tuple[Planted, ...]:
        """The identifying attributes, at the top and nested."""
        name = self.name + (f"={self.ideographic}" if self.ideographic else "")
        values = {
            0x00080018: ("UI", f"{self.uid}.1"), 0x00080020: ("DA", self.day), 0x00080050: ("SH", self.accession),
            0x00080080: ("LO", self.institution), 0x00080081: ("ST", self.address),
            0x00080090: ("PN", self.referring), 0x00081010: ("SH", self.station), 0x00081070: ("PN", self.operator),
            0x00100010: ("PN", name), 0x00100020: ("LO", self.patient_id), 0x00100030: ("DA", self.birth_day),
            0x00101000: ("LO", self.other_id), 0x00102154: ("SH", self.phone), 0x00181000: ("LO", self.serial),
            0x0020000D: ("UI", f"{self.uid}.2"), 0x0020000E: ("UI", f"{self.uid}.3"),
        }  # fmt: skip
        nested = (text(0x00321032, "PN", self.encoded(self.requester)), text(0x00401001, "SH", self.order))
        charset = (text(0x00080005, "CS", self.character_set),) if self.character_set else ()
        return (
            *charset,
            *(text(tag, vr, self.encoded(value)) for tag, (vr, value) in values.items()),
            sequence(0x00400275, nested),
        )

    @cached_property
    def spellings(self) -> tuple[str, ...]:
        """The values as they may stand in a text."""
        return tuple(dict.fromkeys((*self._names(), *self._ids(), *self.days(self.day), *self.days(self.birth_day))))

    def _names(self) -> Iterator[str]:
        family, given = self.family, self.given
        yield from (self.name, f"{given} {family}", f"{family}, {given}", f"{family}_{given}", f"Dr. {family}")
        for one in (family, given, self.referring.split("^")[0], self.requester.split("^")[0]):
            yield from (one, one.upper(), one.lower(), plain(one), f"x_{one}_y", f"{one}2")
        if len(plain(family)) > 4 and family.isascii():
            yield from (
                f"{given}{family}",
                f"{given[0]}{family}",
                " ".join(family),
                f"{family}s",
                f"MR{family.upper()}",
            )
        if self.ideographic:
            yield from (self.ideographic, self.ideographic.replace("^", " "), self.ideographic.replace("^", ""))
        if plain(family) != family and family.isalpha():
            yield from (plain(self.name), plain(family).upper(), family.translate(_UMLAUTS), family.swapcase())
        yield from (self.operator.replace("^", " "), self.institution, self.institution.upper(), self.station)
        yield from (self.station.lower(), self.address, self.phone, self.phone.replace(" ", ""))

    def _ids(self) -> Iterator[str]:
        for one in (self.patient_id, self.accession, self.serial, self.order):
            yield from (one, one.lower(), f"x{one}x", f"ID:{one}", f"({one})", one.replace("-", ""))
        yield from (self.patient_id.replace("-", sign) for sign in " _./")
        yield from (self.other_id, f"No{self.other_id}", f"0{self.other_id}", " ".join(self.other_id))
        yield from (f"{self.uid}.1", f"{self.uid}.1".replace(".", "_"), f"DCM_{self.uid}.2.dcm")

    @staticmethod
    def days(day: str) -> Iterator[str]:
        """A day as it may be written."""
        year, month, date = day[:4], day[4:6], day[6:]
        for sign in ("", "-", "/", ".", " ", "_"):
            yield from (sign.join(parts) for parts in ((year, month, date), (date, month, year), (month, date, year)))
        name = _MONTHS[int(month) - 1]
        for one in (name, name[:3], name[:3].upper()):
            yield from (f"{one} {int(date)} {year}", f"{int(date)} {one} {year}", f"{date}-{one}-{year}")
        yield from (f"{day}101112", f"{year}-{month}-{date}T10:11:12", f"IMG{day}A", f"{int(date)}{name[:3]}{year}")

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """Values that may stand among numbers."""
        return (int(self.day), int(self.birth_day), int(self.other_id))

    @cached_property
    def needles(self) -> frozenset[str]:
        """What none of may be left in letters and digits alone, without accents."""
        words = {self.family, self.given, *self.referring.split("^"), *self.operator.split("^")}
        words |= {*self.requester.split("^"), self.institution, self.address, self.phone, self.station, self.serial}
        words |= {self.patient_id, self.other_id, self.accession, self.order, f"{self.uid}.1", f"{self.uid}.2"}
        words |= {*self.days(self.day), *self.days(self.birth_day)}
        words |= {part for part in self.ideographic.split("^") if part}
        words |= {self.family.translate(_UMLAUTS), self.given.translate(_UMLAUTS)}
        compacted = {compact(word) for word in words if word}
        # of a short name of another script the whole element is compared, so it is searched as a whole, too
        return frozenset(word for word in compacted if len(word) > 3 or not word.isascii())

    def left_in(self, output: bytes, dataset: Dataset) -> list[tuple[str, str]]:
        """Where something of it is left: the path of an element, or the raw bytes."""
        left = [(path, needle) for path, value in values_of(dataset) for needle in self.needles if needle in value]
        raw = [Canary(one, "raw") for one in self.spellings if len(compact(one)) >= 6]
        left += [("raw bytes", canary.value) for canary in find(raw, output)]
        foreign = {self.encoded(one) for one in self.spellings if not one.isascii()}
        left += [("raw bytes, encoded", one.hex()) for one in foreign if len(one) > 5 and one in output]
        numbers = {pack(kind, number) for number in self.numbers for kind in ("<L", "<d", "<q")}
        left += [("raw bytes, number", one.hex()) for one in numbers if one in output]
        return left


_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def plain(value: str) -> str:
    """Text without accents."""
    return "".join(one for one in unicodedata.normalize("NFD", value) if not unicodedata.combining(one))


def compact(value: str) -> str:
    """Letters and digits alone, in lower case, without accents."""
    return "".join(one for one in plain(unicodedata.normalize("NFKC", value)).casefold() if one.isalnum())


def values_of(dataset: Dataset, path: str = "") -> Iterator[tuple[str, str]]:
    """The values of a data set at every level, made compact."""
    for element in dataset:
        where = f"{path}{element.keyword or element.tag}"
        if element.VR == "SQ":
            for item in element.value:
                yield from values_of(item, f"{where}.")
        elif element.VR == "UI" or element.keyword == "PixelData":
            continue  # UIDs and pixels are searched as bytes
        elif isinstance(element.value, bytes):
            yield where, compact(element.value.decode("latin-1"))
        else:
            parts = element.value if isinstance(element.value, MultiValue) else [element.value]
            for part in parts:
                yield where, compact(str(part))


def _codecs(character_set: str) -> tuple[str, ...]:
    return tuple(convert_encodings(character_set.split("\\")))


def _of(character_set: str, **values: str) -> Identity:
    return Identity(character_set=character_set, codecs=_codecs(character_set), **values)


IDENTITIES: dict[str, Identity] = {
    "ASCII": Identity(),
    "Latin-1": _of("ISO_IR 100", family="Müllerbächle", given="Käthelinde", institution="Klinik Zürichsee"),
    "Latin-2": _of("ISO_IR 101", family="Dvořáková", given="Břetislava"),
    "Cyrillic": _of("ISO_IR 144", family="Мамонтов", given="Дмитрий"),
    "UTF-8": _of("ISO_IR 192", family="Îñíguezå", given="Zoëlinda", ideographic="山田川上^太郎次郎"),
    "GB18030": _of("GB18030", family="欧阳司马", given="小东大西"),
    "ISO 2022 JP": _of(
        "\\ISO 2022 IR 87", family="Yamadagawa", given="Taroujirou", ideographic="山田川上^太郎次郎"
    ),
    "ISO 2022 KR": _of("\\ISO 2022 IR 149", family="Honggilsa", given="Gildongja", ideographic="김희남궁^길동선우"),
    "katakana": _of("ISO_IR 13", family="ﾔﾏﾀﾞｶﾞﾜ", given="ﾀﾛｳｼﾞﾛｳ"),
    "wrongly declared": Identity(
        family="Müllerbächle", given="Käthelinde", character_set="ISO_IR 192", codecs=("latin-1",)
    ),
    "not declared": Identity(family="Müllerbächle", given="Käthelinde", codecs=("latin-1",)),
    "unknown": Identity(
        family="Müllerbächle", given="Käthelinde", character_set="NO SUCH SET", codecs=("latin-1",)
    ),
}  # fmt: skip


def in_parts(echoes: tuple[str, ...]) -> Iterator[str]:
    """Echoes two by two, as the values of one element."""
    for one, other in pairwise(echoes):
        yield f"{one}\\{other}"
