"""GGUF models through a llama.cpp that was compiled for this processor (llama-cpp-python), if there is one."""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from math import inf, log
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from rag.errors import GenerationError
from rag.models.llm.chat import control_strings
from rag.models.llm.gguf import cannot_open, describe
from rag.models.llm.greedy import SLOTS, GreedyGenerator, LogProbs, Slot
from rag.models.llm.prefix_cache import find, model_identity, settle, state_key
from rag.models.llm.stream import Emit
from rag.models.llm.template import chat_format
from rag.models.llm.threads import physical_cores
from rag.models.protocols import Piece

# Of the prompt read at a time: how soon an abort frees the engine. 64 are read an eighth faster than 32 (the 1.5B
# model, AVX-512), and take 1.4 s on one core.
STEP_TOKENS = 64


class NativeGenerator(GreedyGenerator):
    """A GGUF model. Its state after a prompt's prefix is kept in ``state_dir`` for the next run."""

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        threads: int = 0,
        context_tokens: int = 4096,
        state_dir: Path | None = None,
        step_tokens: int = STEP_TOKENS,
    ) -> None:
        """Raises ModelDamaged where llama.cpp cannot open the file."""
        model = describe(path)
        context_tokens = min(context_tokens, model.context_tokens or context_tokens)
        try:
            self._llama = LlamaNetwork(
                path, threads=threads or physical_cores(), context_tokens=context_tokens, step_tokens=step_tokens
            )
        except RuntimeError as error:
            raise cannot_open(path, model.architecture) from error
        adds_bos = self._llama.tokenize("", special=True)[:1] == [model.bos_id]
        chat = chat_format(
            model.chat_template, specials=model.specials, bos=model.bos, eos=model.eos, adds_bos=adds_bos
        )
        super().__init__(
            self._llama,
            name=name,
            chat=chat,
            controls=control_strings([*model.specials, *chat.marks]),
            context_tokens=context_tokens,
            step_tokens=step_tokens,
        )
        self._identity = model_identity(path, f"llama-cpp-python {version('llama-cpp-python')}")
        self._state_dir = state_dir

    def _begin(self, slot: Slot, prefix: str, total: int, emit: Emit[Piece]) -> bool:
        """The state after the prefix comes from its file, or is read and saved."""
        folder, key = self._state_dir, state_key(self._identity, prefix, self.context_tokens)
        if not folder:
            return True
        saved = find(folder, key)
        slot.tokens = self._llama.load(slot.number, folder / saved) if saved else []
        if slot.tokens:
            return True
        tokens = self._network.tokenize(prefix, special=True)
        if self._read(slot, tokens, total, emit) is None:
            return False
        partial_name = f"{key}-{os.getpid()}.state.partial"
        if self._llama.save(slot.number, folder / partial_name, tokens):
            settle(folder, partial_name, key)
        return True


