"""When the prose fails but the evidence answers: the answer is the evidence itself, word for word."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.types import Evidence, Sentence, Side
from rag.verify import citation
from rag.words import content_stems, names, overlap, plain

ANSWERS = 0.8  # share of the question's content words from which a sentence is taken to answer it
_MOST = 4  # quotations shown as an answer, one a source

_TOPIC_QUESTION = re.compile(
    r"\b(?:what|how)\b.{0,20}\b(?:sources?|documents?|articles?|papers?|reports?|texts?|files?|they)\b.{0,20}"
    r"\b(?:says?|said|reports?|claims?|writes?|states?|mentions?|describes?|tells?)\b",
    re.I,
)


def asks_what_sources_say(question: str) -> bool:
    """Whether the question is for the sources' own words rather than for a fact.

    >>> asks_what_sources_say("What do sources say about the license?"), asks_what_sources_say("Who leads it?")
    (True, False)
    """
    return _TOPIC_QUESTION.search(question) is not None


def quotations(question: str, evidence: Sequence[Evidence], *, drafted: bool) -> list[Sentence]:
    """The best sentence of each source that answers in its own words; [] where none does.

    A question for what sources say is answered by every source that names its subject. Any other
    needs a sentence that covers the question, and a model that did not call it unanswerable
    (``drafted``: it wrote something, though what it wrote could not be kept).
    """
    subject = {w.stem for w in names(question)}
    wanted = content_stems(question)
    topic = asks_what_sources_say(question) and bool(subject)
    if not (topic or drafted):
        return []
    best: dict[str, Evidence] = {}
    for e in sorted(evidence, key=lambda e: -e.score):
        said = content_stems(e.quote)
        fits = subject <= set(said) if topic else overlap(wanted, said) >= ANSWERS and len(set(wanted)) > 1
        if fits:
            best.setdefault(e.document_id, e)
    return [Sentence(plain(e.quote), (citation(e),)) for e in list(best.values())[:_MOST]]


def other_sides(kept: Sequence[Sentence], sides: Sequence[Side]) -> list[Sentence]:
    """A quotation for each side of a disagreement that the kept sentences leave out: none is silently chosen."""
    cited = {(c.document_id, c.start) for s in kept for c in s.citations}
    missing = [side for side in sides if not any((c.document_id, c.start) in cited for c in side.citations)]
    return [Sentence(plain(side.citations[0].quote), (side.citations[0],)) for side in missing]
