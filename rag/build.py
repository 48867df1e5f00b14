"""Documents -> their index, doing only what changed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from rag import chunk as chunker
from rag import load as loader
from rag import store
from rag.cache import embed_cached, open_cache
from rag.errors import CorpusError, IndexDamaged, IndexMismatch, IndexMissing
from rag.index import Index, Rows, load_index, write_index
from rag.types import BuildReport, Chunk, Document, Embedder, FileOutcome
from rag.walk import File, walk

Progress = Callable[[str, int, int], None]
"""Called with "reading" or "embedding", how many files or texts are done, and how many there are."""

FAILURES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A document that has to be embedded."""

    file: File
    document: Document
    chunks: tuple[Chunk, ...]


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

    A file with the size and time, or else the bytes, it had before is not parsed again, and a text embedded
    before is not embedded again, even by a build that was interrupted. A file that cannot be read is reported
    and left out. Where nothing changed no new generation is written.

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
        entries: Mapping[str, Any] = before.manifest["documents"] if before else {}
        kept = {f.id for f in files if _unchanged(f, entries.get(f.id))}
        read, failed = _read(files, kept, seeds, tell, max_chars=max_chars, overlap=overlap)
        outcomes = [*passed, *_outcomes(kept, read, failed, entries)]
        if not any(o.chunks for o in outcomes):
            shown = "; ".join(f"{o.path}: {o.why}" for o in outcomes[:FAILURES_SHOWN])
            raise CorpusError(f"Nothing in {seeds} can be indexed. {shown}", fix="put readable documents into it")
        documents = {
            **{name: entries[name] for name in kept},
            **{r.file.id: _entry(r.file, "indexed", sha256=r.document.sha256, chunks=len(r.chunks)) for r in read},
            **{f.id: _entry(f, "failed", error=failed[f.id]) for f in files if f.id in failed},
        }
        if before is None or documents != entries:
            rows = {name: value for name, value in (before.rows() if before else {}).items() if name in kept}
            rows |= _embed([(r.document, r.chunks) for r in read], index, embedder, tell)
            _write(index, rows, embedder, chunking, documents)
        newest = store.generations(index)[0]
        counts = store.read_manifest(newest)["counts"]
    in_order = tuple(sorted(outcomes, key=lambda o: o.path))
    return BuildReport(newest.name, in_order, **counts, seconds=time.monotonic() - started)


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
    cut = [(d, tuple(chunker.chunk_document(d, max_chars=max_chars, overlap=overlap))) for d in documents]
    if not any(chunks for _, chunks in cut):
        raise CorpusError("No document has a sentence that can be quoted.", fix="give documents with prose in them")
    if not sentences:
        cut = [(d, tuple(replace(c, sentences=()) for c in chunks)) for d, chunks in cut]
    entries = {d.id: {"sha256": d.sha256, "status": "indexed", "chunks": len(chunks)} for d, chunks in cut}
    with store.writing(index):
        rows = _embed(cut, index, embedder, tell)
        return _write(index, rows, embedder, _chunking(max_chars, overlap), entries)


def needs_build(seeds: Path, index: Path, fingerprint: str) -> bool:
    """Would ``build`` write something? Compares sizes and times, and hashes only files whose time moved.

    A file that failed before and has not changed is no reason. Raises CorpusError for a missing folder.
    """
    files, _ = walk(seeds)
    try:
        generation = store.generations(index)[0]
        manifest = store.read_manifest(generation)
    except (IndexMissing, IndexDamaged):
        return True
    entries = manifest["documents"]
    if manifest["embedder"]["fingerprint"] != fingerprint or {f.id for f in files} != set(entries):
        return True
    return not all(_unchanged(f, entries[f.id]) or _failed_before(f, entries[f.id]) for f in files)


def _before(index: Path, embedder: Embedder, chunking: Mapping[str, Any]) -> Index | None:
    """The index to build on; None where it has to be made anew."""
    try:
        before = load_index(index, fingerprint=embedder.fingerprint)
    except (IndexMissing, IndexDamaged, IndexMismatch):
        return None
    if before.warning or before.manifest["chunker"] != chunking or before.dimension != embedder.dimension:
        return None
    return before


