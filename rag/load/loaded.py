"""What a loader gives back: the text of a file, with what its markup says about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.load.canonical import canonical
from rag.types import Part


@dataclass(frozen=True, slots=True)
class Properties:
    """What somebody entered in a file's property sheet, on one line each; None where nobody did. Dates are ISO 8601."""

    title: str | None = None
    author: str | None = None
    published: str | None = None
    created: str | None = None  # of the file: what counts where neither sheet nor text says when it was published
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """Not yet canonical text; None where the markup does not say."""

    text: str
    title: str | None = None
    outlet: str | None = None
    author: str | None = None
    date: str | None = None  # ISO 8601, YYYY-MM-DD: of publication
    is_article: bool = True  # its first lines may be title and byline; those of a sheet or of settings are not
    parts: tuple[Part, ...] = ()  # offsets of ``text``, which then is canonical and stripped, as for pages
    pages: tuple[int, ...] = ()  # where each page starts
    properties: Properties = Properties()


Loader = Callable[[bytes], Loaded]
"""Bytes of one file to a Page; raises LoadError where they are not of its format."""


def in_parts(sections: Sequence[tuple[str, str]]) -> tuple[str, tuple[Part, ...]]:
    """The text of (title, text) sections one after the other, and a Part for each; empty ones are left out."""
    texts: list[str] = []
    parts: list[Part] = []
    start = 0
    for title, raw in sections:
        text = canonical(raw).strip()
        if not text:
            continue
        if parts:
            text = "\n\n" + text
        texts.append(text)
        parts.append(Part(start, start + len(text), title))
        start += len(text)
    return "".join(texts), tuple(parts)
