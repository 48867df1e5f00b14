"""Greedy decoding, for engines that offer one step of the network: read these tokens, say what follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf
from threading import Event
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rag.errors import GenerationError
from rag.models.llm.chat import ChatFormat, format_prefix, format_prompt, neutralise
from rag.models.llm.stop_strings import until_stop
from rag.models.llm.stream import Emit, Worker
from rag.models.protocols import Piece, Prompt

LogProbs = npt.NDArray[np.float32]
"""Natural log-probability of every token of the vocabulary, shape (vocabulary,)."""

SLOTS = 3  # kinds of prompt whose state is kept: those that answer, that compare and that judge


class Network(Protocol):
    """A model in memory, with ``SLOTS`` states, each of the tokens it has read."""

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """``special``: the text is a whole prompt, and the marks of its turns are tokens of their own."""
        ...

    def text(self, tokens: Sequence[int]) -> str:
        """Ends with U+FFFD where the bytes of a character are not all there yet."""
        ...

    def ends(self, token: int) -> bool:
        """Whether a reply is over with this token."""
        ...

    def cut(self, slot: int, length: int) -> int:
        """Forgets all but the first ``length`` tokens of a state; how many are left may be less."""
        ...

    def step(self, slot: int, tokens: Sequence[int], *, last: bool) -> LogProbs | None:
        """Adds tokens to a state; what follows them where they are the ``last`` to be read."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Slot:
    """What a state of the network has read."""

    number: int
    tokens: list[int] = field(default_factory=list)
    begun: bool = False


class GreedyGenerator:
    """A Generator. What a prompt has in common with the last one that began like it is not read again."""

    def __init__(
        self,
        network: Network,
        *,
        name: str,
        chat: ChatFormat,
        controls: Sequence[str],
        context_tokens: int,
        step_tokens: int,
    ) -> None:
        """``step_tokens`` of a prompt are read at a time: an abort frees the engine after that many."""
        self.name = name
        self.context_tokens = context_tokens
        self._network = network
        self._chat = chat
        self._controls = controls
        self._step_tokens = step_tokens
        self._worker: Worker[Piece] = Worker()
        # By what the prompts begin with; the one that was not used for longest comes first. Only the worker looks.
        self._slots: dict[str, Slot] = {}

    def stream(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        stop: Sequence[str] = (),
        abort: Event | None = None,
    ) -> Iterator[Piece]:
        tokens = self._encode(prompt)
        pieces = self._worker.run(partial(self._write, prompt, tokens, max_tokens), abort)
        yield from until_stop(pieces, (*stop, *self._chat.stop), abort)

    def score(self, prompt: Prompt, options: Sequence[str], *, abort: Event | None = None) -> list[float]:
        """As the protocol says; -inf for all options where ``abort`` came first."""
        tokens, firsts = self._encode(prompt), self._first_tokens(options, prompt.opening)
        scores = [-inf] * len(options)

        def work(emit: Emit[Piece]) -> None:
            logprobs = self._read(self._enter(prompt, len(tokens), emit), tokens, len(tokens), emit)
            if logprobs is not None:
                scores[:] = logprobs[firsts].tolist()

        for _ in self._worker.run(work, abort):
            pass
        return [-inf] * len(options) if abort and abort.is_set() else scores

    def warm(self, prompt: Prompt, *, abort: Event | None = None) -> None:
        tokens = self._network.tokenize(format_prefix(prompt, self._chat, self._controls), special=True)

        def work(emit: Emit[Piece]) -> None:
            self._read(self._enter(prompt, len(tokens), emit), tokens, len(tokens), emit)

        for _ in self._worker.run(work, abort):
            pass

    def count_tokens(self, text: str) -> int:
        return len(self._network.tokenize(neutralise(text, self._controls), special=False))

    def close(self) -> None:
        """Frees the memory; idempotent."""
        self._worker.close()
        self._network.close()
        self._slots = {}

    def _begin(self, slot: Slot, prefix: str, total: int, emit: Emit[Piece]) -> bool:
        """Before the first prompt that begins with ``prefix``; False: again before the next."""
        return True

    def _enter(self, prompt: Prompt, total: int, emit: Emit[Piece]) -> Slot:
        """The slot of the prompts that begin as this one does, else the one that was not used for longest, emptied."""
        prefix = format_prefix(prompt, self._chat, self._controls)
        slot = self._slots.pop(prefix, None)
        if slot is None:
            number = len(self._slots)
            if number == SLOTS:
                number = self._slots.pop(next(iter(self._slots))).number
            slot = Slot(number)
        self._slots[prefix] = slot
        slot.begun = slot.begun or self._begin(slot, prefix, total, emit)
        return slot

    def _encode(self, prompt: Prompt) -> list[int]:
        tokens = self._network.tokenize(format_prompt(prompt, self._chat, self._controls), special=True)
        if len(tokens) >= self.context_tokens:
            raise too_long(len(tokens), self.name, self.context_tokens)
        return tokens

    def _first_tokens(self, texts: Sequence[str], opening: str) -> list[int]:
        """Of each text, where the reply begins with it or goes on with it after ``opening``."""
        lead = "" if opening else self._chat.lead
        return [self._network.tokenize(lead + text, special=False)[0] for text in texts]

    def _read(self, slot: Slot, tokens: list[int], total: int, emit: Emit[Piece]) -> LogProbs | None:
        """What follows ``tokens``; None where nobody listens any more."""
        kept = self._network.cut(slot.number, _shared(tokens[:-1], slot.tokens))
        del slot.tokens[kept:]
        logprobs = None
        while (done := len(slot.tokens)) < len(tokens):
            if emit(Piece("", done, total)):
                return None
            end = done + self._step_tokens
            logprobs = self._step(slot, tokens[done:end], last=end >= len(tokens))
        emit(Piece("", len(tokens), total))
        return logprobs

    def _step(self, slot: Slot, tokens: list[int], *, last: bool) -> LogProbs | None:
        try:
            logprobs = self._network.step(slot.number, tokens, last=last)
        except BaseException:
            slot.tokens = []  # some layers have seen the tokens, others have not
            self._network.cut(slot.number, 0)
            raise
        slot.tokens += tokens
        return logprobs

    def _write(self, prompt: Prompt, tokens: list[int], max_tokens: int, emit: Emit[Piece]) -> None:
        slot = self._enter(prompt, len(tokens), emit)
        logprobs = self._read(slot, tokens, len(tokens), emit)
        output: list[int] = []
        shown = ""
        room = min(max_tokens, self.context_tokens - len(tokens))
        while logprobs is not None and len(output) < room:
            token = int(logprobs.argmax())
            if self._network.ends(token):
                return
            output.append(token)
            text = self._network.text(output)
            if not text.endswith("\ufffd"):  # else a character whose bytes are not all there
                piece = Piece(text[len(shown) :], len(tokens), len(tokens), len(output))
                if emit(piece):
                    return
                shown = text
            if len(output) < room:
                logprobs = self._step(slot, [token], last=True)


def too_long(tokens: int, name: str, limit: int) -> GenerationError:
    return GenerationError(
        f"The prompt is {tokens} tokens long; {name} is open for {limit}.",
        fix="ask a shorter question, or lower evidence_tokens in rag.toml",
    )


def _shared(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens both begin with."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
