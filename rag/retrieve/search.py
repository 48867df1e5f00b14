"""Question -> the chunks most likely to answer it, from every document that has a say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from rag.index.snapshot import Index
from rag.retrieve.copies import each_claim_first
from rag.retrieve.instructions import asks_about_replying, orders_a_reply
from rag.text.words import content_stems
from rag.types import Candidate, Evidence, Hit, Quote, SourceQuotes, Vectors

DEPTH = 100  # rows taken from each search

# nDCG@10 of SciFact and NFCorpus: .735 and .365 so, .711 and .370 with reciprocal rank fusion (weights 1.5 and 1,
# k 60), .720 and .362 by cosine alone, .675 and .325 by BM25 alone. From .6 to .7 the weight moves them by .006.
DENSE_WEIGHT = 0.65

# A sentence's score adds up: its cosine with the question, its chunk's, the share of the question's words that it
# or its title has (by idf), and its chunk's fused score. Without its chunk a sentence such as "It was founded
# there in 1903." cannot be found: gold sentence among eight rose from 94 to 99 % (clapnq) and 88 to 99 % (qed).
# A lower score for sentences that open with a pronoun was tried and lost up to a point.
CHUNK_WEIGHT = 1.0
WORDS_WEIGHT = 0.2
FUSED_WEIGHT = 0.1
SENTENCE_MARGIN = 0.4  # below the best score: filler
DOCUMENT_MARGIN = 0.15  # within it of the best score, a document's best sentence is heard before others' second
LEADERS = 0.75  # share of the sentences that such a first hearing may take
DUPLICATE_COSINE = 0.97
_QUESTION = re.compile(r"\?['\"”’)\]]*$")


def retrieve(
    question: str,
    vector: Vectors,
    index: Index,
    *,
    k: int = 12,
    max_per_document: int | None = None,
    documents: Collection[str] | None = None,
) -> tuple[Hit, ...]:
    """At most ``k`` hits, best first, ties by row: dense and lexical scores, combined.

    ``vector`` is the question's, of shape (dimension,).
    No document, with its near copies, gets more than ``max_per_document`` of them (None: a third of ``k``) unless the
    others cannot fill ``k``; what goes over the cap then follows after the rest. ``documents``: only these are
    searched; None: all.
    """
    dense = dict(index.dense(vector, DEPTH, documents=documents))
    lexical = dict(index.lexical(question, DEPTH, documents=documents))
    cosines = dense | {row: float(index.vectors(row, row + 1)[0] @ vector) for row in lexical if row not in dense}
    fused = convex_combination(cosines, lexical)
    cap = max_per_document if max_per_document is not None else max(2, k // 3)
    found = [index.document_id(row) for row, _ in fused]
    sources = [index.duplicate_of.get(document, document) for document in found]
    chosen = [fused[n] for n in _spread(sources, cap)[:k]]
    dense_rank = {row: n for n, row in enumerate(dense, 1)}
    lexical_rank = {row: n for n, row in enumerate(lexical, 1)}
    return tuple(
        Hit(index.chunks[row], row, score, dense_rank.get(row), lexical_rank.get(row)) for row, score in chosen
    )


def convex_combination(
    cosines: Mapping[int, float], bm25: Mapping[int, float], *, dense_weight: float = DENSE_WEIGHT
) -> list[tuple[int, float]]:
    """(row, score) best first, ties by row, 0 <= score <= 1; ``cosines`` has every row, ``bm25`` some (the rest: 0).

    Cosines are scaled to the range they have here, BM25 by its largest (Bruch et al. 2023, arXiv 2210.11934).

    >>> [row for row, _ in convex_combination({7: 0.9, 3: 0.8, 9: 0.5}, {3: 12.0, 9: 9.0})]
    [3, 7, 9]
    """
    low, high = min(cosines.values(), default=0.0), max(cosines.values(), default=0.0)
    most = max(bm25.values(), default=0.0)
    scores = {
        row: dense_weight * ((cosine - low) / (high - low) if high > low else 1.0)
        + (1 - dense_weight) * (bm25.get(row, 0.0) / most if most else 0.0)
        for row, cosine in cosines.items()
    }
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def _spread(documents: Sequence[str], cap: int) -> list[int]:
    """Positions in order, those beyond ``cap`` of one document moved to the end.

    >>> _spread(["a", "a", "a", "b"], 2)
    [0, 1, 3, 2]
    """
    seen: Counter[str] = Counter()
    within: list[int] = []
    beyond: list[int] = []
    for position, document in enumerate(documents):
        seen[document] += 1
        (within if seen[document] <= cap else beyond).append(position)
    return within + beyond


# --- sentences -----------------------------------------------------------------------------------


def candidates(question: str, vector: Vectors, hits: Sequence[Hit], index: Index) -> tuple[Candidate, ...]:
    """Every sentence of ``hits`` that is no question, best first; of two that say the same in one document only the
    better one. Sentences that order a reply are left out, unless the question may be for them.

    Two documents may say the same, unless one is a near copy of the other: that is one source.
    """
    wanted = {stem: index.words.idf(stem) for stem in content_stems(question)}
    total = sum(wanted.values()) or 1.0
    found: list[tuple[Candidate, Vectors]] = []
    any_sentence = asks_about_replying(question)
    for hit in hits:
        chunk, text = hit.chunk, index.documents[hit.chunk.document_id].text
        vectors = index.sentence_vectors(hit.row)
        around = CHUNK_WEIGHT * float(index.vectors(hit.row, hit.row + 1)[0] @ vector)
        around += FUSED_WEIGHT * hit.score / max(h.score for h in hits)
        named = content_stems(f"{chunk.title} {chunk.heading}")
        before = ""
        for span, own, cosine in zip(chunk.sentences, vectors, vectors @ vector, strict=True):
            quote = text[span.start : span.end]
            present = {*named, *content_stems(quote)}
            words = sum(idf for stem, idf in wanted.items() if stem in present) / total
            score = float(cosine) + WORDS_WEIGHT * words + around
            if not _QUESTION.search(quote) and (any_sentence or not orders_a_reply(quote)):
                found.append((Candidate(hit, span, quote, before, score), own))
            before = quote
    ranked = _without_duplicates(sorted(found, key=lambda f: _best_first(f[0])), index.duplicate_of)
    return each_claim_first(question, ranked)


def _best_first(candidate: Candidate) -> tuple[float, int, int]:
    return -candidate.score, candidate.hit.row, candidate.span.start


def _without_duplicates(
    ranked: Sequence[tuple[Candidate, Vectors]], duplicate_of: Mapping[str, str]
) -> tuple[Candidate, ...]:
    """Of sentences alike in one document, or the same in a document and its near copy, only the best."""
    kept: dict[str, list[tuple[Candidate, Vectors]]] = {}
    unique = []
    for candidate, own in ranked:
        document = candidate.hit.chunk.document_id
        others = kept.setdefault(duplicate_of.get(document, document), [])
        if not any(
            candidate.quote.split() == other.quote.split()
            or (other.hit.chunk.document_id == document and float(own @ vector) > DUPLICATE_COSINE)
            for other, vector in others
        ):
            others.append((candidate, own))
            unique.append(candidate)
    return tuple(unique)


def select_evidence(
    ranked: Sequence[Candidate], *, limit: int = 8, margin: float = SENTENCE_MARGIN
) -> tuple[Evidence, ...]:
    """At most ``limit`` of ``ranked`` (best first), numbered from 1.

    First the best sentence of every document that comes near the best of all, then the best of the rest; one that
    scores less than the best by more than ``margin`` is passed over.
    """
    if not ranked:
        return ()
    floor = ranked[0].score - DOCUMENT_MARGIN
    leaders = list({c.hit.chunk.document_id: c for c in reversed(ranked)}.values())[::-1]
    leaders = [c for c in sorted(leaders, key=_best_first) if c.score >= floor][: max(1, int(limit * LEADERS))]
    rest = [c for c in ranked if c not in leaders and c.score >= ranked[0].score - margin]
    return numbered(sorted([*leaders, *rest][:limit], key=_best_first))


def numbered(ranked: Sequence[Candidate]) -> tuple[Evidence, ...]:
    """Evidence numbered from 1: documents in order of their first in ``ranked``, the sentences of one by position."""
    order = list(dict.fromkeys(c.hit.chunk.document_id for c in ranked))
    placed = sorted(ranked, key=lambda c: (order.index(c.hit.chunk.document_id), c.span.start))
    return tuple(evidence(c, n) for n, c in enumerate(placed, 1))


def evidence(candidate: Candidate, number: int) -> Evidence:
    chunk, span = candidate.hit.chunk, candidate.span
    return Evidence(
        number, chunk.document_id, chunk.title, chunk.date, span.start, span.end, candidate.quote, candidate.score
    )


def by_source(found: Iterable[Evidence], *, quotes: int = 3) -> tuple[SourceQuotes, ...]:
    """The best ``quotes`` sentences of each document in order of position; documents in order of their best."""
    grouped: dict[str, list[Evidence]] = {}
    for item in sorted(found, key=lambda e: (-e.score, e.number)):
        grouped.setdefault(item.document_id, []).append(item)
    return tuple(
        SourceQuotes(
            document_id,
            best[0].title,
            best[0].date,
            tuple(Quote(e.start, e.end, e.quote, e.score) for e in sorted(best[:quotes], key=lambda e: e.start)),
        )
        for document_id, best in grouped.items()
    )
