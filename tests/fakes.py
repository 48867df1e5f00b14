"""Small models with the real interfaces, so that the unit suite needs no model file."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from threading import Event

import numpy as np

from rag.index.units import sections
from rag.models.protocols import PassageScores, PassageText, Piece, Prompt
from rag.types import Document, Unit, Vectors


def units(document: Document) -> list[Unit]:
    """All that can be quoted of a document."""
    return [unit for section in sections(document) for unit in section.units]


def sentences(document: Document) -> list[str]:
    """Its sentences: no headings, no rows, no list as a whole, nothing that has a low weight."""
    return [document.text[u.start : u.end] for u in units(document) if u.kind in ("sentence", "item") and u.weight == 1]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


class BagOfWordsEmbedder:
    """Texts that share words are near: a hashed bag of words, unit length."""

    name = "bag-of-words"
    dimension = 256
    fingerprint = "bag-of-words-256"

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.embedded.extend(texts)
        return np.stack([self.embed_query(t) for t in texts]) if texts else np.zeros((0, self.dimension), np.float32)

    def embed_query(self, text: str) -> Vectors:
        vector = np.zeros(self.dimension, np.float32)
        for word in words(text):
            vector[zlib.crc32(word.encode()) % self.dimension] += 1
        if not vector.any():
            vector[0] = 1
        return (vector / np.linalg.norm(vector)).astype(np.float32)


def _of_one_line(prompt: Prompt) -> bool:
    """Whether it asks what a single line answers."""
    return prompt.user.startswith("Line: ")


class ScriptedGenerator:
    """Replies with what was enqueued, a word at a time, and keeps the prompts it was given.

    Of single lines it says what ``short`` has for a word of them, and nothing of any other; those prompts are not kept.
    """

    name = "scripted"

    def __init__(
        self, *replies: str, scores: Sequence[Sequence[float]] = (), short: Mapping[str, str] | None = None
    ) -> None:
        self.replies = list(replies)
        self.short = dict(short or {})
        self.scores = [list(s) for s in scores]
        self.prompts: list[Prompt] = []
        self.warmed: list[Prompt] = []
        self.gate: Event | None = None  # when set to an Event, every word waits for it

    def enqueue(self, reply: str) -> None:
        self.replies.append(reply)

    def stream(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        stop: Sequence[str] = (),
        abort: Event | None = None,
    ) -> Iterator[Piece]:
        total = self.count_tokens(prompt.user)
        if _of_one_line(prompt):
            yield Piece(self._short_answer(prompt), total, total, 1)
            return
        self.prompts.append(prompt)
        yield Piece("", 0, total)
        if not max_tokens:
            return
        reply = self.replies.pop(0) if self.replies else ""
        reply = reply[: min((at for text in stop if (at := reply.find(text)) >= 0), default=len(reply))]
        for n, word in enumerate(re.findall(r"\S+\s*", reply)[:max_tokens], 1):
            while self.gate is not None and not self.gate.wait(0.02):
                if abort is not None and abort.is_set():
                    return
            if abort is not None and abort.is_set():
                return
            yield Piece(word, total, total, n)

    def score(self, prompt: Prompt, options: Sequence[str], *, abort: Event | None = None) -> list[float]:
        if _of_one_line(prompt):
            return [-6.0 if self._short_answer(prompt) else 0.0]
        self.prompts.append(prompt)
        if self.scores:
            return self.scores.pop(0)
        return [-3.0, *[-1.0] * (len(options) - 1)]  # the first option of an answer is that no sentence answers

    def _short_answer(self, prompt: Prompt) -> str:
        return next((text for word, text in self.short.items() if word in prompt.user), "")

    def warm(self, prompt: Prompt, *, abort: Event | None = None) -> None:
        self.warmed.append(prompt)

    def count_tokens(self, text: str) -> int:
        return len(words(text))

    def close(self) -> None:
        pass


class OverlapReranker:
    """Log-odds from -8 to 8 by the share of the question's words that a text has, its common ones left out."""

    name = "overlap"

    def read(self, question: str, passages: Sequence[PassageText]) -> list[PassageScores]:
        return [
            PassageScores(self.score(question, p.text), tuple(self.score(question, text) for text in p.alone))
            for p in passages
        ]

    def score(self, question: str, text: str) -> float:
        wanted = {w for w in words(question) if len(w) > 3} or set(words(question))
        return 16 * len(wanted & set(words(text))) / max(1, len(wanted)) - 8


class OverlapVerifier:
    """Supported to the degree that the claim's words are among the premise's."""

    name = "overlap"

    def support(self, claim: str, premises: Sequence[str], *, abort: Event | None = None) -> list[float]:
        wanted = set(words(claim))
        return [len(wanted & set(words(p))) / max(1, len(wanted)) for p in premises]
