"""Currencies, units of measurement and scales, read from ``measures/``: what a word or sign behind a number means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from rag.text.lists import either, entries, word_numbers

_LEAST_SCALE = 100  # "hundred" is a scale, "ninety" is not


@dataclass(frozen=True, slots=True)
class Unit:
    """``size`` basic units of a quantity such as length."""

    quantity: str
    size: float


@cache
def currencies() -> dict[str, tuple[str, ...]]:
    """Codes of the currencies that a sign or a name may mean, the likeliest first.

    >>> currencies()["€"], currencies()["dollars"][:2]
    (('EUR',), ('USD', 'AUD'))
    """
    meanings: dict[str, tuple[str, ...]] = {}
    for code, *names in map(str.split, entries("currencies", "measures")):
        for name in names:
            spaced = name.replace("_", " ")
            meanings[spaced] = (*meanings.get(spaced, ()), code)
    return meanings


@cache
def units() -> dict[str, tuple[Unit, ...]]:
    """The units that a name may mean, the likeliest first.

    >>> units()["km"]
    (Unit(quantity='length', size=1000.0),)
    """
    meanings: dict[str, tuple[Unit, ...]] = {}
    for quantity, size, *names in map(str.split, entries("units", "measures")):
        for name in names:
            spaced = name.replace("_", " ")
            meanings[spaced] = (*meanings.get(spaced, ()), Unit(quantity, float(size)))
    return meanings


@cache
def scales() -> dict[str, float]:
    """What a word behind a number multiplies it by, plurals included; the letters that must touch it are not here.

    >>> scales()["millions"], scales()["bn"]
    (1000000.0, 1000000000.0)
    """
    factors = {word: float(size) for word, size in word_numbers("numbers").items() if size >= _LEAST_SCALE}
    factors |= {f"{word}s": size for word, size in factors.items()}
    for size, *words in map(str.split, entries("scales", "measures")):
        factors |= {word: float(size) for word in words}
    return factors


def listed(names: Mapping[str, object], name: str) -> str | None:
    """``name`` as the table has it: as it is written, or else in lower case where it has three letters or more.

    >>> listed(units(), "Hours"), listed(units(), "MW"), listed(units(), "nM"), listed(units(), "HR")
    ('hours', 'MW', None, None)
    """
    if name not in names:
        name = " ".join(re.split(r"[\s-]+", name))
    if name not in names and len(name) > 2 and name[0].isupper():
        name = name.lower()
    return name if name in names else None


@cache
def pattern(kind: str) -> re.Pattern[str]:
    """A pattern of the names of "currencies" or "units" whole, at a place; ``listed`` settles their case."""
    spaced = either(currencies() if kind == "currencies" else units()).replace(r"\ ", r"[\s-]")
    return re.compile(rf"(?:{spaced})(?![^\W_])", re.I)
