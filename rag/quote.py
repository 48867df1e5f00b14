"""When the prose fails but the evidence answers: the answer is the evidence itself, word for word."""

from __future__ import annotations

from collections.abc import Sequence

from rag.question import asks_what_sources_say, quantities_asked
from rag.types import Citation, Evidence, Sentence, Side
from rag.values import values
from rag.verify import citation
from rag.words import content_stems, names, overlap, plain

ANSWERS = 0.8  # share of the question's content words from which a sentence is taken to answer it
_ENOUGH_WORDS = 3  # content words of a question from which having them all is no accident
_MOST = 4  # quotations shown as an answer, one a source


def _quoted(cited: Citation) -> Sentence:
    return Sentence(plain(cited.quote), (cited,))


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
    kinds = quantities_asked(question)
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
    return [_quoted(citation(e)) for e in list(best.values())[:_MOST]]


def other_sides(kept: Sequence[Sentence], sides: Sequence[Side]) -> list[Sentence]:
    """A quotation for each side of a disagreement that the kept sentences leave out: none is silently chosen."""
    cited = {(c.document_id, c.start) for s in kept for c in s.citations}
    missing = [side for side in sides if not any((c.document_id, c.start) in cited for c in side.citations)]
    return [_quoted(side.citations[0]) for side in missing]


def overlooked(question: str, kept: Sequence[Sentence], evidence: Sequence[Evidence]) -> list[Sentence]:
    """The sentence that has nearly all of the question's words, where the kept ones pass it over; at most one."""
    wanted = set(content_stems(question))
    if len(wanted) < _ENOUGH_WORDS:
        return []
    cited = {(c.document_id, c.end) for s in kept for c in s.citations}
    covered = {e: overlap(wanted, content_stems(e.quote)) for e in evidence}
    best = max(evidence, key=lambda e: (covered[e], e.score))
    if covered[best] < ANSWERS or any((e.document_id, e.end) in cited for e in evidence if covered[e] >= ANSWERS):
        return []
    return [_quoted(citation(best))]
