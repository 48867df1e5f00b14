"""Dates as texts write them, to ISO 8601."""

from __future__ import annotations

import re
from datetime import date

from rag.types import Span

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<{}>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
# A scraped page glues a date to its neighbours ("TeamApril 7, 20267 min read"), so a year is four
# digits whatever follows it, and a month may follow a letter where the case changes.
_WRITTEN = re.compile(
    rf"{_MONTH.format('m1')}\s+(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y1>(?:19|20)\d\d)"
    rf"|(?<!\d)(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\.?\s+{_MONTH.format('m2')},?\s+(?P<y2>(?:19|20)\d\d)"
    r"|(?<![\d-])(?P<y3>(?:19|20)\d\d)(?P<sep>[-/])(?P<m3>\d\d)(?P=sep)(?P<d3>\d\d)(?!\d)",
    re.IGNORECASE,
)


def dates(text: str) -> list[tuple[Span, str]]:
    """Every full date of ``text`` with its place, in order; all-digit dates only year first.

    >>> [iso for _, iso in dates("TeamApril 7, 20267 min read, 04 Dec 2025•Technology, 03/04/2025")]
    ['2026-04-07', '2025-12-04']
    """
    found = []
    for match in _WRITTEN.finditer(text):
        if match["m1"] and match.start() and text[match.start() - 1].isalpha() and not match["m1"][0].isupper():
            continue  # "dismay 7, 2026"
        if iso := _iso(match):
            found.append((Span(match.start(), match.end()), iso))
    return found


def _iso(match: re.Match[str]) -> str | None:
    form = next(n for n in "123" if match[f"y{n}"])
    month = match[f"m{form}"]
    number = int(month) if month.isdecimal() else _MONTHS.index(month[:3].lower()) + 1
    try:
        return date(int(match[f"y{form}"]), number, int(match[f"d{form}"])).isoformat()
    except ValueError:
        return None
