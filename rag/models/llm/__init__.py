"""Language models behind one protocol: which backend opens which model.

__init__.py      this: open_generator
llama.py         GGUF files through the prebuilt llama.cpp
engine.py        the server of that llama.cpp, inside this process
wire.py          the JSON that the server reads and writes
native.py        GGUF files through a llama.cpp compiled for this processor
hf.py            transformers checkpoints
engines.py       whether there is a compiled llama.cpp, and whether it fits
greedy.py        greedy decoding over single steps, for native.py and hf.py
chat.py          a Prompt as the string a family of models reads
template.py      the same, learned from a model's own chat template
render.py        what runs that template, in a process of its own
gguf.py          the header of a GGUF file
prefix_cache.py  the state after a prompt's prefix, in files for the next run
stop_strings.py  where a text that is still being written ends
stream.py        a blocking engine as an iterator that can be left
threads.py       how many threads are worth starting
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rag.errors import ModelDamaged, ModelMissing
from rag.models.llm import engines
from rag.models.llm.prefix_cache import private
from rag.models.protocols import Generator

Backend = Literal["llama", "native", "hf"]


def open_generator(
    path_or_id: Path | str,
    *,
    name: str,
    threads: int = 0,
    context_tokens: int = 4096,
    backend: Backend | None = None,
    state_dir: Path | None = None,
) -> Generator:
    """The model at ``path_or_id``: a ``.gguf`` file, a transformers folder, or a hub id of the local cache.

    ``backend`` None: llama.cpp for a ``.gguf`` ("native": a build that was compiled for this processor, where it is
    installed; "llama": the prebuilt one), transformers for the rest. ``threads`` 0: one a physical
    core. ``state_dir``: where llama.cpp keeps its state after a prompt's prefix, so that the next run need
    not read it (5 to 15 MB each, the 8 latest); None, or a folder that cannot be had: nowhere. Opening takes
    seconds, and about the size of the file in memory (transformers: up to 8 times a GGUF's).
    Raises ModelMissing or ModelDamaged.
    """
    path = Path(path_or_id)
    gguf = path.suffix == ".gguf"
    if gguf and not path.is_file():
        raise ModelMissing(f"The model file {path} does not exist.", fix="python -m rag models")
    if backend is None:
        backend = ("native" if engines.fits() else "llama") if gguf else "hf"
    if backend == "hf":
        from rag.models.llm.hf import HfGenerator

        return HfGenerator(path_or_id, name=name, threads=threads, context_tokens=context_tokens)
    if not gguf:
        raise ModelDamaged(f"llama.cpp reads .gguf files; {path_or_id} is none.", fix="python -m rag models")
    state_dir = private(state_dir)
    if backend == "native":
        from rag.models.llm.native import NativeGenerator

        return NativeGenerator(path, name=name, threads=threads, context_tokens=context_tokens, state_dir=state_dir)
    from rag.models.llm.llama import LlamaGenerator

    return LlamaGenerator(path, name=name, threads=threads, context_tokens=context_tokens, state_dir=state_dir)
