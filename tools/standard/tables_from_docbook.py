"""Takes the tables of PS3.15 Annex E out of the standard's DocBook XML and writes them as the package's data.

Run by a maintainer when a new edition of the standard appears, with the file that NEMA publishes
(https://dicom.nema.org/medical/dicom/current/source/docbook/part15/part15.xml):

    python tools/standard/tables_from_docbook.py part15.xml shared/sendit/deid/data

The edition is read from the book's subtitle. Row counts, checksums and edition are pinned in
`tests/unit/deid/test_tables.py` and `sendit.deid.rules.tables.EDITION`: look at the difference first, and at every
new attribute in it. The file is trusted: it is the standard, fetched by whoever runs this.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

TABLES = {
    "E.1-1": "table_e1_1.json",
    "E.3.10-1": "table_e3_10_1.json",
    "E.3.4-1": "table_e3_4_1.json",
}
_DOCBOOK = "{http://docbook.org/ns/docbook}"
_ID = "{http://www.w3.org/XML/1998/namespace}id"
_EDITION = re.compile(r"PS3\.15\s+(\d{4}[a-z])\b")
_INVISIBLE = str.maketrans("", "", "\u00ad\u200b\u200c\u200d\u2060\ufeff")
"""Where a long keyword may be broken across lines; no part of it."""
_PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-"})


def edition_of(book: Element) -> str:
    """The edition that the book names in its subtitle.

    Raises:
        ValueError: it names none.
    """
    for subtitle in book.iter(f"{_DOCBOOK}subtitle"):
        found = _EDITION.search(_text(subtitle))
        if found:
            return found[1]
    raise ValueError("the book's subtitle names no edition of PS3.15")


def table_of(book: Element, label: str) -> tuple[list[str], list[list[str]]]:
    """The columns and rows of a table by its label.

    Raises:
        ValueError: there is no such table, or a row of it has not one cell for each column.
    """
    found = [one for one in book.iter(f"{_DOCBOOK}table") if one.get(_ID) == f"table_{label}"]
    if len(found) != 1:
        raise ValueError(f"there are {len(found)} tables {label}, not one")
    columns = [_text(cell) for cell in found[0].iterfind(f"{_DOCBOOK}thead/{_DOCBOOK}tr/{_DOCBOOK}th")]
    rows = [
        [_text(cell) for cell in row.iterfind(f"{_DOCBOOK}td")]
        for row in found[0].iterfind(f"{_DOCBOOK}tbody/{_DOCBOOK}tr")
    ]
    for number, row in enumerate(rows, 1):
        if len(row) != len(columns):
            raise ValueError(f"row {number} of table {label} has {len(row)} cells and not {len(columns)}")
    return columns, rows


def as_json(edition: str, label: str, columns: list[str], rows: list[list[str]]) -> str:
    """A table as a data file: a line for each row, so that a difference can be read."""
    head = {"edition": edition, "source": f"DICOM PS3.15 {edition}, Table {label}", "columns": columns}
    lines = [f"{json.dumps(key)}:{_compact(value)}" for key, value in head.items()]
    return "{" + ",\n".join([*lines, '"rows":[\n' + ",\n".join(map(_compact, rows)) + "\n]}\n"])


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _text(cell: Element) -> str:
    """What is to be read in a cell: markup, links and line breaks left out."""
    paragraphs = [*cell.iter(f"{_DOCBOOK}para")] or [cell]
    text = " ".join("".join(paragraph.itertext()) for paragraph in paragraphs)
    return " ".join(text.translate(_INVISIBLE).translate(_PLAIN).split())


def main(docbook: Path, data: Path) -> None:
    """Writes each table into a folder of data."""
    book = ElementTree.parse(docbook).getroot()  # noqa: S314  # the standard itself, fetched by a maintainer
    edition = edition_of(book)
    for label, name in TABLES.items():
        (data / name).write_text(as_json(edition, label, *table_of(book, label)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
