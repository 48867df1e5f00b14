"""What the strategies share: a side made of evidence, and how much of the question a sentence must speak of."""

from __future__ import annotations

from collections.abc import Sequence

from rag.retrieve.tuning import TUNING
from rag.text.words import content_stems, plain, words
from rag.types import Citation, Evidence, Side

_PRONOUNS = frozenset("it he she they this that these those we i you".split())


def side(claim: str, evidence: Sequence[Evidence]) -> Side:
    """The best sentences of each document, at most ``TUNING.most_quotes`` of one."""
    by_document: dict[str, list[Citation]] = {}
    for e in sorted(evidence, key=lambda e: (-e.score, e.number)):
        quotes = by_document.setdefault(e.document_id, [])
        if len(quotes) < TUNING.most_quotes and all(q.start != e.start for q in quotes):
            quotes.append(Citation.of(e, e.number))
    return Side(claim, tuple(by_document), tuple(c for quotes in by_document.values() for c in quotes))


def of_other_things(one: Evidence, other: Evidence) -> bool:
    """Whether what they speak of stands elsewhere, in documents that have no word of their titles in common.

    "It loads 780 kilograms." of one van does not contradict "It loads 940 kilograms." of another.
    """
    pronoun = any(w.text.lower() in _PRONOUNS for e in (one, other) for w in words(plain(e.quote))[:1])
    return pronoun and not set(content_stems(one.title)) & set(content_stems(other.title))


def of_one_text(one: Evidence, other: Evidence) -> bool:
    """Whether both stand in one article: rows of a table and steps of a scale differ without disagreeing."""
    return (one.document_id, one.title) == (other.document_id, other.title)
