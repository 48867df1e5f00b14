"""Chunks that can be searched by meaning and by words, as one immutable snapshot.

documents  ids            a record a document: the values of rag.types as JSON, and its id; sorted by id
first_rows                the chunks of document n are the rows first_rows[n]:first_rows[n + 1] of everything
vectors  cells.faiss      see rag.index.dense
sentences                 float16 vectors of every quotable sentence; those of row i, in its order, are
first_sentences           the rows first_sentences[i]:first_sentences[i + 1]
signatures                a row a document, see rag.index.duplicates
files                     a record a file of the folder: what the build found of it, see rag.index.manifest
words/                    see rag.index.lexical

Nothing is read before it is asked for, so a large index opens as quickly as a small one.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from rag.errors import IndexDamaged, IndexMismatch
from rag.index import generations, lexical
from rag.index.arrays import Records, mapped
from rag.index.dense import Dense
from rag.index.duplicates import PERMUTATIONS
from rag.index.manifest import SCHEMA, FileEntry, Manifest
from rag.text.words import content_stems
from rag.types import Chunk, Document, Part, Unit, Vectors

UTF8 = ("utf-8", "surrogatepass")  # of ids, which may be anything that a file is named

_DECODED = 64  # documents kept decoded; a question looks at some dozens


class Index:
    """One generation, read and checked; it never changes, so an answer in flight keeps what it started with."""

    def __init__(self, generation: str, manifest: Manifest, folder: Path, *, warning: str = "") -> None:
        """Opens files that are known to be whole; ``load_index`` is the way in."""
        self.generation = generation
        self.manifest = manifest
        self.warning = warning  # why this is not the newest generation; "" where it is
        self.dimension = manifest["embedder"]["dimension"]
        self.documents = Documents(folder)
        self.chunks: Sequence[Chunk] = Chunks(self.documents)
        self.dense_search = Dense(folder, self.dimension, manifest["dense"])
        self.sentence_array = mapped(folder / "sentences", "<f2", self.dimension)
        self.first_sentences = mapped(folder / "first_sentences", "<i8")
        self.words = lexical.Lexical(folder / "words")
        self.duplicate_of: Mapping[str, str] = MappingProxyType(manifest["duplicates"])
        self.signatures = mapped(folder / "signatures", "<u4", PERMUTATIONS)
        self._file_records = Records(folder / "files")

    def dense(self, vector: Vectors, k: int, *, documents: Collection[str] | None = None) -> list[tuple[int, float]]:
        """At most ``k`` (row, cosine), best first, ties by row. ``vector`` has shape (dimension,) and unit length.

        Exact among ``documents`` (None: all); without them, above ``rag.index.dense.APPROXIMATE_FROM`` rows, as near to
        exact as the manifest's recall says.
        """
        return self.dense_search.search(vector, k, rows=None if documents is None else self._rows(documents))

    def lexical(self, text: str, k: int, *, documents: Collection[str] | None = None) -> list[tuple[int, float]]:
        """At most ``k`` (row, BM25 score > 0) of ``documents`` (None: of all), best first, ties by row."""
        return self.words.search(text, k, rows=None if documents is None else self._rows(documents))

    def _rows(self, documents: Collection[str]) -> npt.NDArray[np.int64]:
        """The rows of ``documents`` in order; of those that the index has not, none."""
        first = self.documents.first_rows
        numbers = sorted(self.documents.number(name) for name in set(documents) if name in self.documents)
        return np.concatenate([np.zeros(0, np.int64), *(np.arange(first[n], first[n + 1]) for n in numbers)])

    def document_id(self, row: int) -> str:
        """Whose chunk ``row`` is; much quicker than ``chunks[row].document_id``."""
        return self.documents.id(self.documents.number_at(row))

    def mentions(self, text: str) -> bool:
        """Does every word of ``text`` that carries content occur in some chunk, its title or its heading?"""
        return all(self.words.knows(stem) for stem in content_stems(text))

    def vectors(self, start: int, stop: int) -> Vectors:
        """Vectors of the chunks ``start`` to ``stop``, shape (stop - start, dimension)."""
        return self.dense_search.vectors[start:stop]

    def sentence_vectors(self, row: int) -> Vectors:
        """Vectors of the quotable sentences of chunk ``row`` in order, shape (n, dimension), float32.

        They were stored as float16: their length is 1 to about 1e-3.
        """
        return np.asarray(self.sentence_array[self.first_sentences[row] : self.first_sentences[row + 1]], np.float32)

    def sentence_count(self, document_id: str) -> int:
        """How many sentences of a document can be quoted; raises KeyError."""
        number, first = self.documents.number(document_id), self.documents.first_rows
        return int(self.first_sentences[first[number + 1]] - self.first_sentences[first[number]])

    @cached_property
    def files(self) -> dict[str, FileEntry]:
        """What the build noted of every file, by document id; {} where the documents are no files."""
        return _entries(self._file_records)

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Files that could not be read, by path."""
        return tuple(entry["path"] for entry in self.files.values() if entry["status"] == "failed")


