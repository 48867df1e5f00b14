"""A BERT-type encoder in ONNX as the first module of a sentence-transformers pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rag.onnx_bert import OnnxBert

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

Pooling = Literal["cls", "mean"]


def onnx_pipeline(folder: Path, *, pooling: Pooling, query_prefix: str, threads: int) -> SentenceTransformer:
    """A pipeline of ``model.onnx`` with ``tokenizer.json`` and a normalising module; runs on the CPU.

    sentence-transformers' own ONNX backend needs optimum, which needs transformers below 5.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import InputModule, Normalize

    class OnnxModule(InputModule):  # type: ignore[misc]
        def __init__(self, encoder: OnnxBert) -> None:
            super().__init__()
            self.encoder = encoder
            self.tokenizer = encoder.tokenizer
            self.max_seq_length = encoder.max_tokens
            self.dimension = self.forward(self.preprocess(["dimension"]))["sentence_embedding"].shape[1]

        def get_embedding_dimension(self) -> int:
            return int(self.dimension)

        def preprocess(self, inputs: Sequence[str], prompt: str | None = None, **_: Any) -> dict[str, Any]:
            return {"encodings": self.encoder.encode([(prompt or "") + text for text in inputs])}

        def forward(self, features: dict[str, Any], **_: Any) -> dict[str, torch.Tensor]:
            states = self.encoder.run(features["encodings"])
            pooled = np.stack([s[0] if pooling == "cls" else s.mean(axis=0) for s in states])
            return {"sentence_embedding": torch.from_numpy(pooled)}

        def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
            raise NotImplementedError("an ONNX model is used as it is, never saved")

    encoder = OnnxBert(folder, threads=threads)
    prompts = {"query": query_prefix, "document": ""}
    return SentenceTransformer(modules=[OnnxModule(encoder), Normalize()], prompts=prompts, device="cpu")
