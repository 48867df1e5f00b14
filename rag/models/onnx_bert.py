"""A BERT-type encoder in ONNX: texts, or pairs of texts, to what it says of each. Runs on the CPU."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from tokenizers import Encoding

MAX_TOKENS = 512

T = TypeVar("T")
Output = npt.NDArray[np.float32]
"""What the model says of one input, without the batch dimension: shape (tokens, width) or (labels,)."""


class OnnxBert:
    """One text, or pair, a run.

    An int8 model quantises its activations by the extremes of the whole batch, so what it says of a text would
    depend on its neighbours (cosine down to .97 measured). One a run makes it a function of the text alone; the
    speed comes from running texts side by side, one thread each.
    """

    def __init__(self, folder: Path, *, threads: int) -> None:
        """``folder`` holds model.onnx, tokenizer.json and perhaps tokenizer_config.json."""
        from tokenizers import Tokenizer

        onnxruntime = _onnxruntime()
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens(folder))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {given.name for given in self._session.get_inputs()}
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="onnx")

    def run(
        self, inputs: Sequence[str] | Sequence[tuple[str, str]], reduce: Callable[[Output, Encoding], T]
    ) -> list[T]:
        """What ``reduce`` makes of the model's first output for each input and of its tokens, in order.

        What is too long is truncated at its end.
        """
        clean = [encodable(i) if isinstance(i, str) else (encodable(i[0]), encodable(i[1])) for i in inputs]
        encodings = self._tokenizer.encode_batch(clean)
        longest_first = sorted(range(len(encodings)), key=lambda n: -len(encodings[n]))
        done = self._pool.map(lambda n: (n, reduce(self._output(encodings[n]), encodings[n])), longest_first)
        found = dict(done)
        return [found[n] for n in range(len(encodings))]

    def _output(self, encoding: Encoding) -> Output:
        ids = np.asarray([encoding.ids], np.int64)
        types = np.asarray([encoding.type_ids], np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types}
        return np.asarray(self._session.run(None, {name: feed[name] for name in self._inputs})[0][0], np.float32)


def tokens_of(encoding: Encoding, start: int, end: int) -> range:
    """The tokens of characters ``start`` to ``end`` of a pair's second text; empty where all were cut off."""
    within = [
        n
        for n, ((first, last), part) in enumerate(zip(encoding.offsets, encoding.sequence_ids, strict=True))
        if part == 1 and first < end and last > start
    ]
    return range(within[0], within[-1] + 1) if within else range(0)


def _onnxruntime() -> Any:
    """The library, told first to report to nobody: since 1.29 it sends events to its maker unless this is set.

    Its sending is native code that neither Python nor ``rag doctor`` sees, and it looks at the variable only once.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    return onnxruntime


def encodable(text: str) -> str:
    """Lone surrogates, which no tokenizer takes, become "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")


def max_tokens(folder: Path) -> int:
    """The longest input the tokenizer's settings allow, ``MAX_TOKENS`` at most."""
    settings = folder / "tokenizer_config.json"
    declared = json.loads(settings.read_text("utf-8")).get("model_max_length") if settings.is_file() else None
    return min(int(declared), MAX_TOKENS) if declared else MAX_TOKENS
