"""A chunk as the reader reads it: its title and heading, then its units with what each is read under."""

from __future__ import annotations

from rag.models.protocols import PassageText
from rag.text.words import plain
from rag.types import Chunk, Span, Unit


def passage_text(chunk: Chunk) -> PassageText:
    """A lead-in, a question or column names that the text does not have already stand before the unit.

    A list spans those of its items that are in the chunk, or itself where none is.

    >>> unit = Unit(0, 6, context="Members")
    >>> passage_text(Chunk("a.txt", 0, 6, "Ada L.", "Minutes", "", None, (unit,))).text
    'Minutes. Members: Ada L.'
    """
    units = chunk.sentences
    quotes = [plain(chunk.text[unit.start - chunk.start : unit.end - chunk.start]) for unit in units]
    in_context = [plain(chunk.in_context(unit)) for unit in units]
    own = {quote for unit, quote in zip(units, quotes, strict=True) if unit.kind == "heading"}
    title = ". ".join(dict.fromkeys(t for t in (plain(chunk.title), plain(chunk.heading)) if t and t not in own))
    title += ". " if title else ""
    text = title
    places: dict[int, Span] = {}
    for n in sorted(range(len(units)), key=lambda n: units[n].start):
        unit, quote = units[n], quotes[n]
        if unit.kind == "list" and any(other is not unit and _within(other, unit) for other in units):
            continue
        read = quote if plain(unit.context) in text else in_context[n]
        start = len(text) + (len(read) - len(quote) if read.endswith(quote) else 0)
        text += read
        places[n] = Span(start, len(text))
        text += " "
    for n, unit in enumerate(units):
        if n not in places:
            within = [places[m] for m, other in enumerate(units) if m in places and _within(other, unit)]
            places[n] = Span(min((s.start for s in within), default=0), max((s.end for s in within), default=0))
    spans = tuple(places[n] for n in range(len(units)))
    return PassageText(text.rstrip(), spans, tuple(title + read for read in in_context))


def _within(unit: Unit, other: Unit) -> bool:
    return other.start <= unit.start and unit.end <= other.end
