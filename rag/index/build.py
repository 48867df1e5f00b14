"""Documents -> their index, doing only what changed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rag.errors import CorpusError, IndexDamaged, IndexMismatch, IndexMissing, LoadError
from rag.index import generations
from rag.index.changes import Plan, plan_changes
from rag.index.chunk import chunk_document
from rag.index.embedding_cache import embed_cached, open_cache
from rag.index.manifest import Chunking, FileEntry, Recipe
from rag.index.snapshot import Index, load_index
from rag.index.sources import running, sources
from rag.index.writer import IndexWriter, write_index
from rag.load.sandbox import load_all
from rag.load.walk import File, walk
from rag.models.protocols import Embedder
from rag.types import BuildReport, Chunk, Document, FileOutcome, Progress

FAILURES_SHOWN = 3
NOTHING_TO_QUOTE = "no sentence in it can be quoted"


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
    An index that another version of the program or another embedder made is made anew, and the report says why.
    ``progress`` is told of the "reading" of files and of the "embedding" of texts, and before of such an index.

    Raises CorpusError where nothing can be indexed, IndexLocked where another process builds; the index that
    was there stays as it was.
    """
    started = time.monotonic()
    tell = progress or (lambda stage, done, total: None)
    files, passed = walk(seeds)
    if not files:
        raise CorpusError(f"The folder {seeds} holds no document that can be read.", fix="put documents into it")
    recipe = _recipe(embedder, max_chars, overlap)
    with generations.writing(index):
        before, anew = _basis(index, recipe)
        if anew:
            tell(f"{anew} It is made anew", 0, len(files))
        plan = plan_changes(files, before)
        if before is not None and plan.settled:
            entries = before.files
            tell("reading", len(files), len(files))
        else:
            with generations.draft(index) as folder, IndexWriter(folder, embedder.dimension, before) as writer:
                entries = _read(seeds, files, plan, writer, recipe["chunker"], tell)
                if before is None or _without_times(entries) != _without_times(before.files):
                    if not writer.chunks:
                        raise _nothing_to_index(seeds, entries)
                    with open_cache(index / "cache" / "embeddings.sqlite") as cache:
                        writer.embed(lambda texts: embed_cached(cache, embedder, texts), progress=tell)
                    generations.publish(folder, writer.finish(recipe, entries.values()))
        newest = generations.published(index)[0]
        manifest = generations.read_manifest(newest)
    outcomes = sorted([*passed, *_outcomes(entries, plan)], key=lambda outcome: outcome.path)
    seconds = time.monotonic() - started
    duplicates = manifest["duplicates"]
    return BuildReport(
        newest.name, tuple(outcomes), **manifest["counts"], seconds=seconds, duplicates=duplicates, anew=anew
    )


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
    recipe = _recipe(embedder, max_chars, overlap)
    cut = [(d, _chunks(d, recipe["chunker"])) for d in sorted(documents, key=lambda d: d.id)]
    if not any(chunks for _, chunks in cut):
        raise CorpusError("No document has a sentence that can be quoted.", fix="give documents with prose in them")
    if not sentences:
        cut = [(d, [replace(c, sentences=()) for c in chunks]) for d, chunks in cut]
    with generations.writing(index), open_cache(index / "cache" / "embeddings.sqlite") as cache:
        return write_index(index, cut, lambda texts: embed_cached(cache, embedder, texts), recipe, progress=progress)


def _basis(index: Path, recipe: Recipe) -> tuple[Index | None, str]:
    """The index to build on; or None, and why the one that is there cannot be built on ("" where none is)."""
    try:
        before = load_index(index, fingerprint=recipe["embedder"]["fingerprint"])
    except IndexMissing:
        return None, ""
    except (IndexDamaged, IndexMismatch) as error:
        return None, error.message
    if before.warning:
        return None, before.warning.splitlines()[0]
    if before.manifest["chunker"] != recipe["chunker"]:
        made, here = ({k: v for k, v in m["chunker"].items() if k != "sources"} for m in (before.manifest, recipe))
        return None, f"The index in {index} was made with chunks {made}; this program uses {here}."
    if before.dimension != recipe["embedder"]["dimension"]:
        return None, f"The index in {index} was made with vectors of dimension {before.dimension}."
    return before, ""


