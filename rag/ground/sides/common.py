"""What the strategies share: a side made of evidence, and how much of the question a sentence must speak of."""

from __future__ import annotations

from collections.abc import Sequence

from rag.retrieve.tuning import TUNING
from rag.types import Citation, Evidence, Side


def side(claim: str, evidence: Sequence[Evidence]) -> Side:
    """The best sentences of each document, at most ``TUNING.most_quotes`` of one."""
    by_document: dict[str, list[Citation]] = {}
    for e in sorted(evidence, key=lambda e: (-e.score, e.number)):
        quotes = by_document.setdefault(e.document_id, [])
        if len(quotes) < TUNING.most_quotes and all(q.start != e.start for q in quotes):
            quotes.append(Citation.of(e, e.number))
    return Side(claim, tuple(by_document), tuple(c for quotes in by_document.values() for c in quotes))
