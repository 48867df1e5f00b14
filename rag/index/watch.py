"""Keeps an index in step with its folder while files change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

from rag.errors import CorpusError, IndexLocked, RagError
from rag.index.build import build
from rag.index.changes import needs_build
from rag.load.walk import walk
from rag.models.protocols import Embedder
from rag.types import BuildReport, Progress

EVERY_SECONDS = 2.0

_Seen = tuple[tuple[str, int, int], ...] | str


def watch(
    seeds: Path,
    index: Path,
    embedder: Embedder,
    *,
    stop: Event,
    every_seconds: float = EVERY_SECONDS,
    progress: Progress | None = None,
) -> Iterator[BuildReport | RagError]:
    """The report of each build that became necessary, or why it could not be done, until ``stop`` is set.

    The folder is looked at every ``every_seconds``; a build waits until two looks in a row see the same, so that a
    file that is still being written is not read by halves.
    """
    done: _Seen | None = None
    before: _Seen | None = None
    while not stop.wait(every_seconds):
        now = _look(seeds)
        steady, before = now == before, now
        if not steady or now == done:
            continue
        try:
            if needs_build(seeds, index, embedder.fingerprint):
                yield build(seeds, index, embedder, progress=progress)
            done = now
        except IndexLocked:
            continue  # another process does it; look again
        except RagError as error:
            done = now
            yield error


def _look(seeds: Path) -> _Seen:
    try:
        return tuple((f.id, f.size, f.mtime_ns) for f in walk(seeds)[0])
    except CorpusError as error:
        return str(error)
