"""Dates as texts write them: the one grammar of dates, for a document's own and for those that a sentence states."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from rag.text.lists import either, entries, lower
from rag.types import Span

_ENGLISH = {name: number for number, names in enumerate(entries("months"), 1) for name in names.split()}
_OTHER = {name: n for n, names in enumerate(entries("months", "measures"), 1) for name in names.split()}
_MONTHS = _OTHER | _ENGLISH
SHORT_MONTHS = tuple(name for names in entries("months") for name in names.split()[1:])
"""Abbreviations of the months, lower case, without the full stop."""
YEAR = r"(?:1[5-9]|20)\d\d"
"""A number that may be a year: 1500 to 2099."""
_ANY_YEAR = re.compile(YEAR)
_MONTH = rf"(?P<m{{}}>{either(_MONTHS)})\.?"
_DAY = r"(?<!\d)(?P<d{}>\d{{1,2}})(?:st|nd|rd|th|er|º)?\.?"
# A scraped page glues a date to its neighbours ("TeamApril 7, 20267 min read"), so the year of a full date is four
# digits whatever follows it, and a month may follow a letter where the case changes.
_FORMS = (
    rf"{_MONTH.format(1)}\s+(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\s?,?\s+(?P<y1>{YEAR})",
    rf"{_DAY.format(2)}\s+(?:of\s+|de\s+)?{_MONTH.format(2)}\s?,?\s+(?:de\s+)?(?P<y2>{YEAR})",
    rf"(?<![\d-])(?P<y3>{YEAR})(?P<sep>[-/.])(?P<m3>\d\d)(?P=sep)(?P<d3>\d\d)(?!\d)",
    rf"\b{_MONTH.format(4)}\s?,?\s+(?:of\s+|de\s+)?(?P<y4>{YEAR})\b",
    rf"(?<![\w./-])(?P<d5>\d{{1,2}})(?P<mark>[./-])\s?(?P<m5>\d{{1,2}})(?P=mark)\s?(?P<y5>{YEAR})(?![./-]?\d)",
)
_SHORT_FORMS = (  # without a year, or with two digits of it
    r"(?<![\w./-])(?P<d6>\d\d)(?P<short>[./])(?P<m6>\d\d)(?P=short)(?P<y6>\d\d)(?![./-]?\w)",
    rf"\b{_MONTH.format(7)}\s+(?P<d7>\d{{1,2}})(?:st|nd|rd|th)?(?![\w%]|[.,:]\d)",
    rf"{_DAY.format(8)}\s+(?:of\s+|de\s+)?{_MONTH.format(8)}(?!\w)",
)
_WRITTEN = re.compile("|".join(_FORMS), re.IGNORECASE)
_WITH_SHORT = re.compile("|".join(_FORMS + _SHORT_FORMS), re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_CENTURY_TURNS = 70  # 26 is 2026, 85 is 1985
_REACH = 40  # characters, more than the longest date has to either side of a figure
_EARLIEST_PUBLISHED = 1900


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A day or, where ``day`` is 0, a month; ``year`` is 0 where none is named."""

    year: int
    month: int
    day: int
    start: int
    end: int
    turned: bool = False  # day and month may be the other way round: 03/04/2025
    month_first: bool = False  # "May 12"


def written_dates(text: str, *, short: bool = False) -> list[WrittenDate]:
    """Days and months that ``text`` names, in order; ``short``: days without their year, or two digits of it, too.

    Of digits with points the day comes first, of others the one that can be no month; where both can, the month.

    >>> [(d.year, d.month, d.day) for d in written_dates("from April 2025 to May 4, 2026, am 12. Oktober 2026")]
    [(2025, 4, 0), (2026, 5, 4), (2026, 10, 12)]
    """
    written: list[WrittenDate] = []
    pattern, sign = (_WITH_SHORT, _DIGIT) if short else (_WRITTEN, _ANY_YEAR)
    for match in (m for start, end in _near(sign, text) for m in pattern.finditer(text, start, end)):
        parts = match.groupdict()
        form = next(n for n in "12345678" if parts.get(f"m{n}"))
        name = parts[f"m{form}"]
        glued = form == "1" and match.start() and text[match.start() - 1].isalpha()
        if glued and not name[0].isupper():
            continue  # "dismay 7, 2026"
        if form in "78" and not name[0].isupper() and (form == "7" or lower(name) in _ENGLISH):
            continue  # "they may 12 times"
        month = int(name) if name.isdecimal() else _MONTHS[lower(name)]
        day, year = int(parts.get(f"d{form}", 0)), int(parts.get(f"y{form}", 0))
        if form == "6":
            year += 2000 if year < _CENTURY_TURNS else 1900
        pointed = "." in (parts["mark"], parts.get("short"))
        turned = form in "56" and not pointed and day <= 12 and month <= 12 and day != month
        if form in "56" and not pointed and day <= 12:
            day, month = month, day
        try:
            date(year or 2000, month, day or 1)  # 2000 had a 29th of February
        except ValueError:
            continue
        written.append(WrittenDate(year, month, day, match.start(), match.end(), turned, form == "7"))
    return written


def _near(sign: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Stretches of ``text`` around what every date has, so that the many names of months are looked for only there."""
    start = end = 0
    for found in sign.finditer(text):
        if found.start() - _REACH > end:
            if end:
                yield start, end
            start = max(0, found.start() - _REACH)
        end = min(len(text), found.end() + _REACH)
    if end:
        yield start, end


def is_month(word: str) -> bool:
    """Whether it names a month, in any of the languages of ``measures/months.txt``.

    >>> is_month("March"), is_month("Marsh")
    (True, False)
    """
    return lower(word) in _MONTHS


def dates(text: str) -> list[tuple[Span, str]]:
    """Full dates since 1900 in ISO 8601 with their places, in order: those a document may bear.

    >>> [iso for _, iso in dates("TeamApril 7, 20267 min read, 04 Dec 2025•Technology, 03/04/2025")]
    ['2026-04-07', '2025-12-04']
    """
    return [
        (Span(d.start, d.end), date(d.year, d.month, d.day).isoformat())
        for d in written_dates(text)
        if d.day and d.year >= _EARLIEST_PUBLISHED and not d.turned
    ]
