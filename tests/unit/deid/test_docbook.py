"""The tables of PS3.15 taken out of DocBook: the standard's own markup, made from our data, gives our data back."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from tools.standard.tables_from_docbook import TABLES, edition_of, main, table_of

from sendit.deid.rules.tables import table

if TYPE_CHECKING:
    from pathlib import Path

BOOK = """<?xml version="1.0" encoding="utf-8"?>
<book xmlns="http://docbook.org/ns/docbook" xmlns:xl="http://www.w3.org/1999/xlink" label="PS3.15" version="5.0"
  xml:id="PS3.15">
  <title>PS3.15</title>
  <subtitle>DICOM PS3.15 {edition} - Security and System Management Profiles</subtitle>
  <chapter label="E" xml:id="chapter_E"><title>Attribute Confidentiality Profiles</title>{tables}</chapter>
</book>
"""


def header(number: int, text: str) -> str:
    linked = escape(text).replace(
        "(from )", '(from <olink targetdoc="PS3.6" targetptr="PS3.6" xrefstyle="select: labelnumber"/>)'
    )
    return (
        f'<th align="center" colspan="1" rowspan="1"><para xml:id="para_h{number}">'
        f'<emphasis role="bold">{linked}</emphasis></para></th>\n'
    )


def cell(number: int, text: str) -> str:
    if not text:
        return ['<td align="center"/>', "<td><para/></td>", f'<td>\n  <para xml:id="para_{number}"/>\n</td>'][
            number % 3
        ]
    marked = escape(text)
    if len(text) > 20:
        marked = f"{marked[:12]}\u200b{marked[12:]}" if "&" not in marked else marked
        marked = marked.replace(" ", "\n            ", 1).replace(" ", "\u00a0", 1).replace("'", "\u2019")
    if number % 5 == 0:
        marked = f"<emphasis>{marked}</emphasis>"
    words = marked.split(" ", 1)
    if number % 7 == 0 and len(words) == 2 and "<" not in marked:
        return f"<td><para>{words[0]}</para>\n<para>{words[1]}</para></td>"
    return f'<td align="left" colspan="1" rowspan="1">\n  <para xml:id="para_{number}">{marked}</para>\n</td>\n'


def docbook_table(label: str, columns: list[str], rows: list[list[str]]) -> str:
    head = "".join(header(number, text) for number, text in enumerate(columns))
    body = "".join(
        '<tr valign="top">' + "".join(cell(at * len(row) + number, text) for number, text in enumerate(row)) + "</tr>\n"
        for at, row in enumerate(rows)
    )
    return (
        f'<table frame="box" label="{label}" rules="all" xml:id="table_{label}"><caption>A caption</caption>'
        f'<thead><tr valign="top">{head}</tr></thead>\n<tbody>{body}</tbody></table>\n'
    )


def book(edition: str = "2026c", **changed: str) -> str:
    tables = "".join(
        changed.get(name.removesuffix(".json"))
        or docbook_table(label, list(table(name)["columns"]), list(table(name)["rows"]))
        for label, name in TABLES.items()
    )
    other = '<table xml:id="table_E.1-1a"><thead><tr><th>x</th></tr></thead><tbody><tr><td>y</td></tr></tbody></table>'
    return BOOK.format(edition=edition, tables=other + tables)


def test_data_comes_back_byte_for_byte(tmp_path: Path) -> None:
    source = tmp_path / "part15.xml"
    source.write_text(book(), encoding="utf-8")
    main(source, tmp_path)
    for name in TABLES.values():
        assert (tmp_path / name).read_bytes() == files("sendit.deid").joinpath("data", name).read_bytes()


def test_edition_is_the_one_that_the_book_names(tmp_path: Path) -> None:
    source = tmp_path / "part15.xml"
    source.write_text(book("2027a"), encoding="utf-8")
    main(source, tmp_path)
    for label, name in TABLES.items():
        content = (tmp_path / name).read_text(encoding="utf-8")
        assert content.startswith('{"edition":"2027a",')
        assert f'"source":"DICOM PS3.15 2027a, Table {label}"' in content


def test_book_without_an_edition_is_refused() -> None:
    with pytest.raises(ValueError, match="names no edition"):
        edition_of(ElementTree.fromstring(book("a draft")))  # noqa: S314  # made above


def test_book_without_the_table_is_refused() -> None:
    parsed = ElementTree.fromstring(book(table_e3_4_1="<para>moved</para>"))  # noqa: S314  # made above
    with pytest.raises(ValueError, match=r"there are 0 tables E\.3\.4-1"):
        table_of(parsed, "E.3.4-1")


def test_row_that_does_not_fit_the_columns_is_refused() -> None:
    short = docbook_table("E.3.4-1", ["a", "b"], [["1", "2"], ["3"]])
    parsed = ElementTree.fromstring(book(table_e3_4_1=short))  # noqa: S314  # made above
    with pytest.raises(ValueError, match=r"row 2 of table E\.3\.4-1 has 1 cells and not 2"):
        table_of(parsed, "E.3.4-1")
