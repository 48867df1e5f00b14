"""Evidence as an answer in its own words: where the prose fails, leaves something out, or takes a side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rag.types import Candidate, Evidence, Sentence, Side
from rag.verify import citation
from rag.words import content_stems, names, plain

MOST_QUOTED = 4  # sentences of an answer that a question gets at most


def quoted(evidence: Evidence) -> Sentence:
    """The sentence itself, said to be a quotation by being one."""
    return Sentence(plain(evidence.quote), (citation(evidence),))


def left_out(kept: Sequence[Sentence], chosen: Iterable[Evidence]) -> list[Sentence]:
    """Quotations of the ``chosen`` that no kept sentence cites, as far as there is room."""
    cited = {(c.document_id, c.end) for s in kept for c in s.citations}
    missing = [e for e in chosen if (e.document_id, e.end) not in cited]
    return [quoted(e) for e in missing[: max(0, MOST_QUOTED - len(kept))]]


def each_source(question: str, ranked: Iterable[Candidate]) -> list[Candidate]:
    """The best sentence of each document that speaks of what the question names, documents best first.

    ``ranked`` is best first. [] where the question names nothing.
    """
    subject = {w.stem for w in names(question)}
    best: dict[str, Candidate] = {}
    for candidate in ranked:
        if subject and subject <= set(content_stems(candidate.quote)):
            best.setdefault(candidate.hit.chunk.document_id, candidate)
    return list(best.values())[:MOST_QUOTED]


def other_sides(kept: Sequence[Sentence], sides: Sequence[Side]) -> list[Sentence]:
    """A quotation for each side of a disagreement that the kept sentences leave out: none is silently chosen."""
    cited = {(c.document_id, c.start) for s in kept for c in s.citations}
    missing = [side for side in sides if not any((c.document_id, c.start) in cited for c in side.citations)]
    return [Sentence(plain(side.citations[0].quote), (side.citations[0],)) for side in missing]