def _read(
    seeds: Path, files: Sequence[File], plan: Plan, writer: IndexWriter, chunking: Chunking, tell: Progress
) -> dict[str, FileEntry]:
    """Give the writer every document, in order, and say what became of every file, by id."""
    entries: dict[str, FileEntry] = {}
    with closing(load_all((f.path for f in files if f.id not in plan.kept), seeds)) as loaded:
        for n, file in enumerate(files):
            tell("reading", n, len(files))
            name = file.path.relative_to(seeds).as_posix()
            if old := plan.kept.get(file.id):
                writer.keep(old["path"], file.id)
                entries[file.id] = {**old, "path": file.id, "name": name, "mtime_ns": file.mtime_ns}
                continue
            _, outcome = next(loaded)
            cut = _cut(outcome, chunking)
            if not isinstance(cut, str):
                writer.add(*cut)
            entries[file.id] = _entry(file, name, cut)
    tell("reading", len(files), len(files))
    return entries


def _cut(outcome: Document | LoadError, chunking: Chunking) -> tuple[Document, list[Chunk]] | str:
    """The document and its chunks, or why it cannot be read."""
    if isinstance(outcome, LoadError):
        return str(outcome)
    try:
        return outcome, _chunks(outcome, chunking)
    except Exception as error:  # one bad file, whatever is wrong with it, must not cost the others
        return f"{error}" or type(error).__name__


def _chunks(document: Document, chunking: Chunking) -> list[Chunk]:
    return chunk_document(document, max_chars=chunking["max_chars"], overlap=chunking["overlap"])


def _entry(file: File, name: str, cut: tuple[Document, list[Chunk]] | str) -> FileEntry:
    entry = FileEntry(
        path=file.id,
        name=name,
        size=file.size,
        mtime_ns=file.mtime_ns,
        sha256="",
        status="failed",
        chunks=0,
        error="",
    )
    if isinstance(cut, str):
        return {**entry, "error": cut}
    document, chunks = cut
    return {**entry, "sha256": document.sha256, "status": "indexed", "chunks": len(chunks)}


def _without_times(entries: Mapping[str, FileEntry]) -> dict[str, FileEntry]:
    """What would be worth a new generation: the time of a file whose bytes are the same is not."""
    return {name: {**e, "mtime_ns": 0} if e["status"] == "indexed" else e for name, e in entries.items()}


def _nothing_to_index(seeds: Path, entries: Mapping[str, FileEntry]) -> CorpusError:
    why = [f"{name}: {entry['error'] or NOTHING_TO_QUOTE}" for name, entry in entries.items()]
    shown = "; ".join(why[:FAILURES_SHOWN])
    return CorpusError(f"Nothing in {seeds} can be indexed. {shown}", fix="put readable documents into it")


def _outcomes(entries: Mapping[str, FileEntry], plan: Plan) -> list[FileOutcome]:
    outcomes = [FileOutcome(name, "removed") for name in plan.removed]
    for name, entry in entries.items():
        old = plan.kept.get(name)
        if entry["status"] == "failed":
            outcomes.append(FileOutcome(name, "failed", why=entry["error"]))
        elif old is None:
            outcomes.append(FileOutcome(name, "indexed", entry["chunks"], "" if entry["chunks"] else NOTHING_TO_QUOTE))
        elif old["path"] == name:
            outcomes.append(FileOutcome(name, "unchanged", entry["chunks"]))
        else:
            outcomes.append(FileOutcome(name, "renamed", entry["chunks"], why=f"was {old['path']}"))
    return outcomes


def _recipe(embedder: Embedder, max_chars: int, overlap: int) -> Recipe:
    """What decides texts, chunks and vectors besides the files: the embedder, sizes, and the program's own sources.

    Any change in these sources, be it of a comment, has every file read again at the next build. That is cheap
    beside embedding, which is done once a text, and no index stays behind a change that somebody forgot to announce.
    """
    files = sources("rag.load.sandbox", "rag.index.chunk")
    return {
        "embedder": {"name": embedder.name, "fingerprint": embedder.fingerprint, "dimension": embedder.dimension},
        "chunker": {"sources": list(files), "digest": running(files), "max_chars": max_chars, "overlap": overlap},
    }
