"""(question, text) -> how well the text answers, by a cross-encoder that reads both together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import ModelDamaged, ModelMissing
from rag.onnx_bert import OnnxBert
from rag.types import Reranker

if TYPE_CHECKING:
    import torch
    from sentence_transformers import CrossEncoder

_FIX = "python -m rag models fetch"


def open_reranker(path: Path, *, name: str, threads: int = 0) -> Reranker:
    """The cross-encoder in the folder ``path``, on the CPU; nothing is fetched, no code of the model runs.

    A folder with ``model.onnx`` and ``tokenizer.json`` goes through our own module, any other is loaded as
    sentence-transformers wrote it (safetensors only). ``threads`` 0: one a core. Raises ModelMissing, ModelDamaged.
    """
    if not path.is_dir():
        raise ModelMissing(f"The reranker's folder {path} does not exist.", fix=_FIX)
    try:
        if (path / "model.onnx").is_file():
            model = _onnx_model(path, threads or os.cpu_count() or 1)
        else:
            from sentence_transformers import CrossEncoder

            model = CrossEncoder(str(path), device="cpu", local_files_only=True, model_kwargs={"use_safetensors": True})
    except Exception as error:  # any loader may fail in its own way; all of them mean the same to a person
        raise ModelDamaged(f"The reranker in {path} does not load: {error}", fix=_FIX) from error
    return _PipelineReranker(model, name=name)


class _PipelineReranker:
    """A Reranker over a sentence-transformers CrossEncoder."""

    def __init__(self, model: CrossEncoder, *, name: str) -> None:
        self._model = model
        self.name = name

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        if not texts:
            return []
        from torch import nn

        pairs = [(_clean(question), _clean(text)) for text in texts]
        found = self._model.predict(pairs, activation_fn=nn.Identity(), show_progress_bar=False)
        return [float(score) for score in found]


def _clean(text: str) -> str:
    """Lone surrogates, which no tokenizer takes, become "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _onnx_model(folder: Path, threads: int) -> CrossEncoder:
    import torch
    from sentence_transformers import CrossEncoder
    from sentence_transformers.sentence_transformer.modules import InputModule

    class OnnxModule(InputModule):  # type: ignore[misc]
        def __init__(self, encoder: OnnxBert) -> None:
            super().__init__()
            self.encoder = encoder
            self.tokenizer = encoder.tokenizer
            self.max_seq_length = encoder.max_tokens

        def preprocess(self, inputs: Sequence[tuple[str, str]], **_: Any) -> dict[str, Any]:
            return {"encodings": self.encoder.encode(inputs)}

        def forward(self, features: dict[str, Any], **_: Any) -> dict[str, torch.Tensor]:
            logits = [float(output.reshape(-1)[0]) for output in self.encoder.run(features["encodings"])]
            return {"scores": torch.tensor(logits)[:, None]}

        def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
            raise NotImplementedError("an ONNX model is used as it is, never saved")

    return CrossEncoder(modules=[OnnxModule(OnnxBert(folder, threads=threads))], device="cpu")
