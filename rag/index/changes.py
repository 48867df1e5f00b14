"""A folder against what was indexed of it: which files are as they were, which only moved, which are out of date."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any

from rag.errors import IndexDamaged, IndexMissing
from rag.index import generations as store
from rag.index import lexical
from rag.index.snapshot import SCHEMA, Index, read_files
from rag.index.sources import running
from rag.load.metadata import title_from_name
from rag.load.walk import File, walk

Entry = Mapping[str, Any]
"""What the build notes of a file: path, name, size, mtime_ns, sha256, status (indexed or failed), chunks, error."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What need not be read again, and what is no longer there."""

    kept: Mapping[str, str]  # id now -> id in the index, another one where the file was renamed
    removed: tuple[str, ...]
    settled: bool  # every file is as it was, and none failed


def compare(files: Sequence[File], before: Index | None) -> Plan:
    """Find every file whose bytes are indexed already: by size and time, or else by hash, under any name."""
    if before is None:
        return Plan({}, (), settled=False)
    entries = before.files
    kept = {f.id: f.id for f in files if unchanged(f, entries.get(f.id))}
    here = {f.id for f in files}
    by_size: dict[int, list[Entry]] = {}
    for entry in sorted(entries.values(), key=lambda e: (e["path"] in here, e["path"])):  # those that left come first
        if entry["status"] == "indexed":
            by_size.setdefault(entry["size"], []).append(entry)
    for file in files:
        if file.id not in kept and (similar := by_size.get(file.size)):
            sha256 = _sha256(file.path)
            same = (e["path"] for e in similar if e["sha256"] == sha256)
            if (old := next((name for name in same if _keeps_title(before, name, file.id)), None)) is not None:
                kept[file.id] = old
    gone = tuple(name for name in entries if name not in here and name not in kept.values())
    return Plan(kept, gone, settled=here == set(entries) and all(kept.get(name) == name for name in here))


def needs_build(seeds: Path, index: Path, fingerprint: str) -> bool:
    """Would a build write something? Compares sizes and times, and hashes only files whose time moved.

    A file that failed before and has not changed is no reason. Raises CorpusError for a missing folder.
    """
    files, _ = walk(seeds)
    try:
        generation = store.generations(index)[0]
        manifest = store.read_manifest(generation)
        if manifest.get("schema") != SCHEMA or manifest["lexical"] != lexical.settings():
            return True
        store.check_files(generation, manifest, "files", "files.ends")
        entries = read_files(generation.folder)
    except (IndexMissing, IndexDamaged):
        return True
    if manifest["embedder"]["fingerprint"] != fingerprint or {f.id for f in files} != set(entries):
        return True
    chunker = manifest["chunker"]
    if running(tuple(chunker.get("sources", ()))) != chunker.get("digest"):
        return True  # the program reads or cuts documents in another way now
    return not all(unchanged(f, entries[f.id]) or _failed_before(f, entries[f.id]) for f in files)


def stale(index: Index, seeds: Path, documents: Collection[str] | None = None) -> frozenset[str]:
    """Those of ``documents`` (None: all) whose file is gone or not the one that was indexed.

    Reads only files whose time has changed and whose size has not.
    """
    entries = index.files
    asked = entries.keys() if documents is None else documents
    return frozenset(name for name in asked if name in entries and not _as_indexed(seeds, entries[name]))


def unchanged(file: File, entry: Entry | None) -> bool:
    """Is the file the one that was indexed? Its bytes decide where only its time moved."""
    if entry is None or entry["status"] != "indexed" or entry["size"] != file.size:
        return False
    return bool(entry["mtime_ns"] == file.mtime_ns or _sha256(file.path) == entry["sha256"])


def _failed_before(file: File, entry: Entry) -> bool:
    same = entry["size"] == file.size and entry["mtime_ns"] == file.mtime_ns
    return bool(same and entry["status"] == "failed")


def _as_indexed(seeds: Path, entry: Entry) -> bool:
    path = seeds.joinpath(entry["name"])
    try:
        info = path.lstat()
    except OSError:
        return False
    if info.st_size != entry["size"] or not S_ISREG(info.st_mode):
        return False
    return bool(info.st_mtime_ns == entry["mtime_ns"] or _sha256(path) == entry["sha256"])


def _keeps_title(before: Index, old: str, new: str) -> bool:
    """Not where the title is the file's name and the name is another one now."""
    return title_from_name(old) == title_from_name(new) or before.documents[old].title != title_from_name(old)


def _sha256(path: Path) -> str:
    """ "" where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""
