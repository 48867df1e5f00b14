"""BM25 over the rows of the index.

    score(D, Q) = sum over t in Q of  idf(t) * tf / (tf + k1 * (1 - b + b * |D| / avgdl))
    idf(t)      = ln(1 + (N - df + 0.5) / (df + 0.5))

Robertson & Zaragoza 2009 (The Probabilistic Relevance Framework), in the variant of Lucene (Kamphuis et al.
2020, Which BM25 Do You Mean?); computed by bm25s (Lù 2024, arXiv 2407.03618).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.words import STOPWORDS, WORD, content_stems

K1 = 0.9
B = 0.4

_EMPTY = ""  # bm25s's token for a text without any; also keeps the vocabulary from being empty


def settings() -> dict[str, Any]:
    """What the scores depend on; an index made with other settings is another index."""
    words = hashlib.sha256("\n".join([WORD.pattern, *sorted(STOPWORDS)]).encode()).hexdigest()[:16]
    return {"method": "lucene", "k1": K1, "b": B, "words": words}


class Lexical:
    """An immutable BM25 index; row i is the i-th text it was made of."""

    def __init__(self, bm25: Any) -> None:
        self._bm25 = bm25
        self.rows = int(bm25.scores["num_docs"])
        self._df = np.diff(bm25.scores["indptr"])

    def scores(self, text: str) -> npt.NDArray[np.float32]:
        """Shape (rows,), float32, 0 where no word of ``text`` occurs."""
        known = [t for t in dict.fromkeys(content_stems(text)) if self.knows(t)]
        if not known:
            return np.zeros(self.rows, np.float32)
        return np.asarray(self._bm25.get_scores(known), np.float32)

    def search(self, text: str, k: int) -> list[tuple[int, float]]:
        """At most ``k`` (row, score) with score > 0, best first, ties by row."""
        scores = self.scores(text)
        order = np.lexsort((np.arange(self.rows), -scores))[:k]
        return [(int(row), float(scores[row])) for row in order if scores[row] > 0]

    def knows(self, stem: str) -> bool:
        return stem in self._bm25.vocab_dict

    def idf(self, stem: str) -> float:
        """ln(1 + (N - df + 0.5) / (df + 0.5)); the largest for a word that no text has."""
        position = self._bm25.vocab_dict.get(stem)
        df = int(self._df[position]) if position is not None and position < len(self._df) else 0
        return float(np.log(1 + (self.rows - df + 0.5) / (df + 0.5)))

    def save(self, folder: Path) -> None:
        self._bm25.save(str(folder), show_progress=False)


def build_lexical(texts: Iterable[str]) -> Lexical:
    """Index of ``texts`` in their order; needs at least one."""
    import bm25s

    bm25 = bm25s.BM25(k1=K1, b=B, method="lucene")
    bm25.index([content_stems(text) or [_EMPTY] for text in texts], show_progress=False)
    return Lexical(bm25)


def load_lexical(folder: Path) -> Lexical:
    import bm25s

    return Lexical(bm25s.BM25.load(str(folder), load_corpus=False, mmap=False, show_progress=False))
