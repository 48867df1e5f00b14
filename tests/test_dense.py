from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.index.arrays import ArrayWriter
from rag.index.dense import EXACT, Dense, build_dense
from rag.types import Vectors

DIMENSION = 48


def clustered(count: int, seed: int) -> Vectors:
    """Unit vectors around 60 centres that do not depend on ``seed``."""
    centres = np.random.default_rng(0).normal(size=(60, DIMENSION))
    random = np.random.default_rng(seed)
    vectors = centres[random.integers(60, size=count)] + 0.4 * random.normal(size=(count, DIMENSION))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def written(folder: Path, vectors: Vectors) -> Dense:
    with ArrayWriter(folder / "vectors", "<f4") as out:
        out.append(vectors)
    return Dense(folder, DIMENSION, build_dense(folder, DIMENSION))


def test_a_small_index_is_exact_and_one_file(tmp_path: Path) -> None:
    vectors = clustered(500, 1)
    dense = written(tmp_path, vectors)
    assert [p.name for p in tmp_path.iterdir()] == ["vectors"]
    query = clustered(1, 2)[0]
    assert [row for row, _ in dense.search(query, 10)] == np.argsort(-(vectors @ query))[:10].tolist()


def test_a_large_index_is_approximate_with_the_recall_it_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.index.dense.APPROXIMATE_FROM", 5000)
    vectors = clustered(8000, 1)
    dense = written(tmp_path, vectors)
    settings = build_dense(tmp_path, DIMENSION)
    assert settings["type"].startswith("IVF178")
    assert 1 <= settings["probed"] < 178
    assert settings["recall@10"] >= 0.99
    found = 0
    for query in clustered(100, 2):
        hits = dense.search(query, 10)
        scores = [score for _, score in hits]
        assert scores == sorted(scores, reverse=True)
        np.testing.assert_allclose(scores, [vectors[row] @ query for row, _ in hits], atol=1e-6)
        found += len({row for row, _ in hits} & set(np.argsort(-(vectors @ query))[:10].tolist()))
    assert found >= 980
    assert len(dense.search(vectors[0], 8000)) == 8000  # deep searches are exact


def test_the_recall_is_measured_not_assumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking into one cell only must show."""
    monkeypatch.setattr("rag.index.dense.APPROXIMATE_FROM", 1000)
    monkeypatch.setattr("rag.index.dense.RECALL_WANTED", 0.0)
    random = np.random.default_rng(5).normal(size=(4000, DIMENSION))
    noise = np.asarray(random / np.linalg.norm(random, axis=1, keepdims=True), np.float32)
    written(tmp_path, noise)
    assert build_dense(tmp_path, DIMENSION)["recall@10"] < 0.7


def test_equal_vectors_come_by_row(tmp_path: Path) -> None:
    vectors = clustered(50, 1)
    vectors[10:20] = vectors[30]
    assert [row for row, _ in written(tmp_path, vectors).search(vectors[30], 11)] == [*range(10, 20), 30]
    assert build_dense(tmp_path, DIMENSION) == EXACT


def test_cells_are_kept_while_the_index_does_not_double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.index.dense.APPROXIMATE_FROM", 2000)
    old, new = clustered(4000, 1), clustered(1500, 3)
    for name in ("before", "after", "double"):
        (tmp_path / name).mkdir()
    before = written(tmp_path / "before", old)
    old_rows = np.concatenate([np.arange(10, 4000), np.full(1500, -1)])
    vectors = np.concatenate([old[10:], new])
    with ArrayWriter(tmp_path / "after" / "vectors", "<f4") as out:
        out.append(vectors)
    settings = build_dense(tmp_path / "after", DIMENSION, before=before, old_rows=old_rows)
    assert settings["trained_on"] == 4000
    assert settings["recall@10"] >= 0.99
    after = Dense(tmp_path / "after", DIMENSION, settings)
    assert after.cells.ntotal == 5490
    for row in (0, 3000, 3990, 5489):
        assert after.search(vectors[row], 1)[0][0] == row
    with ArrayWriter(tmp_path / "double" / "vectors", "<f4") as out:
        out.append(np.concatenate([old, old]))
    rows = np.concatenate([np.arange(4000), np.full(4000, -1)])
    assert build_dense(tmp_path / "double", DIMENSION, before=before, old_rows=rows)["trained_on"] == 8000
