"""Evidence as an answer in its own words: where the prose fails, leaves something out, or takes a side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rag.retrieve.question import Asked
from rag.retrieve.tuning import TUNING
from rag.text.words import content_stems, plain
from rag.types import Citation, Evidence, Passage, Sentence, Side


def quoted(evidence: Evidence) -> Sentence:
    """The sentence itself, said to be a quotation by being one."""
    return Sentence(plain(evidence.quote), (Citation.of(evidence, evidence.number),))


def left_out(kept: Sequence[Sentence], chosen: Iterable[Evidence]) -> list[Sentence]:
    """Quotations of the ``chosen`` that no kept sentence cites, none within another, as far as there is room."""
    taken: list[Passage] = [c for s in kept for c in s.citations]
    missing: list[Evidence] = []
    for e in chosen:
        if not any(e.overlaps(other) for other in taken):
            taken.append(e)
            missing.append(e)
    return [quoted(e) for e in missing[: max(0, TUNING.most_quoted - len(kept))]]


def like_the_first(asked: Asked, answering: Sequence[Evidence]) -> list[Evidence]:
    """Of those after the first, what answers as it does: in its document, with each word of the question that it has.

    The other rows of "Which orders are delayed?" are such. Besides, what comes second to it is seldom to the point.
    """
    best, *others = answering
    shared = set(asked.stems) & set(content_stems(best.in_context))
    if not shared:
        return []
    return [e for e in others if e.document_id == best.document_id and shared <= set(content_stems(e.in_context))]


def other_sides(kept: Sequence[Sentence], sides: Sequence[Side]) -> list[Sentence]:
    """A quotation for each side of a disagreement that the kept sentences leave out: none is silently chosen."""
    cited = {(c.document_id, c.start) for s in kept for c in s.citations}
    missing = [side for side in sides if not any((c.document_id, c.start) in cited for c in side.citations)]
    return [Sentence(plain(side.citations[0].quote), (side.citations[0],)) for side in missing]
