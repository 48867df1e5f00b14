"""(question, passage) -> how well it and its units answer, by a cross-encoder that reads both together."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import ModelDamaged, ModelMissing
from rag.models.onnx_bert import OnnxBert, Output, encodable, tokens_of
from rag.models.protocols import PassageScores, PassageText, Reranker

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder
    from tokenizers import Encoding

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
    """A Reranker in ONNX: one output a token, the first for the passage, or one for the whole text.

    It is opened when it is first needed; so ``read``, too, may raise ModelDamaged.
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

    def read(self, question: str, passages: Sequence[PassageText]) -> list[PassageScores]:
        outputs = self._encoder.run([(question, p.text) for p in passages], lambda output, tokens: (output, tokens))
        if any(len(output) < len(tokens) for output, tokens in outputs):
            return _unit_by_unit(passages, lambda texts: self._scores(question, texts))
        return [_pooled(passage, *read) for passage, read in zip(passages, outputs, strict=True)]

    def _scores(self, question: str, texts: Sequence[str]) -> list[float]:
        return self._encoder.run([(question, text) for text in texts], lambda output, _: float(output[0]))


def _pooled(passage: PassageText, output: Output, encoding: Encoding) -> PassageScores:
    """A unit's score is the mean of its tokens'."""
    tokens = [tokens_of(encoding, span.start, span.end) for span in passage.spans]
    units = tuple(float(output[t.start : t.stop].mean()) if t else -inf for t in tokens)
    return PassageScores(float(output[0]), units)


def _unit_by_unit(passages: Sequence[PassageText], scores: Callable[[list[str]], list[float]]) -> list[PassageScores]:
    """By a model that says one thing of a text: each passage, and each of its units alone."""
    found = iter(scores([text for passage in passages for text in (passage.text, *passage.alone)]))
    return [PassageScores(next(found), tuple(next(found) for _ in passage.alone)) for passage in passages]


def _damaged(folder: Path, error: Exception) -> ModelDamaged:
    """Any loader may fail in its own way; all of them mean the same to a person."""
    return ModelDamaged(f"The reranker in {folder} does not load: {error}", fix=_FIX)


class _PipelineReranker:
    """A Reranker over a sentence-transformers CrossEncoder."""

    def __init__(self, model: CrossEncoder, *, name: str) -> None:
        self._model = model
        self.name = name

    def read(self, question: str, passages: Sequence[PassageText]) -> list[PassageScores]:
        return _unit_by_unit(passages, lambda texts: self._scores(question, texts))

    def _scores(self, question: str, texts: Sequence[str]) -> list[float]:
        if not texts:
            return []
        from torch import nn

        pairs = [(encodable(question), encodable(text)) for text in texts]
        found = self._model.predict(pairs, activation_fn=nn.Identity(), show_progress_bar=False)
        return [float(score) for score in found]
