"""What a measurement depends on besides its input: the machine, the packages, the program's own sources."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

_PACKAGES = "torch sentence-transformers transformers faiss-cpu onnxruntime xllamacpp llama-cpp-python numpy".split()
_SOURCES = Path(__file__).resolve().parent.parent


def machine() -> dict[str, str | int | float]:
    """Processor, cores, memory and system; no host name."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_gb": _memory_gb(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def installed(project: str = "quoted-rag") -> dict[str, int]:
    """Bytes of every distribution the project needs to run, itself left out, by name; those not here are left out.

    What is optional (extras) is not followed; the interpreter is not counted. Empty where the project is not installed.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, int] = {}
    waiting = [project]
    while waiting:
        name = waiting.pop()
        try:
            here = distribution(name)
        except PackageNotFoundError:
            continue
        if name in found:
            continue
        files = (Path(str(here.locate_file(file))) for file in here.files or ())
        found[name] = sum(file.stat().st_size for file in files if file.is_file())
        needed = (Requirement(text) for text in here.requires or ())
        waiting += [canonicalize_name(r.name) for r in needed if not r.marker or r.marker.evaluate({"extra": ""})]
    found.pop(project, None)
    return found


@cache
def sources_digest(names: tuple[str, ...] | None = None, *, without: tuple[str, ...] = ()) -> str:
    """First 16 hex digits of the sha256 of modules of this package, as they are when first asked for.

    ``names`` and ``without`` are paths below ``rag/`` (a folder means all in it); None: every module.
    """
    files = sorted(p.relative_to(_SOURCES).as_posix() for p in _SOURCES.rglob("*.py"))
    chosen = [f for f in files if (names is None or _in(f, names)) and not _in(f, without)]
    digest = hashlib.sha256()
    for name in chosen:
        digest.update(name.encode() + b"\0" + (_SOURCES / name).read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _in(file: str, names: Iterable[str]) -> bool:
    return any(file == name or file.startswith(f"{name}/") for name in names)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _memory_gb() -> float:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, OSError, ValueError):
        return 0.0
