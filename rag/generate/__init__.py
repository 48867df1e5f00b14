"""Language models behind one protocol: which backend opens which model.

__init__.py   this: open_generator
llama.py      GGUF files through llama.cpp
hf.py         transformers checkpoints
chat.py       a Prompt as the string a family of models reads
gguf.py       the metadata of a GGUF file
worker.py     a blocking engine as an iterator that can be left
cores.py      how many threads are worth starting
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rag.errors import ModelDamaged, ModelMissing
from rag.types import Generator

Backend = Literal["llama", "hf"]


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

    ``backend`` None: llama.cpp for a ``.gguf``, transformers for the rest. ``threads`` 0: one a physical
    core. ``state_dir``: where llama.cpp keeps its state after a prompt's prefix, so that the next run need
    not read it (about 10 MB each, the 8 latest); None: nowhere. Opening takes seconds, and about the size
    of the file in memory (transformers: up to 8 times a GGUF's).
    Raises ModelMissing or ModelDamaged.
    """
    path = Path(path_or_id)
    gguf = path.suffix == ".gguf"
    if gguf and not path.is_file():
        raise ModelMissing(f"The model file {path} does not exist.", fix="python -m rag models")
    backend = backend or ("llama" if gguf else "hf")
    if backend == "hf":
        from rag.generate.hf import HfGenerator

        return HfGenerator(path_or_id, name=name, threads=threads, context_tokens=context_tokens)
    if not gguf:
        raise ModelDamaged(f"llama.cpp reads .gguf files; {path_or_id} is none.", fix="python -m rag models")
    from rag.generate.llama import LlamaGenerator

    return LlamaGenerator(path, name=name, threads=threads, context_tokens=context_tokens, state_dir=state_dir)
