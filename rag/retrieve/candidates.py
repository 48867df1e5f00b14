"""Hits -> their sentences, the likeliest to answer first, and the evidence picked from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rag.index.snapshot import Index
from rag.load.metadata import title_from_name
from rag.retrieve.copies import each_claim_first
from rag.retrieve.instructions import orders_in_context
from rag.retrieve.question import Asked
from rag.retrieve.recency import age
from rag.retrieve.tuning import TUNING
from rag.text.words import content_stems
from rag.types import Candidate, Evidence, Hit, SourceQuotes, Vectors

# A sentence's score adds up: its cosine with the question, its chunk's, the share of the question's words that it
# or its title has (by idf), and its chunk's fused score. Without its chunk a sentence such as "It was founded
# there in 1903." cannot be found: gold sentence among eight rose from 94 to 99 % (clapnq) and 88 to 99 % (qed).
# A lower score for sentences that open with a pronoun was tried and lost up to a point.
_QUESTION = re.compile(r"\?['\"”’)\]]*$")


def candidates(asked: Asked, vector: Vectors, hits: Sequence[Hit], index: Index) -> tuple[Candidate, ...]:
    """Every unit of ``hits``, best first; of two that say the same in one document only the better one.

    Questions, page furniture and sentences that order a reply (unless the question may be for them) come behind. Only
    the question itself, where a document repeats it, is left out: whatever reads it would take it for its answer.

    Two documents may say the same, unless one is a near copy of the other: that is one source.
    """
    wanted = {stem: index.words.idf(stem) for stem in asked.stems}
    total = sum(wanted.values()) or 1.0
    scored: list[tuple[Candidate, Vectors]] = []
    for hit in hits:
        chunk, text = hit.chunk, index.documents[hit.chunk.document_id].text
        vectors = index.sentence_vectors(hit.row)
        around = TUNING.chunk_weight * float(index.vectors(hit.row, hit.row + 1)[0] @ vector)
        around += TUNING.fused_weight * hit.score / max(h.score for h in hits)
        named = content_stems(f"{title_from_name(chunk.document_id)} {chunk.title} {chunk.heading}")
        lists = {unit.start for unit in chunk.sentences if unit.kind == "list"}
        for unit, own, cosine in zip(chunk.sentences, vectors, vectors @ vector, strict=True):
            quote = text[unit.start : unit.end]
            if unit.kind == "sentence" and unit.weight < 1 and unit.start in lists:
                continue  # a lead-in: it is quoted with its list
            asks = _QUESTION.search(quote) is not None
            if asks and len(wanted.keys() & set(content_stems(quote))) > TUNING.answers_words * len(wanted):
                continue
            own_stems = set(content_stems(quote))
            present = {*named, *content_stems(f"{unit.heading} {unit.context}"), *own_stems}
            words = sum(idf for stem, idf in wanted.items() if stem in present) / total
            score = float(cosine) + TUNING.words_weight * words + around
            score -= TUNING.weight_penalty * (1 - unit.weight)
            score -= TUNING.question_penalty if asks else 0.0
            # unless it affirms what is asked
            restates = (
                bool(own_stems) and own_stems <= wanted.keys() and (unit.kind == "heading" or not asked.yes_or_no)
            )
            score -= TUNING.nothing_new_penalty if restates else 0.0
            orders = not asked.about_replying and orders_in_context(unit.context, quote)
            score -= TUNING.instruction_penalty if orders else 0.0
            place = (chunk.document_id, chunk.title, chunk.date, unit.start, unit.end)
            candidate = Candidate(
                *place, quote, hit, score, restates, orders, context=unit.context, heading=unit.heading
            )
            scored.append((candidate, own))
    if asked.latest and (newest := max((age(c) for c, _ in scored), default="")):
        scored = [(replace(c, score=c.score + TUNING.latest_bonus * (age(c) == newest)), own) for c, own in scored]
    ranked = _without_duplicates(sorted(scored, key=lambda pair: _best_first(pair[0])), index.duplicate_of)
    return each_claim_first(asked.stems, ranked)


def _best_first(candidate: Candidate) -> tuple[float, int, int]:
    return -candidate.score, candidate.hit.row, candidate.start


def _without_duplicates(
    ranked: Sequence[tuple[Candidate, Vectors]], duplicate_of: Mapping[str, str]
) -> tuple[Candidate, ...]:
    """Of sentences alike in one document, or the same in a document and its near copy, only the best."""
    kept: dict[str, list[tuple[Candidate, Vectors]]] = {}
    unique = []
    for candidate, own in ranked:
        document = candidate.document_id
        others = kept.setdefault(duplicate_of.get(document, document), [])
        if not any(
            candidate.quote.split() == other.quote.split()
            or (
                other.document_id == document
                and float(own @ vector) > TUNING.duplicate_cosine
                and set(content_stems(candidate.in_context)) == set(content_stems(other.in_context))
            )
            for other, vector in others
        ):
            others.append((candidate, own))
            unique.append(candidate)
    return tuple(unique)


def select_evidence(
    ranked: Sequence[Candidate], *, limit: int = 8, margin: float = TUNING.sentence_margin
) -> tuple[Evidence, ...]:
    """At most ``limit`` of ``ranked`` (best first), numbered from 1.

    First the best sentence of every document that comes near the best of all, then the best of the rest; one that
    scores less than the best by more than ``margin`` is passed over.
    """
    if not ranked:
        return ()
    floor = ranked[0].score - TUNING.document_margin
    leaders = list({c.document_id: c for c in reversed(ranked)}.values())[::-1]
    leaders = [c for c in sorted(leaders, key=_best_first) if c.score >= floor][: max(1, int(limit * TUNING.leaders))]
    rest = [c for c in ranked if c not in leaders and c.score >= ranked[0].score - margin]
    return numbered(sorted([*leaders, *rest][:limit], key=_best_first))


def numbered(ranked: Sequence[Candidate]) -> tuple[Evidence, ...]:
    """Evidence numbered from 1: documents in order of their first in ``ranked``, the sentences of one by position."""
    order = list(dict.fromkeys(c.document_id for c in ranked))
    placed = sorted(ranked, key=lambda c: (order.index(c.document_id), c.start))
    return tuple(Evidence.of(c, n) for n, c in enumerate(placed, 1))


def by_source(evidence: Iterable[Evidence], *, quotes: int = 3) -> tuple[SourceQuotes, ...]:
    """The best ``quotes`` sentences of each article in order of position; articles in order of their best."""
    grouped: dict[tuple[str, str], list[Evidence]] = {}
    for item in sorted(evidence, key=lambda e: (-e.score, e.number)):
        grouped.setdefault((item.document_id, item.title), []).append(item)
    return tuple(
        SourceQuotes(document_id, title, best[0].date, tuple(sorted(best[:quotes], key=lambda e: e.start)))
        for (document_id, title), best in grouped.items()
    )
