"""Numbers in digits as the countries write them: "1,800", "1.800", "1 800" and "1'800", "2.5" and "2,5"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FIRM = "\u00a0\u202f\u2009"  # spaces that hold a number together
_QUOTES = "'’"
# Three digits a group after the same mark each time; a fraction after another mark than a point or comma that groups.
_GROUPED = re.compile(
    rf"(?P<head>[1-9]\d{{0,2}})(?P<mark>[,.{_QUOTES}{_FIRM} ])(?P<groups>\d{{3}}(?:(?P=mark)\d{{3}})*)(?!\d)"
    r"(?:(?!(?P=mark))[.,](?P<fraction>\d+))?"
)
_INDIAN = re.compile(r"\d{1,2}(?:,\d\d)+,\d{3}(?!\d)")
_COMMA = re.compile(r"(?P<whole>\d+),(?P<fraction>\d{1,2})(?!\d|,\d)|(?P<zero>0),(?P<parts>\d+)(?!\d|,\d)")
_PLAIN = re.compile(rf"\d{{1,3}}(?:[,{_FIRM}]\d{{3}})+(?!\d)(?:\.\d+)?|\d+(?:[.·]\d+)?")
_GOES_ON = re.compile(r"\.\d")
_NO_GROUPS = re.compile(rf"[,{_FIRM}]")


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number up to ``end`` and the ``readings`` it may have, the likeliest first."""

    end: int
    readings: tuple[float, ...]
    needs_unit: bool  # without a unit or currency these are two numbers
    in_thousands: float | None = None  # of "1.800", which may be one and a fraction: the other reading


def numerals_at(text: str, start: int) -> Iterator[Numeral]:
    """How the digits from ``start`` can be read, the longest first; the last one needs no unit.

    >>> [(n.readings, n.in_thousands) for n in numerals_at("1.800", 0)]
    [((1.8,), 1800.0)]
    """
    grouped = _GROUPED.match(text, start)
    if grouped and not _GOES_ON.match(text, grouped.end()) and not _is_address(grouped[0]):
        whole = float(re.sub(r"\D", "", grouped["head"] + grouped["groups"]))
        fraction = float(f"0.{grouped['fraction']}") if grouped["fraction"] else 0.0
        if grouped["mark"] == "." and len(grouped["groups"]) == 3 and not grouped["fraction"]:
            yield Numeral(grouped.end(), (float(f"{grouped['head']}.{grouped['groups']}"),), False, whole)
            return
        if grouped["mark"] != " ":
            yield Numeral(grouped.end(), (whole + fraction,), False)
            return
        groups = grouped["groups"].split(" ")
        if not text[max(0, start - 2) : start].rstrip()[-1:].isdigit():  # else it is a row of figures
            if any(group.startswith("0") for group in groups):  # "10 000" is one number
                yield Numeral(grouped.end(), (whole + fraction,), False)
                return
            yield Numeral(grouped.end(), (whole + fraction, float(groups[-1]) + fraction), True)  # "page 12 300 m"
    if indian := _INDIAN.match(text, start):
        yield Numeral(indian.end(), (float(indian[0].replace(",", "")),), False)
        return
    if comma := _COMMA.match(text, start):
        yield Numeral(comma.end(), (float(comma[0].replace(",", ".")),), True)
    if plain := _PLAIN.match(text, start):
        yield Numeral(plain.end(), (float(_NO_GROUPS.sub("", plain[0]).replace("·", ".")),), False)


def _is_address(digits: str) -> bool:
    """192.168.100.200"""
    parts = digits.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)
