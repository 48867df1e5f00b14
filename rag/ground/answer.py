"""Verified sentences, what is quoted beside them and the sides of a disagreement -> Answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from rag.ground.quotations import further_answers, other_sides
from rag.ground.sides import sides
from rag.retrieve.choose import Choice
from rag.retrieve.question import Asked
from rag.types import Answer, Citation, Removed, Retrieved, Sentence, Side


class Circumstances(TypedDict):
    """What an answer tells of how it was made."""

    stale: Callable[[Collection[str]], Iterable[str]]  # of documents, those whose file is not what was indexed
    timings_ms: Mapping[str, float]
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
    choice: Choice,
    sentences: Sequence[Sentence],
    removed: Sequence[Removed],
    markers: Markers,
    **made: Unpack[Circumstances],
) -> Answer:
    """The answer made of ``sentences``, of at least one, with ``markers`` set; each side it leaves out is added."""
    disagreement = sides(asked, choice.compared, [s.text for s in sentences], choice.rivals)
    shown = [*sentences, *map(markers.of, other_sides(sentences, disagreement))]
    shown += map(markers.of, further_answers(asked, shown, choice.compared))
    marked = tuple(replace(side, citations=markers.of_each(side.citations)) for side in disagreement)
    return Answer(
        question=asked.question,
        standalone_question=asked.text,
        answer=as_paragraph(shown),
        refused=False,
        reason="",
        disagreement=bool(marked),
        sentences=tuple(shown),
        removed=tuple(removed),
        sides=marked,
        by_source=retrieved.by_source,
        hits=retrieved.hits,
        stale=tuple(sorted(made["stale"](_documents(retrieved, shown, marked)))),
        timings_ms=made["timings_ms"],
        models=made["models"],
    )


def refuse(
    asked: Asked,
    retrieved: Retrieved,
    reason: str,
    **made: Unpack[Circumstances],
) -> Answer:
    """The answer that says why there is none, with what came nearest."""
    return Answer(
        question=asked.question,
        standalone_question=asked.text,
        answer="",
        refused=True,
        reason=reason,
        disagreement=False,
        sentences=(),
        removed=(),
        sides=(),
        by_source=retrieved.by_source,
        hits=retrieved.hits,
        stale=tuple(sorted(made["stale"](_documents(retrieved, (), ())))),
        timings_ms=made["timings_ms"],
        models=made["models"],
    )


def as_paragraph(sentences: Iterable[Sentence]) -> str:
    """The sentences with their markers, as one paragraph."""
    return " ".join(s.text + " " + "".join(f"[{c.marker}]" for c in s.citations) for s in sentences)


def _documents(retrieved: Retrieved, sentences: Sequence[Sentence], sides: Sequence[Side]) -> set[str]:
    groups = [*(s.citations for s in sentences), *(s.citations for s in sides)]
    return {*(c.document_id for group in groups for c in group), *(s.document_id for s in retrieved.by_source)}
