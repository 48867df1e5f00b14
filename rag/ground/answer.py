"""Verified sentences, what is quoted beside them and the sides of a disagreement -> Answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from rag.ground.quotations import other_sides
from rag.output.render import answer_text
from rag.retrieve.question import Asked
from rag.text.words import words
from rag.types import Answer, Citation, Removed, Retrieved, Sentence, Side


class Circumstances(TypedDict):
    """What an answer tells of how it was made."""

    stale: Callable[[Collection[str]], Iterable[str]]  # of documents, those whose file is not what was indexed
    timings_ms: Callable[[], Mapping[str, float]]  # asked last, so that all the work counts
    models: Mapping[str, str]


@dataclass(slots=True)
class Markers:
    """Renumbers citations by first use; evidence has numbers of its own."""

    _numbers: dict[tuple[str, int, int], int] = field(default_factory=dict)

    def of(self, sentence: Sentence) -> Sentence:
        return replace(sentence, citations=self.of_each(sentence.citations))

    def of_each(self, citations: Iterable[Citation]) -> tuple[Citation, ...]:
        return tuple(replace(c, marker=self._numbers.setdefault(c.place, len(self._numbers) + 1)) for c in citations)


def compose(
    asked: Asked,
    retrieved: Retrieved,
    sentences: Sequence[Sentence],
    removed: Sequence[Removed],
    sides: Sequence[Side],
    markers: Markers,
    **made: Unpack[Circumstances],
) -> Answer:
    """The answer made of ``sentences``, with ``markers`` set, and a quotation of each of the ``sides`` they leave out.

    There is at least one sentence or side.
    """
    shown = [*sentences, *map(markers.of, other_sides(sentences, sides))]
    marked = tuple(replace(side, citations=markers.of_each(side.citations)) for side in sides)
    quoted = [s.citations for s in shown] + [side.citations for side in marked]
    quotes = [_bare(c.quote) for citations in quoted for c in citations]
    left_out = tuple(r for r in removed if not any(_bare(r.text) in quote for quote in quotes))  # or it were both
    return _answer(asked, retrieved, made, tuple(shown), left_out, marked)


def _bare(text: str) -> str:
    return " ".join(w.text.casefold() for w in words(text))


def refuse(asked: Asked, retrieved: Retrieved, reason: str, **made: Unpack[Circumstances]) -> Answer:
    """The answer that says why there is none, with what came nearest."""
    return _answer(asked, retrieved, made, reason=reason)


def _answer(
    asked: Asked,
    retrieved: Retrieved,
    made: Circumstances,
    sentences: tuple[Sentence, ...] = (),
    removed: tuple[Removed, ...] = (),
    sides: tuple[Side, ...] = (),
    reason: str = "",
) -> Answer:
    return Answer(
        question=asked.text,
        answer=answer_text(sentences),
        refused=not sentences,
        reason=reason,
        disagreement=bool(sides),
        sentences=sentences,
        removed=removed,
        sides=sides,
        by_source=retrieved.by_source,
        hits=retrieved.hits,
        stale=tuple(sorted(made["stale"](_documents(retrieved, sentences, sides)))),
        timings_ms=made["timings_ms"](),
        models=made["models"],
    )


def _documents(retrieved: Retrieved, sentences: Sequence[Sentence], sides: Sequence[Side]) -> set[str]:
    groups = [*(s.citations for s in sentences), *(s.citations for s in sides)]
    return {*(c.document_id for group in groups for c in group), *(s.document_id for s in retrieved.by_source)}
