"""Text -> the numbers, sums of money, shares and dates it states, in normal form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rag.text.dates import YEAR, written_dates
from rag.text.lists import either, lower, word_list
from rag.text.measures import Unit, currencies, listed, pattern, scales, units
from rag.text.number_words import number_words
from rag.text.numerals import Numeral, numerals_at

Kind = Literal["money", "percent", "date", "count"]


@dataclass(frozen=True, slots=True)
class Value:
    """One stated quantity.

    ``amount`` is in units as they are written (dollars, percent points, hours, things), a date is YYYY[MM[DD]], or MMDD
    where no year is named.
    """

    kind: Kind
    amount: float
    unit: str  # currency code, "%", "" for a date, the counted noun for a count
    start: int
    end: int
    measure: Unit | None = None  # what one unit is, where the noun is a unit of measurement
    scale: float = 1.0  # of "14.3 million": what its number is written in
    also: tuple[Value, ...] = ()  # what else the same place may mean: "1.800", "5 pounds", "03/04/2025"

    @property
    def measured_in(self) -> str:
        """What two quantities must share to be compared: the quantity measured, or else the unit."""
        return self.measure.quantity if self.measure else self.unit

    @property
    def size(self) -> float:
        """The amount in basic units: metres, seconds; the amount itself where nothing is measured."""
        return self.amount * self.measure.size if self.measure else self.amount


_LETTER_SCALES = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}  # these touch the number: "5m", and "5 m" is a length
_SCALE = re.compile(rf"[kmbt](?![^\W_])|[\s-]?(?:{either(scales())})(?![^\W_])", re.I)
_PERCENT = r"\s?%|[\s-]?(?:per\s?cent|prozent|pour\s?cent|por\s?ciento)\b|\s?percentage points?\b"
_PERCENT_HERE = re.compile(_PERCENT, re.I)
_DIGITS = re.compile(r"(?<![\w.·])\d")
_SIGN = re.compile(r"[^\w\s]|[A-Z]{3}$|(?:Rs|kr)$")  # what may stand before the number; "Euro 2016" is none
_BEFORE = re.compile(rf"(?<![^\W_])(?:{either(name for name in currencies() if _SIGN.search(name))})\s?$")
_REACH = 24  # characters before a number that are looked at
_HEADER_NAME = r"[^\W\d_]{1,12}[²³]?|[^\w\s]"
_HEADER = re.compile(  # of a column, or a label: "Total (EUR): 298", "Length in km: 5"
    rf"(?:[(\[](?P<a>{_HEADER_NAME})[)\]]\s?[:=|]?|\b(?:in|en)\s(?P<b>{_HEADER_NAME})\s?[:=|])\s?$"
)
_RATE = re.compile(r"\s?/\s?(?:\d+\s?)?[^\W\d_]+(?:[²³23]|\([23]\))?")
_NEXT_NUMBER = re.compile(r"\s?\d")
_GAP = re.compile(r"[\s-]?\s?")
_YEAR = re.compile(YEAR)
_DAY_BEFORE = re.compile(r"(?<![\w.,/-])(?P<day>[0-3]?\d)(?:st|nd|rd|th|\.)?\s?(?:[-–—]|to|and|bis|und|au|et|al|y)\s?$")
_DAY_AFTER = re.compile(
    rf"\s?(?:[-–—]|to|and)\s?(?P<day>[0-3]?\d)(?:st|nd|rd|th)?(?![\w%]|[.,:]\d)(?:\s?,?\s+(?P<year>{YEAR})(?!\d))?"
)
_PERCENT_AFTER = re.compile(rf"(?:\s+an?\b)?-?(?:{_PERCENT})", re.I)  # "half a percent"
_NEXT_WORD = re.compile(r"[\s-]+(?P<word>[^\W\d_]+)")
_ARTICLE = re.compile(r"(?:\s+of)?\s+an?\b", re.I)  # "half an hour", "a quarter of a mile"
_POINTED = {"USD", "GBP", "INR", "JPY", "CNY"}  # where it is money of these countries a point starts the fraction


def _noun_after(text: str, end: int) -> str:
    match = _NEXT_WORD.match(text, end)
    return match["word"].lower().removesuffix("s") if match else ""


def values(text: str) -> list[Value]:
    """Quantities of ``text`` in order of place.

    A bare number from 1500 to 2099 is a year. Digits glued to letters ("GPT-5o", "H100") are names, not values, unless
    the letters are a unit ("5mg").

    >>> [(v.kind, v.amount, v.unit) for v in values("a $14.3 billion deal in April 2026, up five per cent")]
    [('money', 14300000000.0, 'USD'), ('date', 202604.0, ''), ('percent', 5.0, '%')]
    """
    stated_values: list[Value] = []
    for form in (_dates, _in_digits, _in_words):  # an earlier form's place is not read again
        taken = [(v.start, v.end) for v in stated_values]
        stated_values += [v for v in form(text) if all(v.end <= start or v.start >= end for start, end in taken)]
    return sorted(stated_values, key=lambda v: v.start)


def _dates(text: str) -> Iterator[Value]:
    for d in written_dates(text, short=True):
        if text[d.end : d.end + 1].isdigit():
            continue  # "May 12, 20000 people"
        year, end = d.year, d.end
        if d.month_first and (last := _DAY_AFTER.match(text, d.end)):  # "January 27–28, 1922"
            year = int(last["year"] or 0)
            yield Value("date", _date_number(year, d.month, int(last["day"])), "", last.start("day"), last.end())
        elif text[d.start].isdigit() and d.day and (first := _DAY_BEFORE.search(text, max(0, d.start - 12), d.start)):
            yield Value("date", _date_number(year, d.month, int(first["day"])), "", *first.span("day"))
        also: tuple[Value, ...] = ()
        if d.turned:
            also = (Value("date", _date_number(year, d.day, d.month), "", d.start, end),)
        noun = _noun_after(text, end) if d.month_first and not year else ""
        if noun:  # "in May 12 people"
            also = (Value("count", float(d.day), noun, d.start, end),)
        yield Value("date", _date_number(year, d.month, d.day), "", d.start, end, also=also)


def _date_number(year: int, month: int, day: int) -> float:
    return float((year * 100 + month) * 100 + day if day else year * 100 + month)


def _in_digits(text: str) -> Iterator[Value]:
    at = 0
    while first := _DIGITS.search(text, at):
        start = first.start()
        for numeral in numerals_at(text, start):
            named = start > 1 and text[start - 1] in "-–" and text[start - 2].isalpha()  # GPT-5
            value = None if named else _in_figures(text, start, numeral)
            at = max(numeral.end, value.end if value else 0)
            if value:
                yield value
            if value or not numeral.needs_unit:
                break


def _in_figures(text: str, start: int, numeral: Numeral) -> Value | None:
    """The number with the currency before it and the scale and unit behind it; None where it is part of a name."""
    end = numeral.end
    glued = _name_at(text, end, "units")
    scale = None if glued and len(glued.name) > 1 else _SCALE.match(text, end)
    word = lower(scale[0].lstrip(" \t\n\u00a0\u202f-")) if scale else ""
    factor = _LETTER_SCALES.get(word) or scales().get(word, 1.0)
    end = scale.end() if scale else end
    before = _BEFORE.search(text, max(0, start - _REACH), start)
    percent = _PERCENT_HERE.match(text, end)
    money = None if before or percent else _name_at(text, end, "currencies")
    measured = None if before or percent else _name_at(text, end, "units")
    if measured and _labels(text, start, measured.name):
        measured = None
    if numeral.needs_unit and not (before or percent or money or measured or scale):
        return None
    noun = _noun_after(text, end)
    end = max([end, *(match.end() for match in (percent,) if match), *(n.end for n in (money, measured) if n)])
    if end < len(text) and (text[end].isalpha() or text[end] == "_"):
        return None
    start = before.start() if before else start
    codes = currencies()[before[0].strip()] if before else currencies()[money.name] if money else ()
    amounts = [amount * factor for amount in numeral.readings]
    if numeral.in_thousands is not None and not scale:
        amounts.append(numeral.in_thousands)
        if codes and codes[0] not in _POINTED:
            amounts.reverse()  # "1.800 Euro"
    readings = [Value("money", amount, code, start, end) for code in codes for amount in amounts]
    if percent:
        readings += [Value("percent", amount, "%", start, end) for amount in amounts]
    if measured:
        meanings = units()[measured.name]
        if rate := _RATE.match(text, end):  # mg/kg is another quantity, and may be what "mg" alone says elsewhere
            meanings = (*(Unit(u.quantity + rate[0].replace(" ", ""), u.size) for u in meanings), *meanings)
        readings += [Value("count", n, noun or measured.name, start, end, unit) for unit in meanings for n in amounts]
    if not readings and not scale and len(amounts) == 1 and _YEAR.fullmatch(text, start, end):
        return Value("date", amounts[0], "", start, end)
    if money and money.name.isupper() and (word_after := _noun_after(text, end)) not in _NO_NOUNS:
        readings += [Value("count", amount, word_after, start, end) for amount in amounts]  # "12 CAD patients"
    if not readings:
        readings = _of_column(text, start, end, amounts)
        if not any(v.measure or v.kind == "percent" for v in readings):  # money needs no sign in a column of it
            counts = [Value("count", amount, noun, start, end) for amount in amounts]
            readings = [*counts, *readings, *_further_off(text, start, end, amounts)]
    if word in _LETTER_SCALES and not codes:  # "100m", "5t"
        readings += [Value("count", numeral.readings[0], word, start, end, unit) for unit in units().get(word, ())]
    return replace(readings[0], scale=factor, also=tuple(readings[1:]))


def _labels(text: str, start: int, name: str) -> bool:
    """In "Day 1 Day 26" the number goes with the word before it."""
    before = text[max(0, start - len(name) - 1) : start].rstrip()
    return before.lower() == name and before[0].isupper()


@dataclass(frozen=True, slots=True)
class _Name:
    name: str  # as the table has it
    end: int


def _name_at(text: str, at: int, kind: str) -> _Name | None:
    """The currency or unit behind a number that ends at ``at``."""
    gap = _GAP.match(text, at)
    match = pattern(kind).match(text, gap.end() if gap else at)
    name = listed(currencies() if kind == "currencies" else units(), match[0]) if match else None
    if not match or not name or (name == "s" and gap and not gap[0]):  # "the 1990s"
        return None
    if kind == "currencies" and _NEXT_NUMBER.match(text, match.end()):  # "in 2015 $40"
        return None
    return _Name(name, match.end())


def _of_column(text: str, start: int, end: int, amounts: Sequence[float]) -> list[Value]:
    """What a number means under the unit of its column or label; [] where that names none."""
    header = _HEADER.search(text, max(0, start - _REACH), start)
    name = (header["a"] or header["b"]) if header else ""
    codes = currencies().get(listed(currencies(), name) or "", ())
    meanings = units().get(listed(units(), name) or "", ())
    readings = [Value("money", amount, code, start, end) for code in codes for amount in amounts]
    readings += [Value("count", amount, name, start, end, unit) for unit in meanings for amount in amounts]
    return [Value("percent", amount, "%", start, end) for amount in amounts] if name == "%" else readings


def _further_off(text: str, start: int, end: int, amounts: Sequence[float]) -> list[Value]:
    """What a number means if the next word but one is its unit: "24 consecutive hours"."""
    word = _NEXT_WORD.match(text, end)
    unit = _name_at(text, word.end(), "units") if word and word["word"].lower() not in _NO_NOUNS else None
    meanings = units()[unit.name] if unit else ()
    return [
        Value("count", amount, unit.name.removesuffix("s"), start, end, meaning)
        for meaning in meanings
        for amount in amounts
        if unit
    ]


def _in_words(text: str) -> Iterator[Value]:
    for n in number_words(text):
        percent = _PERCENT_AFTER.match(text, n.end)
        article = _ARTICLE.match(text, n.end) if n.amount < 1 else None
        after = article.end() if article else n.end
        noun, money, measured = _noun_after(text, after), *(_name_at(text, after, k) for k in ("currencies", "units"))
        readings = []
        if percent:
            readings = [Value("percent", n.amount, "%", n.start, percent.end())]
        elif n.share:
            readings = [Value("percent", 100 * n.amount, "%", n.start, n.end)]
        elif n.amount != 1 or money:  # "one of them", "one day"
            readings = [
                Value("money", n.amount, c, n.start, n.end) for c in (currencies()[money.name] if money else ())
            ]
            for unit in units()[measured.name] if measured else ():
                readings.append(Value("count", n.amount, noun, n.start, n.end, unit))
            readings = readings or [
                Value("count", n.amount, noun, n.start, n.end),
                *_further_off(text, n.start, n.end, [n.amount]),
            ]
        if readings:
            scale = scales().get(lower(text[n.start : n.end].split()[-1]), 1.0)
            yield replace(readings[0], scale=scale, also=tuple(readings[1:]))


def same_value(a: Value, b: Value) -> bool:
    """Whether two quantities can be one, as one of their readings each; units count.

    A date agrees with a more exact one that begins with it, and a day without its year with that day of any year.
    Hours agree with minutes, dollars with no euros and with no bare number; other bare numbers with any unit.

    >>> same_value(values("in 2026")[0], values("April 7, 2026")[0])
    True
    >>> same_value(values("90 minutes")[0], values("1.5 hours")[0]), same_value(values("5 mg")[0], values("5 g")[0])
    (True, False)
    """
    return any(_agree(one, other) for one in (a, *a.also) for other in (b, *b.also))


def _agree(a: Value, b: Value) -> bool:
    if a.kind == "date" or b.kind == "date":
        return a.kind == b.kind and _same_date(int(a.amount), int(b.amount))
    if "money" in (a.kind, b.kind):
        return a.kind == b.kind and a.unit == b.unit and _equal(a.amount, b.amount)
    if a.kind == b.kind == "percent" and (_is_third(a) or _is_third(b)):
        return abs(a.amount - b.amount) < _THIRD_APART
    if a.measure and b.measure:
        return a.measure.quantity == b.measure.quantity and _equal(a.size, b.size)
    with_unit = [v for v in (a, b) if v.kind == "percent" or v.measure]
    if len(with_unit) == 1 and any(v.unit not in _NO_NOUNS for v in (a, b) if v not in with_unit):
        return False  # "5 mg" and "5 tablets"; "5" alone may be either
    return (len(with_unit) < 2 or a.kind == b.kind) and _equal(a.amount, b.amount)


def _equal(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-9 * max(1e-6, abs(a))


def _same_date(a: int, b: int) -> bool:
    if a > b:
        a, b = b, a
    if a <= _LAST_DAY:  # a day without a year
        return a == b or (b >= _FULL_DATES and b % 10_000 == a)
    return str(b).startswith(str(a))


def _is_third(value: Value) -> bool:
    """A third or two: no percentage says them exactly."""
    return value.amount % 1 > 0 and abs(value.amount * 3 - round(value.amount * 3)) < 1e-9


_LAST_DAY, _FULL_DATES = 1231, 10_000_000  # MMDD, YYYYMMDD
_NO_NOUNS = {"", *word_list("stop_words")}
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
    """A quantity as a text states it: every amount from ``low`` to ``high`` agrees with it.

    Both are in basic units where something is measured (``Value.size``).
    """

    value: Value  # the first one of a range
    low: float
    high: float
    start: int
    end: int
    also: tuple[float, ...] = ()  # sizes that other readings of it have, in the same units

    def agrees_with(self, other: Stated) -> bool:
        """Whether one amount could be meant by both; of quantities of one kind and unit."""
        mine, others = self._ranges(), other._ranges()
        return any(low <= top and bottom <= high for low, high in mine for bottom, top in others)

    def _ranges(self) -> list[tuple[float, float]]:
        return [(self.low, self.high), *((size, size) for size in self.also)]


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
        scale = v.scale
        slack = 0.49 * scale * _last_place(written, scale)
        rough_share = v.kind == "percent" and _PARTS.search(written)
        if rough_share or _HEDGE.search(text[max(0, v.start - 20) : v.start]):
            slack = max(slack, _HEDGED_APART * abs(v.amount))
        size = v.measure.size if v.measure else 1.0
        last = found[-1] if found else None
        if last is not None and last.value.kind in (v.kind, "count") and _JOINT.fullmatch(text[last.end : v.start]):
            same_unit = last.value.measured_in == v.measured_in
            if same_unit or not last.value.measure:
                times = 1.0 if same_unit else size  # "5 to 10 mg"
                low = last.low * times * (scale if last.high * times < v.size / 100 else 1.0)  # "0.2 and 0.3 billion"
                if low <= v.size:
                    found[-1] = Stated(v, low, v.size + slack * size, last.start, v.end)
                    continue
        also = tuple(o.size for o in v.also if (o.kind, o.measured_in) == (v.kind, v.measured_in))
        found.append(Stated(v, v.size - slack * size, v.size + slack * size, v.start, v.end, also))
    return found


def _last_place(written: str, scale: float) -> float:
    """What the last digit of a number counts, in units of its scale: 0.1 of "14.3 billion"; 0 where it is exact."""
    if decimals := _DECIMALS.search(written):
        return 10.0 ** -len(decimals[1])
    if _PARTS.search(written):
        return 0.1  # "two and a half million"
    return float(scale > 1)
