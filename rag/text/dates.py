"""Dates as texts write them: the one grammar of dates, for a document's own and for those that a sentence states."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from rag.text.lists import either, entries, lower
from rag.types import Span

_MONTHS = {name: number for number, names in enumerate(entries("months"), 1) for name in names.split()}
SHORT_MONTHS = tuple(name for names in entries("months") for name in names.split()[1:])
"""Abbreviations of the months, lower case, without the full stop."""
YEAR = r"(?:1[5-9]|20)\d\d"
"""A number that may be a year: 1500 to 2099."""
_ANY_YEAR = re.compile(YEAR)
_MONTH = rf"(?P<{{}}>{either(_MONTHS)})\.?"
# A scraped page glues a date to its neighbours ("TeamApril 7, 20267 min read"), so the year of a full date is four
# digits whatever follows it, and a month may follow a letter where the case changes.
_WRITTEN = re.compile(
    rf"{_MONTH.format('m1')}\s+(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y1>{YEAR})"
    rf"|(?<!\d)(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\.?\s+{_MONTH.format('m2')},?\s+(?P<y2>{YEAR})"
    rf"|(?<![\d-])(?P<y3>{YEAR})(?P<sep>[-/])(?P<m3>\d\d)(?P=sep)(?P<d3>\d\d)(?!\d)"
    rf"|\b{_MONTH.format('m4')},?\s+(?P<y4>{YEAR})\b",
    re.IGNORECASE,
)
_EARLIEST_PUBLISHED = 1900


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A day or, where ``day`` is 0, a month."""

    year: int
    month: int
    day: int
    start: int
    end: int


def written_dates(text: str) -> list[WrittenDate]:
    """Days and months of a year that ``text`` names, in order; all-digit ones only year first.

    >>> [(d.year, d.month, d.day) for d in written_dates("from April 2025 to May 4, 2026")]
    [(2025, 4, 0), (2026, 5, 4)]
    """
    written: list[WrittenDate] = []
    if not _ANY_YEAR.search(text):  # quick: most sentences name none
        return written
    for match in _WRITTEN.finditer(text):
        month_first = match["m1"]
        if month_first and match.start() and text[match.start() - 1].isalpha() and not month_first[0].isupper():
            continue  # "dismay 7, 2026"
        form = next(n for n in "1234" if match[f"y{n}"])
        month = match[f"m{form}"]
        number = int(month) if month.isdecimal() else _MONTHS[lower(month)]
        day = int(match[f"d{form}"]) if form != "4" else 0
        year = int(match[f"y{form}"])
        try:
            date(year, number, day or 1)
        except ValueError:
            continue
        written.append(WrittenDate(year, number, day, match.start(), match.end()))
    return written


def dates(text: str) -> list[tuple[Span, str]]:
    """Full dates since 1900 in ISO 8601 with their places, in order: those a document may bear.

    >>> [iso for _, iso in dates("TeamApril 7, 20267 min read, 04 Dec 2025•Technology, 03/04/2025")]
    ['2026-04-07', '2025-12-04']
    """
    return [
        (Span(d.start, d.end), date(d.year, d.month, d.day).isoformat())
        for d in written_dates(text)
        if d.day and d.year >= _EARLIEST_PUBLISHED
    ]
