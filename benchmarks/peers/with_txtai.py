"""txtai's RAG pipeline as its documentation sets it up, answering with a reference to the passage behind the answer."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from txtai import RAG, Embeddings
from txtai.pipeline import Segmentation
from worker import Ask, Config, documents, work

# The prompt of the documentation's example; without one, txtai sends the question and the passages alone.
TEMPLATE = """
  Answer the following question using the provided context.

  Question:
  {question}

  Context:
  {context}
"""
CONTEXT = 3  # passages; the pipeline's default, named here because it does not tell which it took


def open_peer(config: Config) -> Ask:
    embeddings = _index(config)
    rag = RAG(
        embeddings,
        "openai/local",
        output="reference",
        template=TEMPLATE,
        api_base=f"{config['url']}/txtai/v1",
        api_key="none",
        timeout=3600,
    )

    def ask(question: str) -> dict[str, Any]:
        found = rag(question)
        ended = time.perf_counter()
        sources = {row["id"]: row["text"] for row in embeddings.search(question, CONTEXT)}
        reference = found["reference"]
        return {
            "answer": found["answer"],
            "sources": [{"document_id": json.loads(i)[0], "text": text} for i, text in sources.items()],
            "reference": list(sources).index(reference) + 1 if reference in sources else 0,
            "ended": ended,
        }

    return ask


def _index(config: Config) -> Embeddings:
    """A row a paragraph; its id is [document, number]."""
    folder = Path(config["index"])
    embeddings = Embeddings(path=config["embedder"], content=True)
    if embeddings.exists(str(folder)):
        embeddings.load(str(folder))
        return embeddings
    split = Segmentation(paragraphs=True)
    embeddings.index(
        (json.dumps([d["id"], n]), paragraph) for d in documents(config) for n, paragraph in enumerate(split(d["text"]))
    )
    embeddings.save(str(folder))
    return embeddings


if __name__ == "__main__":
    work(open_peer)