class LlamaNetwork:
    """One context of llama.cpp with a sequence a slot. Only ``tokenize`` may run beside another call."""

    def __init__(self, path: Path, *, threads: int, context_tokens: int, step_tokens: int) -> None:
        """Raises RuntimeError where llama.cpp cannot open the file; it does not say why."""
        self._api = api = library()
        self._lock = Lock()
        self._model = api.llama_model_load_from_file(os.fsencode(path), api.llama_model_default_params())
        if not self._model:
            raise RuntimeError(f"llama.cpp cannot open {path}")
        params = api.llama_context_default_params()
        params.n_ctx = SLOTS * context_tokens
        params.n_seq_max = SLOTS
        params.n_batch = params.n_ubatch = step_tokens
        params.n_threads = params.n_threads_batch = threads
        params.swa_full = True  # else a sliding window forgets the prefix that questions have in common
        self._context = api.llama_init_from_model(self._model, params)
        if not self._context:
            api.llama_model_free(self._model)
            raise RuntimeError(f"llama.cpp has no context for {path}")
        self._batch = api.llama_batch_init(step_tokens, 0, 1)
        self._free = weakref.finalize(self, _free, api, self._model, self._context, self._batch)
        self._vocabulary = api.llama_model_get_vocab(self._model)
        self._tokens: int = api.llama_vocab_n_tokens(self._vocabulary)
        self._lengths = [0] * SLOTS
        self._context_tokens = context_tokens

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        raw = text.encode("utf-8", "replace")
        tokens = (ctypes.c_int32 * (len(raw) + 2))()  # a token has a byte at least; two may be put around the text
        with self._lock:
            if not self._free.alive:
                raise GenerationError("The language model has been closed.")
            count = self._api.llama_tokenize(self._vocabulary, raw, len(raw), tokens, len(tokens), special, special)
        if count < 0:
            raise GenerationError(f"llama.cpp cannot split a text of {len(raw)} bytes into tokens.")
        return list(tokens[:count])

    def text(self, tokens: Sequence[int]) -> str:
        return b"".join(map(self._letters, tokens)).decode("utf-8", "replace")

    def _letters(self, token: int) -> bytes:
        room = 256
        while True:
            letters = ctypes.create_string_buffer(room)
            count = self._api.llama_token_to_piece(self._vocabulary, token, letters, room, 0, False)
            if count >= 0:
                return letters.raw[:count]
            room = -count

    def ends(self, token: int) -> bool:
        return bool(self._api.llama_vocab_is_eog(self._vocabulary, token))

    def cut(self, slot: int, length: int) -> int:
        memory = self._api.llama_get_memory(self._context)
        if not self._api.llama_memory_seq_rm(memory, slot, length, -1):  # some kinds of state cannot be cut back
            length = 0
            self._api.llama_memory_seq_rm(memory, slot, -1, -1)
        self._lengths[slot] = length
        return length

    def step(self, slot: int, tokens: Sequence[int], *, last: bool) -> LogProbs | None:
        batch, at = self._batch, self._lengths[slot]
        batch.n_tokens = len(tokens)
        for n, token in enumerate(tokens):
            batch.token[n] = token
            batch.pos[n] = at + n
            batch.n_seq_id[n] = 1
            batch.seq_id[n][0] = slot
            batch.logits[n] = last and n == len(tokens) - 1  # the scores of a whole vocabulary are seldom wanted
        if code := self._api.llama_decode(self._context, batch):
            raise GenerationError(f"llama.cpp could not read {len(tokens)} tokens after {at} others (code {code}).")
        self._lengths[slot] = at + len(tokens)
        if not last:
            return None
        scores = self._api.llama_get_logits_ith(self._context, -1)
        return _log_softmax(np.ctypeslib.as_array(scores, (self._tokens,)))

    def save(self, slot: int, file: Path, tokens: Sequence[int]) -> bool:
        """Writes the state after ``tokens``, which is all the slot has read."""
        raw = (ctypes.c_int32 * len(tokens))(*tokens)
        return bool(self._api.llama_state_seq_save_file(self._context, os.fsencode(file), slot, raw, len(raw)))

    def load(self, slot: int, file: Path) -> list[int]:
        """The tokens whose state the slot now has; [] where the file is of no use."""
        raw, count = (ctypes.c_int32 * self._context_tokens)(), ctypes.c_size_t()
        if not self._api.llama_state_seq_load_file(
            self._context, os.fsencode(file), slot, raw, len(raw), ctypes.byref(count)
        ):
            self.cut(slot, 0)
            return []
        self._lengths[slot] = count.value
        return list(raw[: count.value])

    def close(self) -> None:
        """Frees the memory; idempotent."""
        with self._lock:
            self._free()


def _free(api: Any, model: Any, context: Any, batch: Any) -> None:
    api.llama_batch_free(batch)
    api.llama_free(context)
    api.llama_model_free(model)


def _log_softmax(scores: LogProbs) -> LogProbs:
    """Of scores that stay where they are: llama.cpp writes the next ones there."""
    highest = float(scores.max(initial=-inf))
    logprobs: LogProbs = scores - np.float32(highest + log(float(np.exp(scores - highest).sum())))
    return logprobs


_KEPT: list[Any] = []  # what the library calls for as long as the process lives


@cache
def library() -> Any:
    """The functions of llama.cpp, which no longer write to the terminal. Raises whatever a broken one does."""
    import llama_cpp

    silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
    _KEPT.append(silent)
    llama_cpp.llama_log_set(silent, None)
    llama_cpp.llama_backend_init()
    return llama_cpp
