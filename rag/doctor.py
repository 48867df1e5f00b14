"""Every check a person would make, each finding with the command that mends it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from rag import assistant, models
from rag.config import Settings
from rag.errors import RagError
from rag.index import load_index
from rag.types import Embedder

_PACKAGES = ("torch", "sentence-transformers", "transformers", "faiss-cpu", "xllamacpp", "gradio", "trafilatura")
_LOW_DISK_BYTES = 500 * 10**6


class NetworkUsed(RagError):
    """A connection off the machine was attempted while none should be."""


@contextmanager
def no_network() -> Iterator[list[str]]:
    """Block connections and name look-ups off the machine for this process, for good; yields what was attempted.

    An audit hook cannot be removed again, so it is switched by the flag it shares with this block.
    """
    attempted: list[str] = []
    active = [True]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if not active[0] or event not in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
            return
        target = arguments[1] if event != "socket.getaddrinfo" else arguments[0]
        host = str(target[0]) if isinstance(target, tuple) else str(target)
        if isinstance(target, str | bytes) and event != "socket.getaddrinfo":
            return  # a UNIX socket: a file of this machine
        if host in ("127.0.0.1", "::1", "localhost", "None"):
            return
        attempted.append(f"{event} {host}")
        raise NetworkUsed(f"{event} to {host} was attempted while answering a question.")

    sys.addaudithook(hook)
    try:
        yield attempted
    finally:
        active[0] = False


def examine(settings: Settings, question: str, *, offline: bool = False) -> int:
    """Run all checks, print a line each; returns 0 where all is well, else 1.

    ``offline``: only the proof that a question is answered while every connection off the machine is blocked.
    """
    failures = 0

    def check(name: str, test: Callable[[], str]) -> bool:
        nonlocal failures
        try:
            print(f"ok    {name}: {test()}")
        except Exception as error:
            failures += 1
            message = str(error) if isinstance(error, RagError) else f"{type(error).__name__}: {error}"
            print(f"FAIL  {name}: {message}")
            return False
        return True

    if offline:
        check("a question, with the network blocked", lambda: _question(settings, question))
        return 1 if failures else 0
    check("python", lambda: sys.version.split()[0])
    check("packages", _packages)
    check("disk", lambda: _disk(settings))
    check("documents", lambda: _documents(settings))
    here = check("embedder", lambda: _model(settings.embedder, settings))
    here &= check("reranker", lambda: _model(settings.reranker, settings))
    here &= check("generator", lambda: _model(settings.generator, settings))
    if here:
        check("index", lambda: _index(settings))
        check("a question, with the network blocked", lambda: _question(settings, question))
    print("All is well." if not failures else f"{failures} of the checks failed.")
    return 1 if failures else 0


def _packages() -> str:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            raise RagError(f"The package {name} is not installed.", fix="python -m pip install -e .") from None
    return ", ".join(found)


def _disk(settings: Settings) -> str:
    folder = next(p for p in (settings.index, *settings.index.parents) if p.exists())
    free = shutil.disk_usage(folder).free
    if free < _LOW_DISK_BYTES:
        raise RagError(f"Only {free / 1e6:,.0f} MB are free at {folder}.", fix="free some disk space")
    return f"{free / 1e9:,.1f} GB free"


def _documents(settings: Settings) -> str:
    from rag.load import supported

    files = [p for p in settings.seeds.rglob("*") if p.is_file()] if settings.seeds.is_dir() else []
    readable = [p for p in files if supported(p)]
    if not readable:
        raise RagError(
            f"There is no readable document in {settings.seeds}.",
            fix=f"copy .txt, .md or .html files to {settings.seeds}",
        )
    return f"{len(readable)} of {len(files)} files in {settings.seeds} can be read"


def _model(name: str, settings: Settings) -> str:
    return str(models.locate(name, settings.models))


def _embedder(settings: Settings) -> Embedder:
    return assistant.open_embedding(settings)


def _index(settings: Settings) -> str:
    from rag.sync import needs_build

    embedder = _embedder(settings)
    index = load_index(settings.index, fingerprint=embedder.fingerprint)
    if index.warning:
        raise RagError(index.warning, fix="python -m rag build")
    if needs_build(settings.seeds, settings.index, embedder.fingerprint):
        raise RagError("The documents have changed since the index was built.", fix="python -m rag build")
    return f"{index.generation}: {len(index.documents)} documents, {len(index.chunks)} chunks"


def _question(settings: Settings, question: str) -> str:
    with no_network() as attempted:
        opened = assistant.open_assistant(settings, fetch=False)
        try:
            answer = opened.ask(question)
        finally:
            opened.close()
    if attempted:
        raise NetworkUsed(f"Connections were attempted: {', '.join(attempted)}.")
    kind = "refused" if answer.refused else f"{len(answer.sentences)} verified sentences"
    return f"{kind} in {answer.timings_ms['total'] / 1000:.1f} s; no connection off this machine was attempted"
