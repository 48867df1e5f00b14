"""Passages a second: the product's int8 ONNX embedder beside plain sentence-transformers pipelines in float32.

    python -m rag models fetch bge-small-en-v1.5 all-MiniLM-L6-v2
    python benchmarks/embedding.py benchmarks/embedding.json

The catalogue has no float32 weights of bge-small-en-v1.5, so its plain form is a pipeline of the same shape (12 layers
of 384) with random weights: what they say is worthless, how long they take is not. all-MiniLM-L6-v2 is real, with half
the layers. The pipelines take turns, a batch each, so that whatever else the machine does hits all of them alike.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rag.config import settings
from rag.index.chunk import chunk_document
from rag.index.sources import sources_digest
from rag.load import load
from rag.measure.machine import machine, versions
from rag.models import store as models
from rag.models.embed import open_embedder

ROOT = Path(__file__).resolve().parent.parent
BATCH, ROUNDS = 16, 12
THREADS = len(os.sched_getaffinity(0))


def same_shape(onnx_folder: Path, folder: Path) -> None:
    """Save a sentence-transformers pipeline of the model's shape and tokenizer, with random weights."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    shape = BertConfig(hidden_size=384, num_hidden_layers=12, num_attention_heads=12, intermediate_size=1536)
    BertModel(shape).save_pretrained(folder / "bert")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(onnx_folder / "tokenizer.json"),
        model_max_length=512,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
    )
    tokenizer.save_pretrained(folder / "bert")
    bert = Transformer(str(folder / "bert"))
    SentenceTransformer(modules=[bert, Pooling(384, "cls"), Normalize()], device="cpu").save(str(folder / "pipeline"))


def main(out: Path) -> None:
    store = settings().models
    onnx, mini = models.locate("bge-small-en-v1.5", store), models.locate("all-MiniLM-L6-v2", store)
    documents = [load(path, root=ROOT / "seeds") for path in sorted((ROOT / "seeds").glob("*.txt"))]
    chunks = [chunk for document in documents for chunk in chunk_document(document)]
    kinds = {
        "passages": [chunk.search_text for chunk in chunks],
        "sentences": [d.text[s.start : s.end] for d in documents for c in chunk_document(d) for s in c.sentences],
    }
    with tempfile.TemporaryDirectory() as folder:
        same_shape(onnx, Path(folder))
        embedders: dict[str, Callable[[Sequence[str]], Any]] = {
            "bge-small-en-v1.5, int8 ONNX (the product)": open_embedder(
                onnx, name="bge-small-en-v1.5", threads=THREADS
            ).embed_documents,
            "the same shape, float32, sentence-transformers": open_embedder(
                Path(folder) / "pipeline", name="bge shape", threads=THREADS
            ).embed_documents,
            "all-MiniLM-L6-v2, float32, sentence-transformers": open_embedder(
                mini, name="all-MiniLM-L6-v2", threads=THREADS
            ).embed_documents,
        }
        rows = {kind: measure(texts, embedders) for kind, texts in kinds.items()}
    report = {
        "rows": rows,
        "texts": {kind: {"n": len(t), "mean_characters": statistics.mean(map(len, t))} for kind, t in kinds.items()},
        "batch": BATCH,
        "rounds": ROUNDS,
        "threads": THREADS,
        "load_average_at_end": os.getloadavg()[0],
        "machine": machine(),
        "versions": versions(),
        "sources": sources_digest(),
    }
    print(json.dumps(rows, indent=1))
    out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


def measure(texts: Sequence[str], embedders: dict[str, Callable[[Sequence[str]], Any]]) -> dict[str, Any]:
    clock: dict[str, list[float]] = {name: [] for name in embedders}
    processor: dict[str, list[float]] = {name: [] for name in embedders}
    for n in range(-1, ROUNDS):  # the first round warms up
        batch = [texts[(n * BATCH + i) % len(texts)] for i in range(BATCH)]
        for name, embed in embedders.items():
            began, started = time.process_time(), time.perf_counter()
            embed(batch)
            if n >= 0:
                clock[name].append(BATCH / (time.perf_counter() - started))
                processor[name].append(BATCH / (time.process_time() - began))
    first = next(iter(embedders))
    return {
        name: {
            "a_second": round(statistics.median(clock[name]), 1),
            "a_processor_second": round(statistics.median(processor[name]), 1),
            "product_is_times_as_fast_in_processor_time": round(
                statistics.median(a / b for a, b in zip(processor[first], processor[name], strict=True)), 2
            ),
        }
        for name in embedders
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
