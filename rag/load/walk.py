"""The files of a corpus folder that can be documents; whatever is passed over is named with the reason."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.errors import CorpusError
from rag.load import document_id, supported
from rag.types import FileOutcome


@dataclass(frozen=True, slots=True)
class File:
    """A regular file below the folder, as the walk saw it."""

    path: Path
    id: str  # that of its Document
    size: int
    mtime_ns: int


def check_folder(seeds: Path) -> None:
    """Raises CorpusError where the folder of documents is missing."""
    if not seeds.is_dir():
        raise CorpusError(
            f"The folder of documents {seeds} does not exist.",
            fix='name yours: --seeds FOLDER, or seeds = "FOLDER" in rag.toml, or rag.open("FOLDER") in Python',
        )


def walk(seeds: Path) -> tuple[list[File], list[FileOutcome]]:
    """Regular files with a known suffix, sorted by id, and an outcome for everything else.

    No symbolic link is followed; hidden files and folders, those of version control among them, are passed over.
    Raises CorpusError where the folder is missing or cannot be read.
    """
    check_folder(seeds)
    files: list[File] = []
    passed: list[FileOutcome] = []
    for item in _items(seeds, seeds):
        if isinstance(item, File):
            files.append(item)
        else:
            passed.append(item)
    return sorted(files, key=lambda f: f.id), passed


def _items(folder: Path, seeds: Path) -> Iterator[File | FileOutcome]:
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda e: e.name)
    except OSError as error:
        if folder == seeds:
            raise CorpusError(f"The folder {seeds} cannot be read: {error.strerror}.", fix=f"ls {seeds}") from error
        yield FileOutcome(document_id(folder, root=seeds) + "/", "failed", why=str(error.strerror))
        return
    for entry in entries:
        path = Path(entry.path)
        name = document_id(path, root=seeds)
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.is_symlink():
            yield FileOutcome(name, "skipped", why="a symbolic link")
        elif entry.name.startswith("."):
            yield FileOutcome(name + "/" * is_folder, "skipped", why="hidden")
        elif is_folder:
            yield from _items(path, seeds)
        elif not entry.is_file(follow_symlinks=False):
            yield FileOutcome(name, "skipped", why="not a regular file")
        elif not supported(path):
            yield FileOutcome(name, "skipped", why=f"no reader for {path.suffix or 'a file without suffix'}")
        else:
            try:
                info = entry.stat(follow_symlinks=False)
            except OSError as error:
                yield FileOutcome(name, "failed", why=str(error.strerror))
            else:
                yield File(path, name, info.st_size, info.st_mtime_ns)
