"""Time from a question to its evidence over the documents of several sets in one index; no language model.

    python -m benchmarks.query SETS [--sets clapnq ramdocs squad2] [--out benchmarks/query.json] [--work DIR]

Embedding the sentences takes long the first time; the index and its cache stay in --work.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

from platformdirs import user_cache_path

from rag import assistant
from rag.build import index_documents
from rag.config import settings
from rag.datasets import read_set
from rag.errors import RagError
from rag.evaluate import sample
from rag.index import load_index
from rag.machine import machine, versions
from rag.metrics import quantile
from rag.models import tqdm_progress

QUESTIONS = 200
WARM_UP = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="SETS")
    parser.add_argument("--sets", nargs="+", default=["clapnq", "ramdocs", "squad2"])
    parser.add_argument("--work", type=Path, default=user_cache_path("quoted-rag") / "query")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    chosen = settings()
    embedder = assistant.open_embedding(chosen)
    sets = [read_set(given.folder / name, documents=chosen.seeds) for name in given.sets]
    documents = [replace(d, id=f"{s.name}/{d.id}") for s in sets for d in s.documents]
    try:
        index = load_index(given.work, fingerprint=embedder.fingerprint)
    except RagError:
        with tqdm_progress() as progress:
            index_documents(documents, given.work, embedder, progress=progress)
        index = load_index(given.work, fingerprint=embedder.fingerprint)
    asked = assistant.Assistant(
        chosen, index, embedder, assistant.open_ranking(chosen), lambda: assistant.open_model(chosen)
    )
    questions = sample([q.text for s in sets for q in s.questions], QUESTIONS + WARM_UP, 0)
    times = []
    for question in questions:
        started = time.perf_counter()
        asked.search(question)
        times.append((time.perf_counter() - started) * 1000)
    times = times[WARM_UP:]
    p50, p95 = (quantile(times, q, seed=0) for q in (0.5, 0.95))
    assert p50
    assert p95
    report = {
        "documents": len(documents),
        "chunks": len(index.chunks),
        "questions": len(times),
        "p50_ms": {"value": round(p50.value, 1), "low": round(p50.low, 1), "high": round(p50.high, 1)},
        "p95_ms": {"value": round(p95.value, 1), "low": round(p95.low, 1), "high": round(p95.high, 1)},
        "machine": machine(),
        "versions": versions(),
    }
    print(json.dumps(report, indent=2))
    if given.out:
        given.out.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
