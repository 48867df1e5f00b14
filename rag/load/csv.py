"""Tables as text (.csv, .tsv): each row a line that can be quoted on its own."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rag.errors import LoadError
from rag.load.canonical import decode
from rag.load.loaded import Loaded

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50
MAX_COLUMNS = 1000
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d(?:[-/–]\d\d(?:\d\d)?)?(?: [^\W\d].*)?")  # "2024-25 actual"
_LONGEST_CELL = 5_000_000  # characters


def load_csv(data: bytes) -> Loaded:
    """Every row as "Column: value; Column: value." with the names of the first row, where that holds names.

    >>> load_csv(b"Tea,Price\\nAssam,4\\nDarjeeling,9\\n").text
    'Tea: Assam; Price: 4.\\n\\nTea: Darjeeling; Price: 9.'
    """
    text = decode(data)
    delimiter = delimiter_of(text)
    try:
        with _long_cells():
            reader = csv.reader(io.StringIO(text), delimiter=delimiter)
            rows = [[" ".join(cell.split()) for cell in row] for row in reader]
    except csv.Error as error:
        raise LoadError(f"The table cannot be read: {error}.") from error
    rows = [row for row in rows if any(row)]
    if rows and max(map(len, rows)) > MAX_COLUMNS:
        raise LoadError(f"{max(map(len, rows)):,} columns; at most {MAX_COLUMNS:,} are read.")
    title = []
    if len(rows) > 2 and sum(map(bool, rows[0])) == 1 and sum(map(bool, rows[1])) > 1:
        title, rows = [next(filter(None, rows[0]))], rows[1:]
    names, body = (rows[0], rows[1:]) if len(rows) > 1 and names_columns(rows[0]) else ([], rows)
    return Loaded("\n\n".join([*title, *(line_of(names, row) for row in body)]))


@contextmanager
def _long_cells() -> Iterator[None]:
    """The library knows one limit for the whole program: what it was is what it is again afterwards."""
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def delimiter_of(text: str) -> str:
    """The one that parts most of the first lines into the same number of cells; the more cells the better.

    >>> delimiter_of("Tea;Price\\nAssam, strong;4,50\\n")
    ';'
    """
    lines = [line for line in text[:100_000].splitlines() if line.strip()][:_SAMPLE_LINES]

    def cells(delimiter: str) -> tuple[float, int]:
        counts = [line.count(delimiter) for line in lines]
        usual = max(set(counts), key=counts.count) if counts else 0
        return (counts.count(usual) / len(counts), usual) if usual else (0.0, 0)

    return max(_DELIMITERS, key=cells)


def names_columns(row: Sequence[str]) -> bool:
    """Can this row name the columns: words or years ("2024-25 actual"), each once, and not all of them years?"""
    named = [cell for cell in row if cell]
    words = [cell for cell in named if any(c.isalpha() for c in cell) and not cell[0].isdigit()]
    years = [cell for cell in named if _YEAR.fullmatch(cell)]
    short = all(len(cell) <= 80 for cell in named)
    return short and len(set(named)) == len(named) >= len(row) - 1 and 0 < len(words) == len(named) - len(years)


def line_of(names: Sequence[str], row: Sequence[str]) -> str:
    """A row as one line, each cell behind the name of its column; it ends like a sentence."""
    cells = [f"{names[n]}: {cell}" if n < len(names) and names[n] else cell for n, cell in enumerate(row) if cell]
    line = "; ".join(cells)
    return line if line.endswith((".", "!", "?")) else line + "."
