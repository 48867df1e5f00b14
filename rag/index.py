"""Chunks that can be searched by meaning and by words, as one immutable snapshot.

documents.jsonl  chunks.jsonl     the values of rag.types; row i of everything is line i of chunks.jsonl
vectors.faiss                     IndexFlatIP over the chunks' vectors
sentences.npy  offsets.npy        float16 vectors of every quotable sentence; rows offsets[i]:offsets[i + 1] are
                                  those of chunk i, in its order
bm25/                             see rag.lexical
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from rag import lexical, store
from rag.errors import IndexDamaged, IndexMismatch
from rag.types import Chunk, Document, Part, Span, Vectors
from rag.words import content_stems

SCHEMA = 1
"""Raised when an older program could not read what this one writes, or the other way round."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What one document contributes: its chunks and, row by row, their vectors and their sentences' vectors."""

    document: Document
    chunks: tuple[Chunk, ...]
    vectors: Vectors  # (len(chunks), dimension)
    sentence_vectors: tuple[npt.NDArray[np.float16], ...]  # a (sentences, dimension) array a chunk


class Index:
    """One generation, read and checked; it never changes, so an answer in flight keeps what it started with."""

    def __init__(self, generation: str, manifest: Mapping[str, Any], folder: Path, *, warning: str = "") -> None:
        """Reads files that are known to be whole; ``load_index`` is the way in."""
        import faiss

        self.generation = generation
        self.manifest = MappingProxyType(dict(manifest))
        self.warning = warning  # why this is not the newest generation; "" where it is
        documents = [_document(json.loads(line)) for line in _lines(folder / "documents.jsonl")]
        self.documents: Mapping[str, Document] = MappingProxyType({d.id: d for d in documents})
        self.chunks: Sequence[Chunk] = tuple(
            _chunk(json.loads(line), self.documents) for line in _lines(folder / "chunks.jsonl")
        )
        self._faiss = faiss.read_index(str(folder / "vectors.faiss"))
        self._sentences = np.load(folder / "sentences.npy", allow_pickle=False)
        self._offsets = np.load(folder / "offsets.npy", allow_pickle=False)
        self.words = lexical.load_lexical(folder / "bm25")

    @property
    def dimension(self) -> int:
        return int(self._faiss.d)

    def dense(self, vector: Vectors, k: int) -> list[tuple[int, float]]:
        """At most ``k`` (row, cosine), best first, ties by row. ``vector`` has shape (dimension,) and unit length."""
        scores, rows = self._faiss.search(np.ascontiguousarray(vector, np.float32)[None], min(k, len(self.chunks)))
        found = [(int(row), float(score)) for row, score in zip(rows[0], scores[0], strict=True) if row >= 0]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def lexical(self, text: str, k: int) -> list[tuple[int, float]]:
        """At most ``k`` (row, BM25 score > 0), best first, ties by row."""
        return self.words.search(text, k)

    def mentions(self, text: str) -> bool:
        """Does every word of ``text`` that carries content occur in some chunk, its title or its heading?"""
        return all(self.words.knows(stem) for stem in content_stems(text))

    def vectors(self, start: int, stop: int) -> Vectors:
        """Vectors of the chunks ``start`` to ``stop``, shape (stop - start, dimension)."""
        return np.asarray(self._faiss.reconstruct_n(start, stop - start), np.float32).reshape(-1, self.dimension)

    def sentence_vectors(self, row: int) -> Vectors:
        """Vectors of the quotable sentences of chunk ``row`` in order, shape (n, dimension), float32.

        They were stored as float16: their length is 1 to about 1e-3.
        """
        return np.asarray(self._sentences[self._offsets[row] : self._offsets[row + 1]], np.float32)

    def rows(self) -> dict[str, Rows]:
        """Everything by document, as ``write_index`` takes it."""
        ranges: dict[str, list[int]] = {name: [] for name in self.documents}
        for row, chunk in enumerate(self.chunks):
            ranges[chunk.document_id].append(row)
        return {
            name: Rows(
                self.documents[name],
                tuple(self.chunks[i] for i in rows),
                self.vectors(rows[0], rows[-1] + 1) if rows else np.zeros((0, self.dimension), np.float32),
                tuple(self._sentences[self._offsets[i] : self._offsets[i + 1]] for i in rows),
            )
            for name, rows in ranges.items()
        }


