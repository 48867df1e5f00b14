"""Generations of index files on disk: written whole or not at all, opened only when every byte is vouched for.

index/CURRENT             a line a kept generation, newest first: its name, the sha256 of its manifest
index/gen-000002/         manifest.json names the sha256 and size of every other file
index/.lock, .lock.pid    held by the one process that writes, and its process id
index/.checked            of large generations: which files were hashed, and what they looked like
index/.new-…              a generation or file that is still being written; removed by the next writer
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rag.errors import IndexDamaged, IndexLocked, IndexMissing, IndexStoreError
from rag.files import fsync, sha256, write_bytes, write_json
from rag.index.manifest import Contents, Manifest, StoredFile

KEPT_GENERATIONS = 2
REBUILD = "python -m rag build"
VERDICTS_FROM = 1 << 28
"""Bytes of a generation from which a file that was found right is not hashed again until it changes."""

Verdicts = dict[str, list[int | str]]
"""By path below the index: size, times and sha256 of a file when it was last hashed and found right."""

_CURRENT_LINE = re.compile(r"(gen-\d{6}) ([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation that CURRENT names."""

    folder: Path
    manifest_sha256: str

    @property
    def name(self) -> str:
        return self.folder.name


def published(index: Path) -> list[Generation]:
    """The generations CURRENT names, newest first; nothing but CURRENT is read.

    Raises IndexMissing where there is no CURRENT, IndexDamaged where it is not readable as one.
    """
    try:
        text = (index / "CURRENT").read_bytes().decode("ascii", "replace")
    except FileNotFoundError:
        raise IndexMissing(f"There is no index in {index}.", fix=REBUILD) from None
    matches = [_CURRENT_LINE.fullmatch(line) for line in text.split("\n")[:-1]]
    if not matches or None in matches or not text.endswith("\n"):
        raise IndexDamaged(f"{index / 'CURRENT'} is damaged: {text[:100]!r}.", fix=REBUILD)
    return [Generation(index / m[1], m[2]) for m in matches if m]


def read_manifest(generation: Generation) -> Manifest:
    """The manifest, checked against CURRENT; raises IndexDamaged."""
    path = generation.folder / "manifest.json"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise IndexDamaged(f"{path} cannot be read: {error.strerror}.", fix=REBUILD) from error
    if hashlib.sha256(content).hexdigest() != generation.manifest_sha256:
        raise IndexDamaged(f"{path} is damaged: its sha256 is not the one CURRENT names.", fix=REBUILD)
    manifest: Manifest = json.loads(content)
    return manifest


def check_files(generation: Generation, manifest: Manifest, *names: str) -> None:
    """Compare files with the manifest's size and sha256; raises IndexDamaged naming the first that differs.

    Without ``names``: every file.
    """
    index = generation.folder.parent
    large = sum(expected["size"] for expected in manifest["files"].values()) >= VERDICTS_FROM
    trusted = _verdicts(index) if large else {}
    checked: Verdicts = {}
    for name, expected in manifest["files"].items():
        if names and name not in names:
            continue
        path = generation.folder / name
        try:
            identity = _identity(path)
            if identity[0] != expected["size"]:
                raise IndexDamaged(
                    f"{path} has {identity[0]} bytes, its manifest says {expected['size']}.", fix=REBUILD
                )
            verdict = [*identity, expected["sha256"]]
            if trusted.get(f"{generation.name}/{name}") != verdict and sha256(path) != expected["sha256"]:
                raise IndexDamaged(f"{path} is damaged: its sha256 is not the manifest's.", fix=REBUILD)
        except OSError as error:
            raise IndexDamaged(f"{path} cannot be read: {error.strerror}.", fix=REBUILD) from error
        checked[f"{generation.name}/{name}"] = verdict
    if large and not checked.items() <= trusted.items():
        _note(index, {**trusted, **checked})


def _identity(path: Path) -> list[int | str]:
    """What changes when a file does: a write that sets the time back still moves the time of the change itself."""
    info = path.stat()
    return [info.st_size, info.st_mtime_ns, info.st_ctime_ns]


