"""Texts -> unit vectors by a BERT-type encoder in ONNX, with nothing but a tokenizer, onnxruntime and numpy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from rag.models.onnx_bert import OnnxBert, Output
from rag.types import Vectors

Pooling = Literal["cls", "mean"]

_LEAST_LENGTH = 1e-12  # a vector shorter than this is not stretched, as torch's normalize has it


class OnnxEmbedder:
    """An Embedder without sentence-transformers, whose import takes seconds and several hundred MB.

    The vectors are those of a sentence-transformers pipeline of the same model, pooling and normalising module.
    """

    def __init__(
        self, folder: Path, *, name: str, fingerprint: str, pooling: Pooling, query_prefix: str, threads: int
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self._prefix = query_prefix
        self._pooling = pooling
        self._encoder = OnnxBert(folder, threads=threads)
        self.dimension = len(self._encode(["dimension"])[0])

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimension), unit rows in the order of ``texts``; long texts are truncated."""
        return self._encode(texts) if texts else np.zeros((0, self.dimension), np.float32)

    def embed_query(self, text: str) -> Vectors:
        vector: Vectors = self._encode([self._prefix + text])[0]
        return vector

    def _encode(self, texts: Sequence[str]) -> Vectors:
        pooled = np.stack(self._encoder.run(texts, lambda states, _: self._pool(states)))
        unit: Vectors = pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), _LEAST_LENGTH)
        return unit

    def _pool(self, states: Output) -> Output:
        """One vector of those of all tokens, copied: the rest of them is not kept."""
        pooled: Output = states[0].copy() if self._pooling == "cls" else states.mean(axis=0)
        return pooled
