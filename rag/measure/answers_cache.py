"""What an evaluation did before and need not do again: an index a corpus, a line a result.

All of it lies below one folder, and an interrupted evaluation goes on there. An index or a line counts only for the
same input, settings, models and program; of the program, what made it: the modules named here with all they import.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from rag.errors import IndexDamaged, IndexMismatch, IndexMissing
from rag.index.build import build, index_documents
from rag.index.snapshot import Index, load_index
from rag.index.sources import sources_digest
from rag.models.protocols import Embedder
from rag.types import Document, Progress

INDEX = ("rag.index.build",)
ANSWER = ("rag.opening", "rag.assistant")
JUDGEMENT = ("rag.ground.judge", "rag.models.llm", "rag.models.catalogue")

Result = TypeVar("Result")


class ResultLog(Generic[Result]):
    """Results by key in a file of JSON lines, each written when there is one; the last one of a key counts.

    ``read`` turns the data of a line into a result, and ``write`` a result into data; a line that ``read`` refuses
    with a KeyError, TypeError or ValueError does not count.
    """

    def __init__(
        self, path: Path, *, read: Callable[[Any], Result], write: Callable[[Result], object], fresh: bool = False
    ) -> None:
        """``fresh``: pass over what is in the file."""
        self._path = path
        self._read = read
        self._write = write
        self._data: dict[str, Any] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and not fresh:
            for line in path.read_bytes().split(b"\n"):
                try:
                    value = json.loads(line)
                    self._data[value["key"]] = value["result"]
                except (ValueError, KeyError, TypeError):
                    continue  # the line that an interruption cut off

    def get(self, key: str) -> Result | None:
        if key not in self._data:
            return None
        try:
            return self._read(self._data[key])
        except (KeyError, TypeError, ValueError):
            return None

    def add(self, key: str, result: Result, *, set_name: str, item: str) -> None:
        """``set_name`` and ``item`` are for a person who reads the file."""
        self._data[key] = self._write(result)
        line = {"key": key, "set": set_name, "id": item, "result": self._data[key]}
        with self._path.open("a", encoding="ascii", newline="\n") as stream:
            stream.write(json.dumps(line) + "\n")


def key_of(*parts: object) -> str:
    """32 hex digits that stand for values which JSON can write."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def index_of_documents(
    documents: Sequence[Document], folder: Path, embedder: Embedder, *, progress: Progress, sentences: bool = True
) -> Index:
    """Their index in ``folder``, which is for these documents alone: opened where this program made it, or made.

    Without ``sentences`` none is embedded, which is most of the work: enough to rank documents.
    """
    if _made_by(folder) == sources_digest(*INDEX):
        try:
            return load_index(folder, fingerprint=embedder.fingerprint)
        except (IndexMissing, IndexDamaged, IndexMismatch):
            pass
    index_documents(documents, folder, embedder, progress=progress, sentences=sentences)
    _sign(folder)
    return load_index(folder, fingerprint=embedder.fingerprint)


def index_of_files(files: Path, folder: Path, embedder: Embedder, *, progress: Progress) -> Index:
    """The index of a folder of files, in step with it; made anew where another program made it."""
    if _made_by(folder) != sources_digest(*INDEX):
        (folder / "CURRENT").unlink(missing_ok=True)  # the next build finds no index to go on from
    build(files, folder, embedder, progress=progress)
    _sign(folder)
    return load_index(folder, fingerprint=embedder.fingerprint)


def _made_by(folder: Path) -> str:
    path = folder / "made-by"
    return path.read_text("ascii") if path.is_file() else ""


def _sign(folder: Path) -> None:
    (folder / "made-by").write_text(sources_digest(*INDEX), "ascii")
