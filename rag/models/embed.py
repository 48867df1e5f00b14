"""Texts -> unit vectors: which files are opened how, and a sentence-transformers pipeline as an Embedder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag.errors import ModelDamaged, ModelMissing
from rag.files import sha256
from rag.models.onnx_bert import encodable, max_tokens
from rag.models.onnx_embedding import OnnxEmbedder, Pooling
from rag.models.protocols import Embedder
from rag.types import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BGE_QUERY_PREFIX = "Represent this sentence for searching relevant passages: "
"""What the bge English models were trained to see before a question (Xiao et al. 2023, arXiv 2309.07597)."""

_BATCH = 32


def open_embedder(path: Path, *, name: str, threads: int = 0) -> Embedder:
    """An embedder for the model in the folder ``path``, on the CPU; nothing is fetched, no code of the model runs.

    A folder with ``modules.json`` is loaded as sentence-transformers wrote it (safetensors only); one with
    ``model.onnx`` and ``tokenizer.json`` runs without sentence-transformers. ``threads`` 0: one a core.
    Raises ModelMissing where the folder holds neither, ModelDamaged where the files do not load.
    """
    fix = "python -m rag models fetch"
    plain, onnx = (path / "modules.json").is_file(), (path / "model.onnx").is_file()
    if not plain and not onnx:
        raise ModelMissing(f"{path} holds no embedding model: neither modules.json nor model.onnx is there.", fix=fix)
    threads = threads or os.cpu_count() or 1
    bge = "bge" in name.lower()
    prefix = BGE_QUERY_PREFIX if bge and "-zh" not in name.lower() else ""
    pooling: Pooling = "cls" if bge else "mean"
    try:
        if plain:
            return _saved_pipeline(path, name=name, query_prefix=prefix, threads=threads)
        fingerprint = _fingerprint(path, f"{prefix}|{max_tokens(path)}|{pooling}")
        return OnnxEmbedder(
            path, name=name, fingerprint=fingerprint, pooling=pooling, query_prefix=prefix, threads=threads
        )
    except Exception as error:  # any loader may fail in its own way; all of them mean the same to a person
        raise ModelDamaged(f"The embedding model in {path} does not load: {error}", fix=fix) from error


def _saved_pipeline(path: Path, *, name: str, query_prefix: str, threads: int) -> _PipelineEmbedder:
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(threads)
    model = SentenceTransformer(str(path), device="cpu", local_files_only=True, model_kwargs={"use_safetensors": True})
    if query_prefix and not model.prompts.get("query"):
        model.prompts["query"] = query_prefix
    fingerprint = _fingerprint(path, f"{model.prompts.get('query')}|{model.max_seq_length}|")
    return _PipelineEmbedder(model, name=name, fingerprint=fingerprint)


def _fingerprint(path: Path, settings: str) -> str:
    digest = hashlib.sha256(settings.encode())
    for file in sorted(f for f in path.rglob("*") if f.suffix in (".onnx", ".safetensors") or f.name in _DEFINING):
        digest.update(bytes.fromhex(sha256(file)))
    return digest.hexdigest()[:32]


_DEFINING = ("tokenizer.json", "modules.json", "sentence_bert_config.json")


class _PipelineEmbedder:
    """An Embedder over a sentence-transformers pipeline."""

    def __init__(self, model: SentenceTransformer, *, name: str, fingerprint: str) -> None:
        self._model = model
        self.name = name
        self.fingerprint = fingerprint
        self.dimension = int(model.get_embedding_dimension())

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimension), unit rows in the order of ``texts``; long texts are truncated."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        return self._encode(list(texts), "document")

    def embed_query(self, text: str) -> Vectors:
        vector: Vectors = self._encode([text], "query")[0]
        return vector

    def _encode(self, texts: list[str], task: str) -> Vectors:
        """The pipeline sorts by length itself."""
        clean = [encodable(text) for text in texts]
        encode = self._model.encode_query if task == "query" else self._model.encode_document
        vectors = encode(
            clean, batch_size=_BATCH, show_progress_bar=False, normalize_embeddings=True, convert_to_numpy=True
        )
        return np.ascontiguousarray(vectors, np.float32)