class Documents(Mapping[str, Document]):
    """The documents by id, in order of id; each is read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.records = Records(folder / "documents")
        self.first_rows = mapped(folder / "first_rows", "<i8")
        self._ids = Records(folder / "ids")
        self.decoded = lru_cache(_DECODED)(self._decoded)

    def __getitem__(self, document_id: str) -> Document:
        return self.decoded(self.number(document_id))[0]

    def __contains__(self, document_id: object) -> bool:
        return isinstance(document_id, str) and self._ids.find(document_id.encode(*UTF8)) is not None

    def __iter__(self) -> Iterator[str]:
        return (name.decode(*UTF8) for name in self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def number(self, document_id: str) -> int:
        """Its place in the order of ids; raises KeyError."""
        number = self._ids.find(document_id.encode(*UTF8))
        if number is None:
            raise KeyError(document_id)
        return number

    def id(self, number: int) -> str:
        return self._ids[number].decode(*UTF8)

    def number_at(self, row: int) -> int:
        """The document that chunk ``row`` is of."""
        return int(np.searchsorted(self.first_rows, row, "right")) - 1

    def _decoded(self, number: int) -> tuple[Document, list[Any]]:
        """A document and its chunks as they are in its record."""
        value = json.loads(self.records[number])
        return document_of(value), value["chunks"]


class Chunks(Sequence[Chunk]):
    """The chunks by row; each is read when it is asked for."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def __len__(self) -> int:
        return int(self._documents.first_rows[-1])

    @overload
    def __getitem__(self, row: int) -> Chunk: ...
    @overload
    def __getitem__(self, row: slice) -> tuple[Chunk, ...]: ...
    def __getitem__(self, row: int | slice) -> Chunk | tuple[Chunk, ...]:
        if isinstance(row, slice):
            return tuple(self[n] for n in range(*row.indices(len(self))))
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        row %= len(self)
        number = self._documents.number_at(row)
        document, chunks = self._documents.decoded(number)
        return chunk_of(chunks[row - int(self._documents.first_rows[number])], document)


def read_files(folder: Path) -> dict[str, FileEntry]:
    """``Index.files`` of the generation in ``folder``, without opening the rest of it."""
    return _entries(Records(folder / "files"))


def load_index(index: Path, *, fingerprint: str | None = None) -> Index:
    """The newest generation that is whole.

    A damaged one is passed over, loudly (a RuntimeWarning, and ``Index.warning``), for the one before.
    ``fingerprint`` is the embedder's; None: any. Raises IndexMissing, IndexDamaged where no generation is whole,
    IndexMismatch where it was made with another embedder or by another version of the program.
    """
    before = generations.published(index)
    problems: list[IndexDamaged] = []
    for generation in before:
        try:
            manifest = generations.read_manifest(generation)
            if difference := mismatch(manifest, fingerprint):
                raise IndexMismatch(f"The index in {index} was made with {difference}.", fix=generations.REBUILD)
            generations.check_files(generation, manifest)
            warning = ""
            if problems:
                warning = f"{problems[0].args[0]}\n  Answering from the older {generation.name} until then."
                warnings.warn(warning, RuntimeWarning, stacklevel=2)
            return Index(generation.name, manifest, generation.folder, warning=warning)
        except IndexDamaged as error:
            problems.append(error)
        except FileNotFoundError as error:
            problems.append(IndexDamaged(f"{error.filename} of the index is missing.", fix=generations.REBUILD))
            if generations.published(index) != before:
                break
    if generations.published(index) != before:  # a build finished meanwhile and removed what was being read
        return load_index(index, fingerprint=fingerprint)
    raise problems[0]


def mismatch(manifest: Manifest, fingerprint: str | None = None) -> str:
    """What an index was made with and what this program, with the embedder ``fingerprint`` (None: any), uses instead.

    "" where this program can read it.
    """
    if (schema := manifest.get("schema")) != SCHEMA:  # the other keys may be others in another schema
        return f"schema {schema}; this program uses schema {SCHEMA}"
    if manifest["lexical"] != lexical.settings():
        return f"lexical settings {manifest['lexical']}; this program uses {lexical.settings()}"
    embedder = manifest["embedder"]
    if fingerprint not in (None, embedder["fingerprint"]):
        return f"embedder {embedder['name']} ({embedder['fingerprint']}); this program uses embedder {fingerprint}"
    return ""


# --- records -------------------------------------------------------------------------------------


def record_of(document: Document, chunks: Sequence[Chunk]) -> bytes:
    """ASCII: JSON's escapes carry what UTF-8 cannot, such as a lone surrogate. The chunks' texts are the document's."""
    cut = [(c.start, c.end, c.title, c.heading, c.date, [_record_of_unit(u) for u in c.sentences]) for c in chunks]
    return json.dumps({**asdict(document), "chunks": cut}).encode("ascii")


def _record_of_unit(u: Unit) -> tuple[int, int, str, str, float, str]:
    return u.start, u.end, u.kind, u.context, u.weight, u.heading


def document_of(value: Mapping[str, Any]) -> Document:
    fields = {name: value[name] for name in Document.__dataclass_fields__}
    parts = tuple(Part(**part) for part in value["parts"])
    return Document(**{**fields, "parts": parts, "pages": tuple(value["pages"])})


def chunk_of(value: Sequence[Any], document: Document) -> Chunk:
    start, end, title, heading, date, sentences = value
    units = tuple(Unit(*unit) for unit in sentences)
    return Chunk(document.id, start, end, document.text[start:end], title, heading, date, units)


def _entries(records: Records) -> dict[str, FileEntry]:
    return {entry["path"]: entry for entry in map(json.loads, records)}
