"""Colours of a page as a reader sees them: red, green and blue of 255."""

from __future__ import annotations

from functools import lru_cache

from tinycss2.color5 import parse_color

Colour = tuple[float, float, float]

BLACK: Colour = (0.0, 0.0, 0.0)
WHITE: Colour = (255.0, 255.0, 255.0)
_NEAR = 16  # of 255 in each of red, green and blue: so faint that nobody reads it; mint cream on white is 10
_GREY = 8.0  # distance from grey on the axes of CIE Lab, up to which a colour counts as one


def painted(text: str, ground: Colour | None) -> Colour | None:
    """A colour as it looks on ``ground``, through which it may let shine; None where nobody can tell.

    >>> painted("hsl(0, 0%, 100%)", None), painted("rgba(0, 0, 0, 0)", WHITE), painted("var(--x)", WHITE)
    ((255.0, 255.0, 255.0), (255.0, 255.0, 255.0), None)
    """
    parsed = _parsed(text)
    if parsed is None:
        return None
    red, green, blue, alpha = parsed
    if alpha >= 1:
        return red, green, blue
    if ground is None:
        return None
    r, g, b = (alpha * ink + (1 - alpha) * under for ink, under in zip((red, green, blue), ground, strict=True))
    return r, g, b


def alike(ink: Colour | None, paper: Colour | None) -> bool:
    """Whether text of the one colour cannot be read on the other; not where one of them is unknown."""
    if ink is None or paper is None:
        return False
    return all(abs(a - b) <= _NEAR for a, b in zip(ink, paper, strict=True))


@lru_cache(maxsize=10_000)
def _parsed(text: str) -> tuple[float, float, float, float] | None:
    """Red, green, blue of 255, and opacity; of the wide spaces that tinycss2 does not convert, greys only."""
    try:
        colour = parse_color(text)
        if colour is None or isinstance(colour, str):
            return None
        if colour.space in ("hsl", "hwb"):
            colour = colour.to("srgb")
        channels = [channel or 0.0 for channel in colour.coordinates]
        if colour.space.startswith(("lab", "lch", "ok", "xyz")):
            lightness, a, b = colour.to("lab").coordinates
            if max(abs(a), abs(b)) > _GREY:
                return None
            channels = [
                ((lightness + 16) / 116) ** (3 / 2.2)
            ] * 3  # from lightness to light, then to the screen's scale
        red, green, blue = (255 * min(1.0, max(0.0, channel)) for channel in channels)
    except (ValueError, TypeError, ArithmeticError, NotImplementedError):  # as of a function with too few arguments
        return None
    return red, green, blue, float(colour.alpha)
