"""Question -> the chunks most likely to answer it, from every document that has a say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from rag.index.snapshot import Index
from rag.models.protocols import Embedder
from rag.retrieve.question import Asked
from rag.retrieve.tuning import TUNING
from rag.types import Hit, Vectors

# nDCG@10 of SciFact and NFCorpus: .735 and .365 so, .711 and .370 with reciprocal rank fusion (weights 1.5 and 1,
# k 60), .720 and .362 by cosine alone, .675 and .325 by BM25 alone. From .6 to .7 the weight moves them by .006.


def query_vector(asked: Asked, embedder: Embedder) -> Vectors:
    """What is searched for, of shape (dimension,): the question, moved towards those that it may go on from.

    The fewer content words it has of its own, the further: "and the tunnel?" says little without the question before.
    """
    share = TUNING.earlier_share / (TUNING.earlier_share + len(set(asked.stems)))
    vector = embedder.embed_query(asked.text)
    for n, earlier in enumerate(asked.earlier, 1):
        vector = vector + share**n * embedder.embed_query(earlier)
    length = float(np.linalg.norm(vector))
    return vector / length if asked.earlier and length else vector


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
    dense = dict(index.dense(vector, TUNING.depth, documents=documents))
    lexical = dict(index.lexical(question, TUNING.depth, documents=documents))
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
    cosines: Mapping[int, float], bm25: Mapping[int, float], *, dense_weight: float = TUNING.dense_weight
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
