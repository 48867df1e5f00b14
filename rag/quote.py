"""When the prose fails but the evidence answers: the answer is the evidence itself, word for word."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.types import Evidence, Sentence, Side
from rag.values import Kind, values
from rag.verify import citation
from rag.words import content_stems, names, overlap, plain

ANSWERS = 0.8  # share of the question's content words from which a sentence is taken to answer it
_MOST = 4  # quotations shown as an answer, one a source

_TOPIC_QUESTION = re.compile(
    r"\b(?:what|how)\b.{0,20}\b(?:sources?|documents?|articles?|papers?|reports?|texts?|files?|they)\b.{0,20}"
    r"\b(?:says?|said|reports?|claims?|writes?|states?|mentions?|describes?|tells?)\b",
    re.I,
)

_QUANTITY_QUESTIONS: tuple[tuple[re.Pattern[str], frozenset[Kind]], ...] = (
    (
        re.compile(
            r"\bhow much\b.*\b(?:worth|cost|pa(?:y|id)|price|sp(?:end|ent)|invest|earn|raise|charge|pledge)", re.I
        ),
        frozenset({"money"}),
    ),
    (re.compile(r"\bhow much\b", re.I), frozenset({"money", "percent", "count"})),
    (re.compile(r"\bhow many\b", re.I), frozenset({"count"})),
    (re.compile(r"\b(?:when|what (?:year|date|day))\b", re.I), frozenset({"date"})),
)


def asks_what_sources_say(question: str) -> bool:
    """Whether the question is for the sources' own words rather than for a fact.

    >>> asks_what_sources_say("What do sources say about the license?"), asks_what_sources_say("Who leads it?")
    (True, False)
    """
    return _TOPIC_QUESTION.search(question) is not None


def _quantities_asked(question: str) -> frozenset[Kind]:
    """Kinds of quantity that would answer; empty where the question is not for one.

    >>> sorted(_quantities_asked("How much was the deal worth?"))
    ['money']
    """
    for pattern, kinds in _QUANTITY_QUESTIONS:
        if pattern.search(question):
            return kinds
    return frozenset()


def quotations(question: str, evidence: Sequence[Evidence], *, drafted: bool) -> list[Sentence]:
    """The best sentence of each source that answers in its own words; [] where none does.

    A question for what sources say is answered by every source that names its subject. Any other
    needs a sentence with nearly all of the question's words. Where the model called the question
    unanswerable (not ``drafted``) the sentence must besides state a quantity of the kind asked for:
    that can be seen without a model.
    """
    subject = {w.stem for w in names(question)}
    wanted = set(content_stems(question))
    topic = asks_what_sources_say(question) and bool(subject)
    kinds = _quantities_asked(question)
    if not (topic or drafted or kinds):
        return []

    def answers(quote: str) -> bool:
        said = set(content_stems(quote))
        if topic:
            return subject <= said
        covered = len(wanted) > 1 and subject <= said and overlap(wanted, said) >= ANSWERS
        return covered and (drafted or any(v.kind in kinds for v in values(quote)))

    best: dict[str, Evidence] = {}
    for e in sorted(evidence, key=lambda e: -e.score):
        if answers(e.quote):
            best.setdefault(e.document_id, e)
    return [Sentence(plain(e.quote), (citation(e),)) for e in list(best.values())[:_MOST]]


def other_sides(kept: Sequence[Sentence], sides: Sequence[Side]) -> list[Sentence]:
    """A quotation for each side of a disagreement that the kept sentences leave out: none is silently chosen."""
    cited = {(c.document_id, c.start) for s in kept for c in s.citations}
    missing = [side for side in sides if not any((c.document_id, c.start) in cited for c in side.citations)]
    return [Sentence(plain(side.citations[0].quote), (side.citations[0],)) for side in missing]
