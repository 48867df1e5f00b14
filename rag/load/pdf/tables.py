"""Rows of tables -> lines "| a | b |", by the rules drawn on a page and by how its pieces stand above each other.

A piece is a run of letters without a wide gap. Rows of two pieces and more that share their gutters, the strips that no
piece crosses, are a table; what stands between two rules is one row, however many lines its cells have.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from rag.load.pdf.layout import Line
from rag.text.blocks import MARKER

_LEVEL = 0.35  # of the size: pieces whose bottoms differ by less stand on one line
_GUTTER = 0.8  # of the size: the narrowest strip between two columns
_SAME_SIZE = 1.3  # a watermark stands on a line with others by chance
_FEWEST_ROWS = 3
_MOST_ROWS = 500  # of a table on one page
_MOST_PIECES = 20_000  # a page of more is a drawing
_NEAR = 2.6  # of the size: a line further below the others is of the table only where a rule ends below it
_FIGURE = re.compile(r"[^\w]*\d[^A-Za-z]*")
_CELL = 45  # characters: columns whose cells are longer, but for one, are columns of prose


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line drawn on the page."""

    left: float
    right: float
    height: float


@dataclass(slots=True)
class _Row:
    """Pieces on one line of print."""

    pieces: list[Line]
    band: int  # how many rules stand below it

    @property
    def bottom(self) -> float:
        return min(piece.bottom for piece in self.pieces)


def with_rows(lines: Sequence[Sequence[Line]], rules: Sequence[Rule]) -> list[Line]:
    """The lines of a page in their order, each given as its pieces, with "| a | b |" for what is a row of a table.

    A row stands where its first piece stood; a form of two columns, the first of which ends in colons, is lines of
    "name: value".
    """
    lines = [_with_marker(line) for line in lines]
    printed = [piece for line in lines for piece in line]
    order = {id(piece): n for n, piece in enumerate(printed)}
    line_of = {id(piece): n for n, line in enumerate(lines) for piece in line}
    out: dict[int, list[Line]] = {}
    taken: set[int] = set()
    for rows in _runs(_rows(printed, rules)) if len(printed) <= _MOST_PIECES else ():
        columns = _columns(rows)
        ruled = _is_ruled(rows)
        whole = list(_whole(rows, columns, ruled))
        if not _is_table(whole, columns, ruled) or _is_prose(whole, columns, order):
            continue
        for row, own in zip(_laid_out(whole, columns), whole, strict=True):
            out.setdefault(min(line_of[id(piece)] for piece in own), []).append(row)
            taken.update(id(piece) for piece in own)
    for n, pieces in enumerate(lines):
        if rest := [piece for piece in pieces if id(piece) not in taken]:
            out.setdefault(n, []).append(_joined(rest))
    return [line for n in sorted(out) for line in out[n]]


def _with_marker(pieces: Sequence[Line]) -> Sequence[Line]:
    """The pieces of a line, the mark of a list that it begins with joined to what follows."""
    marker = MARKER.match(f"{pieces[0].text} x") if len(pieces) > 1 else None
    if marker and marker.end() == len(pieces[0].text) + 1:
        return [_joined(pieces[:2]), *pieces[2:]]
    return pieces


def _joined(pieces: Sequence[Line]) -> Line:
    largest = max(pieces, key=lambda piece: len(piece.text))
    return replace(largest, text=" ".join(p.text for p in pieces), left=pieces[0].left, right=pieces[-1].right)


def _rows(pieces: Sequence[Line], rules: Sequence[Rule]) -> list[_Row]:
    """All pieces of the page by the line of print that they stand on, from the top."""
    rows: list[_Row] = []
    for piece in sorted(pieces, key=lambda piece: (-piece.bottom, piece.left)):
        above = rows[-1].pieces[0] if rows else None
        level = above is not None and above.bottom - piece.bottom < _LEVEL * piece.size
        if level and above is not None and max(above.size, piece.size) < _SAME_SIZE * min(above.size, piece.size):
            rows[-1].pieces.append(piece)
        else:
            rows.append(_Row([piece], _rules_below(piece, rules)))
    for row in rows:
        row.pieces.sort(key=lambda piece: piece.left)
    return rows


def _rules_below(piece: Line, rules: Sequence[Rule]) -> int:
    """How many of ``rules``, which go from the bottom of the page up, run below the piece."""
    lower = rules[: bisect_left(rules, piece.bottom + piece.size / 2, key=lambda rule: rule.height)]
    return sum(rule.left <= piece.right and rule.right >= piece.left for rule in lower)


