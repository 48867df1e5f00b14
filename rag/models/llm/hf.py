"""Transformers checkpoints, and GGUF files read by transformers, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.errors import ModelDamaged, ModelMissing
from rag.models.llm.chat import control_strings
from rag.models.llm.greedy import SLOTS, GreedyGenerator, LogProbs
from rag.models.llm.template import chat_format

STEP_TOKENS = 64  # of the prompt read at a time: how soon an abort frees the engine


class HfGenerator(GreedyGenerator):
    """A causal language model of transformers."""

    def __init__(self, path_or_id: Path | str, *, name: str, threads: int = 0, context_tokens: int = 4096) -> None:
        """Opens a checkpoint folder, a hub id of the local cache or a ``.gguf``; never uses the network.

        Raises ModelMissing or ModelDamaged.
        """
        tokenizer, model = _load(path_or_id, threads)
        specials = [token.content for token in tokenizer.added_tokens_decoder.values()]
        chat = chat_format(
            _template(tokenizer),
            specials=specials,
            bos=tokenizer.bos_token or "",
            eos=tokenizer.eos_token or "",
            adds_bos=tokenizer("").input_ids[:1] == [tokenizer.bos_token_id],
        )
        super().__init__(
            _Transformers(tokenizer, model, _end_tokens(tokenizer, model, chat.after_reply)),
            name=name,
            chat=chat,
            controls=control_strings([*specials, *chat.marks]),
            context_tokens=min(context_tokens, getattr(model.config, "max_position_embeddings", context_tokens)),
            step_tokens=STEP_TOKENS,
        )


class _Transformers:
    """The network, with the keys and values of every layer for each of its states."""

    def __init__(self, tokenizer: Any, model: Any, ends: set[int]) -> None:
        self._tokenizer, self._model, self._ends = tokenizer, model, ends
        self._caches: list[Any] = [None] * SLOTS

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        tokens: list[int] = self._tokenizer(text, add_special_tokens=special).input_ids
        return tokens

    def text(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True))

    def ends(self, token: int) -> bool:
        return token in self._ends

    def cut(self, slot: int, length: int) -> int:
        if length:
            self._caches[slot].crop(length - self._caches[slot].get_seq_length())
        else:
            from transformers import DynamicCache

            self._caches[slot] = DynamicCache()  # without the model's config: sliding windows can be cut back too
        return length

    def step(self, slot: int, tokens: Sequence[int], *, last: bool) -> LogProbs | None:
        import torch

        with torch.inference_mode():
            out = self._model(
                input_ids=torch.tensor([tokens]), cache=self._caches[slot], use_cache=True, logits_to_keep=1
            )
            logprobs: LogProbs = out.logits[0, -1].float().log_softmax(-1).numpy()
        return logprobs if last else None

    def close(self) -> None:
        self._model = None
        self._caches = []


def _load(path_or_id: Path | str, threads: int) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    if threads:
        torch.set_num_threads(threads)
    path, place = Path(path_or_id), str(path_or_id)
    options: dict[str, str | bool] = {"local_files_only": True, "trust_remote_code": False}
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


def _template(tokenizer: Any) -> str | None:
    """Its chat template; of several with names, the one that is for conversations without tools."""
    template = tokenizer.chat_template
    return template.get("default") if isinstance(template, dict) else template


def _end_tokens(tokenizer: Any, model: Any, after_reply: str) -> set[int]:
    """Tokens that end a reply: those the checkpoint names, and the one that ends a turn in its chat format."""
    named = model.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])}
    after_reply = after_reply.lstrip()
    ends |= {
        number for number, token in tokenizer.added_tokens_decoder.items() if after_reply.startswith(token.content)
    }
    return ends - {None}
