"""The screen that a page is read on, an ordinary laptop's: its lengths, and which conditions of a style sheet hold."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

Token = Any
"""A component value of tinycss2, which has no types of its own."""

_WIDTH, _HEIGHT = 1440.0, 800.0  # pixels that are left for a page on most laptops
PIXELS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78, "q": 0.945, "em": 16.0,
          "rem": 16.0, "ex": 8.0, "ch": 8.0, "vw": _WIDTH / 100, "vh": _HEIGHT / 100, "vmin": _HEIGHT / 100,
          "vmax": _WIDTH / 100}  # fmt: skip
"""Pixels in one of each unit, where the type is 16 pixels high."""
_DOTS = {"x": 1.0, "dppx": 1.0, "dpi": 1 / 96, "dpcm": 2.54 / 96}
_SCREEN: dict[str, float | str] = {
    "width": _WIDTH, "height": _HEIGHT, "device-width": _WIDTH, "device-height": 900.0, "orientation": "landscape",
    "inline-size": _WIDTH, "block-size": _HEIGHT, "aspect-ratio": _WIDTH / _HEIGHT, "device-aspect-ratio": 1.6,
    "resolution": 1.0, "device-pixel-ratio": 1.0, "color": 8.0, "color-index": 0.0, "monochrome": 0.0, "grid": 0.0,
    "hover": "hover", "any-hover": "hover", "pointer": "fine", "any-pointer": "fine", "update": "fast",
    "scripting": "enabled", "overflow-block": "scroll", "overflow-inline": "scroll", "color-gamut": "srgb",
    "dynamic-range": "standard", "display-mode": "browser", "forced-colors": "none", "inverted-colors": "none",
    "prefers-color-scheme": "light", "prefers-contrast": "no-preference", "prefers-reduced-data": "no-preference",
    "prefers-reduced-motion": "no-preference", "prefers-reduced-transparency": "no-preference",
}  # fmt: skip
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ":": operator.eq, "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def significant(tokens: Sequence[Token]) -> list[Token]:
    """Without white space and comments."""
    return [token for token in tokens if token.type not in ("whitespace", "comment")]


def split(tokens: Sequence[Token], separator: str) -> list[list[Token]]:
    """The runs of tokens between separators."""
    runs: list[list[Token]] = [[]]
    for token in tokens:
        if token == separator:
            runs.append([])
        else:
            runs[-1].append(token)
    return runs


def applies(rule: str, condition: Sequence[Token]) -> bool:
    """Whether what stands inside @media, @supports or @container counts; one that nobody understands does not.

    A browser is taken to support whatever is asked for, and a container to be as wide as the screen.

    >>> from tinycss2 import parse_component_value_list as tokens
    >>> applies("media", tokens("screen and (min-width: 40em)")), applies("media", tokens("print, (width < 600px)"))
    (True, False)
    """
    words = significant(condition)
    if rule == "media":
        return not words or any(_holds(query, _feature) for query in split(words, ","))
    if rule == "container":
        named = bool(words) and words[0].type == "ident" and words[0].lower_value != "not"
        return _holds(words[named:], _feature)
    return rule == "supports" and _holds(words, lambda _: True)


def _holds(words: Sequence[Token], leaf: Callable[[Sequence[Token]], bool]) -> bool:
    try:
        return _all_of(words, leaf)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return False  # as in a browser: unknown and malformed conditions do not hold, whether negated or not


def _all_of(words: Sequence[Token], leaf: Callable[[Sequence[Token]], bool]) -> bool:
    if words[0] == "not" or (words[0].type == "ident" and words[0].lower_value == "not"):
        return not _all_of(words[1:], leaf)
    result, joins = True, "and"
    for word in words:
        if word.type == "ident" and word.lower_value in ("and", "or", "only"):
            joins = word.lower_value
            continue
        if word.type == "ident":  # a kind of device
            here = word.lower_value in ("all", "screen")
        elif word.type == "() block":
            inside = significant(word.content)
            grouped = any(part.type == "() block" for part in inside) or inside[0].type == "function"
            negated = inside[0].type == "ident" and inside[0].lower_value == "not"
            here = _all_of(inside, leaf) if grouped or negated else leaf(inside)
        elif word.type == "function":
            here = leaf(word.arguments)
        else:
            raise ValueError(word)
        result = (result or here) if joins == "or" else (result and here)
    return result


def _feature(words: Sequence[Token]) -> bool:
    """Whether "min-width: 40em", "400px <= width < 60em" or "hover" is true of the screen."""
    sides: list[list[Token]] = [[]]
    signs: list[str] = []
    for word in words:
        if word.type != "literal" or word.value not in _COMPARISONS:
            sides[-1].append(word)
        elif signs and not sides[-1]:  # the second half of "<="
            signs[-1] += word.value
        else:
            signs.append(word.value)
            sides.append([])
    if signs in ([], [":"]):
        name = sides[0][0].lower_value.replace("-webkit-", "").replace("-moz-", "")
        if not signs:
            return _SCREEN[name] not in (0, "none", "no-preference")
        sign = {"min-": ">=", "max-": "<="}.get(name[:4], "=")
        return _COMPARISONS[sign](_SCREEN[name if sign == "=" else name[4:]], _value(sides[1]))
    values = [_value(side) for side in sides]
    return all(_COMPARISONS[sign](values[n], values[n + 1]) for n, sign in enumerate(signs))


def _value(side: Sequence[Token]) -> float | str:
    token = side[0]
    if token.type == "ident":
        return _SCREEN.get(token.lower_value, str(token.lower_value))
    if token.type == "dimension":
        unit = token.lower_unit
        return float(token.value * (_DOTS[unit] if unit in _DOTS else PIXELS[unit]))
    if len(side) == 3 and side[1] == "/":
        return float(token.value / side[2].value)
    return float(token.value)
