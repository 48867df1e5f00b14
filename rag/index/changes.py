"""A folder against what was indexed of it: which files are as they were, which only moved, which are out of date."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from rag.errors import IndexDamaged, IndexMissing
from rag.files import sha256
from rag.index import generations
from rag.index.manifest import FileEntry
from rag.index.snapshot import Index, mismatch, read_files
from rag.index.sources import running
from rag.load.metadata import title_from_name
from rag.load.walk import File, walk


@dataclass(frozen=True, slots=True)
class Plan:
    """What need not be read again, and what is no longer there."""

    kept: Mapping[str, FileEntry]  # by id now: the entry in the index, of another id where the file was renamed
    removed: tuple[str, ...]
    settled: bool  # every file is as it was, and none failed


def plan_changes(files: Sequence[File], before: Index | None) -> Plan:
    """Find every file whose bytes are indexed already: by size and time, or else by sha256, under any name."""
    if before is None:
        return Plan({}, (), settled=False)
    entries = before.files
    here = {f.id for f in files}
    indexed = {name: entry for name, entry in entries.items() if entry["status"] == "indexed"}
    kept = {f.id: indexed[f.id] for f in files if f.id in indexed and _unchanged(f, indexed[f.id])}
    by_size: dict[int, list[FileEntry]] = {}
    gone = [entry for name, entry in indexed.items() if name not in here]
    still_here = [entry for name, entry in indexed.items() if name in here]
    for entry in [*gone, *still_here]:  # a file that is gone was renamed, which tells more than that it was copied
        by_size.setdefault(entry["size"], []).append(entry)
    for file in files:
        if file.id in kept or file.size not in by_size:
            continue
        digest = _sha256(file.path)
        for entry in by_size[file.size]:
            if entry["sha256"] == digest and _keeps_title(before, entry["path"], file.id):
                kept[file.id] = entry
                break
    taken_over = {entry["path"] for entry in kept.values()}
    removed = tuple(name for name in entries if name not in here and name not in taken_over)
    in_place = all(name in kept and kept[name]["path"] == name for name in here)
    return Plan(kept, removed, settled=in_place and here == set(entries))


def needs_build(seeds: Path, index: Path, fingerprint: str) -> bool:
    """Would a build write something? Compares sizes and times, and hashes only files whose time moved.

    A file that failed before and has not changed is no reason. Raises CorpusError for a missing folder.
    """
    files, _ = walk(seeds)
    try:
        generation = generations.published(index)[0]
        manifest = generations.read_manifest(generation)
        if mismatch(manifest, fingerprint):
            return True
        generations.check_files(generation, manifest, "files", "files.ends")
        entries = read_files(generation.folder)
    except (IndexMissing, IndexDamaged):
        return True
    chunker = manifest["chunker"]
    if running(tuple(chunker.get("sources", ()))) != chunker.get("digest"):
        return True  # the program reads or cuts documents in another way now
    return {f.id for f in files} != set(entries) or not all(_unchanged(f, entries[f.id]) for f in files)


def stale(index: Index, seeds: Path, documents: Collection[str] | None = None) -> frozenset[str]:
    """Those of ``documents`` (None: all) whose file is gone or not the one that was indexed.

    Reads only files whose time has changed and whose size has not.
    """
    entries = index.files
    asked = entries.keys() if documents is None else documents
    return frozenset(name for name in asked if name in entries and not _stands(seeds, entries[name]))


def _unchanged(file: File, entry: FileEntry) -> bool:
    """Is the file the one that a build read, or could not read? Its bytes decide where only its time moved."""
    if file.size != entry["size"]:
        return False
    return file.mtime_ns == entry["mtime_ns"] or _sha256(file.path) == entry["sha256"]


def _stands(seeds: Path, entry: FileEntry) -> bool:
    """Is the file of ``entry`` still there, unchanged?"""
    path = seeds / entry["name"]
    try:
        info = path.lstat()
    except OSError:
        return False
    return S_ISREG(info.st_mode) and _unchanged(File(path, entry["path"], info.st_size, info.st_mtime_ns), entry)


def _keeps_title(before: Index, old: str, new: str) -> bool:
    """Not where the title is the file's name and the name is another one now."""
    return title_from_name(old) == title_from_name(new) or before.documents[old].title != title_from_name(old)


def _sha256(path: Path) -> str:
    """ "" where it cannot be read."""
    try:
        return sha256(path)
    except OSError:
        return ""
