"""What a loader gives back: the text of a file, with what its markup says about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """Not yet canonical text; None where the markup does not say."""

    text: str
    title: str | None = None
    outlet: str | None = None
    author: str | None = None
    date: str | None = None  # ISO 8601, YYYY-MM-DD


Loader = Callable[[bytes], Page]
"""Bytes of one file to a Page; raises LoadError where they are not of its format."""
