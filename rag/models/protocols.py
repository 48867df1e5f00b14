"""What a model must be able to do: the four protocols that models, fakes and a user's own parts satisfy,
and the values that pass between them and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Protocol

from rag.types import Span, Vectors


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt before any model's chat format. ``system`` and ``examples`` never change between
    questions, so a backend can keep their state."""

    system: str
    examples: tuple[tuple[str, str], ...]  # (user, assistant) turns
    user: str
    opening: str = ""  # what the reply begins with: it is given to the model, not written by it


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of a generation; ``text`` is "" while the prompt is being read."""

    text: str
    prompt_done: int = 0  # tokens, those found in the cache included
    prompt_total: int = 0
    output_tokens: int = 0  # so far


class Embedder(Protocol):
    """Texts to unit vectors. The two verbs differ where a model wants a query prefix."""

    name: str
    dimension: int
    fingerprint: str  # changes when a vector of the same text would

    def embed_documents(self, texts: Sequence[str]) -> Vectors: ...

    def embed_query(self, text: str) -> Vectors:
        """Shape (dimension,)."""
        ...


class Generator(Protocol):
    """A language model. Nothing in a prompt's text is ever read as a special token."""

    name: str

    def stream(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        stop: Sequence[str] = (),
        abort: Event | None = None,
    ) -> Iterator[Piece]:
        """Greedy decoding. Ends within a second of ``abort`` being set, the prompt phase included.

        ``max_tokens`` 0: the prompt is read and nothing is written.

        Raises GenerationError where the prompt does not fit the context or the engine fails.
        """
        ...

    def score(self, prompt: Prompt, options: Sequence[str], *, abort: Event | None = None) -> list[float]:
        """Natural log-probability of each option being how the reply goes on after ``prompt.opening`` (its first
        token). What was read for it is not read again by a ``stream`` of the same prompt."""
        ...

    def warm(self, prompt: Prompt, *, abort: Event | None = None) -> None:
        """Reads what comes before ``prompt.user`` ahead of the first question."""
        ...

    def count_tokens(self, text: str) -> int: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class PassageText:
    """A passage as it is read: ``text`` and, for each unit of it in order, where in ``text`` that stands.

    ``alone`` has the units as a model reads them that says only one thing of a text, each under its title.
    """

    text: str
    spans: tuple[Span, ...]
    alone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PassageScores:
    """Log-odds that a passage, and each of its units, answers; -inf for a unit that was not read."""

    passage: float
    units: tuple[float, ...]


class Reranker(Protocol):
    """How well passages, and the units in them, answer a question, read together with it."""

    name: str

    def read(self, question: str, passages: Sequence[PassageText]) -> list[PassageScores]:
        """In order; the scores of a passage do not depend on the others."""
        ...


class Verifier(Protocol):
    """Does a premise support a claim? One probability a premise, 0 to 1."""

    name: str

    def support(self, claim: str, premises: Sequence[str], *, abort: Event | None = None) -> list[float]: ...
