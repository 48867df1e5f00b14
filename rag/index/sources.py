"""What a result of the program depends on: the modules that make it, found by their imports, and the data beside them.

An index says which of the program's sources decided its texts and chunks. As long as none of these files has changed,
no import in them has changed either, so the list stays right and a start only has to hash it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection
from functools import cache
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent
_NO_DATA = {".py", ".pyc", ".pyo", ".typed"}


@cache
def sources(*roots: str, program: Path = PROGRAM) -> tuple[str, ...]:
    """Paths below ``program`` of what the modules ``roots`` run, sorted: they, all they import, and their data.

    An import within a function counts, one for type checkers only does not. Data is every other file in a folder of
    such a module. What ``rag/__init__.py`` offers is followed only for a module that asks it for a name. () where the
    program was installed without its sources.

    >>> "text/sentences.py" in sources("rag.index.chunk"), "cli.py" in sources("rag.index.chunk")
    (True, False)
    """
    modules = {_name(path, program): path for path in program.rglob("*.py")}
    if not modules.keys() >= set(roots):
        return ()
    reached: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            parts = name.split(".")
            folders = {".".join(parts[:n]) for n in range(2, len(parts))}  # their __init__.py runs first
            waiting += (folders | _imports(modules[name], modules.keys())) & modules.keys()
    files = {modules[name] for name in reached}
    return tuple(sorted(p.relative_to(program).as_posix() for p in files | _data({p.parent for p in files}, program)))


def digest(files: Collection[str], *, program: Path = PROGRAM) -> str:
    """First 16 hex digits of the sha256 of the names and bytes of files below ``program``.

    A file that is gone has a digest of its own. Of no file at all, which is what ``sources`` finds where the sources
    are not installed: that of the program's version.
    """
    state = hashlib.sha256(b"" if files else _version().encode())
    for name in files:
        path = program / name
        state.update(name.encode() + b"\0" + (path.read_bytes() if path.is_file() else b"gone") + b"\0")
    return state.hexdigest()[:16]


@cache
def running(files: tuple[str, ...]) -> str:
    """``digest`` of the files as they are when first asked for: a process goes on with the modules it has imported."""
    return digest(files)


def sources_digest(*roots: str) -> str:
    """``running`` of the ``sources`` of modules; of all modules where none is named.

    >>> len(sources_digest("rag.index.chunk"))
    16
    """
    everything = (p.relative_to(PROGRAM).as_posix() for p in PROGRAM.rglob("*.py"))
    return running(sources(*roots) if roots else tuple(sorted(everything)))


def _name(path: Path, program: Path) -> str:
    """``load/csv.py`` -> ``rag.load.csv``; a folder's ``__init__.py`` is the folder."""
    return ".".join(("rag", *path.relative_to(program).with_suffix("").parts)).removesuffix(".__init__")


def _imports(path: Path, modules: Collection[str]) -> set[str]:
    """Dotted names that a file imports; ``from rag.load import csv`` is ``rag.load.csv``, one of ``modules``."""
    names: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_bytes())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {member if member in modules else node.module for member in members}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)
    return names


def _data(folders: Collection[Path], program: Path) -> set[Path]:
    """What lies in ``folders``, or below them in folders without modules, and is neither a module nor made of one."""
    others = (path for path in program.rglob("*") if path.suffix not in _NO_DATA and path.is_file())

    def owner(path: Path) -> Path:
        return next(folder for folder in path.parents if folder == program or any(folder.glob("*.py")))

    return {path for path in others if not path.name.startswith(".") and owner(path) in folders}


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("quoted-rag")
    except PackageNotFoundError:
        return "unknown"
