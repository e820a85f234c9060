"""A coordinator's table of who becomes whom: read strictly, and never quoted."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sendit.errors import Code, ImageError

if TYPE_CHECKING:
    from sendit.deid import Entity

LARGEST = 64 * 1024 * 1024
"""Bytes of a table."""

_COLUMNS = {"id": True, "pseudonym": True, "issuer": False, "shift": False}  # whether a table must have it
_PSEUDONYM = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ANY = "*"
_SHIFT = re.compile(r"-?[0-9]{1,3}")
_MOST_DAYS = 365


@dataclass(frozen=True, slots=True)
class Row:
    """What a line says of a patient: the pseudonym, and how many days earlier (-: later) dates become, if any."""

    pseudonym: str
    shift_days: int | None


class MappingError(ValueError):
    """What is wrong with a table, and in which line; never what stands there."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line


class PatientTable:
    """Patients by issuer and Patient ID, as `read_mapping` found them."""

    def __init__(self, rows: dict[tuple[str, str], Row]) -> None:
        self._rows = rows

    def row(self, entity: "Entity") -> Row:
        """The patient's line: the one with this issuer, else the one for any. Raises `ImageError` (no_pseudonym).

        A line without an issuer is for images without one: two hospitals may have given the same id to two patients.
        """
        row = self._rows.get((entity.issuer, entity.patient_id)) or self._rows.get((_ANY, entity.patient_id))
        if not entity.patient_id or row is None:
            raise ImageError(Code.NO_PSEUDONYM)
        return row


def read_mapping(data: bytes) -> PatientTable:
    """A table in UTF-8, separated by commas, semicolons or tabs, with a first line that names its columns.

    `id` and `pseudonym` it must have; it may have `issuer` (of the Patient ID; * for any) and `shift` (1 to 365 days
    by which dates become earlier, or with a - later). A pseudonym has 1 to 64 letters, digits, - and _, belongs to one
    patient, and is nobody's id. Raises `MappingError`.
    """
    if len(data) > LARGEST:
        raise MappingError(1, "the table is too large")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MappingError(data.count(b"\n", 0, error.start) + 1, "this is not UTF-8") from None
    rows: dict[tuple[str, str], Row] = {}
    pseudonyms: dict[str, tuple[int, tuple[str, str]]] = {}
    for line, fields in _lines(text):
        patient, row = (fields["issuer"], fields["id"]), _row(line, fields)
        if patient in rows:
            raise MappingError(line, "this patient has a line already")
        taken = pseudonyms.setdefault(row.pseudonym.casefold(), (line, patient))
        if taken[1] != patient:
            raise MappingError(line, f"this pseudonym is that of line {taken[0]}")
        rows[patient] = row
    originals = {patient_id.casefold() for _, patient_id in rows}
    for pseudonym, (line, _) in pseudonyms.items():
        if pseudonym in originals:
            raise MappingError(line, "this pseudonym is the id of a patient")
    return PatientTable(rows)


def _lines(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Each line that is not empty, with its number and its fields by column; absent columns are empty."""
    first = text.split("\n", 1)[0]
    separator = max("\t;,", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    columns: list[str] | None = None
    try:
        for cells in reader:
            fields = [cell.strip() for cell in cells]
            if columns is None:
                columns = _columns(fields)
            elif any(fields):
                if len(fields) != len(columns):
                    raise MappingError(reader.line_num, f"{len(columns)} fields are expected, not {len(fields)}")
                yield reader.line_num, dict.fromkeys(_COLUMNS, "") | dict(zip(columns, fields, strict=True))
    except csv.Error:
        raise MappingError(reader.line_num, "a quotation mark or a line is not closed") from None
    if columns is None:
        raise MappingError(1, "the table is empty")


def _columns(names: list[str]) -> list[str]:
    columns = [name.casefold() for name in names]
    missing = [name for name, needed in _COLUMNS.items() if needed and name not in columns]
    if missing:
        raise MappingError(1, f"the first line must name the columns, and there is no {missing[0]}")
    if len(set(columns)) < len(columns) or not set(columns) <= _COLUMNS.keys():
        raise MappingError(1, f"the columns are {', '.join(_COLUMNS)}, each once, and no other")
    return columns


def _row(line: int, fields: dict[str, str]) -> Row:
    if not fields["id"]:
        raise MappingError(line, "there is no id")
    if not _PSEUDONYM.fullmatch(fields["pseudonym"]):
        raise MappingError(line, "a pseudonym has 1 to 64 letters, digits, - and _")
    shift = fields["shift"]
    if not shift:
        return Row(fields["pseudonym"], None)
    if not _SHIFT.fullmatch(shift) or not 1 <= abs(int(shift)) <= _MOST_DAYS:
        raise MappingError(line, "a shift is 1 to 365 days, either way")
    return Row(fields["pseudonym"], int(shift))
