"""What a measurement depends on besides its input and the program: the machine and the packages."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import TypedDict

import psutil

_PACKAGES = "torch sentence-transformers transformers faiss-cpu onnxruntime xllamacpp llama-cpp-python numpy".split()


class MachineData(TypedDict):
    system: str
    processor: str
    cores: int
    memory_gb: float
    python: str


def machine() -> MachineData:
    """Processor, cores, memory and system; no host name."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Of the packages that decide speed or answers; "not installed" where one is missing."""
    installed_versions = dict.fromkeys(_PACKAGES, "not installed")
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            installed_versions[name] = version(name)
    return installed_versions


def installed(project: str = "quoted-rag") -> dict[str, int]:
    """Bytes of every distribution the project needs to run, itself left out, by name; those not here are left out.

    What is optional (extras) is not followed; the interpreter is not counted. Empty where the project is not installed.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    sizes: dict[str, int] = {}
    waiting = [project]
    while waiting:
        name = waiting.pop()
        try:
            here = distribution(name)
        except PackageNotFoundError:
            continue
        if name in sizes:
            continue
        files = (Path(str(here.locate_file(file))) for file in here.files or ())
        sizes[name] = sum(file.stat().st_size for file in files if file.is_file())
        needed = (Requirement(text) for text in here.requires or ())
        waiting += [canonicalize_name(r.name) for r in needed if not r.marker or r.marker.evaluate({"extra": ""})]
    sizes.pop(project, None)
    return sizes


def _processor() -> str:
    """Its name as the maker gives it, where Linux tells; elsewhere what Python knows of it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"
