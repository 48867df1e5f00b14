"""Merged cells filled in: each row of a table has a cell of its own in every column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lxml.etree import _Element

_MOST_COLUMNS = 1000  # as a browser
_LONGEST = 300  # characters of a cell that is repeated; below a longer one, the cells stay empty
_MOST_COPIED = 1_000_000  # characters in all the copies of a document
_NO_CELL = frozenset("table tr ul ol dl pre blockquote form h1 h2 h3 h4 h5 h6".split())

_Reaching = dict[int, tuple[int, Any]]
"""By column: the rows that a cell above still spans, and the cell."""


def fill_merged_cells(tree: _Element) -> None:
    """Repeat a cell that spans rows or columns in each of them, and join the rows of column names to one.

    A cell that fills a row alone stays one: it is the caption of the table, or of the rows below it. Two rows of
    names, "2023 | 2023" over "Budget | Actual", become "2023 Budget | 2023 Actual".
    """
    room = _MOST_COPIED
    for table in list(tree.iter("table")):
        rows = list(_rows(table))
        for _, section in groupby(rows, lambda row: row.getparent()):
            room = _fill(list(section), room)
        _join_names(rows)


def _rows(table: _Element) -> Iterator[_Element]:
    for child in table:
        if child.tag == "tr":
            yield child
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from (row for row in child if row.tag == "tr")


def _cells(row: _Element) -> list[_Element]:
    return [child for child in row if child.tag in ("td", "th")]


def _fill(rows: Sequence[_Element], room: int) -> int:
    """One section of a table, over whose end no cell reaches; gives the ``room`` for copies that is left."""
    from lxml import etree

    reaching = _Reaching()
    for row in rows:
        own = _cells(row)
        line, reaching = _laid_out(own, reaching, len(rows))
        if len(line) > len(own):
            waiting = set(own)
            cells = [child for child in row if child not in waiting]  # a form, say
            for cell in line:
                if cell in waiting:
                    waiting.remove(cell)
                    cells.append(cell)
                elif room > 0:
                    cells.append(etree.Element(cell.tag))
                    cells[-1].text = _short_text(cell)
                    room -= 10 + len(cells[-1].text)
            row[:] = cells
    for cell in (cell for row in rows for cell in _cells(row)):
        cell.attrib.pop("rowspan", None)
        cell.attrib.pop("colspan", None)
    return room


def _laid_out(own: Sequence[_Element], reaching: _Reaching, height: int) -> tuple[list[_Element], _Reaching]:
    """The cell that stands in each column of a row, and those that reach into the row below."""
    line: list[_Element] = []
    below = _Reaching()

    def take_from_above() -> None:
        while len(line) in reaching:
            left, cell = reaching.pop(len(line))
            if left > 1:
                below[len(line)] = (left - 1, cell)
            line.append(cell)

    alone = len(own) == 1 and not reaching
    for cell in own:
        take_from_above()
        tall = _span(cell, "rowspan") or height
        for _ in range(1 if alone else min(_span(cell, "colspan") or 1, max(1, _MOST_COLUMNS - len(line)))):
            if tall > 1:
                below[len(line)] = (tall - 1, cell)
            line.append(cell)
    if own:
        take_from_above()
    below.update({column: (left - 1, cell) for column, (left, cell) in reaching.items() if left > 1})
    return line, below


def _span(cell: _Element, name: str) -> int:
    value = (cell.get(name) or "1").strip()
    return int(value) if value.isdecimal() and len(value) < 6 else 1


def _short_text(cell: _Element) -> str:
    if any(inner.tag in _NO_CELL for inner in cell.iterdescendants()):
        return ""
    text = " ".join("".join(cell.itertext()).split())
    return text if len(text) <= _LONGEST else ""


def _join_names(rows: Sequence[_Element]) -> None:
    names: list[list[_Element]] = []
    first = next((n for n, row in enumerate(rows) if len(_cells(row)) > 1), len(rows))
    for row in rows[first:]:
        cells = _cells(row)
        if len(cells) < 2 or any(cell.tag != "th" for cell in cells):
            break
        names.append(cells)
    if len(names) < 2 or first + len(names) == len(rows):
        return
    for column in zip_longest(*names):
        joined = dict.fromkeys(_short_text(cell) for cell in column if cell is not None)
        target = column[0]
        if target is None:  # the upper row is shorter
            target = next(cell for cell in column if cell is not None)
            names[0][-1].addnext(target)
            names[0].append(target)
        for inner in list(target):
            target.remove(inner)
        target.text = " ".join(filter(None, joined))
    for row in rows[first + 1 : first + len(names)]:
        row.getparent().remove(row)