def write_index(index: Path, rows: Iterable[Rows], manifest: Mapping[str, Any]) -> str:
    """Publish a new generation of ``rows`` and return its name; the documents' rows follow one another.

    ``manifest`` holds at least ``embedder`` {name, fingerprint, dimension}; schema, lexical settings, counts and
    files are added. Call it under ``store.writing``.
    """
    ordered = list(rows)
    chunks = [chunk for r in ordered for chunk in r.chunks]
    sentences = [vectors for r in ordered for vectors in r.sentence_vectors]
    dimension = int(manifest["embedder"]["dimension"])

    def write(folder: Path) -> Mapping[str, Any]:
        import faiss

        _write_lines(folder / "documents.jsonl", (asdict(r.document) for r in ordered))
        _write_lines(folder / "chunks.jsonl", (_chunk_dict(c) for c in chunks))
        flat = faiss.IndexFlatIP(dimension)
        flat.add(np.concatenate([np.zeros((0, dimension), np.float32), *(r.vectors for r in ordered)]))
        faiss.write_index(flat, str(folder / "vectors.faiss"))
        stacked = np.concatenate([np.zeros((0, dimension), np.float16), *sentences]).astype(np.float16)
        np.save(folder / "sentences.npy", stacked, allow_pickle=False)
        offsets = np.cumsum([0, *(len(v) for v in sentences)], dtype=np.int64)
        np.save(folder / "offsets.npy", offsets, allow_pickle=False)
        lexical.build_lexical(c.search_text for c in chunks).save(folder / "bm25")
        counts = {"documents": len(ordered), "chunks": len(chunks), "sentences": len(stacked)}
        return {"schema": SCHEMA, **manifest, "lexical": lexical.settings(), "counts": counts}

    return store.publish(index, write)


def load_index(index: Path, *, fingerprint: str | None = None) -> Index:
    """The newest generation that is whole.

    A damaged one is passed over, loudly (a RuntimeWarning, and ``Index.warning``), for the one before.
    ``fingerprint`` is the embedder's; None: any. Raises IndexMissing, IndexDamaged where no generation is whole,
    IndexMismatch where it was made with another embedder or by another version of the program.
    """
    before = store.generations(index)
    problems: list[IndexDamaged] = []
    for generation in before:
        try:
            manifest = store.read_manifest(generation)
            _check_settings(index, manifest, fingerprint)
            store.check_files(generation, manifest)
        except IndexDamaged as error:
            problems.append(error)
            continue
        warning = ""
        if problems:
            warning = f"{problems[0].args[0]}\n  Answering from the older {generation.name} until then."
            warnings.warn(warning, RuntimeWarning, stacklevel=2)
        return Index(generation.name, manifest, generation.folder, warning=warning)
    if store.generations(index) != before:  # a build finished meanwhile and removed what we were reading
        return load_index(index, fingerprint=fingerprint)
    raise problems[0]


def _check_settings(index: Path, manifest: Mapping[str, Any], fingerprint: str | None) -> None:
    if manifest.get("schema") != SCHEMA:
        made, here = f"schema {manifest.get('schema')}", f"schema {SCHEMA}"
    elif manifest["lexical"] != lexical.settings():
        made, here = f"lexical settings {manifest['lexical']}", f"{lexical.settings()}"
    elif fingerprint is not None and manifest["embedder"]["fingerprint"] != fingerprint:
        embedder = manifest["embedder"]
        made, here = f"embedder {embedder['name']} ({embedder['fingerprint']})", f"embedder {fingerprint}"
    else:
        return
    raise IndexMismatch(f"The index in {index} was made with {made}; this program uses {here}.", fix=store.REBUILD)


def _lines(path: Path) -> Iterable[str]:
    with path.open(encoding="utf-8", newline="\n") as stream:
        yield from stream


def _write_lines(path: Path, values: Iterable[Mapping[str, Any]]) -> None:
    """ASCII: JSON's escapes carry what UTF-8 cannot, such as a lone surrogate in a file name."""
    with path.open("w", encoding="ascii", newline="\n") as stream:
        for value in values:
            stream.write(json.dumps(value) + "\n")


def _document(value: dict[str, Any]) -> Document:
    return Document(**{**value, "parts": tuple(Part(**part) for part in value["parts"])})


def _chunk_dict(chunk: Chunk) -> dict[str, Any]:
    """The text is left out: the document has it."""
    value = {f: getattr(chunk, f) for f in ("document_id", "start", "end", "title", "heading", "date")}
    return {**value, "sentences": [[s.start, s.end] for s in chunk.sentences]}


def _chunk(value: dict[str, Any], documents: Mapping[str, Document]) -> Chunk:
    text = documents[value["document_id"]].text[value["start"] : value["end"]]
    return Chunk(**{**value, "text": text, "sentences": tuple(Span(*s) for s in value["sentences"])})
