"""Transformers checkpoints, and GGUF files read by transformers, on the CPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path
from threading import Event
from typing import Any

from rag.errors import GenerationError, ModelDamaged, ModelMissing
from rag.generate.chat import control_strings, detect, format_prefix, format_prompt, neutralise
from rag.generate.stops import until_stop
from rag.generate.worker import Emit, Worker
from rag.types import Piece, Prompt

STEP_TOKENS = 64  # of the prompt read at a time: how soon an abort frees the engine
_STATES = 2  # kinds of prompt that are kept: those that answer, and those that judge


class _State:
    """What the model has read: the tokens, and their keys and values in every layer."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.cache: Any = None

    def cut(self, length: int) -> None:
        """Keeps the first ``length`` tokens."""
        if length:
            self.cache.crop(length - len(self.tokens))
        else:
            from transformers import DynamicCache

            self.cache = DynamicCache()  # without the model's config: sliding windows can be cut back too
        self.tokens = self.tokens[:length]


class HfGenerator:
    """A causal language model. What a prompt has in common with the last one that began like it is not read again."""

    def __init__(self, path_or_id: Path | str, *, name: str, threads: int = 0, context_tokens: int = 4096) -> None:
        """Opens a checkpoint folder, a hub id of the local cache or a ``.gguf``; never uses the network.

        Raises ModelMissing or ModelDamaged.
        """
        self.name = name
        self._tokenizer, self._model = _load(path_or_id, threads)
        tokenizer, config = self._tokenizer, self._model.config
        self.context_tokens: int = min(context_tokens, getattr(config, "max_position_embeddings", context_tokens))
        self._chat = detect(tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else None)
        self._controls = control_strings([token.content for token in tokenizer.added_tokens_decoder.values()])
        self._ends = _end_tokens(tokenizer, self._model, self._chat.assistant.partition("{}")[2].strip())
        self._worker: Worker[Piece] = Worker()
        # By what the prompts begin with; the one that was not used for longest comes first.
        self._states: dict[str, _State] = {}

    def stream(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        stop: Sequence[str] = (),
        avoid: Sequence[str] = (),
        abort: Event | None = None,
    ) -> Iterator[Piece]:
        tokens = self._encode(format_prompt(prompt, self._chat, self._controls))
        state, avoided = self._state(prompt), self._first_tokens(avoid, prompt.opening)
        pieces = self._worker.run(lambda emit: self._write(state, tokens, max_tokens, avoided, emit), abort)
        yield from until_stop(pieces, (*stop, *self._chat.stop), abort)

    def score(self, prompt: Prompt, options: Sequence[str], *, abort: Event | None = None) -> list[float]:
        """As the protocol says; -inf for all options where ``abort`` came first."""
        tokens = self._encode(format_prompt(prompt, self._chat, self._controls))
        state, firsts = self._state(prompt), self._first_tokens(options, prompt.opening)
        scores = [-inf] * len(options)

        def work(emit: Emit[Piece]) -> None:
            logprobs = self._read(state, tokens, emit)
            if logprobs is not None:
                scores[:] = logprobs[firsts].tolist()

        for _ in self._worker.run(work, abort):
            pass
        return scores

    def warm(self, prompt: Prompt, *, abort: Event | None = None) -> None:
        state, tokens = self._state(prompt), self._encode(format_prefix(prompt, self._chat, self._controls))

        def work(emit: Emit[Piece]) -> None:
            self._read(state, tokens, emit)

        for _ in self._worker.run(work, abort):
            pass

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer(neutralise(text, self._controls), add_special_tokens=False).input_ids)

    def close(self) -> None:
        """Frees the memory; idempotent."""
        self._worker.close()
        self._model = None
        self._states = {}

    def _state(self, prompt: Prompt) -> _State:
        """The state of the prompts that begin as this one does, else one that begins anew."""
        prefix = format_prefix(prompt, self._chat, self._controls)
        state = self._states.pop(prefix, None) or _State()
        if len(self._states) == _STATES:
            del self._states[next(iter(self._states))]
        self._states[prefix] = state
        return state

    def _encode(self, text: str) -> list[int]:
        tokens: list[int] = self._tokenizer(text).input_ids
        if len(tokens) >= self.context_tokens:
            raise GenerationError(
                f"The prompt is {len(tokens)} tokens long; {self.name} is open for {self.context_tokens}.",
                fix="ask a shorter question, or lower evidence_tokens in rag.toml",
            )
        return tokens

    def _read(self, state: _State, tokens: list[int], emit: Emit[Piece]) -> Any:
        """The log-probabilities of what follows ``tokens``, shape (vocabulary,); None where nobody listens any more."""
        state.cut(_shared(tokens[:-1], state.tokens))
        logprobs = None
        while (done := len(state.tokens)) < len(tokens):
            if emit(Piece("", done, len(tokens))):
                return None
            logprobs = self._step(state, tokens[done : done + STEP_TOKENS])
        emit(Piece("", len(tokens), len(tokens)))
        return logprobs

    def _step(self, state: _State, tokens: list[int]) -> Any:
        import torch

        try:
            with torch.inference_mode():
                out = self._model(
                    input_ids=torch.tensor([tokens]), past_key_values=state.cache, use_cache=True, logits_to_keep=1
                )
        except BaseException:
            state.cut(0)  # some layers have seen the tokens, others have not
            raise
        state.tokens += tokens
        return out.logits[0, -1].float().log_softmax(-1)

    def _first_tokens(self, texts: Sequence[str], opening: str = "") -> list[int]:
        """Of each text, where the reply begins with it or goes on with it after ``opening``."""
        lead = "" if opening else self._chat.lead
        return [self._tokenizer(lead + t, add_special_tokens=False).input_ids[0] for t in texts]

    def _write(self, state: _State, tokens: list[int], max_tokens: int, avoided: list[int], emit: Emit[Piece]) -> None:
        logprobs = self._read(state, tokens, emit)
        if logprobs is None:
            return
        output: list[int] = []
        shown = ""
        room = min(max_tokens, self.context_tokens - len(tokens))
        while len(output) < room:
            allowed = logprobs.clone()  # not in place: it was made in inference mode
            allowed[avoided] = -inf
            if (token := int(allowed.argmax())) in self._ends:
                return
            output.append(token)
            text = self._tokenizer.decode(output, skip_special_tokens=True)
            if not text.endswith("\ufffd"):  # else a character whose bytes are not all there
                piece = Piece(text[len(shown) :], len(tokens), len(tokens), len(output), float(logprobs[token]))
                if emit(piece):
                    return
                shown = text
            logprobs = self._step(state, [token])


