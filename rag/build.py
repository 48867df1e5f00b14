"""A folder of documents -> its index, doing only what changed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
class _Read:
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
    files, outcomes = walk(seeds)
    if not files:
        raise CorpusError(f"The folder {seeds} holds no document that can be read.", fix="put documents into it")
    chunking = {"version": chunker.CHUNKER_VERSION, "max_chars": max_chars, "overlap": overlap}
    with store.writing(index):
        before = _before(index, embedder, chunking)
        entries: Mapping[str, Any] = before.manifest["documents"] if before else {}
        kept = {f.id: f for f in files if _unchanged(f, entries.get(f.id))}
        read: dict[str, _Read] = {}
        failed: dict[str, str] = {}
        for n, file in enumerate(files):
            tell("reading", n, len(files))
            if file.id not in kept:
                try:
                    document = loader.load(file.path, root=seeds)
                    chunks = chunker.chunk_document(document, max_chars=max_chars, overlap=overlap)
                    read[file.id] = _Read(file, document, tuple(chunks))
                except Exception as error:  # one bad file, whatever is wrong with it, must not cost the others
                    failed[file.id] = f"{error}" or type(error).__name__
        tell("reading", len(files), len(files))
        outcomes += [FileOutcome(name, "failed", why=why) for name, why in failed.items()]
        if not any(entries[name]["chunks"] for name in kept) and not any(r.chunks for r in read.values()):
            shown = "; ".join(f"{o.path}: {o.why}" for o in outcomes[:FAILURES_SHOWN])
            raise CorpusError(f"Nothing in {seeds} can be indexed. {shown}", fix="put readable documents into it")
        outcomes += [FileOutcome(name, "unchanged", entries[name]["chunks"]) for name in kept]
        outcomes += [
            FileOutcome(name, "indexed", len(r.chunks), "" if r.chunks else "no sentence in it can be quoted")
            for name, r in read.items()
        ]
        present = {f.id for f in files}
        outcomes += [FileOutcome(name, "removed") for name in entries if name not in present]

        now = {name: entries[name] for name in kept}
        now |= {r.file.id: _entry(r.file, r.document.sha256, "indexed", len(r.chunks)) for r in read.values()}
        now |= {f.id: _entry(f, "", "failed", 0, failed[f.id]) for f in files if f.id in failed}
        if before and now == entries:
            generation, counts = before.generation, before.manifest["counts"]
        else:
            rows = {name: value for name, value in (before.rows() if before else {}).items() if name in kept}
            rows |= _embed(list(read.values()), index, embedder, lambda done, total: tell("embedding", done, total))
            manifest = {
                "embedder": {
                    "name": embedder.name,
                    "fingerprint": embedder.fingerprint,
                    "dimension": embedder.dimension,
                },
                "chunker": chunking,
                "documents": dict(sorted(now.items())),
            }
            generation = write_index(index, [rows[name] for name in sorted(rows)], manifest)
            counts = {
                "documents": len(rows),
                "chunks": sum(len(r.chunks) for r in rows.values()),
                "sentences": sum(len(c.sentences) for r in rows.values() for c in r.chunks),
            }
    return BuildReport(
        generation,
        tuple(sorted(outcomes, key=lambda o: o.path)),
        counts["documents"],
        counts["chunks"],
        counts["sentences"],
        time.monotonic() - started,
    )


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


def _entry(file: File, sha256: str, status: str, chunks: int, error: str = "") -> dict[str, Any]:
    return {
        "path": file.id,
        "size": file.size,
        "mtime_ns": file.mtime_ns,
        "sha256": sha256,
        "status": status,
        "chunks": chunks,
        "error": error,
    }


def _embed(read: list[_Read], index: Path, embedder: Embedder, progress: Callable[[int, int], None]) -> dict[str, Rows]:
    """Rows of every document that was read; one list of texts, so that progress covers it all."""
    chunks = [chunk for r in read for chunk in r.chunks]
    quotes = [[r.document.text[s.start : s.end] for s in chunk.sentences] for r in read for chunk in r.chunks]
    texts = [c.search_text for c in chunks] + [quote for some in quotes for quote in some]
    with open_cache(index / "cache" / "embeddings.sqlite") as cache:
        vectors = embed_cached(cache, embedder, texts, progress=progress)
    ends = np.cumsum([len(chunks), *(len(some) for some in quotes)])
    sentences = [vectors[a:b].astype(np.float16) for a, b in pairwise(ends)]
    rows = {}
    row = 0
    for r in read:
        stop = row + len(r.chunks)
        rows[r.file.id] = Rows(r.document, r.chunks, vectors[row:stop], tuple(sentences[row:stop]))
        row = stop
    return rows
