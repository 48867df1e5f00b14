"""A BERT-type encoder in ONNX as the first module of a sentence-transformers pipeline."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

Pooling = Literal["cls", "mean"]
MAX_TOKENS = 512


class OnnxEncoder:
    """Texts to pooled states, one text a run.

    An int8 model quantises its activations by the extremes of the whole batch, so a text's vector would depend
    on its neighbours (cosine down to .97 measured). One text a run makes it a function of the text alone; the
    speed comes from running texts side by side, one thread each.
    """

    def __init__(self, folder: Path, *, pooling: Pooling, threads: int) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        self.pooling = pooling
        self.max_tokens = max_tokens(folder)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.max_tokens)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {given.name for given in self._session.get_inputs()}
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="embed")
        self.dimension = len(self._run([0]))

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]

    def encode(self, token_ids: Sequence[list[int]]) -> npt.NDArray[np.float32]:
        """Shape (len(token_ids), dimension), float32, not normalised."""
        rows = list(self._pool.map(self._run, token_ids))
        return np.stack(rows) if rows else np.zeros((0, self.dimension), np.float32)

    def _run(self, ids: list[int]) -> npt.NDArray[np.float32]:
        row = np.asarray([ids], np.int64)
        feed = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        states = self._session.run(None, {name: feed[name] for name in self._inputs})[0][0]
        pooled = states[0] if self.pooling == "cls" else states.mean(axis=0)
        return np.asarray(pooled, np.float32)


def max_tokens(folder: Path) -> int:
    """The longest input the tokenizer's settings allow, ``MAX_TOKENS`` at most."""
    settings = folder / "tokenizer_config.json"
    declared = json.loads(settings.read_text("utf-8")).get("model_max_length") if settings.is_file() else None
    return min(int(declared), MAX_TOKENS) if declared else MAX_TOKENS


def onnx_pipeline(folder: Path, *, pooling: Pooling, query_prefix: str, threads: int) -> SentenceTransformer:
    """A pipeline of ``model.onnx`` with ``tokenizer.json`` and a normalising module; runs on the CPU.

    sentence-transformers' own ONNX backend needs optimum, which needs transformers below 5.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import InputModule, Normalize

    class OnnxModule(InputModule):  # type: ignore[misc]
        def __init__(self, encoder: OnnxEncoder) -> None:
            super().__init__()
            self.encoder = encoder
            self.tokenizer = encoder.tokenizer
            self.max_seq_length = encoder.max_tokens

        def get_embedding_dimension(self) -> int:
            return self.encoder.dimension

        def preprocess(self, inputs: Sequence[str], prompt: str | None = None, **_: Any) -> dict[str, Any]:
            return {"token_ids": self.encoder.token_ids([(prompt or "") + text for text in inputs])}

        def forward(self, features: dict[str, Any], **_: Any) -> dict[str, torch.Tensor]:
            return {"sentence_embedding": torch.from_numpy(self.encoder.encode(features["token_ids"]))}

        def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
            raise NotImplementedError("an ONNX model is used as it is, never saved")

    encoder = OnnxEncoder(folder, pooling=pooling, threads=threads)
    prompts = {"query": query_prefix, "document": ""}
    return SentenceTransformer(modules=[OnnxModule(encoder), Normalize()], prompts=prompts, device="cpu")
