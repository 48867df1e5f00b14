"""What the strategies share: a side made of evidence, and how much of the question a sentence must speak of."""

from __future__ import annotations

from collections.abc import Sequence

from rag.types import Citation, Evidence, Side

LEAST_SHARED = 3  # words from which two texts are about one thing
MENTIONED = 0.4  # shares of the question's words that a sentence has
SPOKEN_OF = 0.5
NEARLY_ALL = 0.75
_MOST_QUOTES = 2


def side(claim: str, evidence: Sequence[Evidence]) -> Side:
    """The best sentences of each document, at most ``_MOST_QUOTES`` of one."""
    by_document: dict[str, list[Citation]] = {}
    for e in sorted(evidence, key=lambda e: (-e.score, e.number)):
        quotes = by_document.setdefault(e.document_id, [])
        if len(quotes) < _MOST_QUOTES and all(q.start != e.start for q in quotes):
            quotes.append(Citation.of(e, e.number))
    return Side(claim, tuple(by_document), tuple(c for quotes in by_document.values() for c in quotes))
