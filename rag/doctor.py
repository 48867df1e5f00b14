"""Every check a person would make, each finding with the command that mends it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from rag import opening
from rag.config import OFFLINE_VARIABLES, Settings, install_command
from rag.errors import RagError
from rag.index.build import NOTHING_TO_QUOTE
from rag.index.snapshot import Index, load_index
from rag.models import store as models
from rag.models.llm import engines
from rag.output.render import printable

_PACKAGES = (
    "torch", "sentence-transformers", "transformers", "onnxruntime", "faiss-cpu", "xllamacpp", "gradio", "trafilatura"
)  # fmt: skip
_LOW_DISK_BYTES = 500 * 10**6
_MOST_NAMED = 10
_OFFLINE = "a question, with the network blocked"

# Audit events of Python that concern another machine -> which of their arguments says which one.
_ADDRESSED = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1}
_LOOK_UPS = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.gethostbyaddr": 0, "socket.getnameinfo": 0}
_LEAVING = _ADDRESSED | _LOOK_UPS
_THIS_MACHINE = {"127.0.0.1", "::1", "localhost", "None"}  # getaddrinfo(None, port) looks no name up

T = TypeVar("T")


class NetworkUsed(RagError):
    """A connection off the machine was attempted while none should be."""


@contextmanager
def no_network() -> Iterator[list[str]]:
    """Block connections and name look-ups off the machine within this block; yields what was attempted.

    Python cannot remove an audit hook again. It stays for the life of the process, but after the block it does nothing.
    """
    attempted: list[str] = []
    active = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if not active or event not in _LEAVING:
            return
        target = arguments[_LEAVING[event]]
        if event in _ADDRESSED and not isinstance(target, tuple):
            return  # no address at all, or the path of a UNIX socket: a file of this machine
        host = str(target[0]) if isinstance(target, tuple) else str(target)
        if host not in _THIS_MACHINE:
            attempted.append(f"{event} {host}")
            raise NetworkUsed(f"{event} to {host} was attempted while answering a question.")

    sys.addaudithook(hook)
    try:
        yield attempted
    finally:
        active = False


def examine(settings: Settings, question: str, *, offline: bool = False) -> int:
    """Run all checks, print a line each; returns 0 where all is well, else 1.

    A line of "ok" is as it should be, "note" can be better, "FAIL" keeps the program from its work.
    ``offline``: only the proof that a question is answered while every connection off the machine is blocked.
    """
    checks = _Checks()
    if offline:
        checks.run(_OFFLINE, lambda: _question(settings, question))
        return 1 if checks.failures else 0
    checks.run("python", lambda: sys.version.split()[0])
    checks.run("packages", _packages)
    checks.run("engine", engines.describe)
    checks.run("libraries told to stay off the network", _offline_variables)
    checks.run("disk", lambda: _disk(settings))
    if checks.run("documents", lambda: _documents(settings)):
        checks.run("reading them within limits", _reading)
    roles = (("embedder", settings.embedder), ("reranker", settings.reranker), ("generator", settings.generator))
    paths = [checks.run(role, partial(models.locate, name, settings.models)) for role, name in roles]
    if None not in paths:
        index = checks.run("index", lambda: _index(settings), _index_text)
        if index is not None:
            checks.note("documents", _unread(settings, index))
            checks.note("duplicates", _duplicates(settings, index))
        checks.run(_OFFLINE, lambda: _question(settings, question))
    print("All is well." if not checks.failures else f"{checks.failures} of the checks failed.")
    return 1 if checks.failures else 0


@dataclass
class _Checks:
    """Runs checks, prints their outcome and counts the failures."""

    failures: int = 0

    def run(self, name: str, check: Callable[[], T], text: Callable[[T], str] = str) -> T | None:
        """What ``check`` gives, printed as ``text`` has it; None where it raised."""
        try:
            outcome = check()
        except Exception as error:
            self.failures += 1
            message = str(error) if isinstance(error, RagError) else f"{type(error).__name__}: {error}"
            print(f"FAIL  {name}: {message}")
            return None
        print(f"ok    {name}: {text(outcome)}")
        return outcome

    def note(self, name: str, lines: Iterable[str]) -> None:
        for line in lines:
            print(f"note  {name}: {line}")


# --- the checks: each gives what is to be printed, or raises what is wrong ---------------------------


def _packages() -> str:
    versions = []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            raise RagError(f"The package {name} is not installed.", fix=install_command()) from None
    return ", ".join(versions)


def _offline_variables() -> str:
    """Libraries look at them once. What onnxruntime sends without its own, a block in Python would not see."""
    for name, value in OFFLINE_VARIABLES.items():
        if os.environ.get(name) != value:
            raise RagError(f"{name} is not {value}, so a library may use the network.", fix=f"export {name}={value}")
    return f"by {', '.join(OFFLINE_VARIABLES)}"


def _disk(settings: Settings) -> str:
    folder = next(p for p in (settings.index, *settings.index.parents) if p.exists())
    free = shutil.disk_usage(folder).free
    if free < _LOW_DISK_BYTES:
        raise RagError(f"Only {free / 1e6:,.0f} MB are free at {folder}.", fix="free some disk space")
    return f"{free / 1e9:,.1f} GB free"


def _documents(settings: Settings) -> str:
    from rag.load.walk import walk

    files, passed = walk(settings.seeds)
    if not files:
        raise RagError(
            f"There is no readable document in {settings.seeds}.",
            fix=f"copy documents to {settings.seeds}; README.md lists the formats that can be read",
        )
    return f"{len(files)} of {len(files) + len(passed)} files in {settings.seeds} can be read"


def _reading() -> str:
    """A document through the process that reads documents: it starts, is limited, and answers."""
    from rag.load.sandbox import MAX_MEMORY, MAX_SECONDS, load_limited

    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.txt"
        path.write_text("A line to be read.\n", "utf-8")
        load_limited(path, Path(folder))
    memory = f"{MAX_MEMORY / 2**30:g} GiB" if sys.platform == "linux" else "memory without limit on this system"
    return f"a process of their own; at most {MAX_SECONDS:g} s a file, {memory}"


def _unread(settings: Settings, index: Index) -> Iterator[str]:
    """Files of the folder that no answer can come from, each with the reason."""
    from rag.load.walk import walk

    unread = {f.path: f.why for f in walk(settings.seeds)[1] if f.why != "hidden"}
    unread |= {name: entry["error"] for name, entry in index.files.items() if entry["error"]}
    unread |= {name: NOTHING_TO_QUOTE for name, entry in index.files.items() if not (entry["error"] or entry["chunks"])}
    for name, why in islice(unread.items(), _MOST_NAMED):
        yield f"{printable(name)} is not used: {printable(why)}"
    if len(unread) > _MOST_NAMED:
        yield f"{len(unread) - _MOST_NAMED} more are not used; all of them: python -m rag build"


def _duplicates(settings: Settings, index: Index) -> Iterator[str]:
    """Documents that say nearly the same and count as one source."""
    for copy, original in islice(index.duplicate_of.items(), _MOST_NAMED):
        look = shlex.join(["diff", str(settings.seeds / original), str(settings.seeds / copy)])
        yield f"{printable(copy)} is nearly the text of {printable(original)}, so both count as one source: {look}"
    if len(index.duplicate_of) > _MOST_NAMED:
        yield f"{len(index.duplicate_of) - _MOST_NAMED} more are near copies; all of them: python -m rag build"


def _index(settings: Settings) -> Index:
    from rag.index.changes import needs_build

    fingerprint = opening.open_embedding(settings).fingerprint
    index = load_index(settings.index, fingerprint=fingerprint)
    if index.warning:
        raise RagError(index.warning, fix="python -m rag build")
    if needs_build(settings.seeds, settings.index, fingerprint):
        raise RagError("The documents have changed since the index was built.", fix="python -m rag build")
    return index


def _index_text(index: Index) -> str:
    return f"{index.generation}: {len(index.documents)} documents, {len(index.chunks)} chunks"


def _question(settings: Settings, question: str) -> str:
    with no_network() as attempted, closing(opening.open_assistant(settings, fetch=False)) as assistant:
        answer = assistant.ask(question)
    if attempted:
        raise NetworkUsed(f"Connections were attempted: {', '.join(attempted)}.")
    outcome = "refused" if answer.refused else f"{len(answer.sentences)} verified sentences"
    return f"{outcome} in {answer.timings_ms['total'] / 1000:.1f} s; no connection off this machine was attempted"
