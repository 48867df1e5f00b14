"""The cells of a sheet -> tables under their captions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.errors import LoadError
from rag.load.csv import MAX_COLUMNS, line_of, names_columns

_LONGEST_ROW = 600  # characters; a longer row is a line of names and values, since no quotation is as long
_LONGEST_CAPTION = 150  # characters of a heading
_MOST_FILLED = 500_000  # cells of all merged ranges


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell shows; never empty."""

    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Range:
    """A merged cell: rows and columns, the last ones included."""

    row: int
    column: int
    last_row: int
    last_column: int


Row = list[str]
Rows = Mapping[int, Mapping[int, Cell]]
"""By row and column; both in order of their numbers, from 1."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Rows between two empty ones, all of the same length."""

    rows: list[Row]
    bold: list[bool]
    spread: list[bool]  # a cell of the row stands in several of its columns


def tables_as_text(rows: Rows, merged: Sequence[Range]) -> str:
    """Each table with its row of names first and a rule below it, its caption as a heading.

    Two columns of labels and values are lines "Label: value". Rows below an empty one go on with the table above
    it where they are as wide and have no names of their own.
    """
    parts: list[str] = []
    names: Row = []
    for block in _blocks(rows, _filled(rows, merged)):
        lines, names = _written(block, names)
        parts.append(lines)
    return "\n\n".join(filter(None, parts))


def _filled(rows: Rows, merged: Sequence[Range]) -> dict[int, dict[int, tuple[int, int]]]:
    """The cell, by row and column, that is shown in each place that a merged one covers."""
    places: dict[int, dict[int, tuple[int, int]]] = {}
    room = _MOST_FILLED
    last_column = max((max(row) for row in rows.values() if row), default=0)
    for one in merged:
        if one.column not in rows.get(one.row, {}):
            continue
        for row in range(one.row, one.last_row + 1):
            room -= 1
            if row in rows:
                width = min(one.last_column, max(last_column, one.column)) + 1 - one.column
                room -= width
                if width > 0:
                    covered = dict.fromkeys(range(one.column, one.column + width), (one.row, one.column))
                    places.setdefault(row, {}).update(covered)
            if room < 0:
                raise LoadError(f"Merged cells cover more than {_MOST_FILLED:,} others; no more are read.")
    return places


def _blocks(rows: Rows, covered: Mapping[int, Mapping[int, tuple[int, int]]]) -> Iterator[_Block]:
    numbers = [number for number, row in rows.items() if row]
    edges = [0, *(n for n, (a, b) in enumerate(pairwise(numbers), 1) if b > a + 1), len(numbers)]
    for start, end in pairwise(edges):
        laid_out: list[tuple[dict[int, str], bool, bool]] = []
        for number in numbers[start:end]:
            own, places = rows[number], covered.get(number, {})
            sources = {places.get(column, (number, column)) for column in own} | set(places.values())
            if len(sources) == 1:  # a caption stays one cell, however wide it is
                cells = {column: cell.text for column, cell in own.items()}
            else:
                taken = {column: rows[row][above].text for column, (row, above) in places.items()}
                cells = {column: cell.text for column, cell in own.items()} | taken
            spread = len(sources) > 1 and len({place for place in places.values() if place[0] == number}) < sum(
                place[0] == number for place in places.values()
            )
            laid_out.append((cells, all(cell.bold for cell in own.values()), spread))
        columns = sorted({column for cells, _, _ in laid_out for column in cells})
        if len(columns) > MAX_COLUMNS:
            raise LoadError(f"{len(columns):,} columns; at most {MAX_COLUMNS:,} are read.")
        yield _Block(
            [[cells.get(column, "") for column in columns] for cells, _, _ in laid_out],
            [bold for _, bold, _ in laid_out],
            [spread for _, _, spread in laid_out],
        )


def _written(block: _Block, above: Row) -> tuple[str, Row]:
    """The text of a block, and the names of its columns for the one below."""
    rows = block.rows
    first = next((n for n, row in enumerate(rows) if sum(map(bool, row)) > 1), len(rows))
    captions = [next(filter(None, row)) for row in rows[:first]]
    below = rows[first:]
    if not below:
        return _captions(captions), []
    height = _height_of_names(block, first)
    if not height and len(above) == len(rows[0]) > 2:
        lines = [*(f"| {caption} |" for caption in captions), *_table(above, below)]
        return "\n".join(lines), above
    if not height and len(rows[0]) == 2:
        lines = [f"{row[0].rstrip(': ')}: {row[1]}" if all(row) else next(filter(None, row)) for row in below]
        return _under(captions, "\n\n".join(lines)), []
    if not height:
        return _under(captions, "\n\n".join(line_of([], row) for row in below)), []
    names = _joined(below[:height])
    rule = [f"|{' --- |' * len(names)}"]
    return _under(captions, "\n".join([_row(names), *rule, *_table(names, below[height:])])), names


def _height_of_names(block: _Block, first: int) -> int:
    """How many rows name the columns; 0 where none does."""
    below = block.rows[first:]
    for height in (2, 1) if block.spread[first] else (1,):
        names, body = _joined(below[:height]), below[height:]
        if not body:
            continue
        bold = all(block.bold[first : first + height]) and not all(block.bold[first + height :])
        if bold:
            return height
        if names_columns(names) and (len(names) > 2 or all(_is_number(row[1]) for row in body)):
            return height
    return 0


def _is_number(text: str) -> bool:
    return any(c.isdigit() for c in text) and sum(c.isalpha() for c in text) <= 4


def _joined(rows: Sequence[Row]) -> Row:
    """ "2023" over "Budget" is "2023 Budget"; a name that spans the rows stands once."""
    return [" ".join(dict.fromkeys(filter(None, column))) for column in zip(*rows, strict=True)]


def _captions(captions: Sequence[str]) -> str:
    if captions and len(captions[0]) <= _LONGEST_CAPTION:
        return "\n\n".join([f"### {captions[0]}", *captions[1:]])
    return "\n\n".join(captions)


def _under(captions: Sequence[str], text: str) -> str:
    return "\n\n".join(filter(None, [_captions(captions), text]))


def _table(names: Sequence[str], rows: Sequence[Row]) -> list[str]:
    lines = (_row(row) for row in rows)
    return [line if len(line) <= _LONGEST_ROW else line_of(names, row) for line, row in zip(lines, rows, strict=True)]


def _row(cells: Sequence[str]) -> str:
    return " ".join(f"| {' | '.join(cells)} |".split())
