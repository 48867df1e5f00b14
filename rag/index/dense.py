"""Search by vector: exact as long as that is quick, approximate above, with a recall that was measured.

vectors       every row's vector, float32; the exact search and every score come from it
cells.faiss   only from ``APPROXIMATE_FROM`` rows: an IndexIVFScalarQuantizer, which proposes rows that are then
              scored exactly (Jégou et al. 2011, Product Quantization for Nearest Neighbor Search: inverted file)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rag.index.arrays import mapped
from rag.index.manifest import DenseSettings
from rag.types import Vectors

APPROXIMATE_FROM = 200_000
"""Rows at which the exact search takes about 25 ms on one core (benchmarks/scale.json)."""

RECALL_WANTED = 0.99  # of the ten nearest, on vectors of the index itself: questions lie further off than passages
_SAMPLE = 400  # vectors it is measured on
_K = 10
_WIDER = 4  # rows proposed for each one wanted
_TRAINING = 40  # vectors a cell is trained on
_ROUNDS = 8  # of k-means
_BLOCK = 1 << 15  # vectors added at once
_DEEPEST = 1000  # more rows than this are searched exactly


class Dense:
    """The vectors of the rows and how to search them; nothing is read before it is needed but the cells."""

    def __init__(self, folder: Path, dimension: int, settings: DenseSettings) -> None:
        """Reads files that are known to be whole. ``settings`` is what ``build_dense`` returned."""
        self.vectors: Vectors = mapped(folder / "vectors", "<f4", dimension)
        self.settings = settings
        self.cells: Any = None
        if settings["type"] != EXACT["type"]:
            import faiss

            self.cells = faiss.read_index(str(folder / "cells.faiss"))
            self.cells.nprobe = settings["probed"]

    def search(self, vector: Vectors, k: int, *, rows: npt.NDArray[np.int64] | None = None) -> list[tuple[int, float]]:
        """At most ``k`` (row, cosine), best first, ties by row. ``vector`` has shape (dimension,) and unit length.

        ``rows``: only these, in order, and exactly; None: all.
        """
        query = np.ascontiguousarray(vector, np.float32)[None]
        if rows is not None:
            rows, scores = _among(self.vectors, query[0], k, rows)
        elif self.cells is None or k > _DEEPEST:
            rows, scores = (found[0] for found in _exact(self.vectors, query, min(k, len(self.vectors))))
        else:
            rows, scores = _approximate(self.cells, self.vectors, query[0], k)
        return [(int(rows[n]), float(scores[n])) for n in np.lexsort((rows, -scores))]


EXACT: DenseSettings = {"type": "exact inner product"}


def build_dense(
    folder: Path, dimension: int, *, before: Dense | None = None, old_rows: npt.NDArray[np.int64] | None = None
) -> DenseSettings:
    """Make what a search of ``folder/vectors`` needs and return it as settings, with the recall it measured.

    ``old_rows`` says which row of ``before`` each row was, -1 for new ones: their cells are known, and the cells
    themselves stay until there are twice as many rows as they were made for.
    """
    vectors = mapped(folder / "vectors", "<f4", dimension)
    if len(vectors) < APPROXIMATE_FROM:
        return EXACT
    import faiss

    cells: Any
    random = np.random.default_rng(0)
    trained_on = before.settings.get("trained_on", 0) if before is not None else 0
    if before is not None and old_rows is not None and len(vectors) < 2 * trained_on:
        cells, place = faiss.clone_index(before.cells), _places(before.cells)
        cells.reset()
        places = np.where(old_rows < 0, -1, place[old_rows])
    else:
        cells, trained_on = _trained(vectors, random), len(vectors)
        places = np.full(len(vectors), -1)
    for start in range(0, len(vectors), _BLOCK):
        _add(cells, np.ascontiguousarray(vectors[start : start + _BLOCK]), places[start : start + _BLOCK])
    recall = _set_probed(cells, vectors, random.choice(len(vectors), _SAMPLE, replace=False))
    faiss.write_index(cells, str(folder / "cells.faiss"))
    return {
        "type": f"IVF{cells.nlist},SQ8 re-scored exactly",
        "trained_on": trained_on,
        "probed": int(cells.nprobe),
        "recall@10": recall,
        "measured_on": f"{_SAMPLE} vectors of the index, each without itself",
    }


def _trained(vectors: Vectors, random: np.random.Generator) -> Any:
    import faiss

    count = int(2 * len(vectors) ** 0.5)
    cells: Any = faiss.index_factory(vectors.shape[1], f"IVF{count},SQ8", faiss.METRIC_INNER_PRODUCT)
    cells.cp.niter = _ROUNDS
    training = np.sort(random.choice(len(vectors), min(len(vectors), _TRAINING * count), replace=False))
    cells.train(np.ascontiguousarray(vectors[training]))
    return cells


def _places(cells: Any) -> npt.NDArray[np.int64]:
    """The cell of every row."""
    import faiss

    place = np.full(cells.ntotal, -1)
    for cell in range(cells.nlist):
        if size := cells.invlists.list_size(cell):
            place[faiss.rev_swig_ptr(cells.invlists.get_ids(cell), size)] = cell
    return place


def _add(cells: Any, vectors: Vectors, places: npt.NDArray[np.int64]) -> None:
    """Add rows to their cells; to the nearest one where the place is -1."""
    import faiss

    places = places.copy()
    if len(new := np.flatnonzero(places < 0)):
        places[new] = cells.quantizer.search(np.ascontiguousarray(vectors[new]), 1)[1][:, 0]
    cells.add_core(len(vectors), faiss.swig_ptr(vectors), None, faiss.swig_ptr(places), None)


def _set_probed(cells: Any, vectors: Vectors, sample: npt.NDArray[np.int64]) -> float:
    """Let ``cells`` look into as few of its cells as reach the recall that is wanted; the recall is returned."""
    queries = np.ascontiguousarray(vectors[sample])
    nearest = [_others(rows, own) for rows, own in zip(_exact(vectors, queries, _K + 1)[0], sample, strict=True)]
    recall = 0.0
    cells.nprobe = 1
    while True:
        found = [
            _others(_approximate(cells, vectors, query, _K + 1)[0], own)
            for query, own in zip(queries, sample, strict=True)
        ]
        recall = sum(len(near & some) for near, some in zip(nearest, found, strict=True)) / sum(map(len, nearest))
        if recall >= RECALL_WANTED or cells.nprobe >= cells.nlist:
            return round(recall, 4)
        cells.nprobe = min(cells.nlist, 2 * cells.nprobe)


def _others(rows: npt.NDArray[np.int64], own: int) -> set[int]:
    return set([int(row) for row in rows if row != own][:_K])


def _exact(vectors: Vectors, queries: Vectors, k: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    import faiss

    scores, rows = faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
    return rows, scores


def _among(
    vectors: Vectors, query: Vectors, k: int, rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    parts = [vectors[rows[start : start + _BLOCK]] @ query for start in range(0, len(rows), _BLOCK)]
    scores = np.concatenate([np.zeros(0, np.float32), *parts])
    best = np.lexsort((rows, -scores))[:k]
    return rows[best], scores[best]


def _approximate(
    cells: Any, vectors: Vectors, query: Vectors, k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The best ``k`` of the rows that ``cells`` proposes, scored by their full vectors."""
    rows = cells.search(query[None], _WIDER * k)[1][0]
    rows = rows[rows >= 0]
    scores = vectors[rows] @ query
    best = np.lexsort((rows, -scores))[:k]
    return rows[best], scores[best]
