"""Builds of llama.cpp: the prebuilt one runs on every processor, one compiled here uses all this one can do."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from shutil import which

INSTALL = (
    'CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_CURL=OFF" '
    "python -m pip install --no-binary llama-cpp-python 'llama-cpp-python>=0.3.36,<0.4'"  # as pyproject.toml has it
)

# Instruction sets the prebuilt llama.cpp does without, as it calls them, and as Linux does.
_WIDE = {
    "AVX_VNNI": "avx_vnni",
    "AVX512": "avx512f",
    "AVX512_VBMI": "avx512vbmi",
    "AVX512_VNNI": "avx512_vnni",
    "AVX512_BF16": "avx512_bf16",
    "AMX_INT8": "amx_int8",
}
# Run in a process of its own: a library that was compiled for another processor may end the one that opens it.
_PROBE = """import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.llama_print_system_info.restype = ctypes.c_char_p
print(library.llama_print_system_info().decode())"""


def fits() -> bool:
    """Whether llama-cpp-python is installed, uses more of the processor than the prebuilt llama.cpp, and none it lacks.

    False outside Linux, where what the processor can do is not looked up. Warns where the library cannot be used.
    """
    can = processor_sets()
    if not can or find_spec("llama_cpp") is None:
        return False
    try:
        if not set() < built_sets() <= can:
            return False
        from rag.models.llm.native import library

        library()
    except Exception as error:  # whatever a library that is not whole raises where it is imported
        why = str(error).partition("\n")[0]
        warnings.warn(f"llama-cpp-python cannot be used ({why}); the prebuilt engine is.", RuntimeWarning, stacklevel=2)
        return False
    return True


def processor_sets() -> set[str]:
    """Which of the wide instruction sets this processor has; empty where nothing says so."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return set()
    flags = set(next((line for line in lines if line.startswith("flags")), "").split())
    return {name for name, flag in _WIDE.items() if flag in flags}


@cache
def built_sets() -> set[str]:
    """Which of the wide instruction sets the installed llama-cpp-python uses.

    Raises OSError, SubprocessError or PackageNotFoundError where it is not whole, or does not run here.
    """
    version("llama-cpp-python")
    spec = find_spec("llama_cpp")
    folder = Path(spec.origin).parent / "lib" if spec and spec.origin else Path()
    library = Path(os.environ.get("LLAMA_CPP_LIB_PATH", folder)) / "libllama.so"
    said = subprocess.run(
        [sys.executable, "-S", "-c", _PROBE, str(library)], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    return {name for name in _WIDE if f"{name} = 1" in said}


def describe() -> str:
    """Which build of llama.cpp is in use, and the command for a faster one where it can be compiled here."""
    if fits():
        return f"llama-cpp-python {version('llama-cpp-python')}, compiled for {', '.join(sorted(built_sets()))}"
    used = f"xllamacpp {version('xllamacpp')}, prebuilt"
    can = processor_sets()
    if not can or not any(map(which, ("c++", "g++", "clang++"))):
        return used
    return f"{used}. This processor has {', '.join(sorted(can))}: a build for it answers sooner. Try\n      {INSTALL}"
