"""GGUF models through the prebuilt server of llama.cpp, inside this process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import version
from math import inf
from pathlib import Path
from threading import Event

from rag.errors import GenerationError
from rag.models.llm.chat import control_strings, format_prefix, format_prompt, neutralise
from rag.models.llm.engine import Engine
from rag.models.llm.gguf import cannot_open, describe
from rag.models.llm.greedy import SLOTS, too_long
from rag.models.llm.prefix_cache import find, model_identity, settle, state_key
from rag.models.llm.stop_strings import until_stop
from rag.models.llm.stream import Emit, Worker
from rag.models.llm.template import chat_format
from rag.models.llm.threads import physical_cores
from rag.models.llm.wire import CompletionEvent, Failure, Reply, Request
from rag.models.protocols import Piece, Prompt

SCORED_TOKENS = 2000  # the most likely first tokens that are looked at; in a sum of 1 the rest is nothing


class LlamaGenerator:
    """A GGUF model. What a prompt has in common with the last one that began like it is not read again."""

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        threads: int = 0,
        context_tokens: int = 4096,
        state_dir: Path | None = None,
    ) -> None:
        """Raises ModelDamaged where llama.cpp cannot open the file."""
        model = describe(path)
        self.name = name
        self.context_tokens = min(context_tokens, model.context_tokens or context_tokens)
        self._worker: Worker[CompletionEvent] = Worker()
        self._identity = model_identity(path, f"xllamacpp {version('xllamacpp')}")
        self._state_dir = state_dir
        # What the prompts of each slot begin with; the slot that was not used for longest comes first.
        self._prefixes: dict[int, str] = dict.fromkeys(range(SLOTS), "")
        try:
            self._engine = Engine(
                path,
                threads=threads or physical_cores(),
                slots=SLOTS,
                context_tokens=self.context_tokens,
                state_dir=state_dir,
            )
        except RuntimeError as error:
            raise cannot_open(path, model.architecture) from error
        adds_bos = self._tokenize("", special=True)[:1] == [model.bos_id]
        self._chat = chat_format(
            model.chat_template, specials=model.specials, bos=model.bos, eos=model.eos, adds_bos=adds_bos
        )
        self._controls = control_strings([*model.specials, *self._chat.marks])

    def stream(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        stop: Sequence[str] = (),
        abort: Event | None = None,
    ) -> Iterator[Piece]:
        return until_stop(self._pieces(prompt, max_tokens, abort), (*stop, *self._chat.stop), abort)

    def score(self, prompt: Prompt, options: Sequence[str], *, abort: Event | None = None) -> list[float]:
        """As the protocol says; an option not among the most likely tokens gets the least of their scores.

        -inf for all options where ``abort`` came first.
        """
        first_tokens = self._first_tokens(options, prompt.opening)
        slot = self._slot(prompt)
        request: Request = {
            "prompt": format_prompt(prompt, self._chat, self._controls),
            "n_predict": 1,
            "n_probs": SCORED_TOKENS,
            "id_slot": slot,
        }
        for _ in self._begin(prompt, slot, abort):
            pass
        for event in self._events(request, abort):
            if logprobs := event["choices"][0]["logprobs"]:
                scores = {top["id"]: float(top["logprob"]) for top in logprobs["content"][0]["top_logprobs"]}
                return [scores.get(token, min(scores.values())) for token in first_tokens]
        return [-inf] * len(options)

    def warm(self, prompt: Prompt, *, abort: Event | None = None) -> None:
        for _ in self._begin(prompt, self._slot(prompt), abort):
            pass

    def count_tokens(self, text: str) -> int:
        return len(self._tokenize(neutralise(text, self._controls)))

    def close(self) -> None:
        """Frees the memory; idempotent."""
        self._worker.close()
        self._engine.close()

    def _first_tokens(self, texts: Sequence[str], opening: str) -> list[int]:
        """Of each text, where the reply begins with it or goes on with it after ``opening``."""
        lead = "" if opening else self._chat.lead
        return [self._tokenize(lead + text)[0] for text in texts]

    def _slot(self, prompt: Prompt) -> int:
        """The slot whose prompts begin as this one does, else the one that was not used for longest."""
        prefix = format_prefix(prompt, self._chat, self._controls)
        slot = next((s for s, known in self._prefixes.items() if known == prefix), next(iter(self._prefixes)))
        self._prefixes[slot] = self._prefixes.pop(slot)
        return slot

    def _pieces(self, prompt: Prompt, max_tokens: int, abort: Event | None) -> Iterator[Piece]:
        text = format_prompt(prompt, self._chat, self._controls)
        slot = self._slot(prompt)
        request: Request = {
            "prompt": text,
            "n_predict": max_tokens,
            "timings_per_token": True,
            "id_slot": slot,
        }
        total = len(self._tokenize(text, special=True))
        done = 0
        for done in self._begin(prompt, slot, abort):
            yield Piece("", done, total)
        for event in self._events(request, abort):
            if progress := event.get("prompt_progress"):
                done = progress["processed"]
                yield Piece("", done, total)
            elif written := event["choices"][0]["text"]:
                yield Piece(written, done, total, event["timings"]["predicted_n"])

    def _begin(self, prompt: Prompt, slot: int, abort: Event | None) -> Iterator[int]:
        """Brings a slot to the state after the prompt's prefix: from its file, or by reading, then it is saved.

        Yields how many tokens have been read.
        """
        prefix = format_prefix(prompt, self._chat, self._controls)
        if self._prefixes[slot] == prefix:
            return
        self._prefixes[slot] = ""
        folder, key = self._state_dir, state_key(self._identity, prefix, self.context_tokens)
        saved = find(folder, key) if folder else None
        if not (saved and self._file(slot, "restore", saved, abort)):
            finished = False
            for event in self._events({"prompt": prefix, "n_predict": 0, "id_slot": slot}, abort):
                if progress := event.get("prompt_progress"):
                    yield progress["processed"]
                finished = bool(event["choices"][0]["finish_reason"])
            if not finished:
                return
            partial_name = f"{key}-{os.getpid()}.state.partial"
            if folder and self._file(slot, "save", partial_name, abort):
                settle(folder, partial_name, key)
        self._prefixes[slot] = prefix

    def _file(self, slot: int, action: str, name: str, abort: Event | None) -> bool:
        """Whether a slot was saved to, or restored from, a file of the state folder."""
        answers: list[Reply] = []

        def work(_: Emit[CompletionEvent]) -> None:
            answers.append(self._engine.post(f"/slots/{slot}?action={action}", {"filename": name}))

        for _ in self._worker.run(work, abort):
            pass
        return any("error" not in answer for answer in answers)

    def _events(self, request: Request, abort: Event | None) -> Iterator[CompletionEvent]:
        for event in self._worker.run(partial(self._complete, request), abort):
            if error := event.get("error"):
                raise _failure(error, self.name)
            yield event

    def _complete(self, request: Request, emit: Emit[CompletionEvent]) -> None:
        greedy: Request = {"temperature": 0, "cache_prompt": True, "stream": True, "return_progress": True}
        self._engine.complete(request | greedy, emit)

    def _tokenize(self, text: str, *, special: bool = False) -> list[int]:
        answer = self._engine.post("/tokenize", {"content": text, "parse_special": special, "add_special": special})
        return list(answer["tokens"])


def _failure(error: Failure, name: str) -> GenerationError:
    if error.get("type") == "exceed_context_size_error":
        return too_long(error["n_prompt_tokens"], name, error["n_ctx"])
    return GenerationError(f"{name} failed: {error.get('message', error)}")
