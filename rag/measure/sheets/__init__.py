"""Sheets that a person fills in: CSV that a spreadsheet opens, and reads back as whichever spreadsheet saved it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path

from rag.errors import DataSetError
from rag.load.csv import delimiter_of

_FORMULA = tuple("=+-@＝＋－＠")  # a spreadsheet would compute what begins with one of these


def save_table(path: Path, columns: Sequence[str], lines: Iterable[Iterable[str]]) -> None:
    """Write CSV with a byte order mark, so that a spreadsheet reads it as UTF-8.

    Raises DataSetError where the file is there already: it may hold somebody's judgements.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(columns)
            writer.writerows([_inert(cell) for cell in line] for line in lines)
    except OSError as error:
        raise DataSetError(f"The sheet {path} cannot be written: {error.strerror}.", fix="name another file") from error


def _inert(cell: str) -> str:
    """
    >>> _inert("=1+1"), _inert("one")
    ("'=1+1", 'one')
    """
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def read_table(
    path: Path, columns: Sequence[str], allowed: Mapping[str, Sequence[str]], *, optional: Sequence[str] = ()
) -> list[dict[str, str]]:
    """The cells of each line by column, separated by commas, semicolons or tabs, the columns in any order.

    ``allowed``: the words that a column may hold, read without regard to case. Raises DataSetError that names every
    line with another word, and any column that is missing and not ``optional``.
    """
    reader = csv.DictReader(StringIO(_text(path), newline=""), delimiter=_delimiter(path), strict=True)
    if missing := [name for name in columns if name not in (*(reader.fieldnames or ()), *optional)]:
        raise DataSetError(f"{path}:1: the sheet has no column {', '.join(missing)}.")
    lines: list[dict[str, str]] = []
    wrong: list[str] = []
    try:
        for cells in reader:
            line = {name: (cells.get(name) or "").strip() for name in columns}
            if not any(line.values()):
                continue  # a spreadsheet may leave empty lines at the end
            line |= {name: line[name].lower() for name in allowed}
            wrong += [
                f"{path}:{reader.line_num}: {name} is {line[name]!r}, not {', '.join(filter(None, words))}"
                for name, words in allowed.items()
                if line[name] not in words
            ]
            lines.append(line)
    except csv.Error as error:
        raise DataSetError(f"{path}:{reader.line_num}: not a line of a sheet: {error}.") from error
    if wrong:
        raise DataSetError("\n".join(wrong), fix="write one of these words, or leave the cell empty")
    if not lines:
        raise DataSetError(f"The sheet {path} has no sentences.")
    return lines


def columns_of(path: Path) -> list[str]:
    """The names in the first line of a sheet. Raises DataSetError where it cannot be read."""
    return next(csv.reader([_text(path).partition("\n")[0]], delimiter=_delimiter(path)), [])


def _delimiter(path: Path) -> str:
    return delimiter_of(_text(path).partition("\n")[0])  # of the header alone: the other lines hold free text


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise DataSetError(f"The sheet {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataSetError(f"The sheet {path} is not UTF-8.", fix="save it as “CSV UTF-8”") from error