def _verdicts(index: Path) -> Verdicts:
    try:
        verdicts = json.loads((index / ".checked").read_bytes())
    except (OSError, ValueError):
        return {}
    return verdicts if isinstance(verdicts, dict) else {}


def _note(index: Path, verdicts: Verdicts) -> None:
    """Where it cannot be written the files are hashed again next time."""
    with suppress(OSError):
        write_json(index / ".checked", {name: v for name, v in verdicts.items() if (index / name).is_file()})


@contextmanager
def draft(index: Path) -> Iterator[Path]:
    """A folder in which to write what ``publish`` may make a generation of; without that it is gone in the end."""
    folder = Path(tempfile.mkdtemp(prefix=".new-", dir=index))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, contents: Contents) -> str:
    """Make the newest generation of a ``draft`` and return its name; ``contents`` and its files are the manifest.

    Call it under ``writing``. A crash at any moment leaves CURRENT naming the generation before, whole.
    """
    index = folder.parent
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    stored = {p.relative_to(folder).as_posix(): StoredFile(size=p.stat().st_size, sha256=sha256(p)) for p in paths}
    manifest = json.dumps(Manifest(**contents, files=stored), indent=1).encode()
    (folder / "manifest.json").write_bytes(manifest)
    for path in [*paths, folder / "manifest.json"]:
        fsync(path)
    for path in [*(p for p in folder.rglob("*") if p.is_dir()), folder]:
        fsync(path)
    before = _kept(index)
    name = f"gen-{1 + max([0, *(int(p.name[4:]) for p in index.glob('gen-' + '[0-9]' * 6))]):06d}"
    folder.rename(index / name)
    fsync(index)
    kept = [Generation(index / name, hashlib.sha256(manifest).hexdigest()), *before][:KEPT_GENERATIONS]
    lines = "".join(f"{generation.name} {generation.manifest_sha256}\n" for generation in kept)
    write_bytes(index / "CURRENT", lines.encode("ascii"))
    if sum(file["size"] for file in stored.values()) >= VERDICTS_FROM:
        verdicts = {f"{name}/{k}": [*_identity(index / name / k), file["sha256"]] for k, file in stored.items()}
        _note(index, {**_verdicts(index), **verdicts})
    _remove_others(index, {generation.name for generation in kept})
    return name


@contextmanager
def writing(index: Path) -> Iterator[None]:
    """The right to write ``index``, which is made if need be.

    Raises IndexLocked, naming the holder, at once where another process has it. A full disk or a folder that
    cannot be written comes out as IndexStoreError; what is published stays as it is.
    """
    from filelock import FileLock, Timeout

    holder = index / ".lock.pid"
    try:
        index.mkdir(parents=True, exist_ok=True)
        lock = FileLock(index / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            pid = holder.read_text("ascii").strip() if holder.is_file() else "unknown"
            raise IndexLocked(
                f"Another process (pid {pid}) is writing the index in {index}.", fix=f"wait for it, then {REBUILD}"
            ) from None
        try:
            holder.write_text(f"{os.getpid()}\n", "ascii")
            for leftover in index.glob(".new-*"):
                if leftover.is_dir():
                    shutil.rmtree(leftover, ignore_errors=True)
                else:
                    with suppress(OSError):
                        leftover.unlink()
            yield
        finally:
            with suppress(OSError):
                holder.unlink()
            lock.release()
    except OSError as error:
        raise IndexStoreError(
            f"The index in {index} cannot be written: {error.strerror or error}. What was there before is unchanged.",
            fix=f"make room or change --index, then {REBUILD}",
        ) from error


def _kept(index: Path) -> list[Generation]:
    try:
        return [g for g in published(index) if g.folder.is_dir()]
    except (IndexMissing, IndexDamaged):
        return []


def _remove_others(index: Path, kept: set[str]) -> None:
    """A reader on another system may hold a file open; what cannot go now goes with the next build."""
    for folder in index.glob("gen-*"):
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
