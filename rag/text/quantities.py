"""Text -> the numbers, sums of money, shares and dates it states, in normal form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rag.text.dates import YEAR, written_dates
from rag.text.lists import lower, word_numbers
from rag.text.number_words import number_words

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
    **{word: float(number) for word, number in word_numbers("numbers").items() if number >= 100},
    "dozen": 12.0,
    "k": 1e3,
    "mn": 1e6,
    "m": 1e6,
    "bn": 1e9,
    "b": 1e9,
    "tn": 1e12,
    "t": 1e12,
}
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
_PERCENT = r"\s?%|\s?per\s?cent\b|\s?percentage points?\b"
_NUMBER = re.compile(
    r"(?P<currency>US\$|[$€£¥₹])?\s?(?<![\w.])(?P<number>\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:(?P<suffix>[kmbt]n?)\b|[\s-]?(?P<scale>hundred|thousand|million|billion|trillion|bn|mn|tn)s?\b)?"
    rf"(?P<percent>{_PERCENT})?",
    re.I,
)
_YEAR = re.compile(YEAR)
_PERCENT_AFTER = re.compile(rf"(?:\s+an?\b)?-?(?:{_PERCENT})", re.I)  # "half a percent"
_NEXT_WORD = re.compile(r"[\s-]+(?P<word>[^\W\d_]+)")
_ARTICLE = re.compile(r"(?:\s+of)?\s+an?\b", re.I)  # "half an hour", "a quarter of a mile"


def _noun_after(text: str, end: int) -> str:
    match = _NEXT_WORD.match(text, end)
    return match["word"].lower().removesuffix("s") if match else ""


def values(text: str) -> list[Value]:
    """Quantities of ``text`` in order of place.

    A bare number from 1500 to 2099 is a year. Digits glued to letters ("GPT-5o", "H100") are names, not values.

    >>> [(v.kind, v.amount, v.unit) for v in values("a $14.3 billion deal in April 2026, up five per cent")]
    [('money', 14300000000.0, 'USD'), ('date', 202604.0, ''), ('percent', 5.0, '%')]
    """
    stated_values: list[Value] = []
    for form in (_dates, _in_digits, _in_words):  # an earlier form's place is not read again
        taken = [(v.start, v.end) for v in stated_values]
        stated_values += [v for v in form(text) if all(v.end <= start or v.start >= end for start, end in taken)]
    return sorted(stated_values, key=lambda v: v.start)


def _dates(text: str) -> Iterator[Value]:
    for d in written_dates(text):
        if not text[d.end : d.end + 1].isdigit():  # "May 12, 20000 people"
            amount = (d.year * 100 + d.month) * 100 + d.day if d.day else d.year * 100 + d.month
            yield Value("date", float(amount), "", d.start, d.end)


def _in_digits(text: str) -> Iterator[Value]:
    for match in _NUMBER.finditer(text):
        start = match.start("currency") if match["currency"] else match.start("number")
        end = match.end()
        if end < len(text) and (text[end].isalpha() or text[end] == "_"):
            continue
        if start > 1 and text[start - 1] in "-–" and text[start - 2].isalpha():
            continue  # GPT-5: part of a name
        digits = re.sub(r"[,\u00a0\u202f]", "", match["number"])
        suffix = (match["suffix"] or match["scale"] or "").lower()
        amount = float(digits) * _SCALES.get(suffix, 1.0)
        noun = _noun_after(text, end)
        if match["currency"] or noun in _CURRENCY_WORDS:
            unit = _CURRENCIES[lower(match["currency"])] if match["currency"] else _CURRENCY_WORDS[noun]
            yield Value("money", amount, unit, start, end)
        elif match["percent"]:
            yield Value("percent", amount, "%", start, end)
        elif not suffix and _YEAR.fullmatch(match["number"]):
            yield Value("date", amount, "", start, end)
        else:
            yield Value("count", amount, noun, start, end)


def _in_words(text: str) -> Iterator[Value]:
    for n in number_words(text):
        percent = _PERCENT_AFTER.match(text, n.end)
        article = _ARTICLE.match(text, n.end) if n.amount < 1 else None
        noun = _noun_after(text, article.end() if article else n.end)
        if percent:
            yield Value("percent", n.amount, "%", n.start, percent.end())
        elif n.share:
            yield Value("percent", 100 * n.amount, "%", n.start, n.end)
        elif noun in _CURRENCY_WORDS:
            yield Value("money", n.amount, _CURRENCY_WORDS[noun], n.start, n.end)
        elif n.amount != 1:  # "one of them"
            yield Value("count", n.amount, noun, n.start, n.end)


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
    if a.kind == b.kind == "percent" and (_is_third(a) or _is_third(b)):
        return abs(a.amount - b.amount) < _THIRD_APART
    return abs(a.amount - b.amount) <= 1e-9 * max(1.0, abs(a.amount))


def _is_third(value: Value) -> bool:
    """A third or two: no percentage says them exactly."""
    return value.amount % 1 > 0 and abs(value.amount * 3 - round(value.amount * 3)) < 1e-9


_THIRD_APART = 0.5  # percent points: "a third" is 33 % and 33.3 %
_HEDGED_APART = 0.05  # relative difference that "about" or "nearly" covers, or "half of"
_HEDGE = re.compile(
    r"\b(?:about|around|approximately|roughly|nearly|almost|some|circa|an estimated|more than|over)\s*$|~\s*$"
)
_JOINT = re.compile(r"\s*(?:-|–|—|to|and|or)\s*")
_DECIMALS = re.compile(r"\d\.(\d+)")
_PARTS = re.compile(r"\b(?:half|quarters?|thirds?)\b", re.I)


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
        last_word = (re.findall(r"[a-z]+", written.lower()) or [""])[-1]
        scale = _SCALES.get(last_word.removesuffix("s"), 1.0)
        slack = 0.49 * scale * _last_place(written, scale)
        rough_share = v.kind == "percent" and _PARTS.search(written)
        if rough_share or _HEDGE.search(text[max(0, v.start - 20) : v.start]):
            slack = max(slack, _HEDGED_APART * abs(v.amount))
        last = found[-1] if found else None
        if last is not None and last.value.kind in (v.kind, "count") and _JOINT.fullmatch(text[last.end : v.start]):
            low = last.low * scale if last.high < v.amount / 100 else last.low  # "0.2 and 0.3 billion"
            if low <= v.amount:
                found[-1] = Stated(v, low, v.amount + slack, last.start, v.end)
                continue
        found.append(Stated(v, v.amount - slack, v.amount + slack, v.start, v.end))
    return found


def _last_place(written: str, scale: float) -> float:
    """What the last digit of a number counts, in units of its scale: 0.1 of "14.3 billion"; 0 where it is exact."""
    if decimals := _DECIMALS.search(written):
        return 10.0 ** -len(decimals[1])
    if _PARTS.search(written):
        return 0.1  # "two and a half million"
    return float(scale > 1)