def _unchanged(file: File, entry: Mapping[str, Any] | None) -> bool:
    """Is the file the one that was indexed? Its bytes decide where only its time moved."""
    if entry is None or entry["status"] != "indexed" or entry["size"] != file.size:
        return False
    if entry["mtime_ns"] == file.mtime_ns:
        return True
    try:
        with file.path.open("rb") as stream:
            return bool(hashlib.file_digest(stream, "sha256").hexdigest() == entry["sha256"])
    except OSError:
        return False


def _failed_before(file: File, entry: Mapping[str, Any]) -> bool:
    same = entry["size"] == file.size and entry["mtime_ns"] == file.mtime_ns
    return bool(same and entry["status"] == "failed")


def _read(
    files: Sequence[File], kept: Collection[str], seeds: Path, tell: Progress, *, max_chars: int, overlap: int
) -> tuple[list[_Parsed], dict[str, str]]:
    """The files that are not ``kept`` as documents, and why for each that could not be read."""
    read: list[_Parsed] = []
    failed: dict[str, str] = {}
    for n, file in enumerate(files):
        tell("reading", n, len(files))
        if file.id not in kept:
            try:
                document = loader.load(file.path, root=seeds)
                chunks = chunker.chunk_document(document, max_chars=max_chars, overlap=overlap)
                read.append(_Parsed(file, document, tuple(chunks)))
            except Exception as error:  # one bad file, whatever is wrong with it, must not cost the others
                failed[file.id] = f"{error}" or type(error).__name__
    tell("reading", len(files), len(files))
    return read, failed


def _outcomes(
    kept: Collection[str], read: Sequence[_Parsed], failed: Mapping[str, str], entries: Mapping[str, Any]
) -> list[FileOutcome]:
    mute = "no sentence in it can be quoted"
    now = {*kept, *failed, *(r.file.id for r in read)}
    return [
        *(FileOutcome(name, "failed", why=why) for name, why in failed.items()),
        *(FileOutcome(name, "unchanged", entries[name]["chunks"]) for name in kept),
        *(FileOutcome(r.file.id, "indexed", len(r.chunks), "" if r.chunks else mute) for r in read),
        *(FileOutcome(name, "removed") for name in entries if name not in now),
    ]


def _entry(file: File, status: str, *, sha256: str = "", chunks: int = 0, error: str = "") -> dict[str, Any]:
    stat = {"path": file.id, "size": file.size, "mtime_ns": file.mtime_ns}
    return {**stat, "sha256": sha256, "status": status, "chunks": chunks, "error": error}


def _chunking(max_chars: int, overlap: int) -> dict[str, int]:
    return {"version": chunker.CHUNKER_VERSION, "max_chars": max_chars, "overlap": overlap}


def _write(
    index: Path,
    rows: Mapping[str, Rows],
    embedder: Embedder,
    chunking: Mapping[str, Any],
    documents: Mapping[str, Any],
) -> str:
    made_with = {"name": embedder.name, "fingerprint": embedder.fingerprint, "dimension": embedder.dimension}
    manifest = {"embedder": made_with, "chunker": chunking, "documents": dict(sorted(documents.items()))}
    return write_index(index, [rows[name] for name in sorted(rows)], manifest)


def _embed(
    cut: Sequence[tuple[Document, tuple[Chunk, ...]]], index: Path, embedder: Embedder, tell: Progress
) -> dict[str, Rows]:
    """Rows of every document; one list of texts, so that progress covers it all."""
    chunks = [chunk for _, some in cut for chunk in some]
    quotes = [[document.text[s.start : s.end] for s in c.sentences] for document, some in cut for c in some]
    texts = [c.search_text for c in chunks] + [quote for some in quotes for quote in some]
    with open_cache(index / "cache" / "embeddings.sqlite") as cache:
        vectors = embed_cached(cache, embedder, texts, progress=lambda done, total: tell("embedding", done, total))
    ends = np.cumsum([len(chunks), *(len(some) for some in quotes)])
    sentences = [vectors[a:b].astype(np.float16) for a, b in pairwise(ends)]
    rows = {}
    row = 0
    for document, some in cut:
        stop = row + len(some)
        rows[document.id] = Rows(document, some, vectors[row:stop], tuple(sentences[row:stop]))
        row = stop
    return rows