def _runs(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """Rows below each other that may be of one table: a line of one piece is, where it is narrow and stands close."""
    run: list[_Row] = []
    for row in rows:
        if run and (len(run) == _MOST_ROWS or not _may_follow(run, row)):
            yield _ended(run)
            run = []
        if run or len(row.pieces) > 1:
            run.append(row)
    if run:
        yield _ended(run)


def _may_follow(run: Sequence[_Row], row: _Row) -> bool:
    size = max(piece.size for piece in row.pieces)
    if run[-1].bottom - row.bottom > _NEAR * size and row.band == run[-1].band:
        return False
    if len(row.pieces) > 1:
        return True
    (piece,) = row.pieces
    return sum(left < piece.right and right > piece.left for left, right in _columns(run)) == 1


def _ended(run: list[_Row]) -> list[_Row]:
    """Less the lines of one piece that stand below its last rule."""
    while len(run[-1].pieces) == 1 and len(run) > 1 and run[-1].band != run[-2].band:
        run = run[:-1]
    return run


def _columns(rows: Sequence[_Row]) -> list[tuple[float, float]]:
    """Left and right edges of the columns, from the left; a wide piece across two of them is in none."""
    pieces = sorted((p for row in rows if len(row.pieces) > 1 for p in row.pieces), key=lambda p: p.right - p.left)
    columns: list[tuple[float, float, int]] = []  # with the number of pieces
    for piece in pieces:
        gutter = _GUTTER * piece.size
        touched = [c for c in columns if c[0] < piece.right + gutter and c[1] > piece.left - gutter]
        if len(touched) > 1 and all(count > 1 for _, _, count in touched):
            continue
        columns = [c for c in columns if c not in touched]
        left, right = min([piece.left, *(c[0] for c in touched)]), max([piece.right, *(c[1] for c in touched)])
        columns.append((left, right, 1 + sum(c[2] for c in touched)))
    return sorted((left, right) for left, right, _ in columns)


def _is_table(whole: Sequence[Sequence[Line]], columns: Sequence[tuple[float, float]], ruled: bool) -> bool:
    """Whether most rows fill more than one column and no two columns are of prose."""
    full = [row for row in whole if len({_column(piece, columns) for piece in row}) > 1]
    if len(columns) < 2 or len(full) < (2 if ruled else _FEWEST_ROWS) or 2 * len(full) < len(whole):
        return False
    return sum(length > _CELL for length in _lengths(full, columns)) < 2


def _lengths(rows: Sequence[Sequence[Line]], columns: Sequence[tuple[float, float]]) -> list[float]:
    """The usual number of characters of a piece, by column."""
    by_column = [[len(p.text) for row in rows for p in row if _column(p, columns) == n] for n in range(len(columns))]
    return [median(lengths) if lengths else 0.0 for lengths in by_column]


def _is_prose(
    whole: Sequence[Sequence[Line]], columns: Sequence[tuple[float, float]], order: Mapping[int, int]
) -> bool:
    """Lines of a column set with wide blanks, many of which begin in the middle of a sentence, or two such columns.

    The rows of a table are printed one after the other, columns of prose from top to bottom.
    """
    if 3 * sum(row[0].text[:1].islower() for row in whole) > len(whole):
        return True
    places = [[order[id(piece)] for piece in row] for row in whole if len(row) > 1]
    by_row = 2 * sum(max(own) - min(own) == len(own) - 1 for own in places) > len(places)
    longest = max(_lengths(whole, columns))
    return not by_row and not (len(columns) > 2 and longest < _CELL)


def _column(piece: Line, columns: Sequence[tuple[float, float]]) -> int:
    """The first column that it stands in, else the nearest."""
    apart = [max(left - piece.right, piece.left - right, 0.0) for left, right in columns]
    return apart.index(min(apart))


def _laid_out(whole: Sequence[Sequence[Line]], columns: Sequence[tuple[float, float]]) -> Iterator[Line]:
    """Each row as one line."""
    table = [[_cell(pieces, n, columns) for n in range(len(columns))] for pieces in whole]
    form = len(columns) == 2 and all(cells[0].endswith(":") or not all(cells) for cells in table)
    for pieces, cells in zip(whole, table, strict=True):
        text = " ".join(filter(None, cells)) if form else f"| {' | '.join(cells)} |"
        left, right = min(p.left for p in pieces), max(p.right for p in pieces)
        yield Line(text, left, right, min(p.bottom for p in pieces), median(p.size for p in pieces), row=True)


def _is_ruled(rows: Sequence[_Row]) -> bool:
    """Whether rules part the rows, not only a head from its body."""
    bands = len({row.band for row in rows})
    return bands >= _FEWEST_ROWS and bands > len(rows) / 4


def _whole(rows: Sequence[_Row], columns: Sequence[tuple[float, float]], ruled: bool) -> Iterator[list[Line]]:
    """The pieces of each row: of all lines between two rules, else of a line and those below that go on with it."""
    bands = len({row.band for row in rows})
    grouped = 2 * bands < sum(len(row.pieces) >= len(columns) for row in rows)  # rules between groups of rows
    steps = [above.bottom - row.bottom for above, row in pairwise(rows)]
    usual = median(steps) if steps else 0.0
    pieces: list[Line] = []
    above: _Row | None = None
    for row in rows:
        if above is None:
            goes_on = False
        elif ruled:
            both_full = min(len(row.pieces), len(above.pieces)) >= len(columns)
            apart = (grouped and both_full) or _figures_below_each_other(above, row, columns)
            goes_on = row.band == above.band and not apart
        else:
            close = above.bottom - row.bottom < 0.8 * usual
            starts_later = all(_column(piece, columns) > 0 for piece in row.pieces)
            goes_on = len(row.pieces) < len(columns) and (close or (starts_later and len(row.pieces) == 1))
        if pieces and not goes_on:
            yield pieces
            pieces = []
        pieces += row.pieces
        above = row
    yield pieces


def _figures_below_each_other(above: _Row, row: _Row, columns: Sequence[tuple[float, float]]) -> bool:
    """Whether half of the columns that both lines fill have a figure in both: a cell does not go on with a figure."""
    first, second = ({_column(p, columns): bool(_FIGURE.fullmatch(p.text)) for p in r.pieces} for r in (above, row))
    both = first.keys() & second.keys()
    return 2 * sum(first[n] and second[n] for n in both) >= max(1, len(both))


def _cell(pieces: Sequence[Line], column: int, columns: Sequence[tuple[float, float]]) -> str:
    own = [piece for piece in pieces if _column(piece, columns) == column]
    own.sort(key=lambda piece: (-round(piece.bottom), piece.left))
    return " ".join(piece.text for piece in own).replace("|", "/")
