"""A language model that writes nothing: what an answer is without one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Event

from rag.models.protocols import Piece, Prompt

_CHARS_A_TOKEN = 4  # of English, about


class SilentModel:
    """Writes nothing and finds every option equally likely, so that quotations and evidence alone decide."""

    name = "none"

    def stream(
        self, prompt: Prompt, *, max_tokens: int, stop: Sequence[str] = (), abort: Event | None = None
    ) -> Iterator[Piece]:
        return iter(())

    def score(self, prompt: Prompt, options: Sequence[str], *, abort: Event | None = None) -> list[float]:
        return [0.0] * len(options)

    def warm(self, prompt: Prompt, *, abort: Event | None = None) -> None:
        pass

    def count_tokens(self, text: str) -> int:
        return len(text) // _CHARS_A_TOKEN + 1

    def close(self) -> None:
        pass
