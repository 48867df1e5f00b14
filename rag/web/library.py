"""The folder of documents behind the chat: what is in it, what is indexed, adding, removing, and syncing meanwhile."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import traceback
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, TypedDict

from rag import load as loader
from rag.errors import LoadError, RagError
from rag.files import sha256
from rag.index.manifest import FileEntry
from rag.load.sandbox import load_limited
from rag.load.walk import File, walk
from rag.types import BuildReport, Document, FileOutcome
from rag.web.escape import visible, without_paths

if TYPE_CHECKING:
    from rag.assistant import Assistant

LONGEST_NAME_BYTES = 200
MOST_LISTED = 2000  # documents in one list
GENERATIONS_SHOWN = 3  # older ones are kept so that the links of earlier answers open what was quoted
UNEXPECTED = "Something went wrong; the terminal shows what. The documents are answered from as before."
_RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))}


class Refused(RagError):
    """A change of the folder that is not made; ``status`` is that of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


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
        self._past: list[Mapping[str, Document]] = []
        self._stage: tuple[str, int, int] | None = None
        self._news = ""  # what the last sync did, or why it failed
        self._failed = False
        self._described: tuple[str, dict[str, About]] = ("", {})  # generation, and its documents by id
        self._hashed: Mapping[File, str] = {}  # of files whose time moved

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
        here = {f.id for f in files}
        states = [(f.id, *self._state(f, index.files.get(f.id)), True) for f in files]
        states += [(n, "gone", "The file is no longer in the folder.", False) for n in index.documents if n not in here]
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

    def _row(self, name: str, status: str, problem: str, here: bool) -> Row:
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
            "removable": here,
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
        """Put a file into the folder and return its id; the loader decides whether it is a document.

        Raises Refused: for a name that is no plain file name of a known kind (400), a file that is there already
        (409), one that is too large (413) or that the loader cannot read (422).
        """
        name = checked_name(name)
        if len(data) > loader.MAX_BYTES:
            raise Refused(f"{name} is larger than {loader.MAX_BYTES:,} bytes.", 413)
        with self._changing, _hidden_folder(self._seeds) as folder:
            target = self._seeds / name
            if os.path.lexists(target) or name.casefold() in {p.name.casefold() for p in self._seeds.iterdir()}:
                raise Refused(f"{name} is in the folder already. Remove it first, or give the file another name.", 409)
            (folder / name).write_bytes(data)
            try:
                load_limited(folder / name, folder)
            except LoadError as error:
                raise Refused(without_paths(str(error)), 422) from error
            except Exception as error:
                traceback.print_exc(file=sys.stderr)
                raise Refused(f"{name}: it cannot be read as a document.", 422) from error
            _move_without_overwriting(folder / name, target)
        return name

    def remove(self, name: str) -> None:
        """Delete a document's file. Raises Refused for what is not in the folder (404), and for the last one (409)."""
        with self._changing:
            files = {f.id: f.path for f in walk(self._seeds)[0]}
            if name not in files:
                raise Refused("There is no such document in the folder.", 404)
            if len(files) == 1:
                raise Refused("It is the only document. Add another one before you remove it.", 409)
            try:
                files[name].unlink()
            except OSError as error:
                raise Refused(f"{name} cannot be removed: {error.strerror}.", 409) from error

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


def checked_name(name: str) -> str:
    """The name a file may have in the folder. Raises Refused (400)."""
    name = unicodedata.normalize("NFC", name)
    if not name or name != visible(name) or any(c in '/\\:*?"<>|\n\r\t' for c in name):
        raise Refused("This is no plain file name.", 400)
    if name.startswith(".") or name != name.strip(" .") or name.split(".")[0].casefold() in _RESERVED:
        raise Refused(f"{name} cannot be the name of a document.", 400)
    if len(name.encode()) > LONGEST_NAME_BYTES:
        raise Refused("The file's name is too long.", 400)
    if not loader.supported(Path(name)):
        kinds = ", ".join(sorted(loader.LOADERS))
        raise Refused(f"{name}: files of this kind cannot be read; possible are {kinds}.", 400)
    return name


@contextmanager
def _hidden_folder(seeds: Path) -> Iterator[Path]:
    """On the same disk as the folder, passed over by every walk, gone in the end."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".upload-", dir=seeds))
    except OSError as error:
        raise Refused(f"The folder of documents cannot be written: {error.strerror}.", 409) from error
    try:
        yield folder
    except OSError as error:
        raise Refused(f"The file cannot be stored: {error.strerror}.", 409) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move_without_overwriting(source: Path, target: Path) -> None:
    try:
        os.link(source, target)  # whole at once, and only where nothing has that name
    except FileExistsError:
        raise Refused(f"{target.name} is in the folder already.", 409) from None
    except OSError:  # a disk without hard links
        with source.open("rb") as data, target.open("xb") as out:
            shutil.copyfileobj(data, out)


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
    now = datetime.now(UTC).astimezone().strftime("%H:%M")
    if report.anew:
        return f"{without_paths(report.anew)} It was made anew: {report.documents} documents at {now}."
    return f"The new index is live: {report.documents} documents ({changes}) at {now}."
