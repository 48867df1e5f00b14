from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.config import settings
from rag.embed import BGE_QUERY_PREFIX, open_embedder
from rag.errors import ModelDamaged, ModelMissing
from rag.models import locate
from rag.types import Embedder
from tests.fakes import BagOfWordsEmbedder

MODELS = ["bge-small-en-v1.5", "all-MiniLM-L6-v2"]
TEXTS = [
    "Avocado will be a closed model.",
    "The model Avocado stays closed.",
    "Yeast makes dough rise slowly in a warm kitchen overnight, " * 20,
    "",
    "🦊 é \udcff \x00",
]


@pytest.fixture(
    scope="module",
    params=["fake", *(pytest.param(name, marks=pytest.mark.model) for name in MODELS)],
)
def embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "fake":
        return BagOfWordsEmbedder()
    return _open(request.param)


def _open(name: str, *, called: str = "", threads: int = 2) -> Embedder:
    """The default model has to be there; the other is checked where somebody fetched it."""
    try:
        folder = locate(name, settings().models)
    except ModelMissing:
        if name == settings().embedder:
            raise
        pytest.skip(f"{name} is not in the model store")
    return open_embedder(folder, name=called or name, threads=threads)


# --- the contract: every embedder keeps it --------------------------------------------------------


def test_vectors_are_unit_rows_in_order(embedder: Embedder) -> None:
    vectors = embedder.embed_documents(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_vector_does_not_depend_on_its_neighbours(embedder: Embedder) -> None:
    together = embedder.embed_documents(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(embedder.embed_documents([text])[0], vector, atol=1e-5)
    np.testing.assert_allclose(embedder.embed_documents(TEXTS[::-1])[::-1], together, atol=1e-5)


def test_no_texts_no_rows(embedder: Embedder) -> None:
    assert embedder.embed_documents([]).shape == (0, embedder.dimension)


def test_a_query_is_one_unit_vector(embedder: Embedder) -> None:
    vector = embedder.embed_query("Is Avocado closed?")
    assert vector.shape == (embedder.dimension,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_what_means_the_same_is_nearer(embedder: Embedder) -> None:
    closed, paraphrase, dough = embedder.embed_documents(TEXTS[:3])
    assert closed @ paraphrase > closed @ dough + 0.2
    question = embedder.embed_query("Is the model Avocado closed?")
    assert min(question @ closed, question @ paraphrase) > question @ dough + 0.2


def test_the_fingerprint_is_stable_and_not_the_name(embedder: Embedder) -> None:
    assert embedder.fingerprint
    assert embedder.fingerprint != embedder.name


# --- what only files can show ----------------------------------------------------------------------


@pytest.mark.model
def test_bge_queries_carry_their_prefix() -> None:
    bge, plain = _open(MODELS[0]), _open(MODELS[0], called="another")
    by_hand = bge.embed_documents([BGE_QUERY_PREFIX + "who sings?"])[0]
    np.testing.assert_allclose(bge.embed_query("who sings?"), by_hand, atol=1e-6)
    assert bge.fingerprint != plain.fingerprint
    assert bge.fingerprint == _open(MODELS[0], threads=1).fingerprint


@pytest.mark.model
def test_text_beyond_the_longest_input_is_cut() -> None:
    vectors = _open(MODELS[0]).embed_documents(["word " * 510, "word " * 510 + "and something else entirely"])
    np.testing.assert_array_equal(vectors[0], vectors[1])


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="rag models fetch"):
        open_embedder(tmp_path, name="nothing")


def test_files_that_are_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(ModelDamaged, match="rag models fetch"):
        open_embedder(tmp_path, name="bge-broken")
