"""The folder of documents behind the chat: what is in it, what is indexed, adding, removing, and syncing meanwhile."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, TypedDict

from rag import load as loader
from rag.errors import RagError
from rag.files import sha256
from rag.index.manifest import FileEntry
from rag.load.walk import File, walk
from rag.types import BuildReport, Document, FileOutcome
from rag.web.escape import without_paths
from rag.web.folder import add_file, remove_file

if TYPE_CHECKING:
    from rag.assistant import Assistant

MOST_LISTED = 2000  # documents in one list
GENERATIONS_SHOWN = 3  # older ones are kept so that the links of earlier answers open what was quoted
UNEXPECTED = "Something went wrong; the terminal shows what. The documents are answered from as before."


class About(TypedDict):
    """What is shown of a document besides its state."""

    title: str
    outlet: str | None
    date: str | None
    pages: int | None
    sentences: int


class Row(About):
    """A document in the list."""

    id: str
    status: str
    problem: str
    removable: bool
    readable: bool


class Busy(TypedDict):
    """How far a sync is."""

    done: int
    total: int


class Listing(TypedDict):
    """What the page shows of the folder."""

    folder: str
    generation: str
    suffixes: list[str]
    max_bytes: int
    busy: Busy | None
    news: str
    failed: bool
    count: int
    pending: int
    unlisted: int
    documents: list[Row]


class Library:
    """The documents of one assistant. Reads its folder anew whenever it is asked; one sync runs at a time."""

    def __init__(self, assistant: Assistant, seeds: Path) -> None:
        self._assistant = assistant
        self._seeds = seeds
        self._changing = Lock()  # a file is added or removed
        self._starting = Lock()
        self._thread: Thread | None = None
        self._past: list[Mapping[str, Document]] = []  # documents of earlier indexes, the latest first
        self._stage: tuple[str, int, int] | None = None  # what the sync does, how much of it, of how much
        self._news = ""  # what the last sync did, or why it failed
        self._failed = False
        self._described: tuple[str, dict[str, About]] = ("", {})  # generation, and its documents by id
        self._hashed: Mapping[File, str] = {}  # sha256 of files whose time is not that of the index

    # --- reading

    def generations(self) -> list[Mapping[str, Document]]:
        """The documents of the index in use, then of those before it."""
        return [self._assistant.index.documents, *self._past]

    @property
    def news(self) -> str:
        """One sentence on the sync that runs, or on the last one; "" before the first."""
        return _progress_text(self._stage) if self._stage else self._news

    @property
    def busy(self) -> bool:
        return self._stage is not None

    def describe(self) -> Listing:
        """Everything the page shows, ready for JSON; a file that is no document is named with the reason."""
        index = self._assistant.index
        try:
            files, passed = walk(self._seeds)
        except RagError as error:
            files, passed, problem = [], [], without_paths(str(error))
        else:
            problem = ""
        ids = {file.id for file in files}
        gone = [identity for identity in index.documents if identity not in ids]
        states = [(file.id, *self._state(file, index.files.get(file.id)), True) for file in files]
        states += [(identity, "gone", "The file is no longer in the folder.", False) for identity in gone]
        states.sort(key=lambda state: (state[1] == "indexed", state[0]))  # what needs a look is never cut off
        rows = [
            *(self._row(*state) for state in states[:MOST_LISTED]),
            *(_passed_over(outcome) for outcome in passed[:MOST_LISTED] if outcome.why != "hidden"),
        ]
        stage = self._stage
        return {
            "folder": self._seeds.name,
            "generation": index.generation,
            "suffixes": sorted(loader.LOADERS),
            "max_bytes": loader.MAX_BYTES,
            "busy": {"done": stage[1], "total": stage[2]} if stage else None,
            "news": self.news or problem,
            "failed": self._failed or bool(problem),
            "count": len(index.documents),
            "pending": sum(status in ("new", "changed", "gone") for _, status, _, _ in states),
            "unlisted": max(0, len(states) - MOST_LISTED),
            "documents": sorted(rows, key=lambda row: row["id"]),
        }

    def _row(self, name: str, status: str, problem: str, removable: bool) -> Row:
        index = self._assistant.index
        if self._described[0] != index.generation:
            self._described = (index.generation, {})
        if name in index.documents and name not in self._described[1]:
            self._described[1][name] = _description(index.documents[name], index.sentence_count(name))
        about = self._described[1].get(name)
        if status == "indexed" and name in index.duplicate_of:
            problem = f"Nearly the text of {index.duplicate_of[name]}: not a source of its own."
        elif status == "indexed" and about and not about["sentences"]:
            problem = "No sentence in it can be quoted."
        return {
            "id": name,
            **(about or _unread(name)),
            "status": status,
            "problem": without_paths(problem),
            "removable": removable,
            "readable": about is not None,
        }

    def _state(self, file: File, entry: FileEntry | None) -> tuple[str, str]:
        """Status and problem of a file of the folder, by what the index knows of it."""
        if entry is None:
            return "new", "Not indexed yet."
        if not self._unchanged(file, entry):
            return "changed", "Changed since it was indexed."
        return ("failed", entry["error"]) if entry["status"] == "failed" else ("indexed", "")

    def _unchanged(self, file: File, entry: FileEntry) -> bool:
        """By size and time; by the bytes, as a build does, where only the time moved."""
        if entry["size"] != file.size:
            return False
        if entry["mtime_ns"] == file.mtime_ns:
            return True
        if file not in self._hashed:
            try:
                self._hashed = {**self._hashed, file: sha256(file.path)}
            except OSError:
                return False
        return self._hashed[file] == entry["sha256"]

    # --- changing the folder

    def add(self, name: str, data: bytes) -> str:
        """Put a file into the folder and return its id. Raises Refused, as ``add_file`` says."""
        with self._changing:
            return add_file(self._seeds, name, data)

    def remove(self, name: str) -> None:
        """Delete a document's file. Raises Refused, as ``remove_file`` says."""
        with self._changing:
            remove_file(self._seeds, name)

    # --- syncing

    def sync(self) -> bool:
        """Start to bring the index in step with the folder; False where that is being done already."""
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                return False
            self._stage = ("reading", 0, 0)
            self._thread = Thread(target=self._sync, name="sync", daemon=True)
            self._thread.start()
        return True

    def wait(self, timeout: float | None = None) -> None:
        """Until the sync that runs has ended."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _sync(self) -> None:
        try:
            report, index = self._assistant.rebuild(progress=self._tell)
            if index.generation != self._assistant.index.generation:
                self._past = [self._assistant.index.documents, *self._past][:GENERATIONS_SHOWN]
                self._assistant.use(index)
            self._news, self._failed = _report_text(report), bool(report.count("failed"))
        except RagError as error:
            self._news, self._failed = without_paths(str(error)), True
        except Exception:
            traceback.print_exc(file=sys.stderr)
            self._news, self._failed = UNEXPECTED, True
        finally:
            self._stage = None

    def _tell(self, stage: str, done: int, total: int) -> None:
        self._stage = (stage, done, total)


def _unread(name: str) -> About:
    return {"title": name, "outlet": None, "date": None, "pages": None, "sentences": 0}


def _description(document: Document, sentences: int) -> About:
    return {
        "title": document.title,
        "outlet": document.outlet,
        "date": document.date,
        "pages": len(document.pages) or None,
        "sentences": sentences,
    }


def _passed_over(outcome: FileOutcome) -> Row:
    return {
        "id": outcome.path,
        **_unread(outcome.path),
        "status": outcome.status,
        "problem": without_paths(outcome.why),
        "removable": False,
        "readable": False,
    }


def _progress_text(stage: tuple[str, int, int]) -> str:
    name, done, total = stage
    what = {"reading": "Reading the files", "embedding": "Indexing the sentences"}.get(name, "Working")
    return f"{what}: {done} of {total}…" if total else f"{what}…"


def _report_text(report: BuildReport) -> str:
    """
    >>> _report_text(BuildReport("g", (FileOutcome("a", "indexed"),), 3, 9, 30, 1.0)).split(" at ")[0]
    'The new index is live: 3 documents (1 added or changed)'
    >>> anew = BuildReport("g", (FileOutcome("a", "indexed"),), 3, 9, 30, 1.0, anew="It was made with schema 2.")
    >>> _report_text(anew).split(" at ")[0]
    'It was made with schema 2. It was made anew: 3 documents'
    """
    counts = {
        "added or changed": report.count("indexed"),
        "removed": report.count("removed"),
        "could not be read": report.count("failed"),
    }
    changes = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    if not changes:
        return f"Nothing had changed: {report.documents} documents."
    time = datetime.now(UTC).astimezone().strftime("%H:%M")
    if report.anew:
        return f"{without_paths(report.anew)} It was made anew: {report.documents} documents at {time}."
    return f"The new index is live: {report.documents} documents ({changes}) at {time}."
