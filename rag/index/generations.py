"""Generations of index files on disk: written whole or not at all, opened only when every byte is vouched for.

index/CURRENT             a line a kept generation, newest first: its name, the sha256 of its manifest
index/gen-000002/         manifest.json names the sha256 and size of every other file
index/.lock, .lock.pid    held by the one process that writes, and its process id
index/.checked            of large generations: which files were hashed, and what they looked like
index/.new-…              a generation that is still being written; removed by the next writer
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import IndexDamaged, IndexLocked, IndexMissing, IndexStoreError

KEPT_GENERATIONS = 2
REBUILD = "python -m rag build"
VERDICTS_FROM = 1 << 28
"""Bytes of a generation from which a file that was found right is not hashed again until it changes."""

_CURRENT_LINE = re.compile(r"(gen-\d{6}) ([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation that CURRENT names."""

    folder: Path
    manifest_sha256: str

    @property
    def name(self) -> str:
        return self.folder.name


def generations(index: Path) -> list[Generation]:
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


def read_manifest(generation: Generation) -> dict[str, Any]:
    """The manifest, checked against CURRENT; raises IndexDamaged."""
    path = generation.folder / "manifest.json"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise IndexDamaged(f"{path} cannot be read: {error.strerror}.", fix=REBUILD) from error
    if hashlib.sha256(content).hexdigest() != generation.manifest_sha256:
        raise IndexDamaged(f"{path} is damaged: its sha256 is not the one CURRENT names.", fix=REBUILD)
    manifest: dict[str, Any] = json.loads(content)
    return manifest


def check_files(generation: Generation, manifest: Mapping[str, Any], *names: str) -> None:
    """Compare files with the manifest's size and sha256; raises IndexDamaged naming the first that differs.

    Without ``names``: every file.
    """
    index = generation.folder.parent
    large = sum(expected["size"] for expected in manifest["files"].values()) >= VERDICTS_FROM
    known = _verdicts(index) if large else {}
    checked = {}
    for name, expected in manifest["files"].items():
        if names and name not in names:
            continue
        path = generation.folder / name
        try:
            seen = _identity(path)
            if seen[0] != expected["size"]:
                raise IndexDamaged(f"{path} has {seen[0]} bytes, its manifest says {expected['size']}.", fix=REBUILD)
            verdict = [*seen, expected["sha256"]]
            if known.get(f"{generation.name}/{name}") != verdict and _sha256(path) != expected["sha256"]:
                raise IndexDamaged(f"{path} is damaged: its sha256 is not the manifest's.", fix=REBUILD)
        except OSError as error:
            raise IndexDamaged(f"{path} cannot be read: {error.strerror}.", fix=REBUILD) from error
        checked[f"{generation.name}/{name}"] = verdict
    if large and not checked.items() <= known.items():
        _note(index, {**known, **checked})


def _identity(path: Path) -> list[int]:
    """What changes when a file does: a write that sets the time back still moves the time of the change itself."""
    info = path.stat()
    return [info.st_size, info.st_mtime_ns, info.st_ctime_ns]


def _verdicts(index: Path) -> dict[str, Any]:
    """Files that were hashed and found right, with what they looked like then."""
    try:
        found = json.loads((index / ".checked").read_text("ascii"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _note(index: Path, verdicts: Mapping[str, Any]) -> None:
    """Where it cannot be written the files are hashed again next time."""
    with suppress(OSError):
        temporary = index / f".checked-{os.getpid()}"
        temporary.write_text(json.dumps({k: v for k, v in verdicts.items() if (index / k).is_file()}), "ascii")
        temporary.replace(index / ".checked")


def publish(index: Path, write: Callable[[Path], Mapping[str, Any]]) -> str:
    """Make a new generation of what ``write`` puts in a folder and returns as manifest; its name is returned.

    Call it under ``writing``. A crash at any moment leaves CURRENT naming the generation before, whole.
    """
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=index))
    try:
        manifest = dict(write(temporary))
        files = sorted(p for p in temporary.rglob("*") if p.is_file())
        manifest["files"] = {
            p.relative_to(temporary).as_posix(): {"size": p.stat().st_size, "sha256": _sha256(p)} for p in files
        }
        content = json.dumps(manifest, indent=1).encode()
        (temporary / "manifest.json").write_bytes(content)
        for path in [*files, temporary / "manifest.json"]:
            _fsync(path)
        for path in [*(p for p in temporary.rglob("*") if p.is_dir()), temporary]:
            _fsync(path)
        before = _kept(index)
        name = f"gen-{1 + max([0, *(int(p.name[4:]) for p in index.glob('gen-' + '[0-9]' * 6))]):06d}"
        temporary.rename(index / name)
        _fsync(index)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    kept = [Generation(index / name, hashlib.sha256(content).hexdigest()), *before][:KEPT_GENERATIONS]
    _point_to(index, kept)
    if sum(f["size"] for f in manifest["files"].values()) >= VERDICTS_FROM:
        verdicts = {f"{name}/{k}": [*_identity(index / name / k), f["sha256"]] for k, f in manifest["files"].items()}
        _note(index, {**_verdicts(index), **verdicts})
    _remove_others(index, {g.name for g in kept})
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
                shutil.rmtree(leftover, ignore_errors=True)
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()
    except OSError as error:
        raise IndexStoreError(
            f"The index in {index} cannot be written: {error.strerror or error}. What was there before is unchanged.",
            fix=f"make room or change --index, then {REBUILD}",
        ) from error


def _kept(index: Path) -> list[Generation]:
    try:
        return [g for g in generations(index) if g.folder.is_dir()]
    except (IndexMissing, IndexDamaged):
        return []


def _point_to(index: Path, kept: list[Generation]) -> None:
    temporary = index / ".new-CURRENT"
    temporary.write_text("".join(f"{g.name} {g.manifest_sha256}\n" for g in kept), "ascii", newline="\n")
    _fsync(temporary)
    temporary.replace(index / "CURRENT")
    _fsync(index)


def _remove_others(index: Path, kept: set[str]) -> None:
    """A reader on another system may hold a file open; what cannot go now goes with the next build."""
    for folder in index.glob("gen-*"):
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # Windows has no handle of a folder to flush
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
