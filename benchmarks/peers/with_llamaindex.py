"""LlamaIndex's CitationQueryEngine as its documentation sets it up, with everything left at its default."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from llama_index.core import Document, Settings, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.llms.openai_like import OpenAILike
from worker import Ask, Config, documents, work

_HEAD = re.compile(r"\ASource \d+:\n")


def open_peer(config: Config) -> Ask:
    Settings.embed_model = HuggingFaceEmbedding(model_name=config["embedder"])
    Settings.llm = OpenAILike(
        model="local",
        api_base=f"{config['url']}/llamaindex/v1",
        api_key="none",
        is_chat_model=True,
        context_window=config["context_tokens"],
        timeout=3600.0,  # the default of 60 s ends before a slow processor has read the prompt
        max_retries=0,
    )
    engine = CitationQueryEngine.from_args(_index(config), streaming=True)

    def ask(question: str) -> dict[str, Any]:
        response = engine.query(question)
        first, text = None, ""
        for piece in response.response_gen if hasattr(response, "response_gen") else [str(response)]:
            if piece and first is None:
                first = time.perf_counter()
            text += piece
        sources = [
            {"document_id": s.node.ref_doc_id, "text": _HEAD.sub("", s.node.get_content()).removesuffix("\n")}
            for s in response.source_nodes
        ]
        return {"answer": text, "sources": sources, "first_token": first}

    return ask


def _index(config: Config) -> VectorStoreIndex:
    folder = Path(config["index"])
    if not (folder / "docstore.json").is_file():
        index = VectorStoreIndex.from_documents([Document(text=d["text"], id_=d["id"]) for d in documents(config)])
        index.storage_context.persist(persist_dir=str(folder))
    return load_index_from_storage(StorageContext.from_defaults(persist_dir=str(folder)))


if __name__ == "__main__":
    work(open_peer)
