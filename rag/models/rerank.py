"""(question, text) -> how well the text answers, by a cross-encoder that reads both together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import ModelDamaged, ModelMissing
from rag.models.onnx_bert import OnnxBert, encodable
from rag.models.protocols import Reranker

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_FIX = "python -m rag models fetch"


def open_reranker(path: Path, *, name: str, threads: int = 0) -> Reranker:
    """The cross-encoder in the folder ``path``, on the CPU; nothing is fetched, no code of the model runs.

    A folder with ``model.onnx`` and ``tokenizer.json`` runs through onnxruntime alone, any other is loaded as
    sentence-transformers wrote it (safetensors only). ``threads`` 0: one a core. Raises ModelMissing, ModelDamaged.
    """
    if not path.is_dir():
        raise ModelMissing(f"The reranker's folder {path} does not exist.", fix=_FIX)
    if (path / "model.onnx").is_file():
        return _OnnxReranker(path, name=name, threads=threads or os.cpu_count() or 1)
    try:
        from sentence_transformers import CrossEncoder

        model = CrossEncoder(str(path), device="cpu", local_files_only=True, model_kwargs={"use_safetensors": True})
        return _PipelineReranker(model, name=name)
    except Exception as error:
        raise _damaged(path, error) from error


class _OnnxReranker:
    """A Reranker over an encoder in ONNX whose first label is "relevant".

    It is opened when it is first needed, which a search never does; so ``scores``, too, may raise ModelDamaged.
    """

    def __init__(self, folder: Path, *, name: str, threads: int) -> None:
        self._folder = folder
        self._threads = threads
        self.name = name

    @cached_property
    def _encoder(self) -> OnnxBert:
        try:
            return OnnxBert(self._folder, threads=self._threads)
        except Exception as error:
            raise _damaged(self._folder, error) from error

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        return self._encoder.run([(question, text) for text in texts], lambda labels: float(labels[0]))


def _damaged(folder: Path, error: Exception) -> ModelDamaged:
    """Any loader may fail in its own way; all of them mean the same to a person."""
    return ModelDamaged(f"The reranker in {folder} does not load: {error}", fix=_FIX)


class _PipelineReranker:
    """A Reranker over a sentence-transformers CrossEncoder."""

    def __init__(self, model: CrossEncoder, *, name: str) -> None:
        self._model = model
        self.name = name

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        if not texts:
            return []
        from torch import nn

        pairs = [(encodable(question), encodable(text)) for text in texts]
        found = self._model.predict(pairs, activation_fn=nn.Identity(), show_progress_bar=False)
        return [float(score) for score in found]
