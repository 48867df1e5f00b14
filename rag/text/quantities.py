"""Text -> the numbers, sums of money, shares and dates it states, in normal form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["money", "percent", "date", "count"]


@dataclass(frozen=True, slots=True)
class Value:
    """One stated quantity. ``amount`` is in units (dollars, percent points, things), a date is YYYY[MM[DD]]."""

    kind: Kind
    amount: float
    unit: str  # currency code, "%", "" for a date, the counted noun for a count
    start: int
    end: int


_SCALES = {
    "hundred": 1e2,
    "thousand": 1e3,
    "k": 1e3,
    "million": 1e6,
    "mn": 1e6,
    "m": 1e6,
    "billion": 1e9,
    "bn": 1e9,
    "b": 1e9,
    "trillion": 1e12,
    "tn": 1e12,
    "t": 1e12,
}
_WORDS = dict(
    zip(
        "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty".split(),
        range(2, 21),
        strict=True,
    )
)
_CURRENCIES = {"$": "USD", "us$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
_CURRENCY_WORDS = {
    "dollar": "USD",
    "usd": "USD",
    "euro": "EUR",
    "eur": "EUR",
    "pound": "GBP",
    "gbp": "GBP",
    "yen": "JPY",
    "yuan": "CNY",
    "rupee": "INR",
}
_MONTHS = {
    name: number
    for number, names in enumerate(
        "jan january|feb february|mar march|apr april|may|jun june|jul july|aug august|sep sept september|"
        "oct october|nov november|dec december".split("|"),
        1,
    )
    for name in names.split()
}
_MONTH = r"(?P<{0}>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\.?"
_YEAR = r"(?:1[5-9]|20)\d\d"
_DATES = [
    re.compile(rf"(?P<y>{_YEAR})-(?P<m>\d\d)-(?P<d>\d\d)(?!\d)"),
    re.compile(rf"\b{_MONTH.format('month')}\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>{_YEAR})\b", re.I),
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s+{_MONTH.format('month')},?\s+(?P<y>{_YEAR})\b", re.I),
    re.compile(rf"\b{_MONTH.format('month')},?\s+(?P<y>{_YEAR})\b", re.I),
]
_NUMBER = re.compile(
    r"(?P<currency>US\$|[$€£¥₹])?\s?(?<![\w.])(?P<number>\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:(?P<suffix>[kmbt]n?)\b|[\s-]?(?P<scale>hundred|thousand|million|billion|trillion|bn|mn|tn)s?\b)?"
    r"(?P<percent>\s?%|\s?per\s?cent\b|\s?percentage points?\b)?",
    re.I,
)
_WORD_NUMBER = re.compile(
    r"\b(?P<number>" + "|".join(_WORDS) + r")\b(?:[\s-](?P<scale>hundred|thousand|million|billion|trillion)\b)?", re.I
)
_NEXT_WORD = re.compile(r"[\s-]+(?P<word>[^\W\d_]+)")


def _noun_after(text: str, end: int) -> str:
    match = _NEXT_WORD.match(text, end)
    return match["word"].lower().removesuffix("s") if match else ""


def values(text: str) -> list[Value]:
    """Quantities of ``text`` in order of place.

    A bare number from 1500 to 2099 is a year. Digits glued to letters ("GPT-5o", "H100") are names, not values.

    >>> [(v.kind, v.amount, v.unit) for v in values("a $14.3 billion deal in April 2026, up 5%")]
    [('money', 14300000000.0, 'USD'), ('date', 202604.0, ''), ('percent', 5.0, '%')]
    """
    found: list[Value] = []
    taken: list[tuple[int, int]] = []

    def free(start: int, end: int) -> bool:
        return all(end <= s or start >= e for s, e in taken)

    for pattern in _DATES:
        for match in pattern.finditer(text):
            if not free(*match.span()):
                continue
            groups = match.groupdict()
            month = int(groups["m"]) if groups.get("m") else _MONTHS[groups["month"].lower()]
            amount = int(groups["y"]) * 100 + month
            if groups.get("d"):
                amount = amount * 100 + int(groups["d"])
            taken.append(match.span())
            found.append(Value("date", float(amount), "", *match.span()))
    for match in _NUMBER.finditer(text):
        start = match.start("currency") if match["currency"] else match.start("number")
        end = match.end()
        if not free(start, end) or (end < len(text) and (text[end].isalpha() or text[end] == "_")):
            continue
        if start > 1 and text[start - 1] in "-–" and text[start - 2].isalpha():
            continue  # GPT-5: part of a name
        digits = re.sub(r"[,\u00a0\u202f]", "", match["number"])
        suffix = (match["suffix"] or match["scale"] or "").lower()
        amount_f = float(digits) * _SCALES.get(suffix, 1.0)
        noun = _noun_after(text, end)
        if match["currency"] or noun in _CURRENCY_WORDS:
            unit = _CURRENCIES[match["currency"].lower()] if match["currency"] else _CURRENCY_WORDS[noun]
            found.append(Value("money", amount_f, unit, start, end))
        elif match["percent"]:
            found.append(Value("percent", amount_f, "%", start, end))
        elif not suffix and re.fullmatch(_YEAR, match["number"]):
            found.append(Value("date", amount_f, "", start, end))
        else:
            found.append(Value("count", amount_f, noun, start, end))
        taken.append((start, end))
    for match in _WORD_NUMBER.finditer(text):
        if free(*match.span()):
            amount_f = _WORDS[match["number"].lower()] * _SCALES.get((match["scale"] or "").lower(), 1.0)
            noun = _noun_after(text, match.end())
            kind: Kind = "money" if noun in _CURRENCY_WORDS else "count"
            found.append(Value(kind, amount_f, _CURRENCY_WORDS.get(noun, noun), *match.span()))
    return sorted(found, key=lambda v: v.start)


def same_value(a: Value, b: Value) -> bool:
    """Whether two quantities agree; a date agrees with a more exact one that begins with it.

    >>> same_value(values("in 2026")[0], values("April 7, 2026")[0])
    True
    """
    if a.kind == "date" or b.kind == "date":
        if a.kind != b.kind:
            return False
        short, long = sorted((str(int(a.amount)), str(int(b.amount))), key=len)
        return long.startswith(short)
    if {a.kind, b.kind} == {"money", "percent"}:
        return False
    if a.kind == b.kind == "money" and a.unit != b.unit:
        return False
    return abs(a.amount - b.amount) <= 1e-9 * max(1.0, abs(a.amount))


_HEDGED_APART = 0.05  # relative difference that "about" or "nearly" covers
_HEDGE = re.compile(
    r"\b(?:about|around|approximately|roughly|nearly|almost|some|circa|an estimated|more than|over)\s*$|~\s*$"
)
_JOINT = re.compile(r"\s*(?:-|–|—|to|and|or)\s*")
_DECIMALS = re.compile(r"\d\.(\d+)")


@dataclass(frozen=True, slots=True)
class Stated:
    """A quantity as a text states it: every amount from ``low`` to ``high`` agrees with it."""

    value: Value  # the first one of a range
    low: float
    high: float
    start: int
    end: int

    def agrees_with(self, other: Stated) -> bool:
        """Whether one amount could be meant by both; of quantities of one kind and unit."""
        return self.low <= other.high and other.low <= self.high


def stated(text: str) -> list[Stated]:
    """The quantities of ``text`` but dates, ranges as one, rounded and hedged ones with what they may stand for.

    >>> a, b, c = stated("$14.3 billion"), stated("$14 billion"), stated("$15 billion")
    >>> a[0].agrees_with(b[0]), a[0].agrees_with(c[0]), stated("11%-34%")[0].high
    (True, False, 34.0)
    """
    found: list[Stated] = []
    for v in values(text):
        if v.kind == "date":
            continue
        written = text[v.start : v.end]
        decimals = _DECIMALS.search(written)
        scale = next((_SCALES[s] for s in reversed(re.findall(r"[a-z]+", written.lower())) if s in _SCALES), 1.0)
        slack = 0.49 * scale * (10.0 ** -len(decimals[1]) if decimals else float(scale > 1))
        if _HEDGE.search(text[max(0, v.start - 20) : v.start]):
            slack = max(slack, _HEDGED_APART * abs(v.amount))
        last = found[-1] if found else None
        if last is not None and last.value.kind in (v.kind, "count") and _JOINT.fullmatch(text[last.end : v.start]):
            low = last.low * scale if last.high < v.amount / 100 else last.low  # "0.2 and 0.3 billion"
            if low <= v.amount:
                found[-1] = Stated(v, low, v.amount + slack, last.start, v.end)
                continue
        found.append(Stated(v, v.amount - slack, v.amount + slack, v.start, v.end))
    return found
