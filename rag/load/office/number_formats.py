"""A number of a spreadsheet as its cell shows it: 0.25 with the format "0%" is "25%"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

GENERAL = "General"
BUILT_IN = {  # formats that a file names by number only; 14 and 22 follow the reader's country: here, ISO 8601
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "$#,##0;($#,##0)", 6: "$#,##0;($#,##0)",
    7: "$#,##0.00;($#,##0.00)",
    8: "$#,##0.00;($#,##0.00)", 9: "0%", 10: "0.00%", 11: "0.00E+00", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm",
    17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd hh:mm",
    37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)", 41: "#,##0",
    42: "#,##0", 43: "#,##0.00", 44: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss",
}  # fmt: skip

_TOKEN = re.compile(
    r'"(?P<text>[^"]*)"|\\(?P<letter>.)|(?P<space>_.)|\*.|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[(?P<elapsed>h+|m+|s+)\]|\[[^\]]*\]'
    r"|(?P<half>am/pm|a/p)|(?P<date>y+|m+|d+|h+|s+)|(?P<number>[0#?][0#?,]*(?:\.[0#?]*)?,*(?:e[+-]0+)?|\.[0#?]+)"
    r"|(?P<general>general)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_SECTION = re.compile(r'((?:"[^"]*"?|\\.|[^;"\\])*)(?:;|\\?$)', re.DOTALL)
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_LARGEST = 1e15  # a larger number is shown with an exponent


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def shown(value: float, code: str, *, since_1904: bool = False) -> str:
    """The text of a cell; a code that is not understood shows the number as it is.

    >>> shown(1880, '#,##0.00 "EUR"'), shown(0.256, "0%"), shown(45360, "d mmmm yyyy"), shown(62.5, "General")
    ('1,880.00 EUR', '26%', '9 March 2024', '62.5')
    """
    if value != value or abs(value) == float("inf"):
        return str(value)
    sections = _sections(code)
    which = 1 if value < 0 and len(sections) > 1 else 2 if value == 0 and len(sections) > 2 else 0
    tokens = sections[which]
    kinds = [token.kind for token in tokens]
    if not tokens:
        return ""  # ";;;" shows nothing
    if "date" in kinds or "elapsed" in kinds:
        return _date(value, tokens, since_1904)
    if kinds.count("number") > 1 or ("number" in kinds and any(t.text == "/" for t in tokens if t.kind == "other")):
        return plain(value)  # a fraction, a telephone number
    percent = sum(token.text == "%" for token in tokens if token.kind == "other")
    size = abs(value) if which == 1 else value
    parts = []
    for token in tokens:
        if token.kind == "number":
            parts.append(_number(size, token.text, percent))
        elif token.kind == "general":
            parts.append(plain(size))
        else:
            parts.append(token.text)
    text = "".join(parts).strip()
    sign = "-" if size < 0 and text.find("-") > 0 and not text[0].isalnum() else ""
    return sign + text.replace("-", "", 1) if sign else text  # "-$5", not "$-5"


def plain(value: float) -> str:
    """A number without a format.

    >>> plain(1880.0), plain(0.1 + 0.2)
    ('1880', '0.3')
    """
    return str(int(value)) if value == int(value) and abs(value) < _LARGEST else f"{value:.11g}"


@lru_cache(1000)
def _sections(code: str) -> tuple[tuple[_Token, ...], ...]:
    """The formats of positive numbers, of negative ones and of zero."""
    found = _SECTION.findall(code[:300])  # with an empty one behind the last
    return tuple(_tokens(GENERAL if section == "@" else section) for section in found[: max(1, len(found) - 1)])


def _tokens(section: str) -> tuple[_Token, ...]:
    tokens = []
    for match in _TOKEN.finditer(section):
        kind = match.lastgroup
        if kind is None or (kind == "other" and match[0] == "@"):
            continue
        literal = kind in ("text", "letter", "currency")
        text = " " if kind == "space" else match[kind]
        tokens.append(_Token("literal" if literal or kind == "space" else kind, text if literal else text.lower()))
    return tuple(tokens)


def _number(value: float, places: str, percent: int) -> str:
    mantissa, _, power = places.partition("e")
    if power:
        return f"{value:.{len(mantissa.partition('.')[2])}E}"
    whole, _, fraction = mantissa.rstrip(",").partition(".")
    scaled = Decimal(repr(value)).scaleb(2 * percent - 3 * (len(mantissa) - len(mantissa.rstrip(","))))
    if abs(scaled) > _LARGEST:
        return plain(float(scaled))
    rounded = scaled.quantize(Decimal(1).scaleb(-len(fraction)), ROUND_HALF_UP)
    text = f"{rounded:,f}" if "," in whole else f"{rounded:f}"
    digits, point, decimals = text.partition(".")
    least = fraction.count("0")
    decimals = decimals[:least] + decimals[least:].rstrip("0")
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    digits = digits.zfill(whole.count("0"))
    return ("" if rounded == 0 else sign) + digits + (point + decimals if decimals else "")


def _date(value: float, tokens: tuple[_Token, ...], since_1904: bool) -> str:
    try:
        day_zero = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30 if value >= 60 else 31)
        when = day_zero + timedelta(days=int(value), seconds=round((value - int(value)) * 86400))
    except OverflowError:
        return plain(value)
    half = any(token.kind == "half" for token in tokens)
    dated = [n for n, token in enumerate(tokens) if token.kind in ("date", "elapsed")]
    parts = []
    for n, token in enumerate(tokens):
        if token.kind == "half":
            parts.append("AM" if when.hour < 12 else "PM")
        elif token.kind == "elapsed":
            hours = round(value * 86400) // {"h": 3600, "m": 60, "s": 1}[token.text[0]]
            parts.append(str(hours).zfill(len(token.text)))
        elif token.kind == "date":
            before = next((tokens[i].text[0] for i in reversed(dated) if i < n), "")
            after = next((tokens[i].text[0] for i in dated if i > n), "")
            minutes = token.text[0] == "m" and len(token.text) < 3 and (before == "h" or after == "s")
            parts.append(_part_of_date(when, token.text, minutes, half))
        else:
            parts.append(token.text)
    return "".join(parts).strip()


def _part_of_date(when: datetime, letters: str, minutes: bool, half: bool) -> str:
    kind, count = letters[0], len(letters)
    if kind == "y":
        return f"{when.year:04}" if count > 2 else f"{when.year % 100:02}"
    if (kind == "m" and not minutes) or kind == "d":
        number, name = (when.month, _MONTHS[when.month - 1]) if kind == "m" else (when.day, _DAYS[when.weekday()])
        return name[:1] if count == 5 else name if count > 3 else name[:3] if count == 3 else str(number).zfill(count)
    number = when.minute if minutes else when.second if kind == "s" else (when.hour - 1) % 12 + 1 if half else when.hour
    return str(number).zfill(count)
