"""The files of a generation, written in two passes in order of document id: first the texts, then their vectors.

Neither pass holds more than a batch in memory. What did not change is copied from the generation before, bytes and
rows as they are.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from rag.index import generations, lexical
from rag.index.arrays import ArrayWriter, Records, RecordWriter, mapped
from rag.index.dense import build_dense
from rag.index.duplicates import PERMUTATIONS, near_duplicates, signature
from rag.index.manifest import SCHEMA, Contents, FileEntry, Recipe
from rag.index.snapshot import UTF8, Index, chunk_of, document_of, record_of
from rag.load.metadata import title_from_name
from rag.text.languages import language_of
from rag.text.wiki import without_markup
from rag.types import Chunk, Document, Progress, Vectors

Embed = Callable[[Sequence[str]], Vectors]

_BATCH = 256  # texts embedded at once, more where one document has more
_ROWS = 1 << 14  # rows copied at once
_NEW = -1


class IndexWriter:
    """Writes one generation; ``add`` and ``keep`` come in order of id, then ``embed``, then ``finish``.

    As a context manager it lets go of its files also where it does not come that far.
    """

    def __init__(self, folder: Path, dimension: int, before: Index | None = None) -> None:
        self._folder = folder
        self._dimension = dimension
        self._before = before
        self._records = RecordWriter(folder / "documents")
        self._ids = RecordWriter(folder / "ids")
        self._signatures = ArrayWriter(folder / "signatures", "<u4")
        self._words = lexical.LexicalWriter(folder / "words", before.words if before else None)
        self._first_rows = array("q", [0])
        self._first_sentences = array("q", [0])
        self._sources = array("q")  # the number each document had before, or _NEW
        self._last = ""
        self.texts = 0  # to be embedded

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:  # the others are closed even where one of them cannot be
            for file in (self._records, self._ids, self._words):
                stack.callback(file.abandon)
            stack.callback(self._signatures.close)

    def add(self, document: Document, chunks: Sequence[Chunk]) -> None:
        """A document that has to be embedded."""
        self._append(document.id, record_of(document, chunks), _NEW)
        self._signatures.append(signature(document.text))
        language = language_of(document.text)
        for chunk in chunks:
            self._words.add(without_markup(f"{title_from_name(document.id)}\n{chunk.search_text}"), language)
            self._first_sentences.append(self._first_sentences[-1] + len(chunk.sentences))
        self._first_rows.append(self._first_rows[-1] + len(chunks))
        self.texts += len(chunks) + sum(len(chunk.sentences) for chunk in chunks)

    def keep(self, old_id: str, document_id: str) -> None:
        """A document of the index before, under the id it has now."""
        assert self._before is not None
        before = self._before
        number = before.documents.number(old_id)
        record = before.documents.records[number]
        if old_id != document_id:
            record = json.dumps({**json.loads(record), "id": document_id}).encode("ascii")
        self._append(document_id, record, number)
        self._signatures.append(before.signatures[number])
        start, stop = (int(row) for row in before.documents.first_rows[number : number + 2])
        self._words.copy(start, stop)
        sentences = before.first_sentences[start : stop + 1]
        self._first_sentences.extend((sentences[1:] - sentences[0] + self._first_sentences[-1]).tolist())
        self._first_rows.append(self._first_rows[-1] + stop - start)

    def _append(self, document_id: str, record: bytes, source: int) -> None:
        if self._sources and document_id <= self._last:
            raise ValueError(f"documents come in order of id, {document_id!r} after {self._last!r}")
        self._last = document_id
        self._records.append(record)
        self._ids.append(document_id.encode(*UTF8))
        self._sources.append(source)

    @property
    def chunks(self) -> int:
        return self._first_rows[-1]

    def embed(self, embed: Embed, *, progress: Progress | None = None) -> None:
        """Write every vector; ``embed`` is asked for those of the new documents ("embedding" to ``progress``)."""
        for file in (self._records, self._ids, self._signatures):
            file.close()
        with (
            ArrayWriter(self._folder / "vectors", "<f4") as vectors,
            ArrayWriter(self._folder / "sentences", "<f2") as sentences,
        ):
            done = 0
            records = Records(self._folder / "documents")
            if progress is not None and self.texts:
                progress("embedding", 0, self.texts)
            for shift, run in groupby(range(len(records)), key=self._shift):
                numbers = list(run)
                if shift is not None:  # they followed one another before, too
                    self._copy(numbers[0] + shift, numbers[-1] + shift + 1, vectors, sentences)
                    continue
                for texts, quotes in _batches(records, numbers):
                    embedded = embed([*texts, *quotes])
                    vectors.append(embedded[: len(texts)])
                    sentences.append(embedded[len(texts) :])
                    done += len(embedded)
                    if progress is not None:
                        progress("embedding", done, self.texts)

    def _shift(self, number: int) -> int | None:
        """How far the document stood from here before; None: it is new."""
        source = self._sources[number]
        return None if source == _NEW else source - number

    def _copy(self, first: int, last: int, vectors: ArrayWriter, sentences: ArrayWriter) -> None:
        """The vectors of the documents ``first`` to ``last`` of the index before."""
        assert self._before is not None
        before = self._before
        start, stop = int(before.documents.first_rows[first]), int(before.documents.first_rows[last])
        for row in range(start, stop, _ROWS):
            end = min(stop, row + _ROWS)
            vectors.append(before.vectors(row, end))
            sentences.append(before.sentence_array[before.first_sentences[row] : before.first_sentences[end]])

    def finish(self, recipe: Recipe, files: Iterable[FileEntry] = ()) -> Contents:
        """Write what a search needs, and return what the manifest says of it."""
        for name, values in (("first_rows", self._first_rows), ("first_sentences", self._first_sentences)):
            with ArrayWriter(self._folder / name, "<i8") as out:
                out.append(values)
        with RecordWriter(self._folder / "files") as entries:
            for entry in files:
                entries.append(json.dumps(entry).encode("ascii"))
        self._words.close()
        return {
            "schema": SCHEMA,
            **recipe,
            "dense": build_dense(
                self._folder,
                self._dimension,
                before=self._before.dense_search if self._before else None,
                old_rows=self._old_rows(),
            ),
            "lexical": lexical.settings(),
            "duplicates": self._duplicates(),
            "counts": {
                "documents": len(self._sources),
                "chunks": self._first_rows[-1],
                "sentences": self._first_sentences[-1],
            },
        }

    def _old_rows(self) -> npt.NDArray[np.int64]:
        """The row that each row was in the index before, -1 where it is new."""
        rows = np.full(self.chunks, _NEW)
        if self._before is not None:
            first = self._before.documents.first_rows
            for number, source in enumerate(self._sources):
                if source != _NEW:
                    start, stop = self._first_rows[number : number + 2]
                    rows[start:stop] = np.arange(first[source], first[source + 1])
        return rows

    def _duplicates(self) -> dict[str, str]:
        """Which documents nearly repeat which, by id; what was found before is taken over."""
        records, ids = Records(self._folder / "documents"), Records(self._folder / "ids")
        before = self._before

        def known(later: int, first: int) -> bool:
            """Was the one found to repeat the other when the index before was made?"""
            later_then, first_then = self._sources[later], self._sources[first]
            if before is None or _NEW in (later_then, first_then):
                return False
            return before.duplicate_of.get(before.documents.id(later_then)) == before.documents.id(first_then)

        repeated = near_duplicates(
            mapped(self._folder / "signatures", "<u4", PERMUTATIONS),
            lambda number: str(json.loads(records[number])["text"]),
            known=known,
        )
        return {ids[later].decode(*UTF8): ids[first].decode(*UTF8) for later, first in repeated.items()}


def write_index(
    index: Path,
    documents: Iterable[tuple[Document, Sequence[Chunk]]],
    embed: Embed,
    recipe: Recipe,
    *,
    progress: Progress | None = None,
) -> str:
    """Publish a new generation of ``documents``, sorted by id, and return its name.

    Call it under ``generations.writing``.
    """
    with generations.draft(index) as folder, IndexWriter(folder, recipe["embedder"]["dimension"]) as writer:
        for document, chunks in documents:
            writer.add(document, chunks)
        writer.embed(embed, progress=progress)
        return generations.publish(folder, writer.finish(recipe))


def _batches(records: Records, numbers: Sequence[int]) -> Iterable[tuple[list[str], list[str]]]:
    """Search texts of chunks and quotable sentences of the documents ``numbers``, whole documents a batch."""
    texts: list[str] = []
    quotes: list[str] = []
    for number in numbers:
        value = json.loads(records[number])
        document = document_of(value)
        for chunk in (chunk_of(some, document) for some in value["chunks"]):
            texts.append(without_markup(chunk.search_text))
            quotes += [without_markup(chunk.in_context(unit)) for unit in chunk.sentences]
        if len(texts) + len(quotes) >= _BATCH:
            yield texts, quotes
            texts, quotes = [], []
    if texts:
        yield texts, quotes
