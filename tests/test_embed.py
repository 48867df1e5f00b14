from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.config import settings
from rag.errors import ModelDamaged, ModelMissing
from rag.models.embed import BGE_QUERY_PREFIX, open_embedder
from rag.models.protocols import Embedder
from rag.models.store import locate
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
def test_vectors_are_those_of_a_sentence_transformers_pipeline() -> None:
    """The same tokens through the same file, pooled and normalised by the library's own modules."""
    import onnxruntime
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import InputModule, Normalize, Pooling
    from transformers import PreTrainedTokenizerFast

    folder = locate(MODELS[0], settings().models)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    needed = {given.name for given in session.get_inputs()}

    class Encoder(InputModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.tokenizer, self.max_seq_length = tokenizer, 512

        def preprocess(self, inputs: list[str], prompt: str | None = None, **_: object) -> dict[str, torch.Tensor]:
            return dict(
                tokenizer(
                    [(prompt or "") + text for text in inputs],
                    return_token_type_ids=True,
                    return_tensors="pt",
                    truncation=True,
                    max_length=512,
                )
            )

        def forward(self, features: dict[str, torch.Tensor], **_: object) -> dict[str, torch.Tensor]:
            given = {name: features[name].numpy() for name in needed}
            return {**features, "token_embeddings": torch.from_numpy(session.run(None, given)[0])}

        def save(self, *_: object, **__: object) -> None:
            raise NotImplementedError

    bge = _open(MODELS[0])
    modules = [Encoder(), Pooling(bge.dimension, "cls"), Normalize()]
    pipeline = SentenceTransformer(modules=modules, prompts={"query": BGE_QUERY_PREFIX, "document": ""}, device="cpu")
    texts = [*TEXTS[:4], "word " * 600]
    np.testing.assert_allclose(bge.embed_documents(texts), pipeline.encode_document(texts, batch_size=1), atol=1e-6)
    np.testing.assert_allclose(bge.embed_query(TEXTS[0]), pipeline.encode_query(TEXTS[0]), atol=1e-6)
    assert bge.fingerprint == "5390f4df0f377c1a2bc76ac12f7e0892"  # another one would rebuild everybody's index


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
