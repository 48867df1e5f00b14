"""Documents -> their index, doing only what changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from rag.errors import CorpusError, IndexDamaged, IndexMismatch, IndexMissing, LoadError
from rag.index import chunk as chunker
from rag.index import generations as store
from rag.index.changes import Entry, Plan, compare
from rag.index.embedding_cache import embed_cached, open_cache
from rag.index.snapshot import Index, load_index
from rag.index.sources import running, sources
from rag.index.writer import IndexWriter, write_index
from rag.load.sandbox import load_all
from rag.load.walk import File, walk
from rag.models.protocols import Embedder
from rag.types import BuildReport, Chunk, Document, FileOutcome

Progress = Callable[[str, int, int], None]
"""Called with "reading" or "embedding", how many files or texts are done, and how many there are."""

FAILURES_SHOWN = 3


class _NothingNew(Exception):
    """Stops a generation that would say what the one before says."""


def build(
    seeds: Path,
    index: Path,
    embedder: Embedder,
    *,
    progress: Progress | None = None,
    max_chars: int = 900,
    overlap: int = 0,
) -> BuildReport:
    """Bring ``index`` in step with the folder ``seeds`` and say what became of every file.

    A file with the size and time, or else the bytes, that some file had before is not parsed again, and a text
    embedded before is not embedded again, even by a build that was interrupted. A file that cannot be read is
    reported and left out. Documents pass through one at a time. Where nothing changed no new generation is written.

    Raises CorpusError where nothing can be indexed, IndexLocked where another process builds; the index that
    was there stays as it was.
    """
    started = time.monotonic()
    tell = progress or (lambda stage, done, total: None)
    files, passed = walk(seeds)
    if not files:
        raise CorpusError(f"The folder {seeds} holds no document that can be read.", fix="put documents into it")
    chunking = _chunking(max_chars, overlap)
    with store.writing(index):
        before = _before(index, embedder, chunking)
        entries = before.files if before else {}
        plan = compare(files, before)
        now: dict[str, Entry] = {}

        def write(folder: Path) -> Mapping[str, Any]:
            writer = IndexWriter(folder, embedder.dimension, before)
            with closing(load_all((f.path for f in files if f.id not in plan.kept), seeds)) as loaded:
                for n, file in enumerate(files):
                    tell("reading", n, len(files))
                    if before is not None and file.id in plan.kept:
                        old = plan.kept[file.id]
                        writer.keep(before.documents.number(old), file.id)
                        now[file.id] = {**entries[old], **_stat(file, seeds)}
                        continue
                    _, found = next(loaded)
                    read = _cut(found, max_chars=max_chars, overlap=overlap)
                    if not isinstance(read, str):
                        writer.add(*read)
                    now[file.id] = {**_stat(file, seeds), **_became(read)}
            tell("reading", len(files), len(files))
            if before and _said(now) == _said(entries):
                raise _NothingNew
            if not writer.chunks:
                shown = "; ".join(
                    f"{name}: {e['error'] or NOTHING_TO_QUOTE}" for name, e in list(now.items())[:FAILURES_SHOWN]
                )
                raise CorpusError(f"Nothing in {seeds} can be indexed. {shown}", fix="put readable documents into it")
            with open_cache(index / "cache" / "embeddings.sqlite") as cache:
                writer.embed(
                    lambda texts: embed_cached(cache, embedder, texts),
                    progress=lambda done, total: tell("embedding", done, total),
                )
            return writer.finish(_manifest(embedder, chunking), now.values())

        try:
            if plan.settled:
                now = dict(entries)
                tell("reading", len(files), len(files))
            else:
                store.publish(index, write)
        except _NothingNew:
            pass
        newest = store.generations(index)[0]
        manifest = store.read_manifest(newest)
    seconds = time.monotonic() - started
    in_order = tuple(sorted([*passed, *_outcomes(now, plan)], key=lambda o: o.path))
    return BuildReport(newest.name, in_order, **manifest["counts"], seconds=seconds, duplicates=manifest["duplicates"])


def index_documents(
    documents: Sequence[Document],
    index: Path,
    embedder: Embedder,
    *,
    progress: Progress | None = None,
    max_chars: int = 900,
    overlap: int = 0,
    sentences: bool = True,
) -> str:
    """Index documents that are no files and return the generation's name; their ids stay as they are.

    Without ``sentences`` none can be quoted, and none has to be embedded: enough where only chunks are searched.
    Raises CorpusError where no document has a chunk, IndexLocked where another process writes ``index``.
    """
    tell = progress or (lambda stage, done, total: None)
    ordered = sorted(documents, key=lambda d: d.id)
    cut = [(d, chunker.chunk_document(d, max_chars=max_chars, overlap=overlap)) for d in ordered]
    if not any(chunks for _, chunks in cut):
        raise CorpusError("No document has a sentence that can be quoted.", fix="give documents with prose in them")
    if not sentences:
        cut = [(d, [replace(c, sentences=()) for c in chunks]) for d, chunks in cut]
    with store.writing(index), open_cache(index / "cache" / "embeddings.sqlite") as cache:
        return write_index(
            index,
            cut,
            lambda texts: embed_cached(cache, embedder, texts),
            _manifest(embedder, _chunking(max_chars, overlap)),
            progress=lambda done, total: tell("embedding", done, total),
        )


def _before(index: Path, embedder: Embedder, chunking: Mapping[str, Any]) -> Index | None:
    """The index to build on; None where it has to be made anew."""
    try:
        before = load_index(index, fingerprint=embedder.fingerprint)
    except (IndexMissing, IndexDamaged, IndexMismatch):
        return None
    if before.warning or before.manifest["chunker"] != chunking or before.dimension != embedder.dimension:
        return None
    return before


def _cut(found: Document | LoadError, *, max_chars: int, overlap: int) -> tuple[Document, list[Chunk]] | str:
    """The document and its chunks, or why it cannot be read."""
    if isinstance(found, LoadError):
        return str(found)
    try:
        return found, chunker.chunk_document(found, max_chars=max_chars, overlap=overlap)
    except Exception as error:  # one bad file, whatever is wrong with it, must not cost the others
        return f"{error}" or type(error).__name__


def _stat(file: File, seeds: Path) -> dict[str, Any]:
    """``name`` is the path as the system has it; the id writes bytes that are no UTF-8 in another way."""
    name = file.path.relative_to(seeds).as_posix()
    return {"path": file.id, "name": name, "size": file.size, "mtime_ns": file.mtime_ns}


def _became(read: tuple[Document, list[Chunk]] | str) -> dict[str, Any]:
    if isinstance(read, str):
        return {"sha256": "", "status": "failed", "chunks": 0, "error": read}
    document, chunks = read
    return {"sha256": document.sha256, "status": "indexed", "chunks": len(chunks), "error": ""}


def _said(entries: Mapping[str, Entry]) -> dict[str, dict[str, Any]]:
    """Entries without the times of files whose bytes are known: those may differ."""
    return {
        name: {key: value for key, value in entry.items() if key != "mtime_ns" or entry["status"] == "failed"}
        for name, entry in entries.items()
    }


NOTHING_TO_QUOTE = "no sentence in it can be quoted"


def _outcomes(now: Mapping[str, Entry], plan: Plan) -> list[FileOutcome]:
    outcomes = [FileOutcome(name, "removed") for name in plan.removed]
    for name, entry in now.items():
        old = plan.kept.get(name)
        if entry["status"] == "failed":
            outcomes.append(FileOutcome(name, "failed", why=entry["error"]))
        elif old is None:
            outcomes.append(FileOutcome(name, "indexed", entry["chunks"], "" if entry["chunks"] else NOTHING_TO_QUOTE))
        elif old == name:
            outcomes.append(FileOutcome(name, "unchanged", entry["chunks"]))
        else:
            outcomes.append(FileOutcome(name, "renamed", entry["chunks"], why=f"was {old}"))
    return outcomes


def _manifest(embedder: Embedder, chunking: Mapping[str, Any]) -> dict[str, Any]:
    made_with = {"name": embedder.name, "fingerprint": embedder.fingerprint, "dimension": embedder.dimension}
    return {"embedder": made_with, "chunker": chunking}


def _chunking(max_chars: int, overlap: int) -> dict[str, Any]:
    """What decides texts and chunks besides the files: how long a chunk may be, and the program's own sources.

    Any change in these sources, be it of a comment, has every file read again at the next build. That is cheap
    beside embedding, which is done once a text, and no index stays behind a change that somebody forgot to announce.
    """
    files = sources("rag.load.sandbox", "rag.index.chunk")
    return {"sources": list(files), "digest": running(files), "max_chars": max_chars, "overlap": overlap}
