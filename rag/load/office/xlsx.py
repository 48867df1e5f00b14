"""Spreadsheets (.xlsx): what the cells show, sheet by sheet."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.errors import LoadError
from rag.load.canonical import MAX_CHARS
from rag.load.loaded import Loaded
from rag.load.office.archive import Archive, id_of, local, targets
from rag.load.office.number_formats import BUILT_IN, GENERAL, shown
from rag.load.office.properties import of_office_file
from rag.load.office.sheet import Cell, Range, tables_as_text

if TYPE_CHECKING:
    from lxml.etree import _Element

_CELL = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")
_UNNAMED = re.compile(r"(?:sheet|tabelle|feuil|hoja|foglio|planilha|blad|ark)\s?\d*", re.IGNORECASE)
_LAST_ROW = 2**20


@dataclass(frozen=True, slots=True)
class _Book:
    """What all sheets share."""

    strings: Sequence[str]
    formats: Sequence[str]  # by style
    bold: Sequence[bool]
    since_1904: bool


@dataclass(slots=True)
class _Sheet:
    rows: dict[int, dict[int, Cell]] = field(default_factory=dict)
    merged: list[Range] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    is_filtered: bool = False


def load_xlsx(data: bytes) -> Loaded:
    """Tables with their captions; without hidden sheets, rows and columns, formulas, comments and charts."""
    archive = Archive(data)
    path = next(
        (member for kind, member in targets(archive, "").values() if kind == "officeDocument"), "xl/workbook.xml"
    )
    workbook = archive.xml(path)
    links = targets(archive, path)
    book = _book(archive, workbook, dict(links.values()))
    texts: list[tuple[str, str]] = []
    room = MAX_CHARS
    for element in workbook.iter():
        kind, member = links.get(id_of(element), ("", "")) if local(element) == "sheet" else ("", "")
        if kind == "worksheet" and element.get("state", "visible") == "visible":
            text = _text(archive.read(member), member, book)
            room -= len(text)
            if room < 0:
                raise LoadError(f"More than {MAX_CHARS:,} characters; no more are read.")
            texts.append((" ".join(element.get("name", "").split()), text))
    texts = [(name, text) for name, text in texts if text]
    named = len(texts) > 1 or not all(_UNNAMED.fullmatch(name) for name, _ in texts)
    return Loaded(
        "\n\n".join(f"## {name}\n\n{text}" if named and name else text for name, text in texts),
        properties=of_office_file(archive),
        is_article=False,
    )


def _book(archive: Archive, workbook: _Element, members: dict[str, str]) -> _Book:
    properties = next((e for e in workbook if local(e) == "workbookPr"), None)
    styles = archive.optional_xml(members.get("styles", ""))
    formats, bold = _styles(styles) if styles is not None else ([], [])
    strings = members.get("sharedStrings", "")
    return _Book(
        [_string(e) for e in _stream(archive.read(strings), strings, "si")] if strings in archive.names else [],
        formats,
        bold,
        properties is not None and properties.get("date1904", "0") in ("1", "true"),
    )


def _styles(styles: _Element) -> tuple[list[str], list[bool]]:
    """Number format and boldness of each style that a cell may name."""
    own = {e.get("numFmtId"): e.get("formatCode", GENERAL) for e in styles.iter() if local(e) == "numFmt"}
    parts = {local(part): part for part in styles}
    fonts = [
        any(local(mark) == "b" and mark.get("val", "1") in ("1", "true") for mark in e) for e in parts.get("fonts", ())
    ]
    formats: list[str] = []
    bold: list[bool] = []
    for style in parts.get("cellXfs", ()):
        number = style.get("numFmtId", "0")
        formats.append(own.get(number) or BUILT_IN.get(int(number), GENERAL))
        font = int(style.get("fontId", "0"))
        bold.append(font < len(fonts) and fonts[font])
    return formats, bold


def _stream(data: bytes, name: str, *wanted: str) -> Iterator[_Element]:
    """Elements of these local names as they end, each forgotten when the next is asked for."""
    from lxml import etree

    if b"<!DOCTYPE" in data[:1000]:
        raise LoadError(f"{name!r} declares XML entities, which no document of its kind needs.")
    try:
        tags = [f"{{*}}{tag}" for tag in wanted]
        source = io.BytesIO(data)
        for _, element in etree.iterparse(source, tag=tags, resolve_entities=False, no_network=True, huge_tree=False):
            yield element
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except etree.LxmlError as error:
        raise LoadError(f"{name!r} is not well-formed XML: {error}.") from error


def _string(element: _Element) -> str:
    """The text of a string and its runs, less what tells how to pronounce it."""
    texts = (e.text or "" for e in element.iter() if local(e) == "t" and local(e.getparent()) != "rPh")
    return " ".join("".join(texts).split())


def _text(data: bytes, name: str, book: _Book) -> str:
    sheet = _read(data, name, book)
    if sheet.is_filtered:  # what a filter passes over, a click shows again
        sheet.hidden_rows.clear()
    hidden = {n for first, last in sheet.hidden_columns for n in range(first, min(last, 2**14) + 1)}
    rows = {
        number: {column: cell for column, cell in row.items() if column not in hidden}
        for number, row in sorted(sheet.rows.items())
        if number not in sheet.hidden_rows
    }
    return tables_as_text(rows, sheet.merged)


def _read(data: bytes, name: str, book: _Book) -> _Sheet:
    sheet = _Sheet()
    number, room = 0, MAX_CHARS
    for element in _stream(data, name, "col", "row", "mergeCell", "filterColumn"):
        tag = local(element)
        if tag == "row":
            number = int(element.get("r", number + 1))
            if not 0 < number <= _LAST_ROW:
                raise LoadError(f"{name!r} has a row {number:,}; a sheet has at most {_LAST_ROW:,}.")
            cells = dict(_cells(element, book))
            room -= sum(len(cell.text) + 3 for cell in cells.values())
            if room < 0:
                raise LoadError(
                    f"More than {MAX_CHARS:,} characters up to row {number:,} of {name!r}; no more are read."
                )
            if cells:
                sheet.rows[number] = cells
            if element.get("hidden") in ("1", "true") and not element.get("outlineLevel"):
                sheet.hidden_rows.add(number)
        elif tag == "col" and element.get("hidden") in ("1", "true") and not element.get("outlineLevel"):
            sheet.hidden_columns.append((int(element.get("min", "0")), int(element.get("max", "0"))))
        elif tag == "mergeCell":
            first, _, last = element.get("ref", "").partition(":")
            (row, column), (last_row, last_column) = _place(first), _place(last or first)
            sheet.merged.append(Range(row, column, last_row, last_column))
        sheet.is_filtered |= tag == "filterColumn"
    return sheet


def _cells(row: _Element, book: _Book) -> Iterator[tuple[int, Cell]]:
    """The cells of a row that show something, by column from 1."""
    column = 0
    for element in row:
        if local(element) != "c":
            continue
        column = _place(element.get("r", ""))[1] if element.get("r") else column + 1
        style = int(element.get("s", "0"))
        if text := _shown(element, book.formats[style] if style < len(book.formats) else GENERAL, book):
            yield column, Cell(text, style < len(book.bold) and book.bold[style])


def _shown(cell: _Element, code: str, book: _Book) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return _string(cell)
    value = next((e.text for e in cell if local(e) == "v"), None)
    if not value:
        return ""
    if kind == "s":
        return book.strings[int(value)]
    if kind == "b":
        return "TRUE" if value.strip() == "1" else "FALSE"
    if kind in ("str", "e", "d"):
        return " ".join(value.split())
    return shown(float(value), code, since_1904=book.since_1904)


def _place(reference: str) -> tuple[int, int]:
    """Row and column of "B12", from 1."""
    match = _CELL.fullmatch(reference)
    if not match:
        raise LoadError(f"There is no cell {reference[:50]!r}.")
    column = 0
    for letter in match[1]:
        column = 26 * column + ord(letter) - 64
    return int(match[2]), column
