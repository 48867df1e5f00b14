"""Evidence as an answer in its own words: where the prose fails, leaves something out, or takes a side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rag.retrieve.question import Asked
from rag.retrieve.tuning import TUNING
from rag.text.quantities import values
from rag.text.words import content_stems, overlap, plain, words
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


def further_answers(asked: Asked, kept: Sequence[Sentence], evidence: Sequence[Evidence]) -> list[Sentence]:
    """Where one thing is asked for, the answers of sources that the kept sentences pass over.

    Several things may bear one name, and several sources may answer differently: each source that names what the
    question names adds its best sentence, if that comes near the best of all and says something new.
    """
    named = {w.stem for w in asked.names}
    if not named or not asked.one_thing:
        return []
    wanted, kinds = set(asked.stems), asked.quantities
    fits = {e: bool(kinds) and any(v.kind in kinds for v in values(plain(e.quote))) for e in evidence}
    rated = {e: e.score + TUNING.fitting * fits[e] for e in evidence}
    told = {e.document_id: set(content_stems(e.title)) for e in evidence}
    for e in evidence:
        told[e.document_id] |= set(content_stems(plain(e.in_context)))
    best: dict[str, Evidence] = {}
    for e in sorted(evidence, key=lambda e: (-rated[e], e.number)):
        best.setdefault(e.document_id, e)
    said = wanted | {s for sentence in kept for s in _particulars(sentence.text)}
    cited = {c.document_id for s in kept for c in s.citations}
    added: list[Sentence] = []
    for e in best.values():
        text = plain(e.quote)
        near = rated[e] >= max(rated.values()) - TUNING.added_margin
        answers = overlap(wanted, content_stems(text)) >= TUNING.added_words and (fits[e] or not kinds)
        new = _particulars(text) - said
        if near and answers and new and named <= told[e.document_id] and e.document_id not in cited:
            added.append(quoted(e))
            said |= new
    return added[: max(0, TUNING.most_answers - len(kept))]


def _particulars(text: str) -> set[str]:
    """Stems of the words with a capital or a digit."""
    return {w.stem for w in words(text) if w.text[0].isdigit() or w.text[0].isupper()}