def _shared(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens both begin with."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _load(path_or_id: Path | str, threads: int) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    if threads:
        torch.set_num_threads(threads)
    path, place = Path(path_or_id), str(path_or_id)
    options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    if path.suffix == ".gguf":
        place, options["gguf_file"] = str(path.parent), path.name
    else:
        options["use_safetensors"] = True
    # bfloat16 halves the memory, but without matrix units for it a CPU computes it slower than float32.
    dtype = torch.bfloat16 if torch.cpu.get_capabilities().get("amx_bf16") else torch.float32
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, **options)
        model = AutoModelForCausalLM.from_pretrained(place, dtype=dtype, **options)
    except Exception as error:  # whatever a reader of damaged files raises
        if not path.exists():
            raise ModelMissing(
                f"{path_or_id} is neither a folder nor a checkpoint in the local hub cache.", fix="python -m rag models"
            ) from error
        raise ModelDamaged(
            f"transformers cannot open {path_or_id}: {error}\nA checkpoint needs config.json, the tokenizer's files "
            "and weights as .safetensors.",
            fix="python -m rag models verify",
        ) from error
    return tokenizer, model.eval()


def _end_tokens(tokenizer: Any, model: Any, end_of_turn: str) -> set[int]:
    """Tokens that end a reply: those the checkpoint names, and the one that ends a turn in its chat format."""
    named = model.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])}
    ends |= {token for token, added in tokenizer.added_tokens_decoder.items() if added.content == end_of_turn}
    return ends - {None}
